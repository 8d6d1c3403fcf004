// Section 4.5: the best threshold, die-out against downtime; and what the paper does not say of the flows selected.
#include <fmt/format.h>

#include <algorithm>

#include "results/claim_builders.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

// A threshold is said to be the best, or not to be it, if it is in so many of the resamples.
constexpr double kNearlyAlways = 0.95;
constexpr double kHardlyEver = 0.05;

Sampled MeanAt(const WorkloadRuns& runs, uint64_t threshold,
               std::function<std::optional<double>(const UhaulRun&)> figure) {
  return Sample(runs, MeanOf(runs, AtThreshold(threshold, std::move(figure))));
}

std::string Shares(const std::vector<uint64_t>& thresholds, const std::vector<double>& shares) {
  std::string text;
  for (size_t i = 0; i < thresholds.size(); ++i) {
    if (shares[i] == 0) continue;
    text += fmt::format("{}{} in {:.0f} %", text.empty() ? "" : ", ", ThresholdText(thresholds[i]), 100 * shares[i]);
  }
  return text;
}

void AddSweetSpot(ClaimList& list, const std::string& workload) {
  const WorkloadRuns& runs = list.study.Of(workload);
  const auto thresholds = PaperThresholds(list.paper, workload);
  std::vector<Sampled> totals;
  for (const uint64_t threshold : thresholds) {
    totals.push_back(MeanAt(runs, threshold, [](const UhaulRun& run) { return run.metrics.total_ms; }));
  }
  const PaperNumber* number = list.paper.Find("Section 4.5", "best_threshold", workload);
  const std::string title = WorkloadTitle(workload);
  Claim claim = MakeClaim("sweet-spot." + workload, title + ": best threshold by total time", "MB", number, {},
                          Direction::kUndecided, "");
  std::optional<size_t> best;
  for (size_t i = 0; i < totals.size(); ++i) {
    if (totals[i].value && (!best || *totals[i].value < *totals[*best].value)) best = i;
  }
  if (best) claim.ours = static_cast<double>(thresholds[*best]) / 1e6;
  const auto shares = ShareOfLeast(totals);
  const std::string text = Shares(thresholds, shares);
  claim.sentence =
      fmt::format("Best threshold, {}: {} over all traces ({} ms){}.", title,
                  best ? ThresholdText(thresholds[*best]) : "-", best ? Fixed(totals[*best].value, 3) : "-",
                  text.empty() ? "" : "; of resampled five-run means the least is at " + text);
  if (!text.empty() && claim.paper) {
    double share = 0;
    for (size_t i = 0; i < thresholds.size(); ++i) {
      if (static_cast<double>(thresholds[i]) == *claim.paper * 1e6) share = shares[i];
    }
    claim.verdict = share >= kHardlyEver ? Verdict::kIn : Verdict::kOut;
    claim.direction = share >= kNearlyAlways ? Direction::kHolds
                      : share < kHardlyEver  ? Direction::kReverses
                                             : Direction::kUndecided;
  }
  list.claims.push_back(std::move(claim));
}

// "The die-out time increases as elephant flow threshold increases": from the smallest threshold to the largest.
void AddTrend(ClaimList& list, const std::string& workload, const char* source) {
  const WorkloadRuns& runs = list.study.Of(workload);
  const auto thresholds = PaperThresholds(list.paper, workload);
  if (thresholds.empty()) return;
  const auto die_out = [](const UhaulRun& run) { return run.metrics.die_out_ms; };
  const Sampled rise = Difference(MeanAt(runs, thresholds.back(), die_out), MeanAt(runs, thresholds.front(), die_out));
  const std::string title = WorkloadTitle(workload);
  Claim claim = MakeClaim("die-out-rises." + workload, title + ": die-out rises with the threshold by", "ms", nullptr,
                          rise, DirectionOf(rise),
                          fmt::format("Die-out time, {}: {} ms more at {} than at {}.", title, Fixed(rise.value, 2),
                                      ThresholdText(thresholds.back()), ThresholdText(thresholds.front())));
  const PaperNumber* first = list.paper.Find(source, "die_out_time", workload, thresholds.front());
  const PaperNumber* last = list.paper.Find(source, "die_out_time", workload, thresholds.back());
  if (first != nullptr && last != nullptr && first->value && last->value) {
    claim.paper = *last->value - *first->value;
    claim.evidence = first->evidence;
    claim.verdict = Judge(*claim.paper, claim.band, Mark::kNone);
  }
  list.claims.push_back(std::move(claim));
}

// Of the flows selected, how many are still there to be moved: the report's first page.
void AddAlive(ClaimList& list, const std::string& workload) {
  const WorkloadRuns& runs = list.study.Of(workload);
  const auto thresholds = PaperThresholds(list.paper, workload);
  std::vector<uint64_t> ends = {thresholds.front()};
  if (thresholds.size() > 1) ends.push_back(thresholds.back());
  for (const uint64_t threshold : ends) {
    const auto number = [&](size_t RunMetrics::*member) {
      return MeanAt(runs, threshold, [member](const UhaulRun& run) -> std::optional<double> {
        return static_cast<double>(run.metrics.*member);
      });
    };
    const Sampled selected = number(&RunMetrics::selected);
    const Sampled alive = number(&RunMetrics::selected_alive);
    const Sampled none = MeanAt(runs, threshold, [](const UhaulRun& run) -> std::optional<double> {
      return run.metrics.selected_alive == 0 ? 100 : 0;
    });
    const std::string title = WorkloadTitle(workload);
    list.claims.push_back(MakeClaim(
        fmt::format("alive.{}.{}", workload, threshold),
        fmt::format("{}: selected flows still alive, {}", title, ThresholdText(threshold)), "flows", nullptr, alive,
        Direction::kNone,
        fmt::format(
            "Of {} flows selected a run at {} ({}) only {} still have bytes to come at t0; {} % of the runs move "
            "no living flow.",
            Fixed(selected.value, 1), ThresholdText(threshold), title, Fixed(alive.value, 2), Fixed(none.value, 0))));
  }
}

}  // namespace

void AddTradeoffClaims(ClaimList& list) {
  for (const char* workload : kPaperWorkloads) AddSweetSpot(list, workload);
  AddTrend(list, "web_search", "Table 10");
  AddTrend(list, "facebook_cache", "Table 10");
  AddTrend(list, "azure_wan", "Table 11");
  for (const char* workload : kPaperWorkloads) AddAlive(list, workload);
}

}  // namespace uhaul
