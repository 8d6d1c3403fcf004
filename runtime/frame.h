// Frames as mbufs: real Ethernet, IP and transport headers, built once per packet, and nothing else. The payload is
// never written or copied: within one process the packet's size travels in a dynamic field of the mbuf and pkt_len
// says what is there. A packet's number in its flow is TCP's sequence number (the first four octets of the payload of
// other protocols).
//
// A capture's frames are its own, as far as they are kept (workloads/recorded_traffic.h); the packet's number then is
// in the dynamic field, too.
//
// What an engine must carry beside the octets (the size, when the packet left the switch, OpenNF's do-not-buffer
// mark, the target of a relayed packet) is the FrameMeta in that dynamic field.
//
// Headers are read once in a process: whoever parses a frame first leaves a FrameReading in the mbuf's private area, as
// a card leaves what it parsed and hashed. Nobody changes headers after that.
#pragma once

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <array>
#include <cstdint>
#include <span>

#include "core/base/result.h"
#include "core/flow/five_tuple.h"

namespace uhaul::runtime {

inline constexpr size_t kMaxBuiltOctets = 14 + 40 + 20;  // IPv6 and TCP
inline constexpr uint16_t kEthernetHeader = 14;

struct FrameMeta {
  // kRead: the mbuf has its FrameReading. It holds for an mbuf alone: neither in the store nor on a wire.
  enum Flags : uint8_t { kRelayed = 4, kDoNotBuffer = 8, kNumbered = 16, kRead = 32 };
  int64_t stamp_ns = -1;  // when it first left the switch
  uint32_t bytes = 0;     // of the packet as the trace has it: what links carry and flows are charged
  uint32_t number = 0;    // kNumbered: of the packet in its flow
  uint8_t flags = 0;
  uint8_t nf = 0;                          // kRelayed: the instance it goes to
  uint16_t link_octets = kEthernetHeader;  // of the frame, before its IP header
};
static_assert(sizeof(FrameMeta) == 24);  // drivers want room for a timestamp beside it

// One cache line.
struct FrameReading {
  static constexpr uint32_t kNotLookedUp = 0xffffffff;
  static constexpr uint32_t kStrange = 0xfffffffe;
  FlowKey flow;                         // as machines see it (core/flow/packet.h)
  uint32_t sequence = 0;                // the packet's number in its flow
  uint32_t flow_number = kNotLookedUp;  // in the trace; kStrange: not of this run's traffic
  uint8_t tcp_flags = 0;
  bool reverse = false;
};
static_assert(sizeof(FrameReading) == 64);

// The offset of the dynamic field. It is registered as the EAL starts (StartEal): ports may bring frames before there
// is a run, those that were on their way to the process before this one.
class FrameField {
 public:
  static Status Register();
  static FrameMeta& Of(rte_mbuf* mbuf) { return *RTE_MBUF_DYNFIELD(mbuf, offset_, FrameMeta*); }
  // kRead says whether there is one. Of mbufs of a MakePool.
  static FrameReading& ReadingOf(rte_mbuf* mbuf) { return *static_cast<FrameReading*>(rte_mbuf_to_priv(mbuf)); }

 private:
  static int offset_;
};

struct FrameContents {
  FiveTuple tuple;
  uint32_t bytes = 0;
  uint32_t sequence = 0;
  bool first = false;  // SYN
  bool last = false;   // FIN
  uint32_t flow_number = FrameReading::kNotLookedUp;
};

// Whether a frame can name the flow: protocols without ports must have none.
bool CanBuild(const FiveTuple& tuple);
// Writes the headers; returns their length.
size_t BuildFrame(const FrameContents& contents, std::span<uint8_t, kMaxBuiltOctets> out);
// Octets that the frame would have on a wire, padding aside.
inline uint32_t WireOctets(const FrameMeta& meta, uint32_t built) {
  return meta.bytes + meta.link_octets > built ? meta.bytes + meta.link_octets : built;
}

}  // namespace uhaul::runtime
