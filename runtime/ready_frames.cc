#include "runtime/ready_frames.h"

#include <algorithm>
#include <cstring>

#include "core/base/check.h"
#include "core/flow/packet.h"

namespace uhaul::runtime {
namespace {

constexpr size_t kIpOctets = 20;
constexpr size_t kTransport = kEthernetHeader + kIpOctets;
constexpr size_t kLengthAt = kEthernetHeader + 2;
constexpr size_t kChecksumAt = kEthernetHeader + 10;
constexpr size_t kSequenceAt = kTransport + 4;
constexpr size_t kFlagsAt = kTransport + 13;

uint32_t Get16(const uint8_t* p) { return uint32_t{p[0]} << 8 | p[1]; }
void Put16(uint32_t v, uint8_t* p) {
  p[0] = static_cast<uint8_t>(v >> 8);
  p[1] = static_cast<uint8_t>(v);
}

// Another total length, and the checksum that goes with it (RFC 1624).
void SetLength(uint32_t bytes, size_t least, uint8_t* frame) {
  const uint32_t before = Get16(frame + kLengthAt);
  const uint32_t after = std::max(std::min<uint32_t>(bytes, 0xffff), static_cast<uint32_t>(least));
  uint32_t sum = (~Get16(frame + kChecksumAt) & 0xffff) + (~before & 0xffff) + after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  Put16(after, frame + kLengthAt);
  Put16(~sum, frame + kChecksumAt);
}

uint8_t FlagsOf(const SourcePacket& packet) {
  return static_cast<uint8_t>((packet.first ? tcp_flag::kSyn : tcp_flag::kAck) | (packet.last ? tcp_flag::kFin : 0));
}

}  // namespace

void MakeFrame(const FrameContents& contents, rte_mbuf* mbuf) {
  UHAUL_CHECK(rte_pktmbuf_tailroom(mbuf) >= kMaxBuiltOctets);
  auto* data = rte_pktmbuf_mtod(mbuf, uint8_t*);
  const size_t length = BuildFrame(contents, std::span<uint8_t, kMaxBuiltOctets>(data, kMaxBuiltOctets));
  mbuf->data_len = static_cast<uint16_t>(length);
  mbuf->pkt_len = static_cast<uint32_t>(length);
  FrameField::Of(mbuf) = {.bytes = contents.bytes};
}

ReadyFrames::ReadyFrames(const Trace* trace, const FlowHasher& hasher, uint32_t packet_bytes)
    : trace_(trace), packet_bytes_(packet_bytes), flows_(trace != nullptr ? trace->flows.size() : 0) {
  std::array<uint8_t, kMaxBuiltOctets> built{};
  for (size_t i = 0; i < flows_.size(); ++i) {
    const FiveTuple& tuple = trace->flows[i].tuple;
    flows_[i].id = hasher.Id(tuple);
    flows_[i].ready = tuple.version == 4 && tuple.protocol == kProtocolTcp;
    if (!flows_[i].ready) continue;
    const size_t octets =
        BuildFrame({.tuple = tuple, .bytes = packet_bytes, .flow_number = static_cast<uint32_t>(i)}, built);
    UHAUL_CHECK(octets == kOctets);
    std::memcpy(flows_[i].octets.data(), built.data(), kOctets);
  }
}

void ReadyFrames::Build(const SourcePacket& packet, rte_mbuf* mbuf) const {
  const Flow& flow = flows_[packet.flow];
  if (!flow.ready) [[unlikely]] {
    return MakeFrame(
        {trace_->flows[packet.flow].tuple, packet.bytes, packet.sequence, packet.first, packet.last, packet.flow},
        mbuf);
  }
  auto* frame = rte_pktmbuf_mtod(mbuf, uint8_t*);
  std::memcpy(frame, flow.octets.data(), kOctets);
  const uint32_t sequence = __builtin_bswap32(packet.sequence);
  std::memcpy(frame + kSequenceAt, &sequence, sizeof sequence);
  if (packet.first || packet.last) [[unlikely]] {
    frame[kFlagsAt] = FlagsOf(packet);
  }
  if (packet.bytes != packet_bytes_) [[unlikely]] {
    SetLength(packet.bytes, kOctets - kEthernetHeader, frame);
  }
  mbuf->data_len = kOctets;
  mbuf->pkt_len = kOctets;
  FrameField::Of(mbuf) = {.bytes = packet.bytes};
}

}  // namespace uhaul::runtime
