#include "workloads/replay.h"

#include <catch2/catch.hpp>
#include <map>

#include "tests/workloads/small_trace.h"

namespace uhaul {
namespace {

TimePoint AtMillis(int64_t ms) { return TimePoint() + Duration::Millis(ms); }

TEST_CASE("ReplayTrace: the snapshot is what the packets up to the instant say") {
  const Trace trace = *GenerateTrace({.workload = "facebook_cache", .duration = Duration::Millis(900), .seed = 6});
  ReplayOptions options;
  for (const SenderModel model : {SenderModel::kLimited, SenderModel::kUnlimited}) {
    options.source.model = model;
    options.at = AtMillis(750);
    const Replay replay = ReplayTrace(trace, options);

    // By hand: bytes since the flow was last dead, epoch by epoch of 100 ms.
    PacketSource source(trace, options.source);
    std::map<FiveTuple, std::pair<uint64_t, int64_t>> seen;  // bytes, last epoch
    uint64_t packets = 0;
    const auto epoch = [](TimePoint at) { return at.nanos() / 1024 * 1024 / 100'000'000; };
    while (source.NextTime() <= options.at) {
      const SourcePacket packet = source.Pop();
      auto& [bytes, last] = seen[trace.flows[packet.flow].tuple];
      if (packet.at.nanos() / 100'000'000 >= last + 2) bytes = 0;
      bytes += packet.bytes;
      last = epoch(packet.at);
      ++packets;
    }
    CHECK(replay.packets == packets);
    size_t next = 0;
    for (const auto& [tuple, entry] : seen) {
      if (options.at.nanos() / 100'000'000 >= entry.second + 2) continue;
      REQUIRE(next < replay.active.size());
      REQUIRE(replay.active[next].flow.tuple == tuple);
      REQUIRE(replay.active[next].bytes.count() == entry.first);
      const uint32_t number = replay.flows[next];
      REQUIRE(trace.flows[number].tuple == tuple);
      REQUIRE(replay.final_bytes[next].count() == trace.flows[number].bytes);
      REQUIRE(replay.unsent_bytes[next].count() == source.UnsentBytes(number));
      REQUIRE(replay.active[next].fin == (source.UnsentBytes(number) == 0));
      ++next;
    }
    CHECK(next == replay.active.size());
    CHECK(next > 100);
    CHECK(replay.waiting == source.Waiting());
    CHECK(replay.full == 0);
  }
}

TEST_CASE("ReplayTrace: every eviction pass up to the instant is reported") {
  const Trace trace = *GenerateTrace({.workload = "azure_wan", .duration = Duration::Seconds(1), .seed = 2});
  ReplayOptions options;
  options.at = AtMillis(800);
  const Replay replay = ReplayTrace(trace, options);
  REQUIRE(replay.passes.size() == 8);
  for (size_t i = 0; i < 8; ++i) {
    CHECK(replay.passes[i].at == AtMillis(100 * static_cast<int64_t>(i + 1)));
    CHECK(replay.passes[i].after <= replay.passes[i].before);
  }
  CHECK(replay.passes[7].after == replay.active.size());
  CHECK(replay.passes[7].after < replay.passes[7].before);
}

TEST_CASE("ReplayTrace: a table that is too small counts what it could not hold") {
  const Trace trace = *GenerateTrace({.workload = "azure_wan", .duration = Duration::Millis(300), .seed = 2});
  ReplayOptions options;
  options.at = AtMillis(299);
  options.table.capacity = 16;
  const Replay replay = ReplayTrace(trace, options);
  CHECK(replay.full > 0);
  CHECK(replay.active.size() <= 16);
}

TEST_CASE("ReplayTrace: the flow IDs' key changes nothing but the IDs") {
  const Trace trace = test::SmallTrace(4, 200, 1000, 9);
  ReplayOptions options;
  options.at = AtMillis(50);
  const Replay one = ReplayTrace(trace, options);
  options.seed = 2;
  const Replay two = ReplayTrace(trace, options);
  CHECK(one.flows == two.flows);
  REQUIRE(one.active.size() == 200);
  CHECK(one.active[0].flow.id != two.active[0].flow.id);
}

TEST_CASE("ReplayTrace: window senders are acknowledged and finish without retransmissions") {
  const Trace trace = test::SmallTrace(4, 100, 5000, 40);
  ReplayOptions options;
  options.at = AtMillis(90);
  options.source.model = SenderModel::kWindow;
  const Replay replay = ReplayTrace(trace, options);
  uint64_t bytes = 0;
  for (const TraceFlow& flow : trace.flows) bytes += flow.bytes;
  CHECK(replay.bytes == bytes);
  REQUIRE(replay.active.size() == 100);
  for (const Bytes unsent : replay.unsent_bytes) CHECK(unsent == Bytes(0));
}

}  // namespace
}  // namespace uhaul
