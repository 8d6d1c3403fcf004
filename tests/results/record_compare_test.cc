#include "results/record_compare.h"

#include <catch2/catch.hpp>
#include <functional>

#include "tests/results/sample_record.h"

namespace uhaul {
namespace {

RunRecord Full() {
  RunRecord record = sample::Record();
  record.flows = {sample::Row(1, 9, 3), sample::Row(2, 9, 4)};
  record.evictions = {{100, 7, 5}};
  record.buffers[0].series = {{5, 6}};
  return record;
}

TEST_CASE("record_compare: equal records have no difference, and how late the generator was does not count") {
  RunRecord other = Full();
  CHECK_FALSE(FirstDifference(Full(), other));
  other.counters.generator_late_ns = 99;
  CHECK_FALSE(FirstDifference(Full(), other));
}

TEST_CASE("record_compare: every field that differs is named") {
  const std::pair<const char*, std::function<void(RunRecord&)>> kChanges[] = {
      {"t0_ns", [](RunRecord& r) { ++r.t0_ns; }},
      {"steps_ns.done", [](RunRecord& r) { r.steps_ns[static_cast<size_t>(OperationStep::kDone)] = kNever; }},
      {"rho", [](RunRecord& r) { r.rho = 0.5; }},
      {"elephant_bytes_threshold", [](RunRecord& r) { ++r.elephant_bytes_threshold; }},
      {"nf_states_at_t0", [](RunRecord& r) { ++r.nf_states_at_t0; }},
      {"transit_median_ns", [](RunRecord& r) { ++r.transit_median_ns; }},
      {"ended_ns", [](RunRecord& r) { ++r.ended_ns; }},
      {"capped", [](RunRecord& r) { r.capped = true; }},
      {"counters.events", [](RunRecord& r) { ++r.counters.events; }},
      {"counters.rules_peak", [](RunRecord& r) { ++r.counters.rules_peak; }},
      {"evictions (length)", [](RunRecord& r) { r.evictions.clear(); }},
      {"evictions[0]", [](RunRecord& r) { ++r.evictions[0].after; }},
      {"buffers.controller.peak_bytes", [](RunRecord& r) { ++r.buffers[0].peak_bytes; }},
      {"buffers.destination.dropped_packets", [](RunRecord& r) { ++r.buffers[1].dropped_packets; }},
      {"buffers.controller.series[0]", [](RunRecord& r) { ++r.buffers[0].series[0].at_ns; }},
      {"unmeasured (length)", [](RunRecord& r) { r.unmeasured = {"evictions"}; }},
      {"flows (length)", [](RunRecord& r) { r.flows.pop_back(); }},
      {"flows[1].five_tuple", [](RunRecord& r) { ++r.flows[1].tuple.source_port; }},
      {"flows[1].finished_ns", [](RunRecord& r) { r.flows[1].finished_ns = kNever; }},
      {"flows[0].active", [](RunRecord& r) { r.flows[0].active = false; }},
      {"flows[0].outcome", [](RunRecord& r) { r.flows[0].outcome = FlowOutcome::kMoved; }},
      {"flows[1].t0_unsent_bytes", [](RunRecord& r) { ++r.flows[1].t0_unsent_bytes; }},
  };
  for (const auto& [field, change] : kChanges) {
    RunRecord other = Full();
    change(other);
    const auto difference = FirstDifference(Full(), other);
    CAPTURE(field);
    REQUIRE(difference);
    CHECK(difference->field == field);
    CHECK(difference->a != difference->b);
  }
}

}  // namespace
}  // namespace uhaul
