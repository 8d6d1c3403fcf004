// The short way through the parser (packet_parser.h), in line: what nearly all frames are, TCP over IPv4 with neither
// tags nor options nor fragments. It says the same as ParseFrame, and writes tuples in whole words: who hashes or
// copies a tuple at once reads words, which narrower stores would hold up.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "core/flow/five_tuple.h"

namespace uhaul {

struct TcpFields {
  uint32_t ip_octets = 0;
  uint32_t sequence = 0;
  uint32_t acknowledgement = 0;
  uint8_t flags = 0;
};

// False: ParseFrame finds out what it is, or what is wrong with it; then nothing is written. `wire_octets`: at least
// those that are here.
inline bool ParsePlain(std::span<const uint8_t> octets, size_t wire_octets, FiveTuple* tuple, TcpFields* tcp) {
  static_assert(std::endian::native == std::endian::little);
  static_assert(offsetof(FiveTuple, source) == 2 && offsetof(FiveTuple, source_port) == 18);
  static_assert(offsetof(FiveTuple, destination) == 20 && offsetof(FiveTuple, destination_port) == 36);
  constexpr size_t kLink = 14;
  constexpr size_t kIp = 20;
  constexpr size_t kTcp = 20;
  if (octets.size() < kLink + kIp + kTcp) return false;
  const auto load = [&octets](size_t at) {
    uint64_t word;
    std::memcpy(&word, octets.data() + at, sizeof word);
    return word;
  };
  const uint64_t type_length = load(kLink - 2);        // EtherType, version and header's length, service, total length
  const uint64_t fragment_protocol = load(kLink + 6);  // flags and offset, hops, protocol
  const uint64_t addresses = load(kLink + 12);
  const uint64_t ports_sequence = load(kLink + kIp);
  const size_t total = __builtin_bswap16(static_cast<uint16_t>(type_length >> 32));
  const size_t header = static_cast<size_t>(octets[kLink + kIp + 12] >> 4) * 4;
  const bool plain = (type_length & 0xff'ffff) == 0x45'0008 && (fragment_protocol & 0xff00'ff3f) == 0x0600'0000;
  if (!plain || header < kTcp || total < kIp + header || kLink + total > wire_octets) return false;
  const uint64_t ports = __builtin_bswap32(static_cast<uint32_t>(ports_sequence));  // the source's above
  const auto store = [tuple](size_t at, uint64_t word) {
    std::memcpy(reinterpret_cast<uint8_t*>(tuple) + at, &word, sizeof word);
  };
  store(0, 4 | kProtocolTcp << 8 | (addresses & 0xffff'ffff) << 16);
  store(8, 0);
  store(16, (ports & 0xffff'0000) | (addresses >> 32) << 32);
  store(24, 0);
  store(30, ports << 48);
  tcp->ip_octets = static_cast<uint32_t>(total);
  tcp->sequence = __builtin_bswap32(static_cast<uint32_t>(ports_sequence >> 32));
  uint32_t acknowledgement;
  std::memcpy(&acknowledgement, octets.data() + kLink + kIp + 8, sizeof acknowledgement);
  tcp->acknowledgement = __builtin_bswap32(acknowledgement);
  tcp->flags = octets[kLink + kIp + 13];
  return true;
}

}  // namespace uhaul
