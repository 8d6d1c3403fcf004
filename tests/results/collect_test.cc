#include "results/collect.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/results/sample_record.h"

using namespace uhaul;
using Catch::Contains;
using namespace uhaul::sample;

namespace {

// U-HAUL at two thresholds over two traces, with downtimes of 1, 3 and 5, 9 ms.
std::vector<StoredPoint> Points() {
  std::vector<StoredPoint> points;
  int64_t downtime_ms = 1;
  for (const char* threshold : {"10000000", "3000000"}) {
    for (const char* trace : {"1", "2"}) {
      StoredPoint point = Point("web_search", trace, "uhaul", threshold);
      point.id = std::string(threshold) + trace;
      point.engine = "sim";
      point.record.t0_ns = kT0;
      point.record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] = kT0 + downtime_ms * kMs;
      downtime_ms += downtime_ms < 3 ? 2 : (downtime_ms == 3 ? 2 : 4);
      points.push_back(point);
    }
  }
  return points;
}

}  // namespace

TEST_CASE("collect: a line per point, in the order of their values, whatever order they come in") {
  std::vector<StoredPoint> points = Points();
  const std::string csv = CollectCsv(points);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 5);
  CHECK(csv.find("30000001,") < csv.find("100000001,"));
  CHECK(csv.find("30000001,") < csv.find("30000002,"));
  std::reverse(points.begin(), points.end());
  CHECK(CollectCsv(points) == csv);
  CHECK_THAT(csv, Contains("edm.threshold") && Contains("downtime_ms") && Contains("packets_lost"));
}

TEST_CASE("collect: means show only what differs, and average over traces") {
  RenderOptions options;
  options.format = RenderFormat::kCsv;
  const std::string means = CollectMeans(Points(), options);
  CHECK(std::count(means.begin(), means.end(), '\n') == 3);
  CHECK_THAT(means, !Contains("workload.trace") && !Contains("workload.name"));
  const size_t first = means.find("\n3000000,2,");
  REQUIRE(first != std::string::npos);
  CHECK(means.find("\n10000000,2,") > first);
  CHECK_THAT(means, Contains("7.000") && Contains("2.000"));  // (5 + 9) / 2 and (1 + 3) / 2
}
