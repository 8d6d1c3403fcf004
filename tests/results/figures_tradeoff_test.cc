#include <catch2/catch.hpp>

#include "results/figure_data.h"
#include "tests/results/sample_record.h"

using namespace uhaul;
using Catch::Contains;
using namespace uhaul::sample;

namespace {

void Downtime(StoredPoint& point, int64_t ms) {
  point.record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] = kT0 + ms * kMs;
}

// A flow of A that still has bytes to send; moved or not, and ended so long after t0.
FlowRow Alive(uint8_t number, bool moved, int64_t ends_ms) {
  FlowRow row = Row(number, 20'000'000, 5'000'000);
  row.t0_unsent_bytes = 1'000'000;
  row.selected = moved;
  row.outcome = moved ? FlowOutcome::kMoved : FlowOutcome::kPending;
  row.last_processed_ns = kT0 + ends_ms * kMs;
  row.finished_ns = row.last_processed_ns;
  return row;
}

// Thirty traces. 3 MB takes 10 ms and moves everything that is alive; 4 MB takes 2 ms and moves nothing of it.
std::vector<StoredPoint> SweetSpotPoints() {
  std::vector<StoredPoint> points;
  for (int trace = 1; trace <= 30; ++trace) {
    for (const auto& [threshold, ms] : {std::pair("3000000", 10), std::pair("4000000", 2)}) {
      points.push_back(Point("web_search", std::to_string(trace), "uhaul", threshold));
      Downtime(points.back(), ms);
      points.back().record.flows = {Alive(1, ms == 10, 1)};
    }
  }
  return points;
}

// Thirty traces at two costs. Moving all takes 1 ms, then 100 ms; U-HAUL 1 ms, then 2 ms, and leaves a flow that lasts
// 20 ms: slower at the first cost, faster at the second.
std::vector<StoredPoint> CostPoints(const std::string& moves_all, const std::string& moves_elephants) {
  std::vector<StoredPoint> points;
  for (const auto& [cost, opennf_ms, uhaul_ms] : {std::tuple("1000", 1, 1), std::tuple("1000000", 100, 2)}) {
    for (int trace = 1; trace <= 30; ++trace) {
      for (const std::string& scheme : {moves_all, moves_elephants}) {
        StoredPoint point = Point("web_search", std::to_string(trace), scheme);
        point.id += cost;
        point.spec["profile.get"] = cost;
        const bool all = scheme == moves_all;
        Downtime(point, all ? opennf_ms : uhaul_ms);
        point.record.flows = {Alive(1, all, 20)};
        points.push_back(point);
      }
    }
  }
  return points;
}

double At(const FigureData& figure, size_t row, const char* column) {
  return figure.rows.at(row).at(figure.Column(column)).number.value();
}

}  // namespace

TEST_CASE("Figure sweet-spot: the least total time moves nothing; among thresholds that shift enough another is best") {
  RenderOptions options;
  options.resamples = 50;
  const auto figure = BuildFigure("sweet-spot", SweetSpotPoints(), options);
  REQUIRE(figure.ok());
  REQUIRE(figure->rows.size() == 2);
  CHECK(At(*figure, 0, "total_ms") == Approx(10));
  CHECK(At(*figure, 1, "total_ms") == Approx(2));
  CHECK(At(*figure, 0, "best_percent") == Approx(0));
  CHECK(At(*figure, 1, "best_percent") == Approx(100));
  CHECK(At(*figure, 0, "shifted_percent") == Approx(100));
  CHECK(At(*figure, 1, "shifted_percent") == Approx(0));
  CHECK(At(*figure, 0, "best_of_shifting_percent") == Approx(100));
  CHECK(At(*figure, 0, "total_ms_paper") == Approx(7.694));
  CHECK_THAT(figure->notes.at(0),
             Contains("is at 4 MB (2.00 ms)") && Contains("25 %") && Contains("at 3 MB (10.00 ms)"));
  CHECK(ChartsOf(*figure).size() ==
        3);  // its total, and how often it is the best, of all and of those that shift enough
}

TEST_CASE("Figure cost: below the break-even moving everything is faster, and it is found between the costs") {
  RenderOptions options;
  options.resamples = 50;
  const auto figure = BuildFigure("cost", CostPoints("opennf", "uhaul"), options);
  REQUIRE(figure.ok());
  REQUIRE(figure->rows.size() == 2);
  CHECK(At(*figure, 0, "cost_us") == Approx(1));
  CHECK(At(*figure, 0, "elephants_total_ms") == Approx(20));
  CHECK(At(*figure, 0, "all_total_ms") == Approx(1));
  CHECK(At(*figure, 0, "die_out_ms") == Approx(19));
  CHECK(At(*figure, 1, "all_total_ms") == Approx(100));
  // 19 ms slower at 1 us, 80 ms faster at 1 ms: equal at 1000^(19/99) us.
  CHECK_THAT(figure->notes.at(0), Contains("3 MB at 4 us [4, 4]"));
  const std::vector<Chart> charts = ChartsOf(*figure);
  REQUIRE(charts.size() == 2);
  CHECK(charts[0].log_x);
  CHECK(charts[0].log_y);
}

TEST_CASE("Figure cost: the hand-over's points stand beside OpenNF's, each way compared within itself") {
  RenderOptions options;
  options.resamples = 50;
  std::vector<StoredPoint> points = CostPoints("opennf", "uhaul");
  for (StoredPoint& point : CostPoints("handover", "uhaul-handover")) {
    if (point.spec["scheme.name"] == "handover") Downtime(point, point.spec["profile.get"] == "1000" ? 30 : 100);
    points.push_back(std::move(point));
  }
  const auto figure = BuildFigure("cost", points, options);
  REQUIRE(figure.ok());
  REQUIRE(figure->rows.size() == 4);
  CHECK(figure->rows.at(2).at(figure->Column("way")).text == "handover");
  CHECK(At(*figure, 0, "all_total_ms") == Approx(1));
  CHECK(At(*figure, 2, "all_total_ms") == Approx(30));
  CHECK_THAT(figure->notes.at(0), Contains("OpenNF's move") && Contains("3 MB at 4 us"));
  CHECK_THAT(figure->notes.at(1), Contains("the hand-over") && Contains("below the least cost here"));
  CHECK(ChartsOf(*figure).at(0).series.size() == 3);  // OpenNF, U-HAUL at the one threshold, the hand-over of all
}
