#include "results/metrics.h"

#include <catch2/catch.hpp>

#include "tests/results/sample_record.h"

namespace uhaul {
namespace {

using sample::kMs;
using sample::kT0;
using sample::Row;

constexpr uint64_t kMB = 1'000'000;

// Six flows of A, T = 5 ms:
//   1  final 10 MB, 9 MB at t0, selected and moved, 1 MB to come
//   2  final  8 MB, 1 MB at t0, not selected, ends 9 ms after t0: an elephant that was missed
//   3  final  2 MB, 2 MB at t0, selected (a false positive), ended
//   4  final  1 MB, all seen, ended
//   5  final  1 MB, 0.5 MB at t0, ends 3 ms after t0: before the operation is over
//   6  final  4 MB, 4 MB at t0, ended 150 ms before t0: in the FIT, outside the strict window
// and one that arrived during the move.
RunRecord Six() {
  RunRecord record = sample::Record();
  record.flows = {Row(1, 10 * kMB, 9 * kMB), Row(2, 8 * kMB, kMB),     Row(3, 2 * kMB, 2 * kMB), Row(4, kMB, kMB),
                  Row(5, kMB, kMB / 2),      Row(6, 4 * kMB, 4 * kMB), Row(7, 5 * kMB, 0)};
  auto& f = record.flows;
  f[0].selected = true;
  f[0].outcome = FlowOutcome::kMoved;
  f[0].t0_unsent_bytes = kMB;
  f[0].last_processed_ns = f[0].finished_ns = kT0 + 20 * kMs;
  f[0].pause_ns = 5'000'000;
  f[1].t0_unsent_bytes = 7 * kMB;
  f[1].last_processed_ns = f[1].finished_ns = kT0 + 9 * kMs;
  f[2].selected = true;
  f[2].outcome = FlowOutcome::kMoved;
  f[4].t0_unsent_bytes = kMB / 2;
  f[4].last_processed_ns = f[4].finished_ns = kT0 + 3 * kMs;
  f[5].t0_last_packet_ns = kT0 - 150 * kMs;
  f[6].active = false;
  f[6].first_sent_ns = kT0 + kMs;
  f[6].last_processed_ns = f[6].finished_ns = kT0 + 30 * kMs;
  record.buffers[0].peak_bytes = 3000;
  record.buffers[0].volume_bytes = 9000;
  record.buffers[1].peak_bytes = 70;
  record.counters.rules_installed = 2;
  record.counters.control_messages = 14;
  return record;
}

TEST_CASE("metrics: flows are counted over A as the record has them") {
  const RunMetrics m = ComputeMetrics(Six());
  CHECK(m.active == 6);
  CHECK(m.active_strict == 5);
  CHECK(m.active_alive == 3);
  CHECK(m.selected == 2);
  CHECK(m.selected_alive == 1);
  CHECK(m.moved == 2);
  CHECK(m.arrived == 1);
  CHECK(m.unfinished == 0);
  CHECK(m.rules == 2);
  CHECK(m.messages == 14);
  CHECK(m.buffer_peak[0] == 3000);
  CHECK(m.buffer_volume[0] == 9000);
  CHECK(m.buffer_peak[1] == 70);
  // 1 MB of 1 + 7 + 0.5 MB to come.
  CHECK(*m.share_shifted == Approx(100.0 / 8.5));
  CHECK(m.pause_us.count == 6);
  CHECK(m.pause_us.max == Approx(5000));
  CHECK(m.pause_us.mean == Approx(5000.0 / 6));
  CHECK(m.pause_us.median == 0);
}

TEST_CASE("metrics: downtime, missed flows, die-out and total time") {
  const RunMetrics m = ComputeMetrics(Six());
  CHECK(*m.downtime_ms == Approx(5));
  CHECK(*m.done_ms == Approx(6));
  CHECK(m.missed == 1);  // flow 2; not flow 5, over before; not flow 1, moved; not flow 7, not of A
  CHECK(*m.die_out_ms == Approx(4));
  CHECK(*m.total_ms == Approx(9));
  CHECK_FALSE(m.die_out_is_bound);
}

TEST_CASE("metrics: a flow whose last packet comes at the very end of the downtime is not missed") {
  RunRecord record = Six();
  record.flows[1].last_processed_ns = kT0 + 5 * kMs;
  const RunMetrics m = ComputeMetrics(record);
  CHECK(m.missed == 0);
  CHECK(*m.die_out_ms == 0);
  CHECK(*m.total_ms == Approx(5));
}

TEST_CASE("metrics: a missed flow that outlasts a capped run makes the die-out time a lower bound") {
  RunRecord record = Six();
  record.flows[1].finished_ns = kNever;
  CHECK(*ComputeMetrics(record).die_out_ms == Approx(4));  // not capped: it lost packets, and ended
  record.capped = true;
  const RunMetrics m = ComputeMetrics(record);
  CHECK(m.missed == 1);
  CHECK(m.die_out_is_bound);
  CHECK(*m.die_out_ms == Approx(95));  // to the end of the run
  CHECK(m.unfinished == 1);
}

TEST_CASE("metrics: without an end of the operation there is no downtime, and nothing built on it") {
  RunRecord record = Six();
  record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] = kNever;
  RunMetrics m = ComputeMetrics(record);
  CHECK_FALSE(m.downtime_ms);  // flows were moved, so a delete is outstanding
  CHECK_FALSE(m.die_out_ms);
  CHECK_FALSE(m.total_ms);
  for (FlowRow& row : record.flows) {
    row.selected = false;
    row.outcome = FlowOutcome::kPending;
  }
  m = ComputeMetrics(record);
  CHECK(*m.downtime_ms == 0);  // nothing to move, and over
  CHECK(m.missed == 3);        // flows 1, 2 and 5
  CHECK(*m.die_out_ms == Approx(20));
  record.steps_ns[static_cast<size_t>(OperationStep::kAborted)] = kT0 + kMs;
  CHECK_FALSE(ComputeMetrics(record).downtime_ms);
}

TEST_CASE("metrics: an empty record gives counts of zero and no rates") {
  const RunMetrics m = ComputeMetrics(RunRecord());
  CHECK(m.active == 0);
  CHECK_FALSE(m.downtime_ms);
  CHECK_FALSE(m.share_shifted);
  CHECK_FALSE(SnapshotRho(RunRecord(), kMB));
}

TEST_CASE("metrics: confusion counts over A, the elephants by final size") {
  const RunRecord record = Six();
  const Confusion own = Confuse(record, 4 * kMB, OwnSelection(record));  // elephants: 1, 2, 6
  CHECK(own == Confusion{1, 1, 2, 2});
  CHECK(*Recall(own) == Approx(100.0 / 3));
  CHECK(*FalseNegatives(own) == Approx(200.0 / 3));
  CHECK(*FalsePositives(own) == Approx(100.0 / 3));
  CHECK(*FalseDiscoveries(own) == Approx(50));
  CHECK(*Accuracy(own) == Approx(50));
  // At the threshold is an elephant, and is selected by size.
  CHECK(Confuse(record, 4 * kMB, SelectBySize(record, 4 * kMB)) == Confusion{2, 0, 1, 3});
  CHECK(Confuse(record, 4 * kMB + 1, SelectBySize(record, 4 * kMB + 1)) == Confusion{1, 0, 1, 4});
}

TEST_CASE("metrics: without elephants the rates over elephants are missing, those over mice are not") {
  const RunRecord record = Six();
  const Confusion c = Confuse(record, 100 * kMB, OwnSelection(record));
  CHECK(c == Confusion{0, 2, 0, 4});
  CHECK_FALSE(Recall(c));
  CHECK_FALSE(FalseNegatives(c));
  CHECK(*FalsePositives(c) == Approx(100.0 / 3));
  CHECK(*FalseDiscoveries(c) == Approx(100));
  CHECK_FALSE(FalseDiscoveries(Confusion{0, 0, 3, 3}));
}

TEST_CASE("metrics: the snapshot rho weighs A by final or by current size") {
  const RunRecord record = Six();
  // Final sizes 10, 8, 2, 1, 1, 4; current 9, 1, 2, 1, 0.5, 4; elephants 1, 2, 6.
  CHECK(*SnapshotRho(record, 4 * kMB) == Approx(22.0 / 26));
  CHECK(*SnapshotRhoByCurrentSize(record, 4 * kMB) == Approx(14.0 / 17.5));
  CHECK(*SnapshotRho(record, 100 * kMB) == 0);
}

TEST_CASE("metrics: selection by proportion takes the largest first, ties in five-tuple order") {
  RunRecord record = sample::Record();
  record.flows = {Row(3, 0, 40), Row(1, 0, 30), Row(2, 0, 30)};
  CHECK(SelectByProportion(record, 0.4) == RowSelection{true, false, false});
  CHECK(SelectByProportion(record, 0.41) == RowSelection{true, true, false});
  CHECK(SelectByProportion(record, 0.71) == RowSelection{true, true, true});
  CHECK(SelectByProportion(record, 0) == RowSelection{false, false, false});
  record.flows[0].active = false;
  CHECK(SelectByProportion(record, 0.5) == RowSelection{false, true, false});
}

TEST_CASE("metrics: FIT entries by epoch, before and after the pass") {
  RunRecord record;
  record.evictions = {{100 * kMs, 40, 30}, {200 * kMs, 50, 31}};
  const auto counts = FitEntries(record, 100 * kMs);
  REQUIRE(counts.size() == 2);
  CHECK(counts[0].epoch == 1);
  CHECK(counts[1].epoch == 2);
  CHECK(counts[1].before == 50);
  CHECK(counts[1].after == 31);
}

TEST_CASE("metrics: FCT from the first packet sent, and from arrival") {
  const FlowRow row = Row(1, 10, 10);
  CHECK(*FctMs(row) == Approx(39));
  CHECK(*FctFromArrivalMs(row) == Approx(49));
  FlowRow open = row;
  open.finished_ns = kNever;
  CHECK_FALSE(FctMs(open));
  CHECK_FALSE(FctFromArrivalMs(open));
}

TEST_CASE("metrics: quantiles lie between order statistics") {
  std::vector<double> values = {4, 1, 3, 2};
  CHECK(Quantile(values, 0) == 1);
  CHECK(Quantile(values, 0.5) == Approx(2.5));
  CHECK(Quantile(values, 1) == 4);
}

}  // namespace
}  // namespace uhaul
