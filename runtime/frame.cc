#include "runtime/frame.h"

#include <algorithm>
#include <cstring>

#include "core/flow/packet.h"

namespace uhaul::runtime {
namespace {

// Locally administered: generator to switch.
constexpr std::array<uint8_t, 12> kAddresses = {0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01};
constexpr size_t kIpv4Octets = 20;
constexpr size_t kIpv6Octets = 40;
constexpr size_t kTcpOctets = 20;
constexpr size_t kUdpOctets = 8;
constexpr size_t kNumberOctets = 8;  // the packet's number and its flow's, where there is no TCP to carry them
constexpr uint8_t kHops = 64;

uint8_t* Put16(uint8_t* p, uint32_t v) {
  p[0] = static_cast<uint8_t>(v >> 8);
  p[1] = static_cast<uint8_t>(v);
  return p + 2;
}
uint8_t* Put32(uint8_t* p, uint32_t v) { return Put16(Put16(p, v >> 16), v); }

// Of the header that PutIp writes.
uint32_t Ipv4Checksum(const FiveTuple& tuple, size_t octets) {
  uint64_t sum = 0x4500 + octets + 0x4000 + (uint32_t{kHops} << 8) + tuple.protocol;
  const auto words = [](const IpAddress& a) { return uint64_t{a[0]} * 256 + a[1] + uint64_t{a[2]} * 256 + a[3]; };
  sum += words(tuple.source) + words(tuple.destination);
  sum = (sum & 0xffff) + (sum >> 16);
  sum += sum >> 16;
  return ~static_cast<uint32_t>(sum) & 0xffff;
}

size_t TransportOctets(uint8_t protocol) {
  if (protocol == kProtocolTcp) return kTcpOctets;
  return (protocol == kProtocolUdp ? kUdpOctets : 0) + kNumberOctets;
}

uint8_t* PutIp(uint8_t* p, const FiveTuple& tuple, size_t after) {
  if (tuple.version == 6) {
    p = Put32(p, 0x6000'0000);
    p = Put16(p, static_cast<uint32_t>(after));
    *p++ = tuple.protocol;
    *p++ = kHops;
    std::memcpy(p, tuple.source.data(), 16);
    std::memcpy(p + 16, tuple.destination.data(), 16);
    return p + 32;
  }
  p = Put16(p, 0x4500);
  p = Put16(p, static_cast<uint32_t>(kIpv4Octets + after));
  p = Put32(p, 0x4000);  // no identification; do not fragment
  *p++ = kHops;
  *p++ = tuple.protocol;
  p = Put16(p, Ipv4Checksum(tuple, kIpv4Octets + after));
  std::memcpy(p, tuple.source.data(), 4);
  std::memcpy(p + 4, tuple.destination.data(), 4);
  return p + 8;
}

// Checksums over the payload are left out, as there is none.
uint8_t* PutTransport(uint8_t* p, const FrameContents& f, size_t after) {
  const uint8_t protocol = f.tuple.protocol;
  if (protocol == kProtocolTcp || protocol == kProtocolUdp) {
    p = Put16(p, f.tuple.source_port);
    p = Put16(p, f.tuple.destination_port);
  }
  if (protocol == kProtocolUdp) {
    p = Put16(p, static_cast<uint32_t>(after));
    p = Put16(p, 0);
  }
  p = Put32(p, f.sequence);
  p = Put32(p, f.flow_number);
  if (protocol != kProtocolTcp) return p;
  *p++ = 0x50;
  *p++ = static_cast<uint8_t>((f.first ? tcp_flag::kSyn : tcp_flag::kAck) | (f.last ? tcp_flag::kFin : 0));
  p = Put16(p, 0xffff);
  return Put32(p, 0);
}

}  // namespace

int FrameField::offset_ = -1;

Status FrameField::Register() {
  if (offset_ >= 0) return {};
  rte_mbuf_dynfield field{};
  std::strncpy(field.name, "uhaul_frame_meta", sizeof field.name - 1);
  field.size = sizeof(FrameMeta);
  field.align = alignof(FrameMeta);
  offset_ = rte_mbuf_dynfield_register(&field);
  if (offset_ < 0) return Error{"DPDK has no room for a dynamic field of 24 octets in its mbufs"};
  return {};
}

bool CanBuild(const FiveTuple& tuple) {
  return tuple.protocol == kProtocolTcp || tuple.protocol == kProtocolUdp ||
         (tuple.source_port == 0 && tuple.destination_port == 0);
}

size_t BuildFrame(const FrameContents& f, std::span<uint8_t, kMaxBuiltOctets> out) {
  const bool v6 = f.tuple.version == 6;
  const size_t ip = v6 ? kIpv6Octets : kIpv4Octets;
  // A flow's last packet may be smaller than its own headers: its frame then is the headers.
  const size_t after = std::max<size_t>(std::min<size_t>(f.bytes, 0xffff), ip + TransportOctets(f.tuple.protocol)) - ip;
  uint8_t* p = out.data();
  std::memcpy(p, kAddresses.data(), kAddresses.size());
  p = Put16(p + kAddresses.size(), v6 ? 0x86dd : 0x0800);
  p = PutIp(p, f.tuple, after);
  p = PutTransport(p, f, after);
  return static_cast<size_t>(p - out.data());
}

}  // namespace uhaul::runtime
