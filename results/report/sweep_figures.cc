// One's own sweep: a line chart per metric, along the axis with the most values.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <string_view>

#include "results/metric_table.h"
#include "results/report/report.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

struct Drawn {
  std::string_view metric;
  const char* what;
  const char* unit;  // "" for counts
  double scale;      // of the metric to the unit
};
constexpr Drawn kDrawn[] = {{"downtime_ms", "downtime", "ms", 1},
                            {"total_ms", "total time", "ms", 1},
                            {"missed", "missed flows", "", 1},
                            {"controller_peak_bytes", "most held at the controller", "MB", 1e-6},
                            {"recall_percent", "share of elephants found (recall)", "%", 1}};
constexpr size_t kMostLines = 7;  // that can be told apart

std::optional<double> NumberOf(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The key with the most values that are all numbers, or missing.
std::optional<size_t> AxisOf(const SweepMeans& means) {
  std::optional<size_t> axis;
  size_t most = 1;
  for (size_t key = 0; key < means.keys.size(); ++key) {
    std::set<std::string> values;
    bool numbers = true;
    for (const auto& line : means.lines) {
      if (line.values[key].empty()) continue;
      numbers = numbers && NumberOf(line.values[key]);
      values.insert(line.values[key]);
    }
    if (!numbers || values.size() <= most) continue;
    axis = key;
    most = values.size();
  }
  return axis;
}

std::string SeriesName(const SweepMeans& means, const SweepMeans::Line& line, size_t axis) {
  std::string name;
  for (size_t key = 0; key < means.keys.size(); ++key) {
    if (key == axis || line.values[key].empty()) continue;
    name += (name.empty() ? "" : ", ") + line.values[key];
  }
  return name.empty() ? "all" : name;
}

// The least and the greatest value on the axis.
std::vector<double> EndsOf(const SweepMeans& means, size_t axis) {
  std::vector<double> values;
  for (const auto& line : means.lines) {
    if (const std::optional<double> x = NumberOf(line.values[axis])) values.push_back(*x);
  }
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return {*least, *most};
}

Chart ChartOf(const SweepMeans& means, size_t axis, size_t metric, const Drawn& drawn) {
  Chart chart;
  const bool bytes = means.keys[axis] == "edm.threshold";
  const double unit = bytes ? 1e6 : 1;
  const std::vector<double> ends = EndsOf(means, axis);
  chart.x_label = means.keys[axis] + (bytes ? ", MB" : "");
  chart.y_label = *drawn.unit == '\0' ? drawn.what : fmt::format("{}, {}", drawn.what, drawn.unit);
  for (const auto& line : means.lines) {
    if (!line.metrics[metric]) continue;
    const std::string name = SeriesName(means, line, axis);
    auto series = std::find_if(chart.series.begin(), chart.series.end(), [&](const auto& s) { return s.name == name; });
    if (series == chart.series.end()) {
      if (chart.series.size() == kMostLines) continue;
      series = chart.series.insert(chart.series.end(), {name, ChartMark::kLine, {}, 0});
    }
    // What the axis does not concern (OpenNF has no threshold) is the same all along it.
    const std::optional<double> x = NumberOf(line.values[axis]);
    for (const double at : x ? std::vector<double>{*x} : ends) {
      series->points.push_back({at / unit, *line.metrics[metric] * drawn.scale, std::nullopt});
    }
  }
  return chart;
}

}  // namespace

std::vector<ReportFigure> SweepFigures(const SweepMeans& means) {
  std::vector<ReportFigure> figures;
  const std::optional<size_t> axis = AxisOf(means);
  if (!axis) return figures;
  for (size_t metric = 0; metric < Metrics().size(); ++metric) {
    const char* name = Metrics()[metric].name;
    const auto drawn =
        std::find_if(std::begin(kDrawn), std::end(kDrawn), [&](const Drawn& d) { return d.metric == name; });
    if (drawn == std::end(kDrawn)) continue;
    Chart chart = ChartOf(means, *axis, metric, *drawn);
    if (chart.series.empty()) continue;
    std::string title = fmt::format("{} by {}, means over traces", drawn->what, means.keys[*axis]);
    title[0] = static_cast<char>(title[0] - 'a' + 'A');
    figures.push_back({fmt::format("figure-{}", name), std::move(title), "", {std::move(chart)}, ""});
  }
  return figures;
}

}  // namespace uhaul
