#include "workloads/packet_parser.h"

#include <array>
#include <catch2/catch.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/flow/packet.h"
#include "tests/workloads/capture_maker.h"
#include "tests/workloads/frame_text.h"

using namespace uhaul;  // NOLINT
using text::kAddresses4;
using text::kAddresses6;
using text::kMacs;
using text::kTcp;
using text::kUdp;
using text::Octets;

namespace {

struct Row {
  const char* description;
  std::string octets;
  ParseOutcome outcome = ParseOutcome::kOk;
  const char* tuple = "";
  uint32_t sequence = 0;
  bool fragment = false;
  uint8_t tags = 0;
};

const std::string kMac(kMacs);
// total length, fragment field, protocol
std::string Ipv4(const std::string& total, const std::string& fragment, const std::string& protocol) {
  return " 4500 " + total + " 0000 " + fragment + " 40 " + protocol + " 0000 " + kAddresses4;
}
std::string Ipv6(const std::string& payload, const std::string& next) {
  return " 60000000 " + payload + next + " 40 " + kAddresses6;
}

const char* const kFlow4 = "tcp:10.0.0.1:1234>10.1.0.2:80";
const char* const kFlow6 = "tcp:[2001:db8::1]:1234>[2001:db8::2]:80";

std::vector<Row> GoodRows() {
  return {
      {"TCP over IPv4", kMac + "0800" + Ipv4("0028", "4000", "06") + kTcp, ParseOutcome::kOk, kFlow4, 7},
      {"padding behind the packet is not part of it",
       kMac + "0800" + Ipv4("0028", "4000", "06") + kTcp + "000000000000", ParseOutcome::kOk, kFlow4, 7},
      {"IPv4 with options", kMac + "0800 4600 002c 0000 4000 40 06 0000" + kAddresses4 + "94040000" + kTcp,
       ParseOutcome::kOk, kFlow4, 7},
      {"one VLAN tag", kMac + "8100 0064 0800" + Ipv4("0028", "4000", "06") + kTcp, ParseOutcome::kOk, kFlow4, 7, false,
       1},
      {"QinQ", kMac + "88a8 0064 8100 0065 0800" + Ipv4("0028", "4000", "06") + kTcp, ParseOutcome::kOk, kFlow4, 7,
       false, 2},
      {"UDP over IPv4", kMac + "0800" + Ipv4("0020", "4000", "11") + kUdp, ParseOutcome::kOk,
       "udp:10.0.0.1:53>10.1.0.2:5353", 42},
      {"ICMP has no ports", kMac + "0800" + Ipv4("001c", "0000", "01") + "0800f7ff00000000", ParseOutcome::kOk,
       "1:10.0.0.1:0>10.1.0.2:0", 0x0800f7ff},
      {"the first fragment has no ports, as the others have none", kMac + "0800" + Ipv4("0028", "2000", "06") + kTcp,
       ParseOutcome::kOk, "tcp:10.0.0.1:0>10.1.0.2:0", 0x04d20050, true},
      {"a later fragment may be shorter than a TCP header", kMac + "0800" + Ipv4("0018", "00b9", "06") + "01020304",
       ParseOutcome::kOk, "tcp:10.0.0.1:0>10.1.0.2:0", 0x01020304, true},
      {"TCP over IPv6", kMac + "86dd" + Ipv6("0014", "06") + kTcp, ParseOutcome::kOk, kFlow6, 7},
      {"IPv6 with hop-by-hop and destination options",
       kMac + "86dd" + Ipv6("0024", "00") + "3c00010400000000 0600010400000000" + kTcp, ParseOutcome::kOk, kFlow6, 7},
      {"IPv6 with an authentication header",
       kMac + "86dd" + Ipv6("002c", "33") + "0604 0000 00000001 00000001 000102030405060708090a0b" + kTcp,
       ParseOutcome::kOk, kFlow6, 7},
      {"an IPv6 fragment", kMac + "86dd" + Ipv6("001c", "2c") + "0600 0001 00000009" + kTcp, ParseOutcome::kOk,
       "tcp:[2001:db8::1]:0>[2001:db8::2]:0", 0x04d20050, true},
      {"an atomic IPv6 fragment is a whole packet", kMac + "86dd" + Ipv6("001c", "2c") + "0600 0000 00000009" + kTcp,
       ParseOutcome::kOk, kFlow6, 7},
      {"nothing follows (59)", kMac + "86dd" + Ipv6("0000", "3b"), ParseOutcome::kOk,
       "59:[2001:db8::1]:0>[2001:db8::2]:0", 0},
  };
}

std::vector<Row> BadRows() {
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += "3c00010400000000";
  return {
      {"nothing at all", "", ParseOutcome::kTruncated},
      {"half an Ethernet header", "020000000002 0200", ParseOutcome::kTruncated},
      {"ARP", kMac + "0806 0001080006040001", ParseOutcome::kNotIp},
      {"a length instead of an EtherType", kMac + "0028 aaaa03", ParseOutcome::kNotIp},
      {"a VLAN tag cut short", kMac + "8100 00", ParseOutcome::kTruncated},
      {"three VLAN tags", kMac + "8100 0001 8100 0002 8100 0003 0800" + Ipv4("0028", "4000", "06") + kTcp,
       ParseOutcome::kTooManyTags},
      {"an EtherType and no header", kMac + "0800", ParseOutcome::kTruncated},
      {"IPv4 cut in its header", kMac + "0800 4500 0028 0000", ParseOutcome::kTruncated},
      {"IPv4 that says it is version 6", kMac + "0800 6500 0028 0000 4000 40 06 0000" + kAddresses4 + kTcp,
       ParseOutcome::kBadHeader},
      {"an IPv4 header of 16 octets", kMac + "0800 4400 0028 0000 4000 40 06 0000" + kAddresses4 + kTcp,
       ParseOutcome::kBadHeader},
      {"an IPv4 total length below the header", kMac + "0800" + Ipv4("0013", "4000", "06") + kTcp,
       ParseOutcome::kBadHeader},
      {"an IPv4 total length beyond the frame", kMac + "0800" + Ipv4("0029", "4000", "06") + kTcp,
       ParseOutcome::kTruncated},
      {"IPv4 options that are not here", kMac + "0800 4f00 003c 0000 4000 40 06 0000" + kAddresses4 + kTcp,
       ParseOutcome::kTruncated},
      {"TCP cut short by the IP length", kMac + "0800" + Ipv4("0027", "4000", "06") + kTcp, ParseOutcome::kTruncated},
      {"a TCP header of 16 octets",
       kMac + "0800" + Ipv4("0028", "4000", "06") + "04d2 0050 00000007 00000000 40 10 ffff 0000 0000",
       ParseOutcome::kBadHeader},
      {"TCP options beyond the packet",
       kMac + "0800" + Ipv4("0028", "4000", "06") + "04d2 0050 00000007 00000000 60 10 ffff 0000 0000",
       ParseOutcome::kTruncated},
      {"UDP cut short", kMac + "0800" + Ipv4("001b", "4000", "11") + "0035 14e9 0008 00", ParseOutcome::kTruncated},
      {"a UDP length of 7", kMac + "0800" + Ipv4("001c", "4000", "11") + "0035 14e9 0007 0000",
       ParseOutcome::kBadHeader},
      {"a UDP length beyond the packet", kMac + "0800" + Ipv4("001c", "4000", "11") + "0035 14e9 0009 0000",
       ParseOutcome::kTruncated},
      {"IPv6 that says it is version 4", kMac + "86dd 40000000 0014 06 40" + kAddresses6 + kTcp,
       ParseOutcome::kBadHeader},
      {"IPv6 cut in its header", kMac + "86dd 60000000 0014 06", ParseOutcome::kTruncated},
      {"an IPv6 payload beyond the frame", kMac + "86dd" + Ipv6("0015", "06") + kTcp, ParseOutcome::kTruncated},
      {"an extension header that runs out of the packet",
       kMac + "86dd" + Ipv6("0010", "00") + "0602010400000000 0000000000000000", ParseOutcome::kTruncated},
      {"nine extension headers", kMac + "86dd" + Ipv6("005c", "3c") + nine + kTcp, ParseOutcome::kTooManyHeaders},
  };
}

bool IsUntagged(std::span<const uint8_t> octets) {
  if (octets.size() < 14) return false;
  const int type = (octets[12] << 8) | octets[13];
  return type != 0x8100 && type != 0x88a8 && type != 0x9100;
}

// A frame without tags may be parsed by the short way, one with a tag never is: the two must agree.
void RequireTheSameBehindATag(std::vector<uint8_t> octets, uint32_t wire_octets, ParseOutcome outcome,
                              const ParsedFrame& frame) {
  const std::array<uint8_t, 4> tag = {0x81, 0x00, 0x00, 0x64};
  octets.insert(octets.begin() + 12, tag.begin(), tag.end());
  ParsedFrame tagged;
  REQUIRE(ParseFrame(octets, wire_octets + 4, &tagged) == outcome);
  if (outcome != ParseOutcome::kOk) return;
  REQUIRE(tagged.tuple == frame.tuple);
  REQUIRE(tagged.ip_octets == frame.ip_octets);
  REQUIRE(tagged.sequence == frame.sequence);
  REQUIRE(tagged.acknowledgement == frame.acknowledgement);
  REQUIRE(tagged.ip_offset == frame.ip_offset + 4);
  REQUIRE(tagged.l4_offset == frame.l4_offset + 4);
  REQUIRE(tagged.tcp_flags == frame.tcp_flags);
  REQUIRE(tagged.fragment == frame.fragment);
  REQUIRE(tagged.vlan_tags == 1);
}

}  // namespace

