#include "results/report/report.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <regex>

#include "results/report/parts.h"
#include "tests/results/sample_record.h"

namespace uhaul {
namespace {

ReportInput Input(const std::vector<StoredPoint>& points) {
  ReportInput input;
  input.title = "a <title>";
  input.points = points;
  input.command = "uhaul report --set 'a<b'";
  input.provenance = {{"id", "sim", "b1", "uhaul run x", "host<1>", "2026-01-01", "2026-01-02", 2, {{"ns3", "3.37"}}}};
  return input;
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_CASE("report: one page with each table, that names no address anybody could ask") {
  const std::vector<StoredPoint> points = {sample::Point("web_search", "1", "uhaul"),
                                           sample::Point("web_search", "1", "opennf")};
  const Study study(points, {});
  const Answers answers = AnswerPaper(study).value();
  ReportInput input = Input(points);
  input.answers = &answers;
  input.run = &points[0];
  const auto page = RenderReport(input, {});
  REQUIRE(page.ok());
  CHECK(*page == *RenderReport(input, {}));
  for (int number = 1; number <= kPaperTables; ++number) {
    CHECK_THAT(*page, Catch::Contains("<h3>Table " + std::to_string(number) + ": "));
  }
  CHECK(Count(*page, "<main>") == 1);
  CHECK(Count(*page, "<section ") == Count(*page, "</section>"));
  CHECK(Count(*page, "<table>") == Count(*page, "</table>"));
  CHECK_THAT(*page, Catch::Contains("a &lt;title&gt;") && Catch::Contains("host&lt;1&gt;") &&
                        Catch::Contains("--set &#39;a&lt;b&#39;") && Catch::Contains("id=\"timeline\""));
  // Names of vocabularies are no requests.
  CHECK_FALSE(std::regex_search(*page, std::regex("(src|href)=[\"'](http|//)")));
  CHECK(page->find("<script") == std::string::npos);
}

TEST_CASE("report: below thirty traces nothing is judged, and that is said") {
  const Study study(std::span<const StoredPoint>(), {});
  const Answers answers = AnswerPaper(study).value();
  ReportInput input = Input({});
  input.answers = &answers;
  const auto page = RenderReport(input, {});
  REQUIRE(page.ok());
  CHECK_THAT(*page, Catch::Contains("too few to say how far five-run means scatter"));
}

TEST_CASE("report: a sweep has its means and a chart along its axis of numbers") {
  std::vector<StoredPoint> points;
  for (const char* threshold : {"1000000", "3000000", "10000000"}) {
    points.push_back(sample::Point("web_search", "1", "uhaul", threshold));
  }
  const auto figures = SweepFigures(MeansOf(LinesOf(points)));
  REQUIRE(!figures.empty());
  CHECK(figures[0].charts[0].x_label == "edm.threshold, MB");
  REQUIRE(figures[0].charts[0].series.size() == 1);
  CHECK(figures[0].charts[0].series[0].points[2].x == 10);
  const auto downtime =
      std::find_if(figures.begin(), figures.end(), [](const auto& f) { return f.id == "figure-downtime_ms"; });
  REQUIRE(downtime != figures.end());
  CHECK(downtime->title == "Downtime by edm.threshold, means over traces");
  CHECK(downtime->charts[0].y_label == "downtime, ms");
  ReportInput input = Input(points);
  input.figures = figures;
  const auto page = RenderReport(input, {});
  REQUIRE(page.ok());
  CHECK_THAT(*page, Catch::Contains("id=\"means\"") && !Catch::Contains("Table 13") && Catch::Contains("Not drawn."));
  CHECK(SweepFigures(MeansOf(LinesOf(std::span(points).first(1)))).empty());
}

TEST_CASE("report: what points cost is told by engine, workload and scheme") {
  const std::vector<StoredPoint> points = {sample::Point("web_search", "1", "uhaul"),
                                           sample::Point("web_search", "2", "uhaul")};
  ReportInput input = Input(points);
  CHECK(PerformancePart(input).empty());  // nobody says what they cost
  Provenance made = input.provenance[0];
  made.engine = points[0].engine;
  made.id = points[0].id;
  made.cpu_seconds = 0.010;
  input.provenance.push_back(made);
  made.id = points[1].id;
  made.cpu_seconds = 0.030;
  made.measurements = {{"busy_ns_per_packet", "612.5"}, {"kept_rate", "yes"}};
  input.provenance.push_back(made);
  const std::string part = PerformancePart(input);
  CHECK_THAT(part, Catch::Contains("web_search") && Catch::Contains(">20.0<") && Catch::Contains(">30.0<") &&
                       Catch::Contains("1 of 1"));
}

TEST_CASE("report: pictures side by side have names of their own and the page's colours") {
  const std::string svg =
      "<?xml version=\"1.0\"?>\n<svg \n width=\"1\">\n<title>Gnuplot</title>"
      "<path id='a' stroke='black'/><use xlink:href='#a'/><g filter='url(#f)'/></svg>";
  CHECK(InlineSvg(svg, "x", "it's") ==
        "<svg \n width=\"1\" role=\"img\" aria-label=\"it&#39;s\" color=\"currentColor\">\n"
        "<path id='x-a' stroke='currentColor'/><use xlink:href='#x-a'/><g filter='url(#x-f)'/></svg>");
  CHECK(InlineSvg("no picture", "x", "").empty());
}

TEST_CASE("report: data for the script cannot end the script") {
  ReportInput input = Input({});
  input.script = "1";
  Chart chart;
  chart.title = "</script>";
  input.figures.push_back({"figure-1", "t", "", {chart}, ""});
  const auto page = RenderReport(input, {});
  REQUIRE(page.ok());
  CHECK(Count(*page, "</script>") == 2);
}

}  // namespace
}  // namespace uhaul
