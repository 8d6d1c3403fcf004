#include "core/flow/five_tuple.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/flow/address_text.h"
#include "core/flow/flow_table.h"

namespace uhaul {

TEST_CASE("FiveTuple: text and value are one another's inverse") {
  for (const char* text : {
           "tcp:10.0.0.1:1234>10.1.0.2:80",
           "udp:0.0.0.0:0>255.255.255.255:65535",
           "47:192.0.2.1:0>198.51.100.9:0",
           "0:1.2.3.4:5>6.7.8.9:10",
           "tcp:[2001:db8::1]:1>[2001:db8::2]:2",
           "tcp:[::]:1>[::1]:2",
           "udp:[1::]:1>[1:2:3:4:5:6:7:8]:2",
           "tcp:[::ffff:10.0.0.1]:1>[fe80::1:0:0:2]:2",
       }) {
    CAPTURE(text);
    const Result<FiveTuple> tuple = FiveTuple::Parse(text);
    REQUIRE(tuple.ok());
    CHECK(tuple->ToString() == text);
  }
}

TEST_CASE("FiveTuple: IPv6 is written as RFC 5952 says") {
  const std::pair<const char*, const char*> cases[] = {
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},            // lower case, zeros shortened
      {"2001:0db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // not a single group
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},            // the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},      // the first of equal runs
      {"0:0:0:0:0:0:0:0", "::"},
      {"0:0:0:0:0:ffff:102:304", "::ffff:1.2.3.4"},
      {"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
      {"1:0:0:0:0:0:0:0", "1::"},
  };
  for (const auto& [given, written] : cases) {
    CAPTURE(given);
    const auto address = ParseIpv6(given);
    REQUIRE(address.has_value());
    CHECK(AddressToString(6, *address) == written);
  }
}

TEST_CASE("FiveTuple: random addresses survive the way through text") {
  Random random(7, 1);
  for (int i = 0; i < 3000; ++i) {
    FiveTuple tuple;
    tuple.version = random.Below(2) == 0 ? 4 : 6;
    tuple.protocol = static_cast<uint8_t>(random.Next());
    for (size_t o = 0; o < (tuple.version == 4 ? 4U : 16U); ++o) {
      if (random.Below(2) == 0) tuple.source[o] = static_cast<uint8_t>(random.Next());
      if (random.Below(3) == 0) tuple.destination[o] = static_cast<uint8_t>(random.Next());
    }
    tuple.source_port = static_cast<uint16_t>(random.Next());
    tuple.destination_port = static_cast<uint16_t>(random.Next());
    CAPTURE(tuple.ToString());
    const Result<FiveTuple> back = FiveTuple::Parse(tuple.ToString());
    REQUIRE(back.ok());
    REQUIRE(*back == tuple);
    REQUIRE(tuple.Reversed().Reversed() == tuple);
  }
}

TEST_CASE("FiveTuple: anything else is refused") {
  for (const char* text : {"",
                           "tcp",
                           "tcp:",
                           "tcp:10.0.0.1:1",
                           "tcp:10.0.0.1:1>",
                           "tcp:10.0.0.1:1>10.0.0.2",
                           "tcp:10.0.0.1:1>10.0.0.2:",
                           "TCP:10.0.0.1:1>10.0.0.2:2",
                           "6:10.0.0.1:1>10.0.0.2:2",
                           "256:10.0.0.1:1>10.0.0.2:2",
                           "tcp:10.0.0.01:1>10.0.0.2:2",
                           "tcp:10.0.0.256:1>10.0.0.2:2",
                           "tcp:10.0.0:1>10.0.0.2:2",
                           "tcp:10.0.0.1.1:1>10.0.0.2:2",
                           "tcp:10.0.0.1:65536>10.0.0.2:2",
                           "tcp:10.0.0.1:01>10.0.0.2:2",
                           "tcp:10.0.0.1:-1>10.0.0.2:2",
                           "tcp: 10.0.0.1:1>10.0.0.2:2",
                           "tcp:10.0.0.1:1>10.0.0.2:2 ",
                           "tcp:10.0.0.1:1>10.0.0.2:2>10.0.0.3:3",
                           "tcp:10.0.0.1:1>[::1]:2",
                           "tcp:::1:1>::2:2",
                           "tcp:[::1]1>[::2]:2",
                           "tcp:[:::]:1>[::2]:2",
                           "tcp:[1::2::3]:1>[::2]:2",
                           "tcp:[1:2:3:4:5:6:7]:1>[::2]:2",
                           "tcp:[1:2:3:4:5:6:7:8:9]:1>[::2]:2",
                           "tcp:[1:2:3:4::5:6:7:8]:1>[::2]:2",
                           "tcp:[12345::]:1>[::2]:2",
                           "tcp:[g::]:1>[::2]:2",
                           "tcp:[::1%1]:1>[::2]:2",
                           "tcp:[1.2.3.4::]:1>[::2]:2",
                           "tcp:[]:1>[::2]:2",
                           "tcp:[:1]:1>[::2]:2",
                           "tcp:[1:]:1>[::2]:2",
                           "tcp:[::1.2.3]:1>[::2]:2",
                           "tcp:[1:2:3:4:5:6:7:1.2.3.4]:1>[::2]:2"}) {
    CAPTURE(text);
    CHECK_FALSE(FiveTuple::Parse(text).ok());
  }
  const Result<FiveTuple> result = FiveTuple::Parse(std::string(1 << 20, 'x'));
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().message.size() < 400);
}

