#include "workloads/packet_parser.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "workloads/plain_frame.h"

namespace uhaul {
namespace {

constexpr size_t kEthernetOctets = 14;
constexpr size_t kVlanOctets = 4;
constexpr uint8_t kMostTags = 2;
constexpr int kMostExtensions = 8;
constexpr size_t kIpv4Octets = 20;
constexpr size_t kIpv6Octets = 40;
constexpr size_t kTcpOctets = 20;
constexpr size_t kUdpOctets = 8;
constexpr uint16_t kEtherIpv4 = 0x0800;
constexpr uint16_t kEtherIpv6 = 0x86dd;

uint16_t Get16(const uint8_t* p) { return static_cast<uint16_t>((p[0] << 8) | p[1]); }
uint32_t Get32(const uint8_t* p) { return (uint32_t{Get16(p)} << 16) | Get16(p + 2); }

bool IsVlan(uint16_t ether_type) { return ether_type == 0x8100 || ether_type == 0x88a8 || ether_type == 0x9100; }

// In whole words, as ParsePlain says.
void PutIpv4Address(const uint8_t* from, IpAddress* to) {
  std::array<uint64_t, 2> words{};
  std::memcpy(words.data(), from, 4);
  std::memcpy(to->data(), words.data(), 8);
  std::memcpy(to->data() + 8, words.data() + 1, 8);
}

// What is here of the IP packet, and where it ends by its own header.
struct Cursor {
  std::span<const uint8_t> octets;  // of the frame
  size_t at = 0;                    // the next header
  size_t end = 0;                   // of the IP packet in the frame as it was on the wire

