#include "results/timeline_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "results/markup.h"
#include "results/metrics.h"
#include "results/palette.h"

namespace uhaul {
namespace {

constexpr double kLeft = 190;
constexpr double kPlot = 620;
constexpr double kWidth = kLeft + kPlot + 30;
constexpr double kRow = 20;
constexpr double kBufferHeight = 130;
constexpr double kGap = 52;
constexpr double kPauseRow = 9;
constexpr size_t kMostFlows = 40;

constexpr std::array<const char*, kOperationSteps> kStepTitles = {
    "accepted (t0)",  "flows selected",  "events enabled",      "first state read", "last state read", "last state put",
    "rules in place", "last delete (T)", "buffers empty, done", "operation closed", "aborted"};

std::vector<const FlowRow*> LongestPauses(const RunRecord& record) {
  std::vector<const FlowRow*> flows;
  for (const FlowRow& row : record.flows) {
    if (row.active && row.selected) flows.push_back(&row);
  }
  std::stable_sort(flows.begin(), flows.end(),
                   [](const FlowRow* a, const FlowRow* b) { return a->pause_ns > b->pause_ns; });
  return flows;
}

// As a person reads them.
std::string Octets(uint64_t bytes) {
  if (bytes >= 1'000'000) return fmt::format("{:.2f} MB", static_cast<double>(bytes) / 1e6);
  if (bytes >= 1'000) return fmt::format("{:.2f} KB", static_cast<double>(bytes) / 1e3);
  return fmt::format("{} B", bytes);
}

double Ms(int64_t ns) { return static_cast<double>(ns) / 1e6; }

// 1, 2 or 5 times a power of ten, about five of them in `range`.
double TickOf(double range) {
  const double rough = std::max(range, 1e-6) / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (step * power >= rough) return step * power;
  }
  return 10 * power;
}

class Drawing {
 public:
  // `end_ms`: right end of the time axis.
  explicit Drawing(double end_ms) : end_ms_(end_ms) {}

  double X(double ms) const { return kLeft + kPlot * std::clamp(ms / end_ms_, 0.0, 1.0); }
  void Text(double x, double y, const char* anchor, const std::string& text, const char* more = "") {
    Add("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}>{}</text>\n", x, y, anchor, more, EscapeMarkup(text));
  }
  void Title(double y, const std::string& text) { Text(kLeft, y, "start", text, "font-weight=\"bold\""); }
  // Vertical lines at whole steps, and their labels below.
  void TimeAxis(double top, double bottom, const std::string& label) {
    const double tick = TickOf(end_ms_);
    for (int i = 0; tick * i <= end_ms_ * 1.0001; ++i) {
      const double x = X(tick * i);
      Add("<path class=\"grid\" stroke=\"currentColor\" stroke-opacity=\"0.18\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>\n", x,
          top, bottom);
      Text(x, bottom + 16, "middle", fmt::format("{:g}", tick * i));
    }
    Text(kLeft + kPlot / 2, bottom + 33, "middle", label);
  }
  void Legend(double y, const char* color, const std::string& text) {
    Add("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"12\" height=\"12\" fill=\"{}\"/>\n", kLeft + kPlot - 230, y, color);
    Text(kLeft + kPlot - 212, y + 10, "start", text);
  }
  template <class... Args>
  void Add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }
  std::string Take(const std::string& title, const std::string& sentence, double height) {
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
               "height=\"{1:.0f}\" role=\"img\" aria-label=\"{2}\" fill=\"currentColor\" "
               "font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"12\">\n<title>{3}</title>\n",
               kWidth, height, EscapeMarkup(sentence), EscapeMarkup(title)) +
           out_ + "</svg>\n";
  }

 private:
  double end_ms_;
  std::string out_;
};

// The last instant worth showing: the operation's end, or the last byte held.
double EndOf(const RunRecord& record) {
  int64_t end = record.t0_ns;
  for (const int64_t at : record.steps_ns) {
    if (at != kNever) end = std::max(end, at);
  }
  for (const BufferUse& buffer : record.buffers) {
    for (const BufferSample& sample : buffer.series) {
      if (sample.bytes > 0) end = std::max(end, sample.at_ns);
    }
  }
  return std::max(Ms(end - record.t0_ns) * 1.04, 0.001);
}

double DrawSteps(Drawing& drawing, const RunRecord& record, double top) {
  drawing.Title(top - 8, "Steps");
  size_t rows = 0;
  for (const int64_t at : record.steps_ns) rows += at != kNever;
  const double bottom = top + kRow * static_cast<double>(rows);
  drawing.TimeAxis(top, bottom, "ms since t0");
  double y = top + kRow / 2;
  for (int i = 0; i < kOperationSteps; ++i) {
    const int64_t at = record.steps_ns[static_cast<size_t>(i)];
    if (at == kNever) continue;
    const double ms = Ms(at - record.t0_ns);
    const double x = drawing.X(ms);
    const bool at_right = x > kLeft + kPlot - 90;
    drawing.Text(kLeft - 10, y + 4, "end", kStepTitles[static_cast<size_t>(i)]);
    drawing.Add(
        "<path stroke=\"{0}\" stroke-width=\"2\" d=\"M{1:.1f} {2:.1f}H{3:.1f}\"/><circle cx=\"{3:.1f}\" "
        "cy=\"{2:.1f}\" r=\"4.5\" fill=\"{0}\"/>\n",
        kPalette[0], kLeft, y, x);
    drawing.Text(at_right ? x - 9 : x + 9, at_right ? y - 4 : y + 4, at_right ? "end" : "start",
                 fmt::format("{:.3f} ms", ms));
    y += kRow;
  }
  return bottom;
}

