// A flow's name on the wire: addresses, ports, protocol, IPv4 or IPv6, one direction.
//
// Text form, also in traces and results:  tcp:10.0.0.1:1234>10.1.0.2:80   tcp:[2001:db8::1]:1>[2001:db8::2]:2
// The order (operator<=>) is total and independent of any hash: version, protocol, source address, source
// port, destination address, destination port.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/base/hash.h"
#include "core/base/result.h"

namespace uhaul {

// 16 octets, network order; an IPv4 address is the first four, the rest zero.
using IpAddress = std::array<uint8_t, 16>;

inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;

struct FiveTuple {
  uint8_t version = 4;  // 4 or 6
  uint8_t protocol = kProtocolTcp;
  IpAddress source{};
  uint16_t source_port = 0;  // host order
  IpAddress destination{};
  uint16_t destination_port = 0;  // host order

  auto operator<=>(const FiveTuple&) const = default;
  // As <=> says, without a call and without a branch: it is asked for every packet.
  bool operator==(const FiveTuple& o) const {
    const auto differ = [](const IpAddress& a, const IpAddress& b) {
      uint64_t x[2];
      uint64_t y[2];
      std::memcpy(x, a.data(), sizeof x);
      std::memcpy(y, b.data(), sizeof y);
      return (x[0] ^ y[0]) | (x[1] ^ y[1]);
    };
    const int ports = (source_port ^ o.source_port) | (destination_port ^ o.destination_port);
    const int kind = (version ^ o.version) | (protocol ^ o.protocol);
    return (differ(source, o.source) | differ(destination, o.destination) | static_cast<uint64_t>(ports | kind)) == 0;
  }

  FiveTuple Reversed() const;
  std::string ToString() const;
  static Result<FiveTuple> Parse(std::string_view text);
  // Four octets from the high byte down: Ipv4(10, 0, 0, 1).
  static IpAddress Ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
};

// The keyed hash of a five-tuple (U-HAUL 3.1: "the flow ID hashed from five-tuples"). An index, never an
// identity outside the FIT: rules, state and locks compare the five-tuple too.
using FlowId = uint64_t;

struct FlowKey {
  FiveTuple tuple;
  FlowId id = 0;
  bool operator==(const FlowKey& o) const { return id == o.id && tuple == o.tuple; }
};

// Turns five-tuples into flow IDs under one secret key: NH (Black et al., UMAC, 1999) over the tuple as five words,
// then multilinear hashing (Lemire, Kaser 2014) of NH's 128 bits to 64. Whatever two tuples somebody picks without
// seeing IDs, they share one with a probability below 2^-62 over the keys, which SipHash draws from the secret: crafted
// tuples cannot crowd a bucket. Two multiplications a packet pay for that where SipHash itself takes twenty
// nanoseconds.
class FlowHasher {
 public:
  FlowHasher() : FlowHasher(HashKey{}) {}
  explicit FlowHasher(HashKey key);
  FlowId Id(const FiveTuple& tuple) const {
    const Wide nh = Wide{Load(tuple.source.data()) + nh_[0]} * (Load(tuple.destination.data()) + nh_[1]) +
                    Wide{Load(tuple.source.data() + 8) + nh_[2]} * (Load(tuple.destination.data() + 8) + nh_[3]) +
                    Wide{Ends(tuple) + nh_[4]} * nh_[5];
    const Wide h = multilinear_[0] + multilinear_[1] * static_cast<uint64_t>(nh) +
                   multilinear_[2] * static_cast<uint64_t>(nh >> 64);
    const auto id = static_cast<FlowId>(h >> 64);
    return id == 0 ? 1 : id;  // 0 marks a free place in the FIT
  }
  FlowKey Key(const FiveTuple& tuple) const { return {tuple, Id(tuple)}; }

 private:
  __extension__ using Wide = unsigned __int128;
  static uint64_t Load(const uint8_t* octets) {
    uint64_t word;
    std::memcpy(&word, octets, sizeof word);
    return word;
  }
  static uint64_t Ends(const FiveTuple& tuple) {
    return tuple.version | uint64_t{tuple.protocol} << 8 | uint64_t{tuple.source_port} << 16 |
           uint64_t{tuple.destination_port} << 32;
  }

  std::array<uint64_t, 6> nh_;
  std::array<Wide, 3> multilinear_;
};

// A wildcard over flows: a source-address prefix of one IP version; length 0 with version 0 matches all.
struct FlowFilter {
  uint8_t version = 0;  // 0: any
  IpAddress source{};
  uint8_t source_prefix = 0;  // bits

  bool operator==(const FlowFilter&) const = default;
  bool Matches(const FiveTuple& tuple) const;
  std::string ToString() const;  // "any", "10.0.0.0/9", "2001:db8::/32"
  static Result<FlowFilter> Parse(std::string_view text);
};

}  // namespace uhaul
