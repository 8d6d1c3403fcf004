#include "results/scatter_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "results/markup.h"
#include "results/palette.h"

namespace uhaul {
namespace {

constexpr double kLeft = 80;
constexpr double kTop = 64;
constexpr double kSide = 560;  // of the square plot
constexpr double kLegendLeft = kLeft + kSide + 24;
constexpr double kLegendLine = 20;
constexpr double kWidth = kLegendLeft + 230;
constexpr double kHeight = kTop + kSide + 92;

constexpr int kShapes = 4;

bool Shown(const ScatterPoint& point) {
  return point.x > 0 && point.y > 0 && std::isfinite(point.x) && std::isfinite(point.y);
}

// Whole decades that hold all points; the same on both axes, so that identity is the diagonal.
struct Decades {
  int low = 0;
  int high = 1;

  double X(double value) const { return kLeft + kSide * Part(value); }
  double Y(double value) const { return kTop + kSide * (1 - Part(value)); }

 private:
  double Part(double value) const { return std::clamp((std::log10(value) - low) / (high - low), 0.0, 1.0); }
};

Decades DecadesOf(const ScatterPlot& plot) {
  double least = INFINITY;
  double most = 0;
  for (const ScatterSeries& series : plot.series) {
    for (const ScatterPoint& point : series.points) {
      if (!Shown(point)) continue;
      least = std::min({least, point.x, point.y});
      most = std::max({most, point.x, point.y});
      if (point.y_interval && point.y_interval->low > 0) least = std::min(least, point.y_interval->low);
      if (point.y_interval) most = std::max(most, point.y_interval->high);
    }
  }
  if (most == 0) return {};
  Decades decades;
  decades.low = static_cast<int>(std::floor(std::log10(least)));
  decades.high = std::max(decades.low + 1, static_cast<int>(std::ceil(std::log10(most))));
  return decades;
}

std::string Power(int exponent) {
  if (exponent >= 0 && exponent <= 3) return fmt::format("{:.0f}", std::pow(10, exponent));
  if (exponent < 0 && exponent >= -3) return fmt::format("{:.{}f}", std::pow(10, exponent), -exponent);
  return fmt::format("10<tspan dy=\"-5\" font-size=\"9\">{}</tspan>", exponent);
}

class Drawing {
 public:
  explicit Drawing(const Decades& decades) : at_(decades) {
    Add("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
        "{1:.0f}\" "
        "font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"12\">\n",
        kWidth, kHeight);
    Add("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
  }

  // The tolerance's band, clipped to the plot, below everything else.
  void Band(double tolerance) {
    const double low = std::pow(10, at_.low);
    const double high = std::pow(10, at_.high);
    const double up = tolerance < 1 ? 1 / (1 - tolerance) : high / low;
    const double down = 1 / (1 + tolerance);
    Add("<clipPath id=\"plot\"><rect x=\"{0:.1f}\" y=\"{1:.1f}\" width=\"{2:.1f}\" height=\"{2:.1f}\"/></clipPath>\n",
        kLeft, kTop, kSide);
    // Beyond the plot's corners, for the clip to cut.
    const double unit = kSide / (at_.high - at_.low);
    const double rise = unit * std::log10(up);
    const double fall = unit * std::log10(down);
    const auto y = [](double offset, bool right) { return (right ? kTop : kTop + kSide) - offset; };
    Add("<polygon clip-path=\"url(#plot)\" fill=\"#cbd8e8\" points=\"{0:.2f},{1:.2f} {2:.2f},{3:.2f} {2:.2f},{4:.2f} "
        "{0:.2f},{5:.2f}\"/>\n",
        kLeft, y(rise, false), kLeft + kSide, y(rise, true), y(fall, true), y(fall, false));
  }

  void Axes(const ScatterPlot& plot) {
    for (int exponent = at_.low; exponent <= at_.high; ++exponent) {
      const double x = at_.X(std::pow(10, exponent));
      const double y = at_.Y(std::pow(10, exponent));
      Add("<path stroke=\"#d8d8d8\" d=\"M{0:.2f} {1:.2f}V{2:.2f}M{3:.2f} {4:.2f}H{5:.2f}\"/>\n", x, kTop, kTop + kSide,
          kLeft, y, kLeft + kSide);
      Text(x, kTop + kSide + 18, "middle", Power(exponent));
      Text(kLeft - 8, y + 4, "end", Power(exponent));
    }
    Add("<path stroke=\"#888888\" stroke-dasharray=\"5 4\" d=\"M{:.2f} {:.2f}L{:.2f} {:.2f}\"/>\n", kLeft, kTop + kSide,
        kLeft + kSide, kTop);
    Add("<rect x=\"{0:.1f}\" y=\"{1:.1f}\" width=\"{2:.1f}\" height=\"{2:.1f}\" fill=\"none\" stroke=\"#333333\"/>\n",
        kLeft, kTop, kSide);
    Add("<text x=\"{:.1f}\" y=\"26\" font-size=\"16\" font-weight=\"bold\">{}</text>\n", kLeft,
        EscapeMarkup(plot.title));
    Add("<text x=\"{:.1f}\" y=\"48\" fill=\"#555555\">{}</text>\n", kLeft, EscapeMarkup(plot.subtitle));
    Text(kLeft + kSide / 2, kTop + kSide + 44, "middle", EscapeMarkup(plot.x_label));
    Add("<text transform=\"translate(22 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n", kTop + kSide / 2,
        EscapeMarkup(plot.y_label));
  }

  void Point(const ScatterPoint& point, size_t style) {
    const double x = at_.X(point.x);
    if (point.y_interval) {
      const double high = at_.Y(std::max(point.y_interval->high, point.y));
      const double low = point.y_interval->low > 0 ? at_.Y(point.y_interval->low) : kTop + kSide;
      Add("<path stroke=\"{0}\" fill=\"none\" d=\"M{1:.2f} {2:.2f}V{3:.2f}M{4:.2f} {2:.2f}h6M{4:.2f} {3:.2f}h6\"/>\n",
          Color(style), x, low, high, x - 3);
    }
    Marker(x, at_.Y(point.y), style);
  }

  void Marker(double x, double y, size_t style) {
    const char* color = Color(style);
    switch (style / kPalette.size() % kShapes) {
      case 0:
        Add("<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"4\"", x, y);
        break;
      case 1:
        Add("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"8\" height=\"8\"", x - 4, y - 4);
        break;
      case 2:
        Add("<path d=\"M{:.2f} {:.2f}l5 9h-10z\"", x, y - 5);
        break;
      default:
        Add("<path d=\"M{:.2f} {:.2f}l5 5l-5 5l-5 -5z\"", x, y - 5);
    }
    Add(" fill=\"{0}\" fill-opacity=\"0.65\" stroke=\"{0}\"/>\n", color);
  }

  void LegendLine(size_t line, size_t style, const std::string& name) {
    const double y = kTop + 12 + kLegendLine * static_cast<double>(line);
    Marker(kLegendLeft, y, style);
    Text(kLegendLeft + 14, y + 4, "start", EscapeMarkup(name));
  }

  // `text` is markup.
  void Text(double x, double y, const char* anchor, const std::string& text) {
    Add("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor, text);
  }
  void Foot(const std::string& text) {
    Add("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"11\" fill=\"#555555\">{}</text>\n", kLeft, kTop + kSide + 72,
        EscapeMarkup(text));
  }
  std::string Take() {
    Add("</svg>\n");
    return std::move(out_);
  }

 private:
  static const char* Color(size_t style) { return kPalette[style % kPalette.size()]; }
  template <class... Args>
  void Add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  Decades at_;
  std::string out_;
};

}  // namespace

std::string RenderScatter(const ScatterPlot& plot) {
  Drawing drawing(DecadesOf(plot));
  drawing.Band(plot.tolerance);
  drawing.Axes(plot);
  size_t line = 0;
  size_t hidden = 0;
  for (size_t style = 0; style < plot.series.size(); ++style) {
    const ScatterSeries& series = plot.series[style];
    const auto shown = static_cast<size_t>(std::count_if(series.points.begin(), series.points.end(), Shown));
    hidden += series.points.size() - shown;
    if (shown == 0) continue;
    for (const ScatterPoint& point : series.points) {
      if (Shown(point)) drawing.Point(point, style);
    }
    drawing.LegendLine(line++, style, series.name);
  }
  std::string foot = fmt::format("Dashed: identity. Shaded: within {:g} %. Bars: 95 % interval.", 100 * plot.tolerance);
  if (hidden > 0) foot += fmt::format(" Not shown, for a zero has no logarithm: {} points.", hidden);
  drawing.Foot(foot);
  return drawing.Take();
}

}  // namespace uhaul
