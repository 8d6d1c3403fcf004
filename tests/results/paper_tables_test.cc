#include "results/paper_tables.h"

#include <catch2/catch.hpp>

#include "results/claims.h"
#include "results/figure_data.h"
#include "tests/results/sample_record.h"

namespace uhaul {
namespace {

using sample::kMs;
using sample::kT0;
using sample::Row;

constexpr uint64_t kMB = 1'000'000;

// Trace k: two elephants, one selected (and moved) by U-HAUL, one missed that ends 5 + k ms after t0; a mouse.
std::vector<FlowRow> Flows(int trace) {
  std::vector<FlowRow> flows = {Row(1, 12 * kMB, 11 * kMB), Row(2, 11 * kMB, kMB), Row(3, kMB, kMB)};
  flows[1].t0_unsent_bytes = 10 * kMB;
  flows[1].last_processed_ns = flows[1].finished_ns = kT0 + (5 + trace) * kMs;
  return flows;
}

StoredPoint Run(const std::string& workload, int trace, const std::string& scheme, const std::string& threshold) {
  StoredPoint point = sample::Point(workload, std::to_string(trace), scheme, threshold);
  point.spec["workload.load"] = "1";
  point.record.flows = Flows(trace);
  for (FlowRow& row : point.record.flows) row.selected = scheme == "opennf" || row.tuple.source[3] == 1;
  for (FlowRow& row : point.record.flows) {
    if (row.selected) row.outcome = FlowOutcome::kMoved;
  }
  if (scheme == "opennf") {
    point.record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] = kT0 + 50 * kMs;
  }
  for (int epoch = 1; epoch <= 10; ++epoch) {
    point.record.evictions.push_back({epoch * 100 * kMs, static_cast<uint32_t>(700 + trace), 350});
  }
  return point;
}

std::vector<StoredPoint> Web(int traces) {
  std::vector<StoredPoint> points;
  for (int trace = 1; trace <= traces; ++trace) {
    points.push_back(Run("web_search", trace, "opennf", ""));
    for (int mb = 3; mb <= 10; ++mb) {
      points.push_back(Run("web_search", trace, "uhaul", std::to_string(mb) + "000000"));
    }
  }
  return points;
}

Table Built(int number, const std::vector<StoredPoint>& points) {
  auto table = BuildTable(number, points, {});
  REQUIRE(table.ok());
  return *table;
}

TEST_CASE("paper_tables: a cell is the mean over traces, with no band below thirty of them") {
  const Table table = Built(12, Web(5));
  REQUIRE(table.cells.size() == 16);
  const TableCell& cell = table.cells[0];
  CHECK(cell.workload == "web_search");
  CHECK(cell.threshold_bytes == 3 * kMB);
  CHECK(cell.paper == Approx(7.694));
  CHECK(*cell.ours == Approx(5 + 3.0));  // T = 5, die-out 1..5
  CHECK(cell.traces == 5);
  CHECK(cell.missing == 0);
  CHECK_FALSE(cell.band);
  CHECK(cell.verdict == Verdict::kNoBand);
  CHECK_FALSE(table.envelope_p);
}

TEST_CASE("paper_tables: thirty traces give bands, verdicts and a global test, the same each time") {
  const auto points = Web(30);
  const Table table = Built(12, points);
  const TableCell& cell = table.cells[0];
  CHECK(*cell.ours == Approx(5 + 15.5));
  REQUIRE(cell.band);
  CHECK(cell.band->low > 11);
  CHECK(cell.band->low < 17);
  CHECK(cell.band->high > 24);
  CHECK(cell.band->high < 30);
  CHECK(cell.verdict == Verdict::kOut);
  CHECK(table.envelope_p.value_or(1) < 0.01);
  CHECK(RenderTable(table, {}) == RenderTable(Built(12, points), {}));
  RenderOptions other;
  other.seed = 2;
  CHECK(BuildTable(12, points, other)->cells[0].band->low != cell.band->low);
}

TEST_CASE("paper_tables: rates are pooled over the runs") {
  const Table table = Built(1, Web(5));
  REQUIRE(table.cells.size() == 16);
  CHECK(table.cells[0].series == "FP rate");
  CHECK(*table.cells[0].ours == 0);
  CHECK(table.cells[8].series == "FN rate");
  CHECK(*table.cells[8].ours == Approx(50));  // one of two elephants
  CHECK(table.cells[8].evidence == Evidence::kPredicted);
}

TEST_CASE("paper_tables: missing points are '-' and counted, never filled in") {
  auto points = Web(5);
  points.erase(points.begin() + 1);  // trace 1 at 3 MB
  const Table table = Built(12, points);
  CHECK(table.cells[0].traces == 4);
  CHECK(table.cells[0].missing == 1);
  CHECK(*table.cells[0].ours == Approx(5 + 3.5));
  CHECK(table.cells[8].workload == "facebook_cache");
  CHECK_FALSE(table.cells[8].ours);
  const std::string text = RenderTable(table, {});
  CHECK_THAT(text, Catch::Contains("4 (-1)"));
  CHECK_THAT(text, Catch::Contains("Facebook: 0 traces"));
}

TEST_CASE("paper_tables: points of another setting are left out, and said to be") {
  auto points = Web(5);
  StoredPoint other = Run("web_search", 1, "uhaul", "3000000");
  other.spec["workload.load"] = "0.5";
  other.record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] = kT0 + 1000 * kMs;
  points.push_back(other);
  const Table table = Built(12, points);
  CHECK(*table.cells[0].ours == Approx(8));
  CHECK_THAT(RenderTable(table, {}), Catch::Contains("1 points of other settings left out"));
}

