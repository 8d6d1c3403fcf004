// Which columns of a figure's data are drawn, and how.
#include <algorithm>
#include <cmath>
#include <utility>

#include "results/figure_data.h"
#include "results/table_cells.h"

namespace uhaul {
namespace {

constexpr double kMega = 1e6;

using Row = std::vector<FigureCell>;

// One value of a row, with the band or range that two other columns hold ("" for none).
struct Banded {
  std::string value;
  std::string low;
  std::string high;
};
Banded WithBand(const std::string& column) { return {column, column + "_low", column + "_high"}; }

ChartPoint PointOf(const FigureData& figure, const Row& row, double x, const Banded& columns) {
  ChartPoint point{x, row[figure.Column(columns.value)].number, std::nullopt};
  if (columns.low.empty()) return point;
  const auto low = row[figure.Column(columns.low)].number;
  const auto high = row[figure.Column(columns.high)].number;
  if (low && high) point.band = Band{*low, *high};
  return point;
}

bool HasValue(const ChartSeries& series) {
  return std::any_of(series.points.begin(), series.points.end(), [](const ChartPoint& p) { return p.y.has_value(); });
}

// Without series that hold nothing.
void Add(Chart& chart, ChartSeries series) {
  if (HasValue(series)) chart.series.push_back(std::move(series));
}

struct Bars {
  std::string name;
  Banded columns;
  ChartMark mark = ChartMark::kBars;
};

// A group of bars per threshold.
Chart ByThreshold(const FigureData& figure, const std::string& title, const std::string& y_label,
                  const std::vector<Bars>& all) {
  Chart chart{title, "elephant threshold", y_label, false, false, {}, {}};
  const size_t threshold = figure.Column("threshold");
  for (const Row& row : figure.rows) {
    chart.categories.push_back(ThresholdText(static_cast<uint64_t>(row[threshold].number.value_or(0))));
  }
  for (const Bars& bars : all) {
    ChartSeries series{bars.name, bars.mark, {}, 0};
    for (size_t i = 0; i < figure.rows.size(); ++i) {
      series.points.push_back(PointOf(figure, figure.rows[i], static_cast<double>(i), bars.columns));
    }
    Add(chart, std::move(series));
  }
  return chart;
}

// A line for each word in the column `by`.
template <class XOf>
void AddLines(Chart& chart, const FigureData& figure, const std::string& by, ChartMark mark, const Banded& columns,
              const XOf& x_of) {
  std::vector<ChartSeries> lines;
  for (const Row& row : figure.rows) {
    const std::string& name = row[figure.Column(by)].text;
    auto line = std::find_if(lines.begin(), lines.end(), [&](const ChartSeries& s) { return s.name == name; });
    if (line == lines.end()) line = lines.insert(lines.end(), {name, mark, {}, 0});
    line->points.push_back(PointOf(figure, row, x_of(row), columns));
  }
  for (ChartSeries& line : lines) {
    line.name = WorkloadTitle(line.name);
    Add(chart, std::move(line));
  }
}

// Distributions are linear in bytes between their points; on an axis of logarithms that is a curve.
void Refine(ChartSeries& curve) {
  constexpr double kPerDecade = 16;
  std::vector<ChartPoint> points;
  for (const ChartPoint& next : curve.points) {
    if (!points.empty()) {
      const ChartPoint last = points.back();
      const int parts = static_cast<int>(std::ceil(kPerDecade * std::log10(next.x / last.x)));
      for (int i = 1; i < parts; ++i) {
        const double x = last.x * std::pow(next.x / last.x, static_cast<double>(i) / parts);
        const double share = (x - last.x) / (next.x - last.x);
        points.push_back({x, last.y.value_or(0) + share * (next.y.value_or(0) - last.y.value_or(0)), std::nullopt});
      }
    }
    points.push_back(next);
  }
  curve.points = std::move(points);
}

Chart FlowSizes(const FigureData& figure) {
  Chart chart{"", "flow size, bytes", "share of flows up to this size", true, false, {}, {}};
  const size_t workload = figure.Column("workload");
  const size_t bytes = figure.Column("bytes");
  const Banded share = {"share of flows up to", "", ""};
  const auto x_of = [bytes](const Row& row) { return std::max(1.0, row[bytes].number.value_or(1)); };
  FigureData ours = figure;
  ChartSeries paper{"paper, in words (about 60 %, more than 60, 90 %)", ChartMark::kPaper, {}, 0};
  std::erase_if(ours.rows, [&](const Row& row) {
    if (!row[workload].text.starts_with("paper")) return false;
    paper.points.push_back(PointOf(figure, row, x_of(row), share));
    return true;
  });
  AddLines(chart, ours, "workload", ChartMark::kCurve, share, x_of);
  for (ChartSeries& curve : chart.series) Refine(curve);
  Add(chart, std::move(paper));
  return chart;
}

// "opennf-lf-pl-er" as "LF PL ER".
std::string SchemeTitle(std::string scheme) {
  if (scheme.starts_with("opennf-")) scheme.erase(0, 7);
  for (char& c : scheme) c = c == '-' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return scheme;
}

// No guarantee first, then loss-free, then order-preserving.
int SchemeRank(const std::string& scheme) {
  return scheme.starts_with("opennf-ng") ? 0 : scheme.starts_with("opennf-lf") ? 1 : 2;
}

constexpr const char* kRange = "ours, mean (whiskers: least and most of the runs)";

Chart ByScheme(const FigureData& figure) {
  Chart chart{"", "guarantee and optimisations", "time to move, ms", false, false, {}, {}};
  std::vector<Row> rows = figure.rows;
  const size_t scheme = figure.Column("scheme");
  std::stable_sort(rows.begin(), rows.end(), [scheme](const Row& a, const Row& b) {
    return SchemeRank(a[scheme].text) < SchemeRank(b[scheme].text);
  });
  ChartSeries ours{kRange, ChartMark::kBars, {}, 0};
  ChartSeries paper{"paper: at least, more than", ChartMark::kPaper, {}, 0};
  for (const Row& row : rows) {
    const auto x = static_cast<double>(chart.categories.size());
    chart.categories.push_back(SchemeTitle(row[scheme].text));
    ours.points.push_back(PointOf(figure, row, x, {"downtime_ms", "least_ms", "most_ms"}));
    paper.points.push_back(PointOf(figure, row, x, {"paper_ms", "", ""}));
  }
  Add(chart, std::move(ours));
  Add(chart, std::move(paper));
  return chart;
}

Chart ByStates(const FigureData& figure) {
  Chart chart{"", "states at the source (half of them move)", "time to move, ms", false, false, {}, {}};
  const size_t states = figure.Column("states");
  ChartSeries ours{"ours, mean (band: least and most of the runs)", ChartMark::kLine, {}, 0};
  ChartSeries paper{"paper: more than", ChartMark::kPaper, {}, 0};
  for (const Row& row : figure.rows) {
    const double x = row[states].number.value_or(0);
    ours.points.push_back(PointOf(figure, row, x, {"downtime_ms", "least_ms", "most_ms"}));
    paper.points.push_back(PointOf(figure, row, x, {"paper_ms", "", ""}));
  }
  Add(chart, std::move(ours));
  Add(chart, std::move(paper));
  return chart;
}

Chart Missed(const FigureData& figure) {
  Chart chart{"", "elephant threshold, MB", "missed flows per migration", false, false, {}, {}};
  const size_t threshold = figure.Column("threshold");
  AddLines(chart, figure, "workload", ChartMark::kLine, WithBand("missed"),
           [threshold](const Row& row) { return row[threshold].number.value_or(0) / kMega; });
  return chart;
}

std::vector<Chart> Downtime(const FigureData& figure) {
  return {ByThreshold(figure, "Downtime", "downtime, ms",
                      {{"U-HAUL", WithBand("uhaul_ms")},
                       {"OpenNF", WithBand("opennf_ms")},
                       {"U-HAUL, paper", {"uhaul_ms_paper", "", ""}, ChartMark::kPaper}}),
          ByThreshold(figure, "Buffer at the controller, most held at once", "buffer, MB",
                      {{"U-HAUL", WithBand("uhaul_peak_mb")}, {"OpenNF", WithBand("opennf_peak_mb")}})};
}

Chart Accuracy(const FigureData& figure) {
  return ByThreshold(figure, "", "share of elephants found (recall), %",
                     {{"U-HAUL", WithBand("recall")},
                      {"U-HAUL, rho known", {"recall_snapshot", "", ""}},
                      {"by size alone", {"recall_size_based", "", ""}},
                      {"U-HAUL, paper", {"recall_paper", "", ""}, ChartMark::kPaper}});
}

FigureData OfWorkload(FigureData figure, const std::string& name) {
  const size_t workload = figure.Column("workload");
  std::erase_if(figure.rows, [&](const Row& row) { return row[workload].text != name; });
  return figure;
}

// A panel per workload, and two with how often each threshold is the best.
std::vector<Chart> SweetSpot(const FigureData& figure) {
  const size_t threshold = figure.Column("threshold");
  const char* x_label = "elephant threshold, MB";
  const auto x_of = [threshold](const Row& row) { return row[threshold].number.value_or(0) / kMega; };
  std::vector<Chart> charts;
  for (const char* name : kPaperWorkloads) {
    const FigureData own = OfWorkload(figure, name);
    if (own.rows.empty()) continue;
    Chart chart{WorkloadTitle(name), x_label, "total time, ms", false, false, {}, {}};
    AddLines(chart, own, "workload", ChartMark::kLine, WithBand("total_ms"), x_of);
    ChartSeries paper{"paper", ChartMark::kPaper, {}, 0};
    for (const Row& row : own.rows) paper.points.push_back(PointOf(own, row, x_of(row), {"total_ms_paper", "", ""}));
    for (ChartSeries& series : chart.series) series.name = "U-HAUL, downtime and die-out";
    Add(chart, std::move(paper));
    charts.push_back(std::move(chart));
  }
  for (const auto& [title, column] :
       {std::pair("How often each threshold is the best", "best_percent"),
        std::pair("The same among those that shift enough", "best_of_shifting_percent")}) {
    Chart best{title, x_label, "of resampled five-run means, %", false, false, {}, {}};
    AddLines(best, figure, "workload", ChartMark::kLine, {column, "", ""}, x_of);
    if (!best.series.empty()) charts.push_back(std::move(best));  // there are bands
  }
  return charts;
}

// A panel per workload, and one for the mice.
std::vector<Chart> CostPerFlow(const FigureData& figure) {
  const size_t cost = figure.Column("cost_us");
  const size_t threshold = figure.Column("threshold");
  const char* x_label = "cost of a flow's state, us";
  Chart mice{"Mice that arrive meanwhile, at the least threshold",
             x_label,
             "mice's FCT, moving all over moving elephants",
             true,
             true,
             {},
             {}};
  std::vector<Chart> charts;
  for (const char* name : kPaperWorkloads) {
    const FigureData own = OfWorkload(figure, name);
    if (own.rows.empty()) continue;
    std::vector<double> thresholds;
    for (const Row& row : own.rows) thresholds.push_back(row[threshold].number.value_or(0));
    const auto [least, most] = std::minmax_element(thresholds.begin(), thresholds.end());
    Chart chart{WorkloadTitle(name), x_label, "total time, ms", true, true, {}, {}};
    // By the hand-over elephants take as long as U-HAUL's: one line for both.
    ChartSeries opennf{"OpenNF", ChartMark::kLine, {}, 0};
    ChartSeries handover{"hand-over of all", ChartMark::kLine, {}, 0};
    ChartSeries small{"U-HAUL, " + ThresholdText(static_cast<uint64_t>(*least)), ChartMark::kLine, {}, 0};
    ChartSeries large{"U-HAUL, " + ThresholdText(static_cast<uint64_t>(*most)), ChartMark::kLine, {}, 0};
    ChartSeries ratio{WorkloadTitle(name), ChartMark::kLine, {}, 0};
    ChartSeries handover_ratio{WorkloadTitle(name) + ", hand-over", ChartMark::kLine, {}, 0};
    for (const Row& row : own.rows) {
      const double x = row[cost].number.value_or(0);
      const bool by_handover = row[figure.Column("way")].text == "handover";
      const bool is_least = row[threshold].number == *least;
      const auto put = [&](ChartSeries& series, const char* column) {
        series.points.push_back(PointOf(own, row, x, WithBand(column)));
      };
      if (is_least) put(by_handover ? handover : opennf, "all_total_ms");
      if (is_least) put(by_handover ? handover_ratio : ratio, "mice_fct_ratio_arrived");
      if (!by_handover && is_least) put(small, "elephants_total_ms");
      if (!by_handover && row[threshold].number == *most && !is_least) put(large, "elephants_total_ms");
    }
    for (ChartSeries* series : {&opennf, &small, &large, &handover}) Add(chart, std::move(*series));
    Add(mice, std::move(ratio));
    Add(mice, std::move(handover_ratio));
    charts.push_back(std::move(chart));
  }
  charts.push_back(std::move(mice));
  return charts;
}

}  // namespace

std::vector<Chart> ChartsOf(const FigureData& figure) {
  if (figure.rows.empty()) return {};
  if (figure.name == "1a") return {FlowSizes(figure)};
  if (figure.name == "2a") return {ByScheme(figure)};
  if (figure.name == "2b") return {ByStates(figure)};
  if (figure.name == "10") return {Missed(figure)};
  if (figure.name == "sweet-spot") return SweetSpot(figure);
  if (figure.name == "cost") return CostPerFlow(figure);
  const bool accuracy = figure.name == "4" || figure.name == "5" || figure.name == "6";
  return accuracy ? std::vector<Chart>{Accuracy(figure)} : Downtime(figure);
}

}  // namespace uhaul
