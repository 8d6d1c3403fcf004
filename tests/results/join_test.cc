#include "results/join.h"

#include <catch2/catch.hpp>

#include "tests/results/sample_record.h"

namespace uhaul {
namespace {

using sample::kMs;
using sample::kT0;
using sample::Row;

FlowRow Timed(uint8_t number, uint64_t final_bytes, int64_t first_ms, int64_t last_ms) {
  FlowRow row = Row(number, final_bytes, final_bytes);
  row.first_sent_ns = kT0 + first_ms * kMs;
  row.arrival_ns = row.first_sent_ns - kMs;
  row.finished_ns = row.last_processed_ns = kT0 + last_ms * kMs;
  return row;
}

const FctRatio& Of(const FctRatios& ratios, MicePopulation population) {
  return ratios[static_cast<size_t>(population)];
}

struct Pair {
  RunRecord opennf = sample::Record();
  RunRecord uhaul = sample::Record();
  void Add(FlowRow under_uhaul, int64_t opennf_delay_ms) {
    uhaul.flows.push_back(under_uhaul);
    under_uhaul.selected = under_uhaul.active;
    under_uhaul.finished_ns += opennf_delay_ms * kMs;
    opennf.flows.push_back(under_uhaul);
  }
};

// OpenNF's T is 5 ms (sample::Record).
Pair Mice() {
  Pair pair;
  pair.Add(Timed(1, 100, -4, -2), 0);  // over before t0: FCT 2 in both
  FlowRow alive = Timed(2, 100, -1, 1);
  alive.t0_unsent_bytes = 50;
  pair.Add(alive, 4);  // 2 -> 6
  FlowRow selected = Timed(3, 100, -4, 6);
  selected.selected = true;
  pair.Add(selected, 7);
  pair.Add(Timed(4, 5000, -4, 6), 7);  // no mouse
  FlowRow arrived = Timed(5, 100, 2, 3);
  arrived.active = false;
  pair.Add(arrived, 4);  // 1 -> 5
  FlowRow late = Timed(6, 100, 6, 7);
  late.active = false;
  pair.Add(late, 0);  // after OpenNF's downtime
  return pair;
}

TEST_CASE("join: each population of mice has its own ratio of flow completion times") {
  const Pair pair = Mice();
  const FctRatios ratios = JoinFct(pair.opennf, pair.uhaul, 1000);
  const FctRatio& unselected = Of(ratios, MicePopulation::kUnselected);
  CHECK(unselected.flows == 2);
  CHECK(*unselected.ratio_of_means == Approx(8.0 / 4));
  CHECK(*unselected.mean_of_ratios == Approx((1.0 + 3.0) / 2));
  CHECK(*unselected.median == Approx(2));
  CHECK(*unselected.from_arrival == Approx(10.0 / 6));
  // The paper adds OpenNF's downtime to every mouse: (2 + 5 + 2 + 5) / 4.
  CHECK(*unselected.arithmetic == Approx(14.0 / 4));
  CHECK(Of(ratios, MicePopulation::kAlive).flows == 1);
  CHECK(*Of(ratios, MicePopulation::kAlive).ratio_of_means == Approx(3));
  CHECK(Of(ratios, MicePopulation::kArrived).flows == 1);
  CHECK(*Of(ratios, MicePopulation::kArrived).ratio_of_means == Approx(5));
  CHECK(Of(ratios, MicePopulation::kAll).flows == 3);
  CHECK(*Of(ratios, MicePopulation::kAll).ratio_of_means == Approx(13.0 / 5));
}

TEST_CASE("join: flows that did not end in both runs, or are absent from one, are counted and left out") {
  Pair pair = Mice();
  pair.opennf.flows[0].finished_ns = kNever;
  pair.uhaul.flows.erase(pair.uhaul.flows.begin() + 4);  // the one that arrived
  const FctRatios ratios = JoinFct(pair.opennf, pair.uhaul, 1000);
  CHECK(Of(ratios, MicePopulation::kUnselected).flows == 1);
  CHECK(Of(ratios, MicePopulation::kUnselected).unfinished == 1);
  CHECK(Of(ratios, MicePopulation::kArrived).flows == 0);
  CHECK(Of(ratios, MicePopulation::kArrived).unpaired == 1);
  CHECK_FALSE(Of(ratios, MicePopulation::kArrived).ratio_of_means);
}

TEST_CASE("join: without mice there is no ratio") {
  const Pair pair = Mice();
  CHECK_FALSE(Of(JoinFct(pair.opennf, pair.uhaul, 1), MicePopulation::kAll).ratio_of_means);
}

TEST_CASE("join: an OpenNF run that did not end gives no arithmetic and no arrivals") {
  Pair pair = Mice();
  pair.opennf.steps_ns.fill(kNever);
  const FctRatios ratios = JoinFct(pair.opennf, pair.uhaul, 1000);
  CHECK_FALSE(Of(ratios, MicePopulation::kUnselected).arithmetic);
  CHECK(Of(ratios, MicePopulation::kUnselected).flows == 2);
  CHECK(Of(ratios, MicePopulation::kArrived).flows == 0);
}

TEST_CASE("join: 4.6 times as long is 78.3 % less latency, as the paper reckons") {
  CHECK(*LatencyReduction(4.6) == Approx(78.26).margin(0.01));
  CHECK(*LatencyReduction(18.3) == Approx(94.54).margin(0.01));
  CHECK_FALSE(LatencyReduction(std::nullopt));
  CHECK(*ReductionPercent(1.0, 4.0) == Approx(75));
  CHECK_FALSE(ReductionPercent(1.0, 0.0));
  CHECK_FALSE(ReductionPercent(std::nullopt, 1.0));
}

}  // namespace
}  // namespace uhaul
