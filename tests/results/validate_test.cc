#include "results/validate.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/results/sample_record.h"

namespace uhaul {
namespace {

using Catch::Contains;
using sample::kMs;
using sample::kT0;

StoredPoint WithDowntime(double ms, const std::string& trace = "1", const std::string& profile = "p") {
  StoredPoint point = sample::Point("web_search", trace, "uhaul");
  point.record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] =
      kT0 + static_cast<int64_t>(ms * static_cast<double>(kMs));
  point.record.flows.push_back(sample::Row(1, 5'000'000, 4'000'000));
  point.record.flows.back().selected = true;
  point.spec["profile.name"] = profile;
  point.spec["profile.get"] = "4000000";
  return point;
}

const MetricComparison& Of(const Comparison& comparison, const std::string& metric, size_t group = 0) {
  for (const MetricComparison& c : comparison.groups.at(group).metrics) {
    if (c.metric->name == metric) return c;
  }
  FAIL("no metric " << metric);
  throw 0;
}

Comparison Compared(const std::vector<StoredPoint>& a, const std::vector<StoredPoint>& b,
                    const ValidateOptions& options = {}) {
  const Result<Comparison> comparison = Compare(a, b, options);
  REQUIRE(comparison.ok());
  return *comparison;
}

TEST_CASE("validate: a set agrees with itself exactly, and what nothing speaks of has no data") {
  const std::vector<StoredPoint> points = {WithDowntime(5), WithDowntime(6, "2")};
  const Comparison comparison = Compared(points, points);
  CHECK(comparison.pairs == 2);
  REQUIRE(comparison.groups.size() == 1);
  CHECK(Of(comparison, "downtime_ms").agreement == Agreement::kEqual);
  CHECK(*Of(comparison, "downtime_ms").a == Approx(5.5));
  CHECK(Of(comparison, "fit_before_pass").agreement == Agreement::kNoData);
  CHECK(comparison.agreement == Agreement::kEqual);
  CHECK(comparison.Agrees());
}

TEST_CASE("validate: the difference is relative to B and judged by the tolerance") {
  const std::vector<StoredPoint> a = {WithDowntime(11)};
  const std::vector<StoredPoint> b = {WithDowntime(10)};
  ValidateOptions options;
  options.metrics = {"downtime_ms"};
  options.tolerance = 0.101;
  Comparison comparison = Compared(a, b, options);
  CHECK(*Of(comparison, "downtime_ms").difference == Approx(0.1));
  CHECK(comparison.agreement == Agreement::kWithin);
  options.tolerance = 0.05;
  comparison = Compared(a, b, options);
  CHECK(comparison.agreement == Agreement::kOutside);
  CHECK_FALSE(comparison.Agrees());
  // The baseline says 4 ms for the one selected flow: |11 - 10| / |4 - 10|.
  REQUIRE(comparison.groups[0].baseline);
  CHECK(comparison.groups[0].baseline->predicted_ms == Approx(4));
  CHECK(*comparison.groups[0].baseline->error_ratio == Approx(1.0 / 6));
}

TEST_CASE("validate: repeated runs give a median with an exact interval; inside it is within spread") {
  std::vector<StoredPoint> b;
  for (const double ms : {6.0, 8.0, 10.0, 12.0, 14.0, 30.0}) b.push_back(WithDowntime(ms));
  ValidateOptions options;
  options.metrics = {"downtime_ms"};
  const Comparison comparison = Compared({WithDowntime(20)}, b, options);
  const MetricComparison& c = Of(comparison, "downtime_ms");
  CHECK(c.runs == 6);
  CHECK(c.pairs == 1);
  CHECK(*c.b == Approx(11));
  REQUIRE(c.interval);
  CHECK(c.interval->low == Approx(6));
  CHECK(c.interval->high == Approx(30));
  CHECK(*c.spread == Approx(5));
  CHECK(c.agreement == Agreement::kWithinSpread);
  b.pop_back();  // five runs are too few for an interval
  CHECK(Compared({WithDowntime(20)}, b, options).agreement == Agreement::kOutside);
}

TEST_CASE("validate: several pairs with repeated runs have a resampled interval, the same each time") {
  std::vector<StoredPoint> b;
  for (const char* trace : {"1", "2"}) {
    for (const double ms : {9.0, 10.0, 11.0}) b.push_back(WithDowntime(ms, trace));
  }
  const std::vector<StoredPoint> a = {WithDowntime(10, "1"), WithDowntime(10, "2")};
  const Comparison one = Compared(a, b);
  const Comparison two = Compared(a, b);
  const auto interval = Of(one, "downtime_ms").interval;
  REQUIRE(interval);
  CHECK(interval->low < 10);
  CHECK(interval->high > 10);
  CHECK(interval->low == Of(two, "downtime_ms").interval->low);
  CHECK(ComparisonCsv(one) == ComparisonCsv(two));
}

TEST_CASE("validate: what one side cannot say is no data, and counted, never zero") {
  StoredPoint b = WithDowntime(5);
  b.record.counters.events = 0;
  b.record.unmeasured = {"counters.events"};
  StoredPoint a = WithDowntime(5);
  a.record.counters.events = 7;
  ValidateOptions options;
  options.metrics = {"events"};
  const Comparison comparison = Compared({a}, {b}, options);
  CHECK(comparison.agreement == Agreement::kNoData);
  CHECK_FALSE(comparison.Agrees());
  CHECK(Of(comparison, "events").one_sided == 1);
  CHECK_THAT(RenderComparison(comparison, options, {}), Contains("one side only: events (1)"));
}

TEST_CASE("validate: a value against zero is outside, however wide the tolerance") {
  StoredPoint a = WithDowntime(5);
  a.record.counters.packets_lost = 1;
  ValidateOptions options;
  options.tolerance = 10;
  options.metrics = {"packets_lost"};
  const Comparison comparison = Compared({a}, {WithDowntime(5)}, options);
  CHECK(comparison.agreement == Agreement::kOutside);
  CHECK_FALSE(Of(comparison, "packets_lost").difference);
}

TEST_CASE("validate: held-out groups are judged apart") {
  ValidateOptions options;
  options.metrics = {"downtime_ms"};
  options.held_out = [](const StoredPoint& point) { return point.spec.at("workload.trace") == "2"; };
  const Comparison comparison =
      Compared({WithDowntime(10, "1"), WithDowntime(10, "2")}, {WithDowntime(10, "1"), WithDowntime(20, "2")}, options);
  REQUIRE(comparison.summaries.size() == 2);
  CHECK(comparison.summaries[0].agreement == Agreement::kEqual);
  CHECK(comparison.summaries[1].held_out);
  CHECK(comparison.summaries[1].agreement == Agreement::kOutside);
  const std::string text = RenderComparison(comparison, options, {});
  CHECK_THAT(text, Contains("calibrated-on groups: within") && Contains("held-out groups: outside"));
}

TEST_CASE("validate: text, CSV and JSON say the same verdict; points of one side are named") {
  StoredPoint alone = WithDowntime(5, "7");
  alone.id = "alone";
  const Comparison comparison = Compared({WithDowntime(5), alone}, {WithDowntime(5)});
  const ValidateOptions options;
  CHECK_THAT(RenderComparison(comparison, options, {}), Contains("1 points only in A") &&
                                                            Contains("alone (web_search, uhaul, 3 MB, trace 7)") &&
                                                            Contains("Verdict: within (1 pairs"));
  const auto json = nlohmann::json::parse(ComparisonJson(comparison, options));
  CHECK(json["verdict"] == "equal");
  CHECK(json["only_a"].size() == 1);
  const std::string csv = ComparisonCsv(comparison);
  CHECK(static_cast<size_t>(std::count(csv.begin(), csv.end(), '\n')) == comparison.groups[0].metrics.size() + 1);
  CHECK_THAT(csv, Contains("web_search,uhaul,3000000,0,downtime_ms,5,5,"));
}

TEST_CASE("validate: exact comparison names the first field that differs, run by run") {
  StoredPoint doctored = WithDowntime(5, "2");
  doctored.record.flows[0].t0_bytes += 1;
  const Result<ExactComparison> comparison = CompareExactly(std::vector{WithDowntime(5), WithDowntime(5, "2")},
                                                            std::vector{WithDowntime(5), doctored}, {.ignore = {}});
  REQUIRE(comparison.ok());
  CHECK(comparison->pairs == 2);
  REQUIRE(comparison->differences.size() == 1);
  CHECK(comparison->differences[0].text == "flows[0].t0_bytes: 4000000 in A, 4000001 in B");
  CHECK_THAT(RenderExact(*comparison), Contains("Verdict: different (2 pairs, 2 records compared, 1 differ)"));
  CHECK(nlohmann::json::parse(ExactJson(*comparison))["verdict"] == "different");
}

}  // namespace
}  // namespace uhaul