TEST_CASE("ParseFrame: what it makes of frames, row by row") {
  for (const Row& row : GoodRows()) {
    CAPTURE(row.description);
    const std::vector<uint8_t> octets = Octets(row.octets);
    ParsedFrame frame;
    REQUIRE(ParseFrame(octets, static_cast<uint32_t>(octets.size()), &frame) == ParseOutcome::kOk);
    CHECK(frame.tuple.ToString() == row.tuple);
    CHECK(frame.sequence == row.sequence);
    CHECK(frame.fragment == row.fragment);
    CHECK(frame.vlan_tags == row.tags);
    CHECK(frame.tcp_flags == (frame.tuple.source_port == 1234 ? tcp_flag::kAck : 0));
  }
}

TEST_CASE("ParseFrame: what it refuses, and how it calls it, row by row") {
  ParseCounters counters;
  for (const Row& row : BadRows()) {
    CAPTURE(row.description);
    const std::vector<uint8_t> octets = Octets(row.octets);
    ParsedFrame frame;
    const ParseOutcome outcome = ParseFrame(octets, static_cast<uint32_t>(octets.size()), &frame);
    CHECK(std::string(NameOf(outcome)) == NameOf(row.outcome));
    counters.Count(outcome, frame);
  }
  CHECK(counters.rejected() == BadRows().size());
  CHECK(counters.total() == BadRows().size());
}

