#include "results/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "core/base/random.h"
#include "results/record_compare.h"
#include "results/study.h"
#include "results/table_cells.h"

namespace uhaul {
namespace {

constexpr uint64_t kIntervalStream = 0x7661'6c69;
constexpr double kNsPerMs = 1e6;

struct MeasuredPair {
  const PointPair* pair = nullptr;
  std::vector<MeasuredRun> a;
  std::vector<MeasuredRun> b;
};

// The values of one metric in one pair.
struct PairValues {
  double a = 0;
  double b = 0;
  std::vector<double> b_runs;
};

// Workload, scheme, threshold, held out.
using GroupKey = std::tuple<std::string, std::string, std::optional<uint64_t>, bool>;

std::vector<MeasuredRun> MeasureAll(const std::vector<const StoredPoint*>& runs, uint64_t mice_below) {
  std::vector<MeasuredRun> measured;
  for (const StoredPoint* run : runs) measured.push_back(Measure(run->record, mice_below));
  return measured;
}

std::vector<double> ValuesOf(const Metric& metric, const std::vector<MeasuredRun>& runs) {
  std::vector<double> values;
  for (const MeasuredRun& run : runs) {
    if (const auto value = ValueOf(metric, run)) values.push_back(*value);
  }
  return values;
}

double Median(std::vector<double> values) { return Quantile(values, 0.5); }

double MeanOfMedians(const std::vector<std::vector<double>>& runs) {
  double sum = 0;
  for (const auto& values : runs) sum += Median(values);
  return sum / static_cast<double>(runs.size());
}

// Runs drawn again within each pair, each pair as many as it has.
std::optional<Band> ResampledInterval(const std::vector<PairValues>& pairs, const ValidateOptions& options) {
  for (const PairValues& pair : pairs) {
    if (pair.b_runs.size() < 2) return std::nullopt;
  }
  Random random(options.seed, kIntervalStream);
  std::vector<double> means;
  for (uint32_t i = 0; i < options.resamples; ++i) {
    std::vector<std::vector<double>> drawn;
    for (const PairValues& pair : pairs) {
      auto& runs = drawn.emplace_back();
      for (size_t k = 0; k < pair.b_runs.size(); ++k) runs.push_back(pair.b_runs[random.Below(pair.b_runs.size())]);
    }
    means.push_back(MeanOfMedians(drawn));
  }
  if (means.empty()) return std::nullopt;
  return Band{Quantile(means, 0.025), Quantile(means, 0.975)};
}

std::optional<double> MeanIqr(const std::vector<PairValues>& pairs) {
  double sum = 0;
  for (const PairValues& pair : pairs) {
    if (pair.b_runs.size() < 2) return std::nullopt;
    std::vector<double> runs = pair.b_runs;
    sum += Quantile(runs, 0.75) - Quantile(runs, 0.25);
  }
  return sum / static_cast<double>(pairs.size());
}

std::optional<double> RelativeDifference(double a, double b) {
  if (a == b) return 0.0;
  if (b == 0) return std::nullopt;
  return (a - b) / std::abs(b);
}

Agreement AgreementOf(const MetricComparison& c, const std::vector<PairValues>& pairs, double tolerance) {
  if (std::all_of(pairs.begin(), pairs.end(), [](const PairValues& p) { return p.a == p.b; })) return Agreement::kEqual;
  if (c.difference && std::abs(*c.difference) <= tolerance) return Agreement::kWithin;
  if (c.interval && *c.a >= c.interval->low && *c.a <= c.interval->high) return Agreement::kWithinSpread;
  return Agreement::kOutside;
}

MetricComparison CompareMetric(const Metric& metric, const std::vector<MeasuredPair>& group,
                               const ValidateOptions& options) {
  MetricComparison out;
  out.metric = &metric;
  std::vector<PairValues> pairs;
  for (const MeasuredPair& pair : group) {
    const std::vector<double> a = ValuesOf(metric, pair.a);
    std::vector<double> b = ValuesOf(metric, pair.b);
    if (a.empty() != b.empty()) ++out.one_sided;
    if (a.empty() || b.empty()) continue;
    out.runs += b.size();
    const double median_b = Median(b);
    pairs.push_back({Median(a), median_b, std::move(b)});
  }
  out.pairs = pairs.size();
  if (pairs.empty()) return out;
  double sum_a = 0;
  double sum_b = 0;
  bool unbounded = false;
  for (const PairValues& pair : pairs) {
    sum_a += pair.a;
    sum_b += pair.b;
    const auto difference = RelativeDifference(pair.a, pair.b);
    unbounded = unbounded || !difference;
    if (difference) out.worst = std::max(out.worst.value_or(0), std::abs(*difference));
  }
  if (unbounded) out.worst.reset();
  out.a = sum_a / static_cast<double>(pairs.size());
  out.b = sum_b / static_cast<double>(pairs.size());
  out.difference = RelativeDifference(*out.a, *out.b);
  out.interval = pairs.size() == 1 ? MedianInterval95(pairs[0].b_runs) : ResampledInterval(pairs, options);
  out.spread = MeanIqr(pairs);
  out.agreement = AgreementOf(out, pairs, options.tolerance);
  return out;
}

// Over the pairs that give downtime on both sides, so that it is held against the same B.
std::optional<Baseline> BaselineOf(const std::vector<MeasuredPair>& group) {
  const Metric& downtime = *FindMetric("downtime_ms");
  Baseline out;
  double sum_a = 0;
  double sum_b = 0;
  size_t pairs = 0;
  for (const MeasuredPair& pair : group) {
    const auto cost_ns = SpecNumber(*pair.pair->a.front(), "profile.get");
    const std::vector<double> a = ValuesOf(downtime, pair.a);
    const std::vector<double> b = ValuesOf(downtime, pair.b);
    if (!cost_ns || a.empty() || b.empty()) continue;
    ++pairs;
    sum_a += Median(a);
    sum_b += Median(b);
    const double flows = Median(ValuesOf(*FindMetric("selected"), pair.a));
    out.predicted_ms += static_cast<double>(*cost_ns) * flows / kNsPerMs;
  }
  if (pairs == 0) return std::nullopt;
  const double error = std::abs(out.predicted_ms - sum_b);
  if (error > 0) out.error_ratio = std::abs(sum_a - sum_b) / error;
  out.predicted_ms /= static_cast<double>(pairs);
  return out;
}

Result<std::vector<const Metric*>> ChosenMetrics(const std::vector<std::string>& names) {
  std::vector<const Metric*> chosen;
  for (const Metric& metric : Metrics()) {
    if (names.empty() && metric.compared) chosen.push_back(&metric);
  }
  for (const std::string& name : names) {
    const Metric* metric = FindMetric(name);
    if (metric == nullptr) return Error{fmt::format("there is no metric '{}'", name)};
    chosen.push_back(metric);
  }
  return chosen;
}

std::vector<std::string> Titles(const std::vector<const StoredPoint*>& points) {
  std::vector<std::string> titles;
  for (const StoredPoint* point : points) titles.push_back(fmt::format("{} ({})", point->id, PointTitle(*point)));
  return titles;
}

MetricSummary Summarize(const Metric* metric, bool held_out, const std::vector<GroupComparison>& groups) {
  MetricSummary out;
  out.metric = metric;
  out.held_out = held_out;
  std::vector<double> differences;
  bool unbounded = false;
  for (const GroupComparison& group : groups) {
    if (group.held_out != held_out) continue;
    for (const MetricComparison& c : group.metrics) {
      if (c.metric != metric) continue;
      ++out.groups[static_cast<size_t>(c.agreement)];
      out.agreement = std::max(out.agreement, c.agreement);
      if (c.difference) differences.push_back(std::abs(*c.difference));
      unbounded = unbounded || (c.pairs > 0 && !c.difference);
    }
  }
  if (differences.empty()) return out;
  out.median_difference = Quantile(differences, 0.5);
  if (!unbounded) out.worst_difference = differences.back();
  return out;
}

}  // namespace

std::string_view AgreementName(Agreement agreement) {
  switch (agreement) {
    case Agreement::kNoData:
      return "no data";
    case Agreement::kEqual:
      return "equal";
    case Agreement::kWithin:
      return "within";
    case Agreement::kWithinSpread:
      return "within spread";
    case Agreement::kOutside:
      return "outside";
  }
  UHAUL_CHECK(false);
}

std::string PointTitle(const StoredPoint& point) {
  std::string title = SpecText(point, "workload.name") + ", " + SpecText(point, "scheme.name");
  if (const auto threshold = SpecNumber(point, "edm.threshold")) title += ", " + ThresholdText(*threshold);
  const std::string trace = SpecText(point, "workload.trace");
  return trace.empty() ? title : title + ", trace " + trace;
}

Result<Comparison> Compare(std::span<const StoredPoint> a, std::span<const StoredPoint> b,
                           const ValidateOptions& options) {
  const Result<std::vector<const Metric*>> metrics = ChosenMetrics(options.metrics);
  if (!metrics.ok()) return metrics.error();
  const Result<Pairing> pairing = PairPoints(a, b, options.rule);
  if (!pairing.ok()) return pairing.error();
  std::map<GroupKey, std::vector<MeasuredPair>> groups;
  for (const PointPair& pair : pairing->pairs) {
    const StoredPoint& first = *pair.a.front();
    const bool held_out = options.held_out && options.held_out(first);
    groups[{SpecText(first, "workload.name"), SpecText(first, "scheme.name"), SpecNumber(first, "edm.threshold"),
            held_out}]
        .push_back({&pair, MeasureAll(pair.a, options.mice_below), MeasureAll(pair.b, options.mice_below)});
  }
  Comparison out;
  out.pairs = pairing->pairs.size();
  out.only_a = Titles(pairing->only_a);
  out.only_b = Titles(pairing->only_b);
  for (const auto& [key, pairs] : groups) {
    GroupComparison& group = out.groups.emplace_back();
    std::tie(group.workload, group.scheme, group.threshold, group.held_out) = key;
    group.pairs = pairs.size();
    for (const Metric* metric : *metrics) group.metrics.push_back(CompareMetric(*metric, pairs, options));
    group.baseline = BaselineOf(pairs);
  }
  for (const bool held_out : {false, true}) {
    const bool any = std::any_of(out.groups.begin(), out.groups.end(),
                                 [&](const GroupComparison& group) { return group.held_out == held_out; });
    for (const Metric* metric : *metrics) {
      if (any) out.summaries.push_back(Summarize(metric, held_out, out.groups));
    }
  }
  for (const MetricSummary& summary : out.summaries) out.agreement = std::max(out.agreement, summary.agreement);
  return out;
}

Result<ExactComparison> CompareExactly(std::span<const StoredPoint> a, std::span<const StoredPoint> b,
                                       const PairRule& rule) {
  const Result<Pairing> pairing = PairPoints(a, b, rule);
  if (!pairing.ok()) return pairing.error();
  ExactComparison out;
  out.pairs = pairing->pairs.size();
  out.only_a = Titles(pairing->only_a);
  out.only_b = Titles(pairing->only_b);
  for (const PointPair& pair : pairing->pairs) {
    const StoredPoint& first = *pair.a.front();
    const auto compare = [&](const StoredPoint& run, const std::string& name) {
      ++out.runs;
      const auto found = FirstDifference(first.record, run.record);
      if (!found) return;
      out.differences.push_back({fmt::format("{} ({})", first.id, PointTitle(first)),
                                 fmt::format("{}: {} in A, {} in {}", found->field, found->a, found->b, name)});
    };
    for (size_t i = 1; i < pair.a.size(); ++i) compare(*pair.a[i], fmt::format("A's run {}", i + 1));
    for (size_t i = 0; i < pair.b.size(); ++i) {
      compare(*pair.b[i], pair.b.size() == 1 ? "B" : fmt::format("B's run {}", i + 1));
    }
  }
  return out;
}

}  // namespace uhaul
