#include "results/gnuplot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "results/palette.h"

namespace uhaul {
namespace {

constexpr double kPanelWidth = 640;  // SVG units; 72 of them an inch of PDF
constexpr double kHeight = 440;
constexpr size_t kMostColumns = 2;
constexpr double kUnitsPerInch = 96;
constexpr double kGroupWidth = 0.8;  // of the distance between two groups of bars
constexpr double kLowBar = 0.03;     // of the highest: too low to be seen
constexpr size_t kTiltLabels = 9;    // so many categories have no room for level labels

// Everything between single quotes is literal but a single quote, which is doubled; lines end statements.
std::string Quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "'";
}

class Script {
 public:
  template <class... Args>
  void Line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

bool IsBars(const ChartSeries& series) { return series.mark == ChartMark::kBars; }

// Where bars and the paper's marks over them stand beside the middle of their group.
struct Slots {
  explicit Slots(const Chart& chart) {
    for (const ChartSeries& series : chart.series) bars += IsBars(series);
    width = bars == 0 ? 0 : kGroupWidth / static_cast<double>(bars);
  }
  double Offset(size_t bar) const {
    return bars == 0 ? 0 : (static_cast<double>(bar) - (static_cast<double>(bars) - 1) / 2) * width;
  }

  size_t bars = 0;
  double width = 0;
};

// x, y, low, high; low and high are y where there is no band. Points without a value break a line.
void AppendData(Script& script, const std::string& name, const ChartSeries& series, double offset) {
  script.Line("${} << END", name);
  for (const ChartPoint& point : series.points) {
    if (!point.y || !std::isfinite(*point.y)) {
      script.Line("");
      continue;
    }
    script.Line("{:.9g} {:.9g} {:.9g} {:.9g}", point.x + offset, *point.y, point.band ? point.band->low : *point.y,
                point.band ? point.band->high : *point.y);
  }
  script.Line("END");
}

bool HasBand(const ChartSeries& series) {
  return std::any_of(series.points.begin(), series.points.end(),
                     [](const ChartPoint& p) { return p.band.has_value(); });
}

void AppendPlots(std::vector<std::string>& plots, const std::string& data, const ChartSeries& series, size_t color,
                 double bar_width, double low_bar) {
  const char* rgb = kPalette[color % kPalette.size()];
  const std::string title = Quoted(series.name);
  switch (series.mark) {
    case ChartMark::kBars:
      plots.push_back(
          fmt::format("${} using 1:2:({:.4g}) with boxes fill solid 0.85 border lc rgb '{}' lc rgb '{}' "
                      "title {}",
                      data, bar_width * 0.94, rgb, rgb, title));
      if (HasBand(series)) {
        // Not yerrorbars: those cut a white disc out of the bar.
        plots.push_back(
            fmt::format("${} using 1:3:(0):($4 > $3 ? $4 - $3 : NaN) with vectors heads size graph "
                        "0.008,90 lw 1.2 lc rgb 'black' notitle",
                        data));
      }
      // A bar too low to be seen says its number, zero too.
      plots.push_back(
          fmt::format("${} using 1:($2 >= 0 && $2 < {:.6g} ? $2 : NaN):(sprintf('%.2g', $2)) with labels offset 0,0.6 "
                      "font ',9' notitle",
                      data, low_bar));
      return;
    case ChartMark::kLine:
      if (HasBand(series)) {
        plots.push_back(
            fmt::format("${} using 1:3:4 with filledcurves fill transparent solid 0.22 noborder lc rgb '{}' "
                        "notitle",
                        data, rgb));
      }
      plots.push_back(fmt::format("${} using 1:2 with linespoints pt {} ps 0.8 lw 2 dt {} lc rgb '{}' title {}", data,
                                  std::array{7, 5, 9, 13}[color % 4], color % 4 + 1, rgb, title));
      return;
    case ChartMark::kCurve:
      plots.push_back(
          fmt::format("${} using 1:2 with lines lw 2.5 dt {} lc rgb '{}' title {}", data, color % 4 + 1, rgb, title));
      return;
    case ChartMark::kPaper:
      plots.push_back(fmt::format("${} using 1:2 with points pt 2 ps 1.1 lw 2.5 lc rgb 'black' title {}", data, title));
      return;
  }
}

void AppendAxes(Script& script, const Chart& chart) {
  script.Line("set title {}", Quoted(chart.title));
  script.Line("set xlabel {}", Quoted(chart.x_label));
  script.Line("set ylabel {}", Quoted(chart.y_label));
  script.Line("unset logscale");
  script.Line("{}", chart.log_y ? "set yrange [*:*]\nset logscale y 10" : "set yrange [0:*]");
  script.Line("{}", chart.log_x ? "set logscale x 10\nset format x '10^{%T}'" : "set format x '%g'");
  script.Line("set ytics {}", chart.y_label.ends_with('%') ? "20" : "autofreq");
  if (chart.categories.empty()) {
    script.Line("set xtics autofreq norotate\nset xrange [*:*] noextend");
    // Room for the markers at both ends.
    script.Line("set offsets {}", chart.log_x ? "0, 0, 0, 0" : "graph 0.03, graph 0.03, 0, 0");
    return;
  }
  script.Line("set offsets 0, 0, 0, 0");
  std::string tics;
  for (size_t i = 0; i < chart.categories.size(); ++i) {
    tics += fmt::format("{}{} {}", i == 0 ? "" : ", ", Quoted(chart.categories[i]), i);
  }
  script.Line("set xtics ({}) {}", tics, chart.categories.size() >= kTiltLabels ? "rotate by -35" : "norotate");
  script.Line("set xrange [-0.6:{:.1f}]", static_cast<double>(chart.categories.size()) - 0.4);
}

void AppendPanel(Script& script, const Chart& chart, size_t panel) {
  AppendAxes(script, chart);
  const Slots slots(chart);
  std::vector<std::string> plots;
  size_t color = 0;
  // The paper's marks stand where a low bar's number would.
  double low_bar = 0;
  for (const ChartSeries& series : chart.series) {
    for (const ChartPoint& point : series.points) low_bar = std::max(low_bar, kLowBar * point.y.value_or(0));
  }
  for (const ChartSeries& series : chart.series) low_bar = series.mark == ChartMark::kPaper ? 0 : low_bar;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const ChartSeries& series = chart.series[i];
    const std::string data = fmt::format("p{}s{}", panel, i);
    // The paper's marks stand over the bar that they belong to; bars come first, so a bar's number is its colour.
    const size_t slot = IsBars(series) ? color : series.over;
    AppendData(script, data, series, slots.bars == 0 ? 0 : slots.Offset(slot));
    AppendPlots(plots, data, series, color, slots.width, low_bar);
    if (series.mark != ChartMark::kPaper) ++color;
  }
  if (plots.empty()) {
    // gnuplot refuses to plot nothing.
    script.Line("set yrange [0:1]");
    plots.push_back("NaN notitle");
  }
  script.Line("plot {}", fmt::join(plots, ", \\\n     "));
}

}  // namespace