TEST_CASE("FiveTuple: the order is by version, protocol, source, port, destination, port") {
  const auto parse = [](const char* text) { return *FiveTuple::Parse(text); };
  const char* ascending[] = {"tcp:9.0.0.1:9>1.0.0.1:1",  "tcp:10.0.0.1:1>1.0.0.1:1", "tcp:10.0.0.1:1>1.0.0.1:2",
                             "tcp:10.0.0.1:1>1.0.0.2:1", "tcp:10.0.0.1:2>1.0.0.1:1", "udp:1.0.0.1:1>1.0.0.1:1",
                             "tcp:[::1]:1>[::1]:1"};
  for (size_t i = 0; i + 1 < std::size(ascending); ++i) CHECK(parse(ascending[i]) < parse(ascending[i + 1]));
}

TEST_CASE("FlowHasher: every field and the key change the flow ID") {
  const FiveTuple base = *FiveTuple::Parse("tcp:10.0.0.1:1234>10.1.0.2:80");
  std::set<FlowId> ids;
  const FlowHasher hasher({1, 2});
  for (const char* text :
       {"tcp:10.0.0.1:1234>10.1.0.2:80", "udp:10.0.0.1:1234>10.1.0.2:80", "tcp:10.0.0.2:1234>10.1.0.2:80",
        "tcp:10.0.0.1:1235>10.1.0.2:80", "tcp:10.0.0.1:1234>10.1.0.3:80", "tcp:10.0.0.1:1234>10.1.0.2:81",
        "tcp:10.1.0.2:80>10.0.0.1:1234", "tcp:[a00:1::]:1234>[a01:2::]:80"}) {
    ids.insert(hasher.Id(*FiveTuple::Parse(text)));
  }
  CHECK(ids.size() == 8);
  CHECK(FlowHasher({1, 3}).Id(base) != hasher.Id(base));
  CHECK(hasher.Id(base) == FlowHasher({1, 2}).Id(base));
  CHECK(hasher.Key(base) == FlowKey{base, hasher.Id(base)});
}

namespace {

// CRC-32 with Castagnoli's polynomial, bit by bit: what tables in hardware and software often hash five-tuples with.
uint32_t Crc(const FiveTuple& tuple, uint32_t seed) {
  uint32_t crc = seed;
  const auto feed = [&](uint8_t octet) {
    crc ^= octet;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78U : crc >> 1;
  };
  for (size_t i = 0; i < 4; ++i) feed(tuple.source[i]);
  for (size_t i = 0; i < 4; ++i) feed(tuple.destination[i]);
  for (const uint16_t port : {tuple.source_port, tuple.destination_port}) {
    feed(static_cast<uint8_t>(port >> 8));
    feed(static_cast<uint8_t>(port));
  }
  return crc;
}

// Bits 0..31: the source's address, 32..47 and 48..63: the ports.
FiveTuple FromBits(uint64_t bits) {
  FiveTuple tuple;
  for (size_t i = 0; i < 4; ++i) tuple.source[i] = static_cast<uint8_t>(bits >> (8 * i));
  tuple.destination = FiveTuple::Ipv4(10, 1, 0, 1);
  tuple.source_port = static_cast<uint16_t>(bits >> 32);
  tuple.destination_port = static_cast<uint16_t>(bits >> 48);
  return tuple;
}

// Five-tuples that share one CRC whatever its seed is: CRC is affine, so flipping bits changes it by an amount that
// does not depend on the seed, and combinations of bits that change it by nothing are found by elimination.
std::vector<FiveTuple> Crafted(size_t count) {
  const uint32_t none = Crc(FromBits(0), 0);
  std::vector<std::pair<uint32_t, uint64_t>> rows;  // by leading bit: the change, and the bits that make it
  std::vector<uint64_t> unchanged;
  for (int bit = 0; bit < 64; ++bit) {
    uint64_t bits = uint64_t{1} << bit;
    uint32_t change = Crc(FromBits(bits), 0) ^ none;
    for (const auto& [row_change, row_bits] : rows) {
      if ((change ^ row_change) < change) {
        change ^= row_change;
        bits ^= row_bits;
      }
    }
    if (change == 0) {
      unchanged.push_back(bits);
    } else {
      rows.emplace_back(change, bits);
      std::sort(rows.rbegin(), rows.rend());
    }
  }
  std::vector<FiveTuple> tuples;
  for (size_t n = 0; n < count; ++n) {
    uint64_t bits = 0;
    for (size_t i = 0; i < unchanged.size(); ++i) bits ^= (n >> i & 1) != 0 ? unchanged[i] : 0;
    tuples.push_back(FromBits(bits));
  }
  return tuples;
}

// Slots that are looked at to find a flow, of 99 % of them at most: open addressing in 2^18 slots, as in FlowMap.
size_t ProbesP99(const FlowHasher& hasher, const std::vector<FiveTuple>& tuples) {
  constexpr size_t kMask = (1 << 18) - 1;
  std::vector<bool> taken(kMask + 1);
  std::vector<size_t> probes;
  for (const FiveTuple& tuple : tuples) {
    size_t looked = 1;
    size_t slot = hasher.Id(tuple) & kMask;
    for (; taken[slot]; slot = (slot + 1) & kMask) ++looked;
    taken[slot] = true;
    probes.push_back(looked);
  }
  std::sort(probes.begin(), probes.end());
  return probes[probes.size() * 99 / 100];
}

}  // namespace