TEST_CASE("paper_tables: runs with the oracle's rho stand beside, not among, the others") {
  auto points = Web(5);
  StoredPoint oracle = Run("web_search", 1, "uhaul", "3000000");
  oracle.id += "-snapshot";
  oracle.spec["edm.rho"] = "snapshot";
  oracle.record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] = kT0 + 40 * kMs;
  points.push_back(oracle);
  const Table table = Built(12, points);
  CHECK(*table.cells[0].ours == Approx(8));
  CHECK(*table.cells[0].others[0] == Approx(40));
  CHECK_FALSE(table.cells[1].others[0]);
}

TEST_CASE("paper_tables: Table 8 counts entries before the pass, and has bands of single runs") {
  std::vector<StoredPoint> points;
  for (int trace = 1; trace <= 30; ++trace) points.push_back(Run("facebook_cache", trace, "opennf", ""));
  const Table table = Built(8, points);
  REQUIRE(table.cells.size() == 20);
  CHECK(table.cells[9].epoch == 10);
  CHECK(*table.cells[9].ours == Approx(715.5));
  CHECK(*table.cells[9].others[0] == Approx(350));
  REQUIRE(table.cells[9].band);
  CHECK(table.cells[9].band->high - table.cells[9].band->low > 20);  // of 701..730
  CHECK_FALSE(table.cells[19].ours);                                 // Azure
}

TEST_CASE("paper_tables: Azure's 50.603 ms is not comparable, with or without points") {
  const Table table = Built(13, {});
  REQUIRE(table.cells.size() == 4);
  CHECK(table.cells[0].verdict == Verdict::kNotComparable);
  CHECK(table.cells[1].verdict == Verdict::kNoBand);
}

TEST_CASE("paper_tables: every table renders from nothing, in every format") {
  for (int number = 1; number <= kPaperTables; ++number) {
    for (const RenderFormat format : {RenderFormat::kText, RenderFormat::kMarkdown, RenderFormat::kCsv}) {
      RenderOptions options;
      options.format = format;
      const auto text = RenderTable(number, {}, options);
      REQUIRE(text.ok());
      CHECK_FALSE(text->empty());
    }
  }
  CHECK_FALSE(RenderTable(14, {}, {}).ok());
  CHECK_FALSE(RenderTable(0, {}, {}).ok());
}

Table Small() {
  Table table;
  table.number = 9;
  table.title = "Missed flows";
  table.unit = "flows";
  table.decimals = 2;
  table.other_columns = {{"T", 3}, {"shifted %", 1}};
  TableCell cell;
  cell.series = "Azure WAN";
  cell.workload = "azure_wan";
  cell.threshold_bytes = 2'500'000;
  cell.paper = 2.4;
  cell.ours = 0.5;
  cell.band = Band{0.2, 1};
  cell.verdict = Verdict::kModelFails;
  cell.traces = 29;
  cell.missing = 1;
  cell.others = {3.5, std::nullopt};
  table.cells = {cell};
  table.notes = {"A note."};
  return table;
}

