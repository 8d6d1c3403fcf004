#include "results/gnuplot.h"

#include <catch2/catch.hpp>

namespace uhaul {
namespace {

Chart Bars() {
  return {"it's",
          "x",
          "y, ms",
          false,
          false,
          {"3 MB"},
          {{"U-HAUL", ChartMark::kBars, {{0, 2, Band{1, 3}}}, 0},
           {"OpenNF", ChartMark::kBars, {{0, 5, {}}}, 0},
           {"paper", ChartMark::kPaper, {{0, 2.5, {}}}, 0}}};
}

TEST_CASE("gnuplot: bars of a group stand side by side, the paper's mark over its own") {
  const std::string script = GnuplotScript("t", {Bars()}, PictureFormat::kSvg);
  CHECK_THAT(script, Catch::Contains("$p0s0 << END\n-0.2 2 1 3\nEND\n"));
  CHECK_THAT(script, Catch::Contains("$p0s1 << END\n0.2 5 5 5\nEND\n"));
  CHECK_THAT(script, Catch::Contains("$p0s2 << END\n-0.2 2.5 2.5 2.5\nEND\n"));
  CHECK(script == GnuplotScript("t", {Bars()}, PictureFormat::kSvg));
}

TEST_CASE("gnuplot: text is quoted, and cannot be a statement") {
  const std::string script = GnuplotScript("a'b\nexit", {Bars()}, PictureFormat::kPdf);
  CHECK_THAT(script, Catch::Contains("'a''b exit'"));
  CHECK_THAT(script, Catch::Contains("'it''s'"));
  CHECK_THAT(script, Catch::StartsWith("set terminal pdfcairo"));
}

TEST_CASE("gnuplot: a chart without series is still a script that plots") {
  CHECK_THAT(GnuplotScript("t", {Chart{}}, PictureFormat::kSvg), Catch::Contains("plot NaN"));
}

}  // namespace
}  // namespace uhaul
