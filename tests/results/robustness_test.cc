#include "results/robustness.h"

#include <catch2/catch.hpp>

#include "tests/results/sample_record.h"

using namespace uhaul;
using Catch::Contains;
using namespace uhaul::sample;

namespace {

// Thirty traces of web search at every threshold of the paper; OpenNF takes 20 ms, U-HAUL `uhaul_ms`.
std::vector<StoredPoint> Points(const std::string& workload, int64_t uhaul_ms) {
  std::vector<StoredPoint> points;
  const auto downtime = [](StoredPoint& point, int64_t ms) {
    point.record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] = kT0 + ms * kMs;
  };
  for (int trace = 1; trace <= 30; ++trace) {
    points.push_back(Point(workload, std::to_string(trace), "opennf"));
    downtime(points.back(), 20);
    for (int mb = 3; mb <= 10; ++mb) {
      points.push_back(Point(workload, std::to_string(trace), "uhaul", std::to_string(mb * 1'000'000)));
      downtime(points.back(), uhaul_ms);
    }
  }
  return points;
}

Robustness Three() {
  Robustness robustness;
  RenderOptions options;
  options.resamples = 50;
  CHECK(AddSetting({"emulab-2016", "main", "3", "1"}, Points("web_search", 5), options, &robustness).ok());
  CHECK(AddSetting({"emulab-2016", "main", "16", "1"}, Points("web_search", 30), options, &robustness).ok());
  CHECK(AddSetting({"ideal", "tab8", "3", "1"}, Points("facebook_cache_tab8", 5), options, &robustness).ok());
  return robustness;
}

const RobustClaim& Of(const Robustness& robustness, const std::string& key) {
  const auto at = std::find_if(robustness.claims.begin(), robustness.claims.end(),
                               [&](const RobustClaim& claim) { return claim.key == key; });
  REQUIRE(at != robustness.claims.end());
  return *at;
}

}  // namespace

TEST_CASE("Robustness: a claim holds where U-HAUL is faster, reverses where it is slower, has no data where none is") {
  const Robustness robustness = Three();
  CHECK(robustness.traces == 30);
  const RobustClaim& web = Of(robustness, "downtime-reduction-min.web_search");
  REQUIRE(web.cells.size() == 3);
  CHECK(web.cells[0].direction == Direction::kHolds);
  CHECK(web.cells[0].ours == Approx(75));
  CHECK(web.cells[1].direction == Direction::kReverses);
  CHECK(web.cells[2].direction == Direction::kNone);
  CHECK(StandingOf(web) == Standing::kDepends);
  // Of another table's points, too: they are the workload's.
  const RobustClaim& any = Of(robustness, "time-reduction");
  CHECK(any.cells[2].ours == Approx(75));
}

TEST_CASE("Robustness: standing is everywhere, never against, it depends, never, or undecided") {
  const auto of = [](std::vector<Direction> directions) {
    RobustClaim claim;
    for (const Direction direction : directions) claim.cells.push_back({direction, 1.0, std::nullopt});
    return StandingOf(claim);
  };
  using enum Direction;
  CHECK(of({kHolds, kHolds}) == Standing::kHoldsEverywhere);
  CHECK(of({kHolds, kUndecided}) == Standing::kNeverReverses);
  CHECK(of({kHolds, kReverses, kUndecided}) == Standing::kDepends);
  CHECK(of({kReverses, kUndecided}) == Standing::kNeverHolds);
  CHECK(of({kUndecided, kUndecided}) == Standing::kUndecided);
}

TEST_CASE("Robustness: the table counts by each value, the picture has a row per claim, JSON comes back whole") {
  const Robustness robustness = Three();
  RenderOptions options;
  options.format = RenderFormat::kMarkdown;
  const std::string table = RenderRobustness(robustness, options);
  CHECK_THAT(table,
             Contains("| Web search: downtime less (at its least) | depends on the setting | 1/1/0 | 1/0/0 | 0/1/0 |"));
  CHECK_THAT(table, Contains("senders 16") && Contains("profile ideal") && Contains("tables tab8"));
  options.format = RenderFormat::kCsv;
  CHECK_THAT(
      RenderRobustness(robustness, options),
      Contains("downtime-reduction-min.web_search,Web search: downtime less (at its least),%,emulab-2016,main,16,1,"
               "reverses,"));
  const std::string svg = RobustnessSvg(robustness);
  CHECK_THAT(svg, Contains("Web search: downtime less (at its least)</text>") && Contains("emulab-2016, main"));
  const std::string json = EncodeRobustness(robustness);
  const auto back = DecodeRobustness(json);
  REQUIRE(back.ok());
  CHECK(EncodeRobustness(*back) == json);
  for (const char* bad : {"", "{}", "{\"uhaul_robustness\":2}", "[1]"}) CHECK_FALSE(DecodeRobustness(bad).ok());
  CHECK_FALSE(DecodeRobustness(json.substr(0, json.size() / 2)).ok());
}