TEST_CASE("paper_tables: a small table as text, Markdown and CSV") {
  CHECK(RenderTable(Small(), {}) ==
        "Table 9: Missed flows (flows)\n"
        "\n"
        "Azure WAN\n"
        "  definition  paper  ours  ratio     90 % band  class      verdict       traces\n"
        "  2.5 MB        2.4  0.50   0.21  [0.20, 1.00]  predicted  model fails  29 (-1)\n"
        "\n"
        "  definition      T  shifted %\n"
        "  2.5 MB      3.500          -\n"
        "\n"
        "  - A note.\n");
  RenderOptions options;
  options.format = RenderFormat::kMarkdown;
  CHECK(RenderTable(Small(), options) ==
        "## Table 9: Missed flows (flows)\n"
        "\n"
        "### Azure WAN\n"
        "\n"
        "| definition | paper | ours | ratio | 90 % band | class | verdict | traces |\n"
        "|---|---:|---:|---:|---:|---|---|---:|\n"
        "| 2.5 MB | 2.4 | 0.50 | 0.21 | [0.20, 1.00] | predicted | model fails | 29 (-1) |\n"
        "\n"
        "| definition | T | shifted % |\n"
        "|---|---:|---:|\n"
        "| 2.5 MB | 3.500 | - |\n"
        "\n"
        "- A note.\n");
  options.format = RenderFormat::kCsv;
  CHECK(RenderTable(Small(), options) ==
        "table,series,workload,threshold_bytes,epoch,unit,paper,ours,ratio,band_low,band_high,class,verdict,traces,"
        "missing,t,shifted_pct\n"
        "9,Azure WAN,azure_wan,2500000,,flows,2.4,0.5,0.20833333333333334,0.2,1,predicted,model fails,29,1,3.5,\n");
}

TEST_CASE("paper_tables: colour marks the verdict and only in text") {
  RenderOptions options;
  options.color = true;
  CHECK_THAT(RenderTable(Small(), options), Catch::Contains("\x1b[31mmodel fails\x1b[0m"));
  options.format = RenderFormat::kMarkdown;
  CHECK(RenderTable(Small(), options).find('\x1b') == std::string::npos);
}

std::string Summary(const std::vector<StoredPoint>& points, const RenderOptions& options) {
  const Study study(points, options);
  return RenderSummary(study, *BuildAllTables(study), options);
}

TEST_CASE("paper_tables: the summary counts each of the 136 cells once") {
  RenderOptions options;
  options.format = RenderFormat::kCsv;
  CHECK_THAT(Summary(Web(5), options),
             Catch::StartsWith("class,cells,in,out,uninformative,model fails,not comparable,no band\n"
                               "predicted,83,0,0,0,0,1,82\n"
                               "definition-selected,20,0,0,0,0,0,20\n"
                               "fitted,33,0,0,0,0,0,33\n"));
}

TEST_CASE("paper_tables: all tables are those that are asked for one by one") {
  const auto points = Web(5);
  std::string one_by_one;
  for (int number = 1; number <= kPaperTables; ++number) {
    one_by_one += (number > 1 ? "\n" : "") + RenderTable(number, points, {}).value();
  }
  CHECK(RenderTables(*BuildAllTables(Study(points, {})), {}) == one_by_one);
}

TEST_CASE("figures: data comes by threshold; an unknown figure is an error that names the known") {
  RenderOptions options;
  options.format = RenderFormat::kCsv;
  const auto figure = BuildFigure("7", Web(5), options);
  REQUIRE(figure.ok());
  CHECK_THAT(RenderFigure(*figure, options), Catch::Contains("\n3000000,5,,,7.599,50,,,"));
  for (const std::string& name : FigureNames()) CHECK(BuildFigure(name, Web(2), {}).ok());
  CHECK_THAT(BuildFigure("3", {}, {}).error().message, Catch::Contains("2a"));
}

