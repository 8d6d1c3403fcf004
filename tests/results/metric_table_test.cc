#include "results/metric_table.h"

#include <catch2/catch.hpp>
#include <set>

#include "results/record_fields.h"
#include "tests/results/sample_record.h"

namespace uhaul {
namespace {

TEST_CASE("metric_table: names are unique, and every field a metric takes is one that a record can lack") {
  std::set<std::string> names;
  for (const Metric& metric : Metrics()) {
    CAPTURE(metric.name);
    CHECK(names.insert(metric.name).second);
    CHECK(FindMetric(metric.name) == &metric);
    for (const char* field : metric.takes) CHECK((field == nullptr || IsMeasurable(field)));
  }
  CHECK(FindMetric("none") == nullptr);
  CHECK_FALSE(IsMeasurable("counters.none"));
}

TEST_CASE("metric_table: a metric whose fields nobody measured has no value") {
  RunRecord record = sample::Record();
  record.flows = {sample::Row(1, 100, 50)};
  record.flows[0].pause_ns = 3000;
  CHECK(*ValueOf(*FindMetric("pause_max_us"), Measure(record)) == Approx(3));
  CHECK(*ValueOf(*FindMetric("missed"), Measure(record)) == 0);
  record.unmeasured = {"flows.last_processed_ns", "flows.pause_ns"};
  CHECK_FALSE(ValueOf(*FindMetric("pause_max_us"), Measure(record)));
  CHECK_FALSE(ValueOf(*FindMetric("missed"), Measure(record)));
  CHECK_FALSE(ValueOf(*FindMetric("die_out_ms"), Measure(record)));
}

TEST_CASE("metric_table: mice are told by the run's threshold, else by the caller's") {
  RunRecord record = sample::Record();
  record.flows = {sample::Row(1, 100, 50), sample::Row(2, 5000, 50)};  // 39 ms each
  record.flows[1].finished_ns += sample::kMs;
  const Metric& p99 = *FindMetric("mice_fct_p99_ms");
  CHECK_FALSE(ValueOf(p99, Measure(record)));
  CHECK(*ValueOf(p99, Measure(record, 1000)) == Approx(39));
  record.elephant_bytes_threshold = 6000;
  CHECK(*ValueOf(p99, Measure(record, 1000)) == Approx(39.99));
}

TEST_CASE("metric_table: the pass of a run is the first at or after t0") {
  RunRecord record = sample::Record();
  CHECK_FALSE(PassAfter(record));
  record.evictions = {{sample::kT0 - 1, 9, 8}, {sample::kT0, 7, 6}, {sample::kT0 + 5, 5, 4}};
  CHECK(*ValueOf(*FindMetric("fit_before_pass"), Measure(record)) == 7);
  CHECK(*ValueOf(*FindMetric("fit_after_pass"), Measure(record)) == 6);
}

}  // namespace
}  // namespace uhaul
