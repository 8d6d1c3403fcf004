// ReadyFrames: the headers of every flow's frames, made once for a run: the generator copies them and writes what
// varies (the packet's number; of few packets flags and size), and who reads a frame that is signed with a flow's
// number finds that flow's ID here, in the same cache line.
//
// That is for TCP over IPv4, which nearly all frames are. Those of other flows are built anew.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/flow/five_tuple.h"
#include "runtime/frame.h"
#include "workloads/packet_source.h"
#include "workloads/trace.h"

namespace uhaul::runtime {

// Builds a frame in an empty mbuf.
void MakeFrame(const FrameContents& contents, rte_mbuf* mbuf);

class ReadyFrames {
 public:
  // `trace` outlives it; null: a capture, whose frames are its own. `packet_bytes`: of a full packet.
  ReadyFrames(const Trace* trace, const FlowHasher& hasher, uint32_t packet_bytes);

  // Makes the packet's frame in an empty mbuf.
  void Build(const SourcePacket& packet, rte_mbuf* mbuf) const;
  // Whether the flow of this number has this ID. Any number.
  bool IsOf(uint32_t number, FlowId id) const { return number < flows_.size() && flows_[number].id == id; }

 private:
  static constexpr size_t kOctets = 14 + 20 + 20;
  struct alignas(64) Flow {
    FlowId id = 0;
    std::array<uint8_t, kOctets> octets{};
    bool ready = false;
  };

  const Trace* trace_;
  uint32_t packet_bytes_;
  std::vector<Flow> flows_;
};

}  // namespace uhaul::runtime
