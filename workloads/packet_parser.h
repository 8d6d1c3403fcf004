// The parser: from the octets of a frame to what the machines see of it. Ethernet with up to two VLAN tags (802.1Q,
// QinQ), IPv4 with options, IPv6 with extension headers, TCP, UDP; of any other protocol the addresses only. It reads
// what it was given and nothing beyond, and allocates nothing.
//
// A frame may be cut: `wire_octets` is its length on the wire, of which `octets` are here (as in a pcap with a snap
// length, and in a testbed of one process, where payload is never copied). Headers must be here, lengths in headers
// must fit into the wire length. A fragment has no ports, whether it is the first or not, so that all fragments of a
// datagram belong to one flow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/flow/five_tuple.h"

namespace uhaul {

enum class ParseOutcome : uint8_t {
  kOk = 0,
  kTruncated,       // a header is not all here, or a length in it exceeds the frame
  kBadHeader,       // a header contradicts itself: wrong version, a length below its minimum
  kNotIp,           // another EtherType
  kTooManyTags,     // more than two VLAN tags
  kTooManyHeaders,  // more than eight IPv6 extension headers
};
inline constexpr size_t kParseOutcomes = 6;
const char* NameOf(ParseOutcome outcome);

struct ParsedFrame {
  FiveTuple tuple;
  uint32_t ip_octets = 0;  // by the IP header: what a flow is charged for
  uint32_t sequence = 0;   // TCP's; else the four octets after the last header that was read (0 if they are not here)
  uint32_t acknowledgement = 0;  // TCP's; else the four octets after those
  uint16_t ip_offset = 0;        // of the IP header in the frame
  uint16_t l4_offset = 0;        // of what follows the IP headers
  uint8_t tcp_flags = 0;         // 0 for other protocols
  uint8_t vlan_tags = 0;
  bool fragment = false;
};

// Octets of the frame before its IP header: Ethernet's, and those of at most two VLAN tags.
size_t LinkOctets(std::span<const uint8_t> octets);

// On anything but kOk the contents of *frame are unspecified.
ParseOutcome ParseFrame(std::span<const uint8_t> octets, uint32_t wire_octets, ParsedFrame* frame);

struct ParseCounters {
  std::array<uint64_t, kParseOutcomes> by_outcome{};
  uint64_t fragments = 0;
  uint64_t tagged = 0;

  void Count(ParseOutcome outcome, const ParsedFrame& frame) {
    ++by_outcome[static_cast<size_t>(outcome)];
    if (outcome != ParseOutcome::kOk) return;
    fragments += frame.fragment ? 1 : 0;
    tagged += frame.vlan_tags > 0 ? 1 : 0;
  }
  uint64_t total() const {
    uint64_t sum = 0;
    for (const uint64_t n : by_outcome) sum += n;
    return sum;
  }
  uint64_t rejected() const { return total() - by_outcome[0]; }
};

}  // namespace uhaul
