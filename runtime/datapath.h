// Datapath: what the roles of one lcore share: the mbuf pool, the packets that wait, the parser's counters, and where
// the facts of the run go.
#pragma once

#include <array>
#include <span>

#include "core/flow/packet.h"
#include "experiments/run_control.h"
#include "runtime/facts.h"
#include "runtime/link.h"
#include "runtime/packet_store.h"
#include "runtime/ready_frames.h"
#include "workloads/packet_parser.h"

namespace uhaul::runtime {

// The switch forwards or drops and the sink ends: they hold no packet.
inline constexpr PacketStore::Handle kNoHandle = ~PacketStore::Handle{0};

// The frames of a burst that go the same way.
struct Outgoing {
  std::array<rte_mbuf*, kBurst> mbufs;
  size_t count = 0;
  void Add(rte_mbuf* mbuf) { mbufs[count++] = mbuf; }
  std::span<rte_mbuf* const> span() const { return {mbufs.data(), count}; }
};

class Datapath {
 public:
  // `memory` outlives it.
  Datapath(PacketMemory memory, const FlowHasher& hasher, Facts* facts)
      : memory_(memory),
        hasher_(hasher),
        facts_(facts),
        recorded_(facts->run().scenario().recorded.get()),
        frames_(recorded_ == nullptr ? &facts->run().scenario().trace : nullptr, hasher,
                facts->run().spec().packet_bytes) {}

  PacketStore& store() { return *memory_.store; }
  const PacketStore& store() const { return *memory_.store; }
  Facts& facts() { return *facts_; }
  const FlowHasher& hasher() const { return hasher_; }
  const ParseCounters& parsed() const { return parsed_; }
  PacketMemory memory() const { return memory_; }
  // Null if the traffic is not a capture.
  const RecordedTraffic* recorded() const { return recorded_; }

  // Reads the headers (frame.h) of those that nobody in this process has read: flow, flags and number. A capture's
  // packet goes by its connection's initiator, and its number is the one that travels beside the headers. Frames that
  // cannot be parsed are counted and freed.
  Outgoing ReadBurst(std::span<rte_mbuf* const> burst);
  // What machines see of a burst that was read. A flow's last packet may be smaller than its headers, so the size is
  // the one that travels beside them.
  static void Describe(const Outgoing& read, std::span<Packet> packets);
  // The record's part: which flows of the trace the packets of a read burst are of, where their signature does not say.
  void NumberBurst(std::span<rte_mbuf* const> burst);

  // Null if the pool has none.
  rte_mbuf* Allocate() { return rte_pktmbuf_alloc(memory_.pool); }
  // All of them, or none.
  bool Allocate(std::span<rte_mbuf*> burst) {
    return rte_pktmbuf_alloc_bulk(memory_.pool, burst.data(), static_cast<unsigned>(burst.size())) == 0;
  }
  // Makes the packet's frame in an empty mbuf.
  void Build(const SourcePacket& packet, rte_mbuf* mbuf) const {
    if (recorded_ == nullptr) [[likely]] {
      return frames_.Build(packet, mbuf);
    }
    Copy(recorded_->Of(packet.flow, packet.sequence), mbuf);
  }
  void Free(std::span<rte_mbuf* const> burst);
  // What the link does not take is lost, and said so. `counts`: the packets are of the trace (acknowledgements are
  // not).
  void Send(DataLink& link, TimePoint now, std::span<rte_mbuf* const> burst, bool counts = true);
  // A packet from the store.
  void SendHeld(DataLink& link, TimePoint now, const Packet& packet);
  void Drop(TimePoint now, const Packet& packet);

 private:
  void Parse(std::span<rte_mbuf* const> burst);
  bool ParseHeaders(rte_mbuf* mbuf);
  void Copy(const RecordedPacket& packet, rte_mbuf* mbuf) const;
  bool NameRecorded(FrameMeta* meta, FrameReading* reading);

  PacketMemory memory_;
  const FlowHasher& hasher_;
  Facts* facts_;
  const RecordedTraffic* recorded_;
  ParseCounters parsed_;
  ReadyFrames frames_;
};

}  // namespace uhaul::runtime