std::string GnuplotScript(const std::string& title, const std::vector<Chart>& panels, PictureFormat format) {
  const size_t columns = std::clamp<size_t>(panels.size(), 1, kMostColumns);
  const size_t rows = std::max<size_t>(1, (panels.size() + columns - 1) / columns);
  const double width = kPanelWidth * static_cast<double>(columns);
  const double height = kHeight * static_cast<double>(rows);
  Script script;
  switch (format) {
    case PictureFormat::kSvg:
      script.Line("set terminal svg size {:.0f},{:.0f} fixed enhanced font 'DejaVu Sans,13' background 'white'", width,
                  height);
      break;
    case PictureFormat::kPdf:
      script.Line("set terminal pdfcairo size {:.3f}in,{:.3f}in enhanced font 'DejaVu Sans,11'", width / kUnitsPerInch,
                  height / kUnitsPerInch);
      break;
  }
  script.Line("set encoding utf8\nset border 3\nset tics nomirror out\nset grid ytics lc rgb '#d8d8d8' lw 1");
  script.Line("set title noenhanced\nset xlabel noenhanced\nset ylabel noenhanced");
  script.Line("set key noenhanced top left Left reverse outside above horizontal samplen 1.5 width 1");
  script.Line("set multiplot layout {},{} title {} noenhanced font ',15'", rows, columns, Quoted(title));
  for (size_t i = 0; i < panels.size(); ++i) AppendPanel(script, panels[i], i);
  script.Line("unset multiplot");
  return script.Take();
}

}  // namespace uhaul
