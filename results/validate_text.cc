// A comparison as text, CSV and a plot.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "results/paper_tables.h"
#include "results/scatter_svg.h"
#include "results/table_cells.h"
#include "results/text_grid.h"
#include "results/validate.h"

namespace uhaul {
namespace {

constexpr size_t kMostNamed = 10;

std::string GroupTitle(const GroupComparison& group) {
  std::string title = group.workload + ", " + group.scheme;
  if (group.threshold) title += ", " + ThresholdText(*group.threshold);
  return title;
}

std::string PercentText(std::optional<double> part, bool is_missing_infinite) {
  if (!part) return is_missing_infinite ? "inf" : "-";
  return Fixed(100 * *part, 2);
}

TextGrid GroupGrid(const GroupComparison& group) {
  TextGrid grid;
  grid.columns = {{"metric", true}, {"A"},       {"B"},   {"B 95 %"},       {"n"},
                  {"diff %"},       {"worst %"}, {"IQR"}, {"verdict", true}};
  for (const MetricComparison& c : group.metrics) {
    const int decimals = c.metric->decimals;
    const bool given = c.pairs > 0;
    grid.rows.push_back({c.metric->name, Fixed(c.a, decimals), Fixed(c.b, decimals), BandText(c.interval, decimals),
                         fmt::to_string(c.runs), PercentText(c.difference, given), PercentText(c.worst, given),
                         Fixed(c.spread, decimals), std::string(AgreementName(c.agreement))});
  }
  return grid;
}

TextGrid SummaryGrid(const Comparison& comparison, bool held_out) {
  TextGrid grid;
  grid.columns = {{"metric", true}, {"median |diff| %"}, {"worst group %"}};
  for (int i = 0; i < kAgreements; ++i) {
    grid.columns.push_back({std::string(AgreementName(static_cast<Agreement>(i)))});
  }
  grid.columns.push_back({"verdict", true});
  for (const MetricSummary& s : comparison.summaries) {
    if (s.held_out != held_out) continue;
    const bool given = s.agreement != Agreement::kNoData;
    std::vector<std::string> row = {s.metric->name, PercentText(s.median_difference, given),
                                    PercentText(s.worst_difference, given)};
    for (const size_t groups : s.groups) row.push_back(fmt::to_string(groups));
    row.emplace_back(AgreementName(s.agreement));
    grid.rows.push_back(std::move(row));
  }
  return grid;
}

std::string BaselineText(const GroupComparison& group) {
  if (!group.baseline) return "";
  std::string out =
      fmt::format("  baseline, get per flow x flows selected: downtime {} ms", Fixed(group.baseline->predicted_ms, 3));
  const std::optional<double> ratio = group.baseline->error_ratio;
  if (ratio) out += fmt::format("; error of A / error of the baseline = {}", Fixed(*ratio, 3));
  if (ratio && *ratio > 0 && *ratio <= 1) out += fmt::format(" (A is {} times closer)", Fixed(1 / *ratio, 1));
  if (ratio && *ratio > 1) out += fmt::format(" (the baseline is {} times closer)", Fixed(*ratio, 1));
  return out + "\n";
}

// A run that never ended has no downtime, say; that is no agreement, and must be seen.
std::string OneSidedMetrics(const GroupComparison& group) {
  std::string out;
  for (const MetricComparison& c : group.metrics) {
    if (c.one_sided > 0) out += fmt::format("{}{} ({})", out.empty() ? "" : ", ", c.metric->name, c.one_sided);
  }
  return out.empty() ? "" : "  pairs with a value on one side only: " + out + "\n";
}

std::string OneSided(const char* side, const std::vector<std::string>& points) {
  if (points.empty()) return "";
  std::string out = fmt::format("{} points only in {}:\n", points.size(), side);
  for (size_t i = 0; i < points.size() && i < kMostNamed; ++i) out += "  " + points[i] + "\n";
  if (points.size() > kMostNamed) out += fmt::format("  and {} more\n", points.size() - kMostNamed);
  return out + "\n";
}

// Lines as they are; on a page a paragraph, if there are any.
std::string Paragraph(const std::string& text, const RenderOptions& render) {
  return render.format != RenderFormat::kHtml || text.empty() ? text : Bullet(text, render.format);
}

bool Has(const Comparison& comparison, bool held_out) {
  for (const MetricSummary& summary : comparison.summaries) {
    if (summary.held_out == held_out) return true;
  }
  return false;
}

std::string VerdictLine(const Comparison& comparison, const ValidateOptions& options, bool held_out) {
  std::array<size_t, kAgreements> metrics{};
  for (const MetricSummary& summary : comparison.summaries) {
    if (summary.held_out == held_out) ++metrics[static_cast<size_t>(summary.agreement)];
  }
  std::string counts;
  for (int i = 1; i < kAgreements; ++i) {
    counts += fmt::format("{} {}, ", metrics[static_cast<size_t>(i)], AgreementName(static_cast<Agreement>(i)));
  }
  counts += fmt::format("{} {}", metrics[0], AgreementName(Agreement::kNoData));
  const bool outside = metrics[static_cast<size_t>(Agreement::kOutside)] > 0;
  return fmt::format("{}: {} (tolerance {:g} %; metrics: {})\n", held_out ? "held-out groups" : "calibrated-on groups",
                     outside ? "outside" : "within", 100 * options.tolerance, counts);
}

}  // namespace

std::string RenderGroups(const Comparison& comparison, const RenderOptions& render) {
  std::string out;
  for (const GroupComparison& group : comparison.groups) {
    const std::string title =
        fmt::format("{}: {} pairs{}", GroupTitle(group), group.pairs, group.held_out ? ", held out" : "");
    out += Heading(3, title, render.format) + RenderGrid(GroupGrid(group), render);
    for (const std::string& text : {BaselineText(group), OneSidedMetrics(group)}) out += Paragraph(text, render);
    out += "\n";
  }
  return out;
}

std::string RenderComparison(const Comparison& comparison, const ValidateOptions& options,
                             const RenderOptions& render) {
  std::string out = RenderGroups(comparison, render);
  for (const bool held_out : {false, true}) {
    if (!Has(comparison, held_out)) continue;
    out += Heading(3, held_out ? "All groups that were held out, by verdict" : "All groups, by verdict", render.format);
    out += RenderGrid(SummaryGrid(comparison, held_out), render) + "\n";
  }
  out += Paragraph(OneSided("A", comparison.only_a), render) + Paragraph(OneSided("B", comparison.only_b), render);
  if (Has(comparison, true)) {
    for (const bool held_out : {false, true}) {
      if (Has(comparison, held_out)) out += Paragraph(VerdictLine(comparison, options, held_out), render);
    }
  }
  const char* verdict = comparison.agreement == Agreement::kNoData ? "no data"
                        : comparison.Agrees()                      ? "within"
                                                                   : "outside";
  return out + Paragraph(fmt::format("Verdict: {} ({} pairs, {} groups, tolerance {:g} %)\n", verdict, comparison.pairs,
                                     comparison.groups.size(), 100 * options.tolerance),
                         render);
}

std::string RenderExact(const ExactComparison& comparison) {
  std::string out;
  for (const ExactDifference& difference : comparison.differences) {
    out += fmt::format("{}\n  {}\n", difference.point, difference.text);
  }
  out += OneSided("A", comparison.only_a) + OneSided("B", comparison.only_b);
  return out + fmt::format("Verdict: {} ({} pairs, {} records compared, {} differ)\n",
                           comparison.differences.empty() ? "equal" : "different", comparison.pairs, comparison.runs,
                           comparison.differences.size());
}

std::string ComparisonCsv(const Comparison& comparison) {
  TextGrid grid;
  for (const char* name :
       {"workload", "scheme", "threshold_bytes", "held_out", "metric", "a", "b", "b_low", "b_high", "b_iqr", "pairs",
        "one_sided", "b_runs", "difference", "worst_pair", "verdict", "baseline_ms", "error_ratio"}) {
    grid.columns.push_back({name});
  }
  for (const GroupComparison& group : comparison.groups) {
    for (const MetricComparison& c : group.metrics) {
      const bool is_downtime = c.metric == FindMetric("downtime_ms") && group.baseline.has_value();
      grid.rows.push_back({group.workload, group.scheme, group.threshold ? fmt::to_string(*group.threshold) : "",
                           group.held_out ? "1" : "0", c.metric->name, Exact(c.a), Exact(c.b),
                           Exact(c.interval ? std::optional(c.interval->low) : std::nullopt),
                           Exact(c.interval ? std::optional(c.interval->high) : std::nullopt), Exact(c.spread),
                           fmt::to_string(c.pairs), fmt::to_string(c.one_sided), fmt::to_string(c.runs),
                           Exact(c.difference), Exact(c.worst), std::string(AgreementName(c.agreement)),
                           Exact(is_downtime ? std::optional(group.baseline->predicted_ms) : std::nullopt),
                           Exact(is_downtime ? group.baseline->error_ratio : std::nullopt)});
    }
  }
  return RenderCsv(grid);
}

std::string ComparisonSvg(const Comparison& comparison, const ValidateOptions& options, const std::string& a_name,
                          const std::string& b_name) {
  ScatterPlot plot;
  plot.title = "A against B, metric by metric";
  plot.subtitle =
      fmt::format("{} groups of {} pairs; each metric in its own unit", comparison.groups.size(), comparison.pairs);
  plot.x_label = "A: " + a_name;
  plot.y_label = "B: " + b_name;
  plot.tolerance = options.tolerance;
  std::map<const Metric*, size_t> index;
  for (const GroupComparison& group : comparison.groups) {
    for (const MetricComparison& c : group.metrics) {
      const auto [at, fresh] = index.emplace(c.metric, plot.series.size());
      if (fresh) plot.series.push_back({c.metric->name, {}});
      if (c.a && c.b) plot.series[at->second].points.push_back({*c.a, *c.b, c.interval});
    }
  }
  return RenderScatter(plot);
}

}  // namespace uhaul
