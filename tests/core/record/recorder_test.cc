#include "core/record/recorder.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace uhaul;  // NOLINT

namespace {

constexpr int64_t kMs = 1'000'000;
TimePoint At(int64_t ns) { return TimePoint::FromNanos(ns); }
FiveTuple Tuple(uint8_t n) {
  FiveTuple tuple;
  tuple.source = FiveTuple::Ipv4(10, 0, 0, n);
  return tuple;
}
// Numbers in the opposite order of the tuples, so that the two cannot be mixed up.
RecorderFlow Flow(uint8_t n, uint32_t packets) { return {Tuple(n), 0, packets * 1000ULL, packets}; }

ActiveFlow Active(uint8_t n, uint64_t bytes) {
  ActiveFlow flow;
  flow.flow.tuple = Tuple(n);
  flow.bytes = Bytes(bytes);
  return flow;
}

void Pass(Recorder& r, int64_t at, uint32_t flow, uint32_t sequence, int64_t transit = 2000) {
  r.OnSent(At(at), flow, false);
  r.OnProcessed(At(at + transit), flow, At(at));
  r.OnDelivered(At(at + transit + 1000), flow, sequence);
}

void Step(Recorder& r, int64_t at, OperationStep step) { r.OnEvent(At(at), event::Step{1, step}); }

}  // namespace

TEST_CASE("Recorder: A comes first, then arrivals of the downtime, each part in five-tuple order") {
  Recorder r({Flow(9, 2), Flow(5, 1), Flow(3, 1), Flow(4, 1), Flow(1, 1)});
  Pass(r, 1 * kMs, 0, 0);
  Pass(r, 2 * kMs, 1, 0);
  const std::vector<ActiveFlow> active = {Active(5, 1000), Active(9, 1000)};
  r.Begin({.at = At(10 * kMs), .active = active, .unsent_bytes = {0, 1000}, .nf_states = 2, .watch = Duration()});
  Pass(r, 11 * kMs, 3, 0);
  Pass(r, 12 * kMs, 2, 0);
  Step(r, 13 * kMs, OperationStep::kLastDelete);
  Pass(r, 14 * kMs, 4, 0);  // after the downtime: no row
  r.OnOperationOver();
  CHECK_FALSE(r.AllEnded(At(14 * kMs)));
  Pass(r, 15 * kMs, 0, 1);
  CHECK(r.AllEnded(At(16 * kMs)));
  const RunRecord record = r.Finish(At(16 * kMs), false, 0.5, 3000);
  REQUIRE(record.flows.size() == 4);
  CHECK(record.flows[0].tuple == Tuple(5));
  CHECK(record.flows[1].tuple == Tuple(9));
  CHECK(record.flows[2].tuple == Tuple(3));
  CHECK(record.flows[3].tuple == Tuple(4));
  CHECK(record.flows[1].active);
  CHECK_FALSE(record.flows[2].active);
  CHECK(record.flows[1].t0_unsent_bytes == 1000);
  CHECK(record.flows[1].t0_last_packet_ns == 1 * kMs + 2000);
  CHECK(record.flows[1].first_sent_ns == 1 * kMs);
  CHECK(record.flows[1].finished_ns == 15 * kMs + 3000);
  CHECK(record.flows[2].t0_last_packet_ns == kNever);
  CHECK(record.rho == 0.5);
  CHECK(record.elephant_bytes_threshold == 3000);
  CHECK(record.nf_states_at_t0 == 2);
}

TEST_CASE("Recorder: the watch keeps rows open beyond a short downtime, and the run with them") {
  Recorder r({Flow(1, 1), Flow(2, 1)});
  r.Begin({.at = At(10 * kMs), .active = {}, .unsent_bytes = {}, .nf_states = 0, .watch = Duration::Millis(5)});
  Step(r, 11 * kMs, OperationStep::kLastDelete);
  r.OnOperationOver();
  CHECK_FALSE(r.AllEnded(At(12 * kMs)));
  CHECK(r.WatchEnd() == At(15 * kMs + 1));
  Pass(r, 14 * kMs, 0, 0);
  Pass(r, 16 * kMs, 1, 0);
  CHECK(r.AllEnded(At(17 * kMs)));
  const RunRecord record = r.Finish(At(17 * kMs), false, 0, 0);
  REQUIRE(record.flows.size() == 1);
  CHECK(record.flows[0].tuple == Tuple(1));
}