TEST_CASE("figures: Figure 2's runs are kept apart from those of section 4") {
  auto points = Web(5);
  StoredPoint run = Run("web_search", 1, "opennf-ng", "");
  run.spec["migration.states"] = "2000";
  run.record.counters.flows_moved = 987;
  points.push_back(run);
  RenderOptions options;
  options.format = RenderFormat::kCsv;
  const auto figure = BuildFigure("2a", points, options);
  REQUIRE(figure.ok());
  CHECK_THAT(RenderFigure(*figure, options), Catch::Contains("\nweb_search,opennf-ng,2000,987,5,5,5,1,0,>= 268\n"));
  CHECK(*Built(12, points).cells[0].ours == Approx(8));
  const auto charts = ChartsOf(*figure);
  REQUIRE(charts.size() == 1);
  CHECK(charts[0].categories == std::vector<std::string>{"NG"});
  CHECK(charts[0].series[1].points[0].y == 268);
}

TEST_CASE("figures: a picture shows what its data holds, with bands from thirty traces on") {
  const auto figure = BuildFigure("7", Web(30), {});
  REQUIRE(figure.ok());
  const auto charts = ChartsOf(*figure);
  REQUIRE(charts.size() == 2);
  REQUIRE(charts[0].series.size() == 3);
  CHECK(charts[0].categories[0] == "3 MB");
  CHECK(charts[0].series[0].points[0].y == figure->rows[0][figure->Column("uhaul_ms")].number);
  CHECK(charts[0].series[0].points[0].band);
  CHECK(charts[0].series[2].mark == ChartMark::kPaper);
  CHECK(ChartsOf(BuildFigure("7", {}, {}).value()).empty());
}

const Claim& Named(const std::vector<Claim>& claims, const std::string& key) {
  for (const Claim& claim : claims) {
    if (claim.key == key) return claim;
  }
  FAIL("no claim " << key);
  return claims[0];
}

TEST_CASE("claims: directions follow the band; below thirty traces all are undecided") {
  const auto few = BuildClaims(Study(Web(5), {}));
  REQUIRE(few.ok());
  CHECK(*Named(*few, "downtime-reduction-min.web_search").ours == Approx(90));
  CHECK(Named(*few, "downtime-reduction-min.web_search").direction == Direction::kUndecided);
  const auto claims = BuildClaims(Study(Web(30), {}));
  REQUIRE(claims.ok());
  const Claim& downtime = Named(*claims, "downtime-reduction-min.web_search");
  CHECK(downtime.direction == Direction::kHolds);
  CHECK(*downtime.paper == Approx(81.8));
  // Size-based detection finds the same one elephant: neither misses more.
  const Claim& size = Named(*claims, "size-based-misses-more.web_search.offline");
  CHECK(*size.ours == Approx(0));
  CHECK(size.direction == Direction::kUndecided);
  // All thresholds give the same total time: no one is the best.
  const Claim& spot = Named(*claims, "sweet-spot.web_search");
  CHECK(spot.direction == Direction::kUndecided);
  CHECK(*spot.paper == 3);
  const Claim& alive = Named(*claims, "alive.web_search.3000000");
  CHECK(*alive.ours == 0);
  CHECK_THAT(alive.sentence, Catch::Contains("Of 1.0 flows selected"));
}

TEST_CASE("claims: where size-based detection misses less, the claim reverses") {
  auto points = Web(30);
  for (StoredPoint& point : points) {
    if (point.spec.at("scheme.name") != "uhaul") continue;
    for (FlowRow& row : point.record.flows) row.selected = false;  // a detector that chooses nothing
  }
  const auto claims = BuildClaims(Study(points, {}));
  REQUIRE(claims.ok());
  const Claim& size = Named(*claims, "size-based-misses-more.web_search.offline");
  CHECK(*size.ours == Approx(-50));
  CHECK(size.direction == Direction::kReverses);
  const auto text = RenderClaims(*BuildClaims(Study(points, {})), {});
  REQUIRE(text.ok());
  CHECK_THAT(*text, Catch::Contains("the paper's ordering reverses"));
}

TEST_CASE("claims: they render from nothing") {
  for (const RenderFormat format : {RenderFormat::kText, RenderFormat::kMarkdown, RenderFormat::kCsv}) {
    RenderOptions options;
    options.format = format;
    CHECK(RenderClaims(*BuildClaims(Study({}, options)), options).ok());
  }
}

}  // namespace
}  // namespace uhaul
