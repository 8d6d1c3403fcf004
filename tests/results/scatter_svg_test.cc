#include "results/scatter_svg.h"

#include <catch2/catch.hpp>

namespace uhaul {
namespace {

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_CASE("scatter_svg: the same points give the same text, and names are escaped") {
  const ScatterPlot plot = {"A < B & C", "", "x", "y", 0.1, {{"one", {{1, 2, {}}}}, {"two", {{10, 10, Band{5, 20}}}}}};
  const std::string svg = RenderScatter(plot);
  CHECK(svg == RenderScatter(plot));
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(Count(svg, "A &lt; B &amp; C") == 1);
  CHECK(Count(svg, "<circle") == 4);  // two points, two lines of the legend
}

TEST_CASE("scatter_svg: what has no logarithm is counted, and its series is not in the legend") {
  const ScatterPlot plot = {"t", "",  "x",
                            "y", 0.1, {{"zero", {{0, 1, {}}, {1, 0, {}}}}, {"some", {{1, 1, Band{0, 3}}}}}};
  const std::string svg = RenderScatter(plot);
  CHECK(Count(svg, ">zero<") == 0);
  CHECK(Count(svg, ">some<") == 1);
  CHECK(Count(svg, "no logarithm: 2 points") == 1);
}

TEST_CASE("scatter_svg: a plot without points is still a plot") {
  const std::string svg = RenderScatter({"t", "", "x", "y", 1.5, {}});
  CHECK(Count(svg, "<circle") == 0);
  CHECK(Count(svg, "nan") == 0);
  CHECK(svg.ends_with("</svg>\n"));
}

}  // namespace
}  // namespace uhaul
