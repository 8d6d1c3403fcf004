#include "core/nf/asset_text.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace uhaul {
namespace {

Packet PacketOf(const FiveTuple& tuple, uint32_t bytes, uint8_t flags) {
  Packet packet;
  packet.flow = FlowHasher(HashKey{3, 4}).Key(tuple);
  packet.bytes = bytes;
  packet.tcp_flags = flags;
  return packet;
}

}  // namespace

TEST_CASE("AssetText: a line per connection, in five-tuple order, with the columns that the header names") {
  AssetMonitor monitor({.hash_key = HashKey{3, 4}});
  const FiveTuple web = FiveTuple::Parse("tcp:10.0.0.2:5000>10.1.0.1:80").value();
  const FiveTuple dns = FiveTuple::Parse("udp:10.0.0.1:5000>10.1.0.1:53").value();
  const auto feed = [&](int64_t at, const Packet& packet) { monitor.Process(TimePoint::FromNanos(at), {&packet, 1}); };
  feed(10, PacketOf(dns, 60, 0));
  feed(20, PacketOf(web, 44, tcp_flag::kSyn));
  feed(25, PacketOf(web.Reversed(), 1500, tcp_flag::kSyn | tcp_flag::kAck));
  feed(40, PacketOf(web, 300, tcp_flag::kAck));
  const std::vector<AssetRecord> records = AssetRecords(monitor);
  REQUIRE(records.size() == 2);
  CHECK(AssetLine(records[0]) ==
        "tcp:10.0.0.2:5000>10.1.0.1:80,http,20,40,2,1,1,0,0,344,40,20,44,44,300,12,02,1,"
        "1,0,0,0,1,1500,25,0,1500,1500,1500,12,12,1");
  CHECK(AssetLine(records[1]) ==
        "udp:10.0.0.1:5000>10.1.0.1:53,dns,10,10,1,1,0,0,0,60,10,0,60,60,60,00,00,0,0,0,0,0,0,0,0,0,0,0,0,00,00,0");
  const std::string header = AssetHeader();
  for (const AssetRecord& record : records) {
    const std::string line = AssetLine(record);
    CHECK(std::count(line.begin(), line.end(), ',') == std::count(header.begin(), header.end(), ','));
  }
}

}  // namespace uhaul