double DrawBuffers(Drawing& drawing, const RunRecord& record, double top) {
  constexpr std::array<const char*, kBufferPlaces> kNames = {"controller", "destination"};
  const double bottom = top + kBufferHeight;
  uint64_t most = 1;
  for (const BufferUse& buffer : record.buffers) most = std::max(most, buffer.peak_bytes);
  const double scale = kBufferHeight / static_cast<double>(most);
  drawing.Title(top - 8, "Packets held");
  drawing.TimeAxis(top, bottom, "ms since t0");
  drawing.Text(kLeft - 10, top + 10, "end", Octets(most));
  drawing.Text(kLeft - 10, bottom, "end", "0");
  for (size_t place = 0; place < kBufferPlaces; ++place) {
    const BufferUse& buffer = record.buffers[place];
    const char* color = kPalette[place];
    std::string path = fmt::format("M{:.1f} {:.1f}", kLeft, bottom);
    for (const BufferSample& sample : buffer.series) {
      path += fmt::format("H{:.1f}V{:.1f}", drawing.X(Ms(sample.at_ns - record.t0_ns)),
                          bottom - scale * static_cast<double>(sample.bytes));
    }
    drawing.Add("<path fill=\"{0}\" fill-opacity=\"0.25\" stroke=\"{0}\" stroke-width=\"1.5\" d=\"{1}V{2:.1f}\"/>\n",
                color, path, bottom);
    const double y = top + 4 + 18 * static_cast<double>(place);
    drawing.Legend(y, color, fmt::format("{}, at most {}", kNames[place], Octets(buffer.peak_bytes)));
  }
  return bottom;
}

double DrawPauses(Drawing& drawing, const RunRecord& record, double top) {
  const auto flows = LongestPauses(record);
  const size_t shown = std::min(flows.size(), kMostFlows);
  drawing.Title(top - 8,
                fmt::format("Longest pause of each selected flow{}",
                            shown < flows.size() ? fmt::format(" ({} longest of {})", shown, flows.size()) : ""));
  const double bottom = top + kPauseRow * static_cast<double>(std::max<size_t>(shown, 1));
  drawing.TimeAxis(top, bottom, "length, ms (not the moment)");
  for (size_t i = 0; i < shown; ++i) {
    const double y = top + kPauseRow * static_cast<double>(i);
    const bool alive = flows[i]->t0_unsent_bytes > 0;
    drawing.Add(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"><title>{}: {:.3f} ms, {} "
        "bytes, {} at t0</title></rect>\n",
        kLeft, y + 1, std::max(1.5, drawing.X(Ms(flows[i]->pause_ns)) - kLeft), kPauseRow - 2, kPalette[alive ? 1 : 0],
        EscapeMarkup(flows[i]->tuple.ToString()), Ms(flows[i]->pause_ns), flows[i]->final_bytes,
        alive ? "still sending" : "ended");
  }
  drawing.Text(kLeft - 10, top + 9, "end", fmt::format("{} flows", flows.size()));
  drawing.Legend(top - 20, kPalette[1], "still sending at t0");
  drawing.Legend(top - 20 + 16, kPalette[0], "had ended");
  return bottom;
}

}  // namespace

std::string TimelineSentence(const std::string& title, const RunRecord& record) {
  const auto flows = LongestPauses(record);
  const auto alive =
      std::count_if(flows.begin(), flows.end(), [](const FlowRow* row) { return row->t0_unsent_bytes > 0; });
  const std::optional<double> downtime = DowntimeMs(record);
  return fmt::format(
      "{}: {} flows were selected, {} of them with bytes still to be sent; downtime {}; at most {} held at the "
      "controller; the longest pause of a selected flow was {:.3f} ms.",
      title, flows.size(), alive, downtime ? fmt::format("{:.3f} ms", *downtime) : "unknown",
      Octets(record.buffers[static_cast<size_t>(BufferPlace::kController)].peak_bytes),
      flows.empty() ? 0.0 : Ms(flows.front()->pause_ns));
}

std::string RenderTimeline(const std::string& title, const RunRecord& record) {
  UHAUL_CHECK(record.t0_ns != kNever);
  Drawing drawing(EndOf(record));
  const double steps = DrawSteps(drawing, record, 28);
  const double buffers = DrawBuffers(drawing, record, steps + kGap + 12);
  const double pauses = DrawPauses(drawing, record, buffers + kGap + 20);
  return drawing.Take(title, TimelineSentence(title, record), pauses + 44);
}

}  // namespace uhaul
