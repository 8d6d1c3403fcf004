// A chart as data: what the pictures of a figure (results/gnuplot.h) and the page's charts are both drawn from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results/verdict.h"

namespace uhaul {

enum class ChartMark : uint8_t {
  kBars,   // side by side at each x
  kLine,   // with a marker at each point
  kCurve,  // without
  kPaper,  // markers alone: numbers that the paper prints
};

struct ChartPoint {
  double x = 0;             // of a chart with categories: their index
  std::optional<double> y;  // none: nothing is drawn there
  std::optional<Band> band;
};

struct ChartSeries {
  std::string name;
  ChartMark mark = ChartMark::kBars;
  std::vector<ChartPoint> points;
  size_t over = 0;  // kPaper among bars: the series of bars that it stands over
};

struct Chart {
  std::string title;
  std::string x_label;
  std::string y_label;  // with the unit
  bool log_x = false;
  bool log_y = false;
  std::vector<std::string> categories;  // empty: x is a number
  std::vector<ChartSeries> series;
};

}  // namespace uhaul