TEST_CASE("FlowHasher: 100,000 five-tuples crafted to collide under CRC spread as random ones do") {
  const std::vector<FiveTuple> tuples = Crafted(100'000);
  for (const FiveTuple& tuple : tuples) {
    REQUIRE(Crc(tuple, 1) == Crc(tuples[0], 1));
    REQUIRE(Crc(tuple, 77777) == Crc(tuples[0], 77777));
  }
  for (const uint64_t key : {1, 2, 3}) {
    const FlowHasher hasher({key, 99});
    std::set<FlowId> ids;
    std::vector<uint32_t> low(1 << 16);
    std::vector<uint32_t> high(1 << 16);
    for (const FiveTuple& tuple : tuples) {
      const FlowId id = hasher.Id(tuple);
      ids.insert(id);
      ++low[id & 0xffff];
      ++high[id >> 48];
    }
    CHECK(ids.size() == tuples.size());
    // Of 65,536 places 100,000 random draws leave 14,249 empty (standard deviation 84), and crowd none beyond a dozen.
    for (const auto& places : {low, high}) {
      const auto empty = std::count(places.begin(), places.end(), 0U);
      CHECK(empty > 14'249 - 5 * 84);
      CHECK(empty < 14'249 + 5 * 84);
      CHECK(*std::max_element(places.begin(), places.end()) < 16);
    }
  }
}

TEST_CASE("FlowHasher: crafted five-tuples are found in as few steps as random ones, and fit into a FIT as well") {
  constexpr size_t kCount = 100'000;
  const std::vector<FiveTuple> crafted = Crafted(kCount);
  std::vector<FiveTuple> drawn;
  Random random(7, 1);
  while (drawn.size() < kCount) drawn.push_back(FromBits(random.Next()));
  for (const uint64_t key : {1, 2, 3}) {
    const FlowHasher hasher({key, 99});
    CHECK(ProbesP99(hasher, crafted) <= 2 * ProbesP99(hasher, drawn));
    for (const auto& tuples : {crafted, drawn}) {
      FlowTable table({.capacity = kCount, .window = Duration::Seconds(1)});
      for (const FiveTuple& tuple : tuples) {
        Packet packet;
        packet.flow = hasher.Key(tuple);
        table.Record(TimePoint(), packet);
      }
      CHECK(table.full() == 0);
    }
  }
}

TEST_CASE("FlowFilter: text, and what it matches") {
  const FiveTuple v4 = *FiveTuple::Parse("tcp:10.127.255.255:1>10.1.0.2:80");
  const FiveTuple v4_out = *FiveTuple::Parse("tcp:10.128.0.0:1>10.1.0.2:80");
  const FiveTuple v6 = *FiveTuple::Parse("tcp:[2001:db8::1]:1>[2001:db8::2]:2");
  struct Case {
    const char* text;
    bool v4, v4_out, v6;
  };
  for (const Case& c : {Case{"any", true, true, true}, Case{"10.0.0.0/9", true, false, false},
                        Case{"0.0.0.0/0", true, true, false}, Case{"10.127.255.255/32", true, false, false},
                        Case{"::/0", false, false, true}, Case{"2001:db8::/32", false, false, true},
                        Case{"2001:db8::1/128", false, false, true}, Case{"2001:db8::2/128", false, false, false}}) {
    CAPTURE(c.text);
    const Result<FlowFilter> filter = FlowFilter::Parse(c.text);
    REQUIRE(filter.ok());
    CHECK(filter->ToString() == c.text);
    CHECK(filter->Matches(v4) == c.v4);
    CHECK(filter->Matches(v4_out) == c.v4_out);
    CHECK(filter->Matches(v6) == c.v6);
  }
  for (const char* text : {"", "all", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.1/9", "::/129",
                           "2001:db8::1/32", "/8", "10.0.0.0/09"}) {
    CAPTURE(text);
    CHECK_FALSE(FlowFilter::Parse(text).ok());
  }
}

}  // namespace uhaul
