// What the paper trades and does not draw: the best threshold, and what a flow's state may cost.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "results/figure_writer.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

// Of each threshold the share of draws, in percent, in which it has the least total time of those that shift at least
// so much; and the share of draws in which none does.
struct Best {
  std::vector<double> percent;
  double none = 0;
};

// `totals` where `shifted` is at least `least`; draw by draw.
std::vector<Sampled> Among(const std::vector<Sampled>& totals, const std::vector<Sampled>& shifted, double least) {
  std::vector<Sampled> among = totals;
  const auto admit = [&](std::optional<double>& total, const std::optional<double>& share) {
    if (!share || *share < least) total.reset();
  };
  for (size_t i = 0; i < among.size(); ++i) {
    admit(among[i].value, shifted[i].value);
    for (size_t draw = 0; draw < among[i].samples.size(); ++draw)
      admit(among[i].samples[draw], shifted[i].samples[draw]);
  }
  return among;
}

std::optional<size_t> LeastOf(const std::vector<Sampled>& all) {
  std::optional<size_t> best;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].value && (!best || *all[i].value < *all[*best].value)) best = i;
  }
  return best;
}

std::string BestText(const WorkloadRuns& runs, const std::vector<Sampled>& totals) {
  const auto best = LeastOf(totals);
  return best ? fmt::format("{} ({} ms)", ThresholdText(runs.thresholds[*best]), Fixed(totals[*best].value, 2))
              : "none";
}

std::optional<double> Total(const UhaulRun& run) { return run.metrics.total_ms; }

// A cost at which U-HAUL's total time and OpenNF's are equal: between two costs, linear in the cost's logarithm, where
// "U-HAUL is slower by" first falls from above zero; 0: it is never above; nullopt: it never falls.
std::optional<double> BreakEven(const std::vector<double>& costs, const std::vector<std::optional<double>>& slower) {
  if (slower.empty() || !slower[0]) return std::nullopt;
  if (*slower[0] <= 0) return 0;
  for (size_t i = 1; i < costs.size(); ++i) {
    if (!slower[i]) return std::nullopt;
    if (*slower[i] > 0) continue;
    const double part = *slower[i - 1] / (*slower[i - 1] - *slower[i]);
    return std::exp(std::log(costs[i - 1]) + part * (std::log(costs[i]) - std::log(costs[i - 1])));
  }
  return std::nullopt;
}

Sampled BreakEvenOf(const std::vector<double>& costs, const std::vector<Sampled>& slower) {
  Sampled sampled;
  std::vector<std::optional<double>> values;
  size_t draws = slower.empty() ? 0 : slower[0].samples.size();
  for (const Sampled& one : slower) {
    values.push_back(one.value);
    draws = std::min(draws, one.samples.size());
  }
  sampled.value = BreakEven(costs, values);
  for (size_t draw = 0; draw < draws; ++draw) {
    for (size_t i = 0; i < slower.size(); ++i) values[i] = slower[i].samples[draw];
    sampled.samples.push_back(BreakEven(costs, values));
  }
  return sampled;
}

constexpr auto kPaperPopulation = static_cast<size_t>(MicePopulation::kUnselected);
constexpr auto kArrivedMice = static_cast<size_t>(MicePopulation::kArrived);

std::optional<double> RatioOf(const UhaulRun& run, size_t population) {
  return run.fct ? (*run.fct)[population].ratio_of_means : std::nullopt;
}

// How flows are moved: by OpenNF's move, as the paper does, or by the hand-over.
struct Way {
  const char* name;
  const char* title;
  StudySchemes schemes;
};
const std::array<Way, 2>& Ways() {
  static const std::array<Way, 2> kWays = {{{"opennf", "OpenNF's move", {"opennf", "uhaul"}},
                                            {"handover", "the hand-over", {"handover", "uhaul-handover"}}}};
  return kWays;
}

// One workload's lines of one cost; returns by threshold how much slower moving only elephants is in total.
std::vector<Sampled> WriteCost(FigureWriter& writer, const Way& way, const WorkloadRuns& runs, double cost_us) {
  const Sampled all = Sample(runs, MeanOf(runs, [](const TraceRuns& t) { return t.opennf_metrics.total_ms; }));
  std::vector<Sampled> slower;
  for (const uint64_t threshold : runs.thresholds) {
    const Sampled total = MeanAt(runs, threshold, Total);
    slower.push_back(Difference(total, all));
    FigureRow row = {Text(way.name), Text(runs.name), Count(threshold), Number(cost_us)};
    AppendBanded(row, total);
    AppendBanded(row, all);
    AppendBanded(row, MeanAt(runs, threshold, [](const UhaulRun& run) { return run.metrics.downtime_ms; }));
    AppendBanded(row, MeanAt(runs, threshold, [](const UhaulRun& run) { return run.metrics.die_out_ms; }));
    AppendBanded(row, MeanAt(runs, threshold, [](const UhaulRun& run) { return RatioOf(run, kPaperPopulation); }));
    AppendBanded(row, MeanAt(runs, threshold, [](const UhaulRun& run) { return RatioOf(run, kArrivedMice); }));
    writer.Add(std::move(row));
  }
  return slower;
}

std::string BreakEvenText(const Sampled& cost) {
  if (!cost.value) return "never (moving all is faster at every cost here)";
  const std::string at = *cost.value == 0 ? "below the least cost here" : fmt::format("at {:.0f} us", *cost.value);
  const auto band = cost.band();
  return band ? fmt::format("{} [{:.0f}, {:.0f}]", at, band->low, band->high) : at;
}

