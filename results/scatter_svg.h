// A scatter plot as SVG text, log-log, with the line of identity and a band of relative tolerance about it. The same
// points give the same octets.
#pragma once

#include <string>
#include <vector>

#include "results/verdict.h"

namespace uhaul {

struct ScatterPoint {
  double x = 0;
  double y = 0;
  std::optional<Band> y_interval;
};

struct ScatterSeries {
  std::string name;
  std::vector<ScatterPoint> points;
};

struct ScatterPlot {
  std::string title;
  std::string subtitle;
  std::string x_label;
  std::string y_label;
  double tolerance = 0.1;  // the band holds the points with |x - y| <= tolerance * y
  std::vector<ScatterSeries> series;
};

// Points that are not above zero cannot be shown; how many they are is said under the plot. Series with nothing to show
// have no line in the legend.
std::string RenderScatter(const ScatterPlot& plot);

}  // namespace uhaul
