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
      : memory_(memory), hasher_(hasher), facts_(facts), recorded_(facts->run().scenario().recorded.get()) {}

  PacketStore& store() { return *memory_.store; }
  const PacketStore& store() const { return *memory_.store; }
  Facts& facts() { return *facts_; }
  const FlowHasher& hasher() const { return hasher_; }
  const ParseCounters& parsed() const { return parsed_; }
  PacketMemory memory() const { return memory_; }
  // Null if the traffic is not a capture.
  const RecordedTraffic* recorded() const { return recorded_; }

  // What the machines see: flow, flags and number as the headers say. A capture's packet goes by its connection's
  // initiator, and its number is the one that travels beside the headers. A flow's last packet may be smaller than its
  // headers, so the size is the one that travels beside them. False: the frame is counted, and the caller's still.
  bool Parse(rte_mbuf* mbuf, Packet* packet);
  // Parses a burst into `packets`; frames that cannot be parsed are freed. Their number is that of the result.
  Outgoing ParseBurst(std::span<rte_mbuf* const> burst, std::span<Packet> packets);

  // Null if the pool has none.
  rte_mbuf* Allocate() { return rte_pktmbuf_alloc(memory_.pool); }
  // Makes a frame in an empty mbuf.
  static void Build(const FrameContents& contents, rte_mbuf* mbuf);
  // Likewise, from a capture.
  void Copy(const RecordedPacket& packet, rte_mbuf* mbuf) const;
  // What the link does not take is lost, and said so. `counts`: the packets are of the trace (acknowledgements are
  // not).
  void Send(DataLink& link, TimePoint now, std::span<rte_mbuf* const> burst, bool counts = true);
  // A packet from the store.
  void SendHeld(DataLink& link, TimePoint now, const Packet& packet);
  void Drop(TimePoint now, const Packet& packet);

 private:
  bool NameRecorded(const FrameMeta& meta, Packet* packet);

  PacketMemory memory_;
  const FlowHasher& hasher_;
  Facts* facts_;
  const RecordedTraffic* recorded_;
  ParseCounters parsed_;
};

}  // namespace uhaul::runtime