TEST_CASE("Recorder: an operation that never deletes has no downtime, and its arrivals no rows") {
  Recorder r({Flow(1, 1)});
  r.Begin({.at = At(10 * kMs), .active = {}, .unsent_bytes = {}, .nf_states = 0, .watch = Duration()});
  r.OnSent(At(11 * kMs), 0, false);
  r.OnOperationOver();
  CHECK(r.AllEnded(At(12 * kMs)));  // although the flow never ended
  CHECK(r.Finish(At(12 * kMs), false, 0, 0).flows.empty());
}

TEST_CASE("Recorder: a pause is the longest transit after t0 less the median before it, never negative") {
  Recorder r({Flow(1, 8), Flow(2, 4)});
  for (uint32_t i = 0; i < 3; ++i) Pass(r, 200 * kMs + i, 0, i, 2000);
  Pass(r, 1 * kMs, 1, 0, 9000);  // older than 100 ms at t0
  const std::vector<ActiveFlow> active = {Active(1, 1), Active(2, 1)};
  r.Begin({.at = At(201 * kMs), .active = active, .unsent_bytes = {0, 0}, .nf_states = 2, .watch = Duration()});
  Pass(r, 202 * kMs, 0, 3, 700'000);
  Pass(r, 203 * kMs, 0, 4, 50'000);
  Pass(r, 203 * kMs, 1, 1, 1'000);
  const RunRecord record = r.Finish(At(210 * kMs), true, 0, 0);
  CHECK(record.transit_median_ns == 2000);
  CHECK(record.flows[0].pause_ns == 698'000);
  CHECK(record.flows[1].pause_ns == 0);
  CHECK(record.capped);
}

TEST_CASE(
    "Recorder: loss, order and copies are counted, and a lost packet ends its flow only where nobody sends again") {
  for (const bool retransmits : {false, true}) {
    Recorder r({Flow(1, 3)}, {.retransmits = retransmits, .source_nf = 0});
    for (int i = 0; i < 3; ++i) r.OnSent(At(i), 0, false);
    CHECK_FALSE(r.OnDelivered(At(10), 0, 2));
    CHECK_FALSE(r.OnDelivered(At(11), 0, 0));  // after a later one
    CHECK_FALSE(r.OnDelivered(At(12), 0, 0));  // again
    CHECK(r.OnLost(0) == !retransmits);
    CHECK(r.counters().packets_reordered == 2);
    CHECK(r.counters().packets_duplicated == 1);
    CHECK(r.counters().packets_lost == 1);
    CHECK(r.counters().packets_delivered == 3);
  }
}

TEST_CASE("Recorder: a buffer's series has the largest sample of each 100 us, and ends with the last level") {
  Recorder r({});
  r.Begin({.at = At(0), .active = {}, .unsent_bytes = {}, .nf_states = 0, .watch = Duration()});
  const auto held = [&r](int64_t at, uint64_t bytes, uint64_t added) {
    r.OnEvent(At(at), event::Buffered{BufferPlace::kController, Bytes(bytes), Bytes(added)});
  };
  held(1'000, 100, 100);
  held(2'000, 300, 200);
  held(3'000, 200, 0);
  held(150'000, 400, 200);
  held(160'000, 0, 0);
  r.OnEvent(At(170'000), event::BufferOverflow{BufferPlace::kDestination, Bytes(70)});
  const RunRecord record = r.Finish(At(200'000), false, 0, 0);
  const BufferUse& use = record.buffers[0];
  CHECK(use.peak_bytes == 400);
  CHECK(use.volume_bytes == 500);
  REQUIRE(use.series.size() == 3);
  CHECK((use.series[0].at_ns == 2'000 && use.series[0].bytes == 300));
  CHECK((use.series[1].at_ns == 150'000 && use.series[1].bytes == 400));
  CHECK((use.series[2].at_ns == 200'000 && use.series[2].bytes == 0));
  CHECK(record.buffers[1].dropped_bytes == 70);
  CHECK(record.buffers[1].dropped_packets == 1);
}

TEST_CASE("Recorder: selection, outcomes, rules and the source's evictions are kept") {
  Recorder r({Flow(1, 1), Flow(2, 1)});
  const std::vector<ActiveFlow> active = {Active(1, 1), Active(2, 1)};
  r.OnEvent(At(100), event::Eviction{0, {At(100), 5, 3}});
  r.OnEvent(At(100), event::Eviction{1, {At(100), 9, 9}});
  r.Begin({.at = At(200), .active = active, .unsent_bytes = {0, 0}, .nf_states = 2, .watch = Duration()});
  r.OnEvent(At(201), event::Selected{1, Tuple(2)});
  r.OnEvent(At(202), event::Outcome{1, Tuple(2), FlowOutcome::kMoved});
  r.OnEvent(At(203), event::Outcome{1, Tuple(77), FlowOutcome::kMoved});  // not of this trace
  r.OnEvent(At(204), event::RulesInstalled{3, 3});
  r.OnEvent(At(205), event::RulesInstalled{2, 1});
  const RunRecord record = r.Finish(At(300), false, 0, 0);
  CHECK_FALSE(record.flows[0].selected);
  CHECK(record.flows[1].selected);
  CHECK(record.flows[1].outcome == FlowOutcome::kMoved);
  REQUIRE(record.evictions.size() == 1);
  CHECK(record.evictions[0].before == 5);
  CHECK(record.counters.rules_installed == 5);
  CHECK(record.counters.rules_peak == 3);
}

TEST_CASE("Recorder: the median of transit times is the same whether it is closed at t0 or only at the end") {
  const auto record = [](bool early) {
    Recorder r({Flow(1, 6), Flow(2, 6)});
    for (uint32_t i = 0; i < 5; ++i) Pass(r, 10'000 + 100 * i, 0, i, 1000 + 500 * ((i * 3) % 5));
    if (early) r.CloseTransits(At(20'000));
    r.Begin({.at = At(20'000), .active = {}, .unsent_bytes = {}, .nf_states = 0, .watch = Duration()});
    Pass(r, 21'000, 1, 0, 9000);  // after t0: not of the median
    r.OnOperationOver();
    return r.Finish(At(30'000), false, 0, 0);
  };
  CHECK(record(true).transit_median_ns == 2000);
  CHECK(record(false).transit_median_ns == 2000);
}

TEST_CASE("Recorder: a streak counts as its packets do one by one") {
  constexpr uint32_t kCount = 40;
  constexpr int64_t kEvery = 3000;
  const auto record = [](bool at_once) {
    Recorder r({Flow(1, 200), Flow(2, 1)});
    const std::vector<ActiveFlow> active = {Active(1, 1000)};
    Pass(r, 1 * kMs, 0, 0);
    uint32_t sequence = 1;
    for (const bool begun : {false, true}) {
      if (begun) r.Begin({.at = At(150 * kMs), .active = active, .unsent_bytes = {1}, .nf_states = 1, .watch = {}});
      // Before t0 two streaks: of the first, half of the packets are still in the last 100 ms.
      for (const int64_t first :
           begun ? std::vector{160 * kMs} : std::vector{50 * kMs - kEvery * kCount / 2, 60 * kMs}) {
        const int64_t transit = begun ? 9000 : first < 55 * kMs ? 2500 : 2700;
        if (at_once) {
          r.OnTransits(At(first + transit), Duration::Nanos(kEvery), kCount, Duration::Nanos(transit));
          r.OnStreak(At(first + transit + kEvery * (kCount - 1)), 0, sequence, kCount, Duration::Nanos(transit));
        }
        for (uint32_t i = 0; !at_once && i < kCount; ++i) Pass(r, first + i * kEvery, 0, sequence + i, transit);
        sequence += kCount;
      }
      if (!begun) Pass(r, 61 * kMs, 1, 0, 1000);
    }
    Step(r, 161 * kMs, OperationStep::kLastDelete);
    r.OnOperationOver();
    CHECK(r.PacketsLeft(At(170 * kMs), 1000) == 200 - sequence);
    for (; sequence < 200; ++sequence) Pass(r, 170 * kMs + sequence, 0, sequence);
    CHECK(r.AllEnded(At(171 * kMs)));
    return r.Finish(At(171 * kMs), false, 0.5, 3000);
  };
  const RunRecord one_by_one = record(false);
  const RunRecord at_once = record(true);
  CHECK(one_by_one.transit_median_ns == 2700);
  CHECK(at_once.transit_median_ns == one_by_one.transit_median_ns);
  CHECK(at_once.counters.packets_sent == 201);
  CHECK(at_once.counters.packets_delivered == one_by_one.counters.packets_delivered);
  CHECK(at_once.counters.packets_reordered == 0);
  CHECK(at_once.counters.packets_duplicated == 0);
  REQUIRE(at_once.flows.size() == one_by_one.flows.size());
  CHECK(at_once.flows[0].pause_ns == 9000 - 2700);
  CHECK(at_once.flows[0].last_processed_ns == one_by_one.flows[0].last_processed_ns);
  CHECK(at_once.flows[0].finished_ns == one_by_one.flows[0].finished_ns);
}