void WriteWay(FigureWriter& writer, const Way& way, std::span<const StoredPoint> points, const RenderOptions& options) {
  std::map<uint64_t, std::vector<const StoredPoint*>> by_cost;
  for (const StoredPoint& point : points) {
    const std::string scheme = SpecText(point, "scheme.name");
    if (scheme != way.schemes.all && scheme != way.schemes.elephants) continue;
    if (const auto cost = SpecNumber(point, "profile.get")) by_cost[*cost].push_back(&point);
  }
  std::vector<double> costs;
  // By workload and threshold, over the costs: how much slower moving only elephants is.
  std::map<std::string, std::vector<std::vector<Sampled>>> slower;
  std::map<std::string, std::vector<uint64_t>> thresholds;
  for (const auto& [cost_ns, of_cost] : by_cost) {
    const Study study(of_cost, options, way.schemes);
    costs.push_back(static_cast<double>(cost_ns) / 1e3);
    for (const char* workload : kPaperWorkloads) {
      const WorkloadRuns& runs = study.Of(workload);
      const std::vector<Sampled> of_workload = WriteCost(writer, way, runs, costs.back());
      auto& all = slower[workload];
      all.resize(std::max(all.size(), of_workload.size()));
      for (size_t i = 0; i < of_workload.size(); ++i) all[i].push_back(of_workload[i]);
      if (!runs.thresholds.empty()) thresholds[workload] = runs.thresholds;
    }
  }
  for (const char* workload : kPaperWorkloads) {
    std::string text;
    for (size_t i = 0; i < thresholds[workload].size(); ++i) {
      if (slower[workload][i].size() != costs.size()) continue;  // some cost has no points of it
      text += fmt::format("{}{} {}", text.empty() ? "" : "; ", ThresholdText(thresholds[workload][i]),
                          BreakEvenText(BreakEvenOf(costs, slower[workload][i])));
    }
    if (text.empty()) continue;
    writer.data.notes.push_back(
        fmt::format("{}, by {}: moving only elephants pays, by total time, from a cost per flow of: {}.",
                    WorkloadTitle(workload), way.title, text));
  }
}

}  // namespace

void WriteSweetSpot(FigureWriter& writer, const Study& study, double least_shifted_percent) {
  writer.Texts({"workload"});
  writer.Threshold();
  writer.Banded("total_ms", 3);
  writer.Numbers({"total_ms_paper"}, 3);
  writer.Numbers({"best_percent"}, 1);
  writer.Banded("shifted_percent", 1);
  writer.Numbers({"best_of_shifting_percent"}, 1);
  for (const char* workload : kPaperWorkloads) {
    const WorkloadRuns& runs = study.Of(workload);
    std::vector<Sampled> totals;
    std::vector<Sampled> shifted;
    for (const uint64_t threshold : runs.thresholds) {
      totals.push_back(MeanAt(runs, threshold, Total));
      shifted.push_back(MeanAt(runs, threshold, [](const UhaulRun& run) { return run.metrics.share_shifted; }));
    }
    const std::vector<Sampled> among = Among(totals, shifted, least_shifted_percent);
    const std::vector<double> best = ShareOfLeast(totals);
    const std::vector<double> best_among = ShareOfLeast(among);
    for (size_t i = 0; i < runs.thresholds.size(); ++i) {
      FigureRow row = {Text(workload), Count(runs.thresholds[i])};
      AppendBanded(row, totals[i]);
      const PaperNumber* number = writer.paper.Find(workload == std::string_view("azure_wan") ? "Table 13" : "Table 12",
                                                    "total_time", workload, runs.thresholds[i]);
      row.push_back(Number(number == nullptr ? std::nullopt : number->value));
      row.push_back(Number(runs.HasBands() ? std::optional(100 * best[i]) : std::nullopt));
      AppendBanded(row, shifted[i]);
      row.push_back(Number(runs.HasBands() ? std::optional(100 * best_among[i]) : std::nullopt));
      writer.Add(std::move(row));
    }
    if (runs.thresholds.empty()) continue;
    writer.data.notes.push_back(
        fmt::format("{}: the least total time over all traces is at {}; of the thresholds that shift at least {:g} % "
                    "of the traffic "
                    "still to come, at {}.",
                    WorkloadTitle(workload), BestText(runs, totals), least_shifted_percent, BestText(runs, among)));
  }
  writer.data.notes.push_back(fmt::format(
      "best: in how many of the resampled five-run means, in percent, a threshold has the least total time (ties "
      "shared); best of shifting: the same among those that shift at least {:g} % in that resample; where none does, "
      "it "
      "counts for none. Total time alone rewards moving nothing.",
      least_shifted_percent));
}

void WriteCostPerFlow(FigureWriter& writer, std::span<const StoredPoint> points, const RenderOptions& options) {
  writer.Texts({"way", "workload"});
  writer.Threshold();
  writer.Numbers({"cost_us"}, 0);
  writer.Banded("elephants_total_ms", 3);
  writer.Banded("all_total_ms", 3);
  writer.Banded("elephants_downtime_ms", 3);
  writer.Banded("die_out_ms", 3);
  writer.Banded("mice_fct_ratio", 3);
  writer.Banded("mice_fct_ratio_arrived", 3);
  for (const Way& way : Ways()) WriteWay(writer, way, points, options);
  writer.data.notes.push_back(
      "cost: profile.get, the time that the source takes for a flow's state, one after the other; all else as in "
      "emulab-2016. Total time: downtime and die-out; who moves every flow has no die-out. Below the cost at which the "
      "two are equal, waiting for the flows that were left takes longer than moving everything. FCT ratios: moving all "
      "over moving elephants, both in the same way.");
}

}  // namespace uhaul