TEST_CASE("ParseFrame: any cut of a good frame is refused until all its headers are here") {
  for (const Row& row : GoodRows()) {
    CAPTURE(row.description);
    const std::vector<uint8_t> octets = Octets(row.octets);
    ParsedFrame whole;
    REQUIRE(ParseFrame(octets, static_cast<uint32_t>(octets.size()), &whole) == ParseOutcome::kOk);
    for (size_t n = 0; n < octets.size(); ++n) {
      // A copy of exactly so many octets: a sanitizer sees any read beyond.
      const std::vector<uint8_t> cut(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(n));
      ParsedFrame frame;
      const ParseOutcome on_wire = ParseFrame(cut, static_cast<uint32_t>(n), &frame);
      if (n < whole.ip_offset + whole.ip_octets) CHECK(on_wire != ParseOutcome::kOk);
      // The same frame captured short: good from the end of its headers on, and then the same flow.
      if (ParseFrame(cut, static_cast<uint32_t>(octets.size()), &frame) != ParseOutcome::kOk) continue;
      CHECK(n >= whole.l4_offset);
      CHECK(frame.tuple == whole.tuple);
    }
  }
}

TEST_CASE("ParseFrame: two million random and mutated frames neither crash it nor go uncounted") {
  constexpr int kFrames = 2'000'000;
  std::vector<std::vector<uint8_t>> seeds;
  for (const auto& rows : {GoodRows(), BadRows()}) {
    for (const Row& row : rows) seeds.push_back(Octets(row.octets));
  }
  test::CaptureMaker maker;
  test::AddConnections(6, 1, &maker);
  test::AddOddities(&maker);
  for (const test::MadePacket& packet : maker.Sorted()) {
    if (packet.octets.size() < 200) seeds.push_back(packet.octets);  // headers are what is parsed
  }
  Random random(20160804, 1);
  ParseCounters counters;
  std::vector<uint8_t> octets;
  for (int i = 0; i < kFrames; ++i) {
    octets = seeds[random.Below(seeds.size())];
    if (random.Below(8) == 0) {
      octets.resize(random.Below(160));
      for (uint8_t& o : octets) o = static_cast<uint8_t>(random.Next());
    }
    for (uint64_t changes = random.Below(6); changes > 0 && !octets.empty(); --changes) {
      octets[random.Below(octets.size())] = static_cast<uint8_t>(random.Next());
    }
    if (random.Below(4) == 0) octets.resize(random.Below(octets.size() + 1));
    octets.shrink_to_fit();
    const auto wire = static_cast<uint32_t>(octets.size() + (random.Below(4) == 0 ? random.Below(2000) : 0));
    ParsedFrame frame;
    const ParseOutcome outcome = ParseFrame(octets, wire, &frame);
    counters.Count(outcome, frame);
    if (IsUntagged(octets)) RequireTheSameBehindATag(octets, wire, outcome, frame);
    if (outcome != ParseOutcome::kOk) continue;
    REQUIRE((frame.tuple.version == 4 || frame.tuple.version == 6));
    REQUIRE(frame.ip_offset + frame.ip_octets <= wire);
    REQUIRE(frame.l4_offset <= octets.size());
    if (frame.fragment) REQUIRE(frame.tuple.source_port == 0);
  }
  CHECK(counters.total() == kFrames);
  // Every outcome was reached, so the fuzz went everywhere.
  for (size_t i = 0; i < kParseOutcomes; ++i) CHECK(counters.by_outcome[i] > 100);
  CHECK(counters.fragments > 1000);
  CHECK(counters.tagged > 1000);
}