  bool Has(size_t n) const { return at + n <= end && at + n <= octets.size(); }
  const uint8_t* data() const { return octets.data() + at; }
};

void ReadTcp(const uint8_t* tcp, ParsedFrame* frame) {
  frame->tuple.source_port = Get16(tcp);
  frame->tuple.destination_port = Get16(tcp + 2);
  frame->sequence = Get32(tcp + 4);
  frame->acknowledgement = Get32(tcp + 8);
  frame->tcp_flags = tcp[13];
}

ParseOutcome ParseTransport(Cursor& c, ParsedFrame* frame) {
  frame->l4_offset = static_cast<uint16_t>(c.at);
  const uint8_t protocol = frame->tuple.protocol;
  if (!frame->fragment && protocol == kProtocolTcp) {
    if (!c.Has(kTcpOctets)) return ParseOutcome::kTruncated;
    const size_t header = static_cast<size_t>(c.data()[12] >> 4) * 4;
    if (header < kTcpOctets) return ParseOutcome::kBadHeader;
    if (c.at + header > c.end) return ParseOutcome::kTruncated;
    ReadTcp(c.data(), frame);
    return ParseOutcome::kOk;
  }
  if (!frame->fragment && protocol == kProtocolUdp) {
    if (!c.Has(kUdpOctets)) return ParseOutcome::kTruncated;
    const size_t length = Get16(c.data() + 4);
    if (length < kUdpOctets) return ParseOutcome::kBadHeader;
    if (c.at + length > c.end) return ParseOutcome::kTruncated;
    frame->tuple.source_port = Get16(c.data());
    frame->tuple.destination_port = Get16(c.data() + 2);
    c.at += kUdpOctets;
  }
  if (c.Has(4)) frame->sequence = Get32(c.data());
  if (c.Has(8)) frame->acknowledgement = Get32(c.data() + 4);
  return ParseOutcome::kOk;
}

ParseOutcome ParseIpv4(Cursor& c, ParsedFrame* frame) {
  if (!c.Has(kIpv4Octets)) return ParseOutcome::kTruncated;
  const uint8_t* ip = c.data();
  const size_t header = static_cast<size_t>(ip[0] & 0x0f) * 4;
  if ((ip[0] >> 4) != 4 || header < kIpv4Octets) return ParseOutcome::kBadHeader;
  const size_t total = Get16(ip + 2);
  if (total < header) return ParseOutcome::kBadHeader;
  if (!c.Has(header) || c.at + total > c.end) return ParseOutcome::kTruncated;
  c.end = c.at + total;
  frame->ip_octets = static_cast<uint32_t>(total);
  frame->fragment = (Get16(ip + 6) & 0x3fff) != 0;  // more fragments, or an offset
  frame->tuple.version = 4;
  frame->tuple.protocol = ip[9];
  PutIpv4Address(ip + 12, &frame->tuple.source);
  PutIpv4Address(ip + 16, &frame->tuple.destination);
  c.at += header;
  return ParseTransport(c, frame);
}

// RFC 8200: headers that may stand between the IPv6 header and the transport header and have a length of their own.
bool IsExtension(uint8_t next) {
  return next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135 || next == 139 || next == 140;
}

ParseOutcome ParseIpv6(Cursor& c, ParsedFrame* frame) {
  if (!c.Has(kIpv6Octets)) return ParseOutcome::kTruncated;
  const uint8_t* ip = c.data();
  if ((ip[0] >> 4) != 6) return ParseOutcome::kBadHeader;
  const size_t total = kIpv6Octets + Get16(ip + 4);
  if (c.at + total > c.end) return ParseOutcome::kTruncated;
  c.end = c.at + total;
  frame->ip_octets = static_cast<uint32_t>(total);
  frame->tuple.version = 6;
  std::memcpy(frame->tuple.source.data(), ip + 8, 16);
  std::memcpy(frame->tuple.destination.data(), ip + 24, 16);
  uint8_t next = ip[6];
  c.at += kIpv6Octets;
  for (int seen = 0; IsExtension(next); ++seen) {
    if (seen == kMostExtensions) return ParseOutcome::kTooManyHeaders;
    if (!c.Has(8)) return ParseOutcome::kTruncated;
    const uint8_t* header = c.data();
    size_t length = (static_cast<size_t>(header[1]) + 1) * 8;
    if (next == 51) length = (static_cast<size_t>(header[1]) + 2) * 4;  // RFC 4302 counts words of four, less two
    if (next == 44) {
      length = 8;
      frame->fragment = (Get16(header + 2) & 0xfff9) != 0;  // an atomic fragment (RFC 6946) is a whole packet
    }
    if (!c.Has(length)) return ParseOutcome::kTruncated;
    next = header[0];
    c.at += length;
    if (frame->fragment) break;  // what follows may be the middle of anything
  }
  frame->tuple.protocol = next;
  return ParseTransport(c, frame);
}

}  // namespace

const char* NameOf(ParseOutcome outcome) {
  switch (outcome) {
    case ParseOutcome::kOk:
      return "ok";
    case ParseOutcome::kTruncated:
      return "truncated";
    case ParseOutcome::kBadHeader:
      return "bad header";
    case ParseOutcome::kNotIp:
      return "not IP";
    case ParseOutcome::kTooManyTags:
      return "too many VLAN tags";
    case ParseOutcome::kTooManyHeaders:
      return "too many extension headers";
  }
  return "";
}

size_t LinkOctets(std::span<const uint8_t> octets) {
  size_t at = kEthernetOctets;
  for (int tags = 0; tags < kMostTags && octets.size() >= at + kVlanOctets; ++tags) {
    if (!IsVlan(Get16(octets.data() + at - 2))) break;
    at += kVlanOctets;
  }
  return at;
}

ParseOutcome ParseFrame(std::span<const uint8_t> octets, uint32_t wire_octets, ParsedFrame* frame) {
  std::construct_at(frame);  // in place: this is called for every packet
  Cursor c{octets, 0, std::max<size_t>(wire_octets, octets.size())};
  if (TcpFields tcp; ParsePlain(octets, c.end, &frame->tuple, &tcp)) [[likely]] {
    frame->ip_octets = tcp.ip_octets;
    frame->sequence = tcp.sequence;
    frame->acknowledgement = tcp.acknowledgement;
    frame->tcp_flags = tcp.flags;
    frame->ip_offset = kEthernetOctets;
    frame->l4_offset = kEthernetOctets + kIpv4Octets;
    return ParseOutcome::kOk;
  }
  if (!c.Has(kEthernetOctets)) return ParseOutcome::kTruncated;
  uint16_t ether_type = Get16(c.data() + 12);
  c.at = kEthernetOctets;
  while (IsVlan(ether_type)) {
    if (frame->vlan_tags == kMostTags) return ParseOutcome::kTooManyTags;
    if (!c.Has(kVlanOctets)) return ParseOutcome::kTruncated;
    ether_type = Get16(c.data() + 2);
    c.at += kVlanOctets;
    ++frame->vlan_tags;
  }
  frame->ip_offset = static_cast<uint16_t>(c.at);
  if (ether_type == kEtherIpv4) return ParseIpv4(c, frame);
  if (ether_type == kEtherIpv6) return ParseIpv6(c, frame);
  return ParseOutcome::kNotIp;
}

}  // namespace uhaul
