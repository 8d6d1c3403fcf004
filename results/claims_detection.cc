// Section 4.2: active flows, "accuracy" (recall), and the proportion method against the size-based one.
#include <fmt/format.h>

#include "results/claim_builders.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

using Member = Confusion UhaulRun::*;

Sampled RateAt(const WorkloadRuns& runs, uint64_t threshold, Member member, Rate rate) {
  return Sample(runs, Pooled(
                          runs,
                          [=](const TraceRuns& trace) -> const Confusion* {
                            const UhaulRun* run = RunAt(trace, threshold);
                            return run == nullptr ? nullptr : &(run->*member);
                          },
                          rate));
}

std::vector<Sampled> Rates(const ClaimList& list, const std::string& workload, Member member, Rate rate) {
  std::vector<Sampled> all;
  for (const uint64_t threshold : PaperThresholds(list.paper, workload)) {
    all.push_back(RateAt(list.study.Of(workload), threshold, member, rate));
  }
  return all;
}

// The mean over thresholds of a table's false-negative rates.
std::optional<double> PaperMean(const PaperNumbers& paper, const char* source) {
  const auto numbers = paper.From(source, "false_negative_rate");
  if (numbers.empty()) return std::nullopt;
  double sum = 0;
  for (const PaperNumber& number : numbers) sum += number.value.value_or(0);
  return sum / static_cast<double>(numbers.size());
}

// A is the same in every run of a trace; any will do.
RunFigure ActiveFlows(size_t RunMetrics::*member) {
  return [member](const TraceRuns& trace) -> std::optional<double> {
    if (!trace.uhaul.empty()) return static_cast<double>(trace.uhaul.begin()->second.metrics.*member);
    if (trace.opennf != nullptr) return static_cast<double>(trace.opennf_metrics.*member);
    return std::nullopt;
  };
}

void AddActive(ClaimList& list, const std::string& workload) {
  const WorkloadRuns& runs = list.study.Of(workload);
  const Sampled active = Sample(runs, MeanOf(runs, ActiveFlows(&RunMetrics::active)));
  const Sampled strict = Sample(runs, MeanOf(runs, ActiveFlows(&RunMetrics::active_strict)));
  const Sampled alive = Sample(runs, MeanOf(runs, ActiveFlows(&RunMetrics::active_alive)));
  const std::string title = WorkloadTitle(workload);
  list.claims.push_back(MakeClaim(
      "active-flows." + workload, title + ": active flows", "flows",
      list.paper.Find("Section 4.2", "active_flows", workload), active, Direction::kNone,
      fmt::format("Active flows, {}: {} in the FIT at t0, {} with a packet in the 100 ms before; {} of them have bytes "
                  "still to come.",
                  title, Fixed(active.value, 1), Fixed(strict.value, 1), Fixed(alive.value, 1))));
}

void AddRecall(ClaimList& list, const std::string& workload) {
  const auto recall = Rates(list, workload, &UhaulRun::own, Recall);
  const auto snapshot = Rates(list, workload, &UhaulRun::snapshot, Recall);
  const auto accuracy = Rates(list, workload, &UhaulRun::own, Accuracy);
  const std::string title = WorkloadTitle(workload);
  list.claims.push_back(MakeClaim("accuracy-avg." + workload, title + ": accuracy (recall), average", "%",
                                  list.paper.Find("Section 4.2", "accuracy_avg", workload), Mean(recall),
                                  Direction::kNone, ""));
  list.claims.push_back(MakeClaim(
      "accuracy-min." + workload, title + ": accuracy (recall), least", "%",
      list.paper.Find("Section 4.2", "accuracy_min", workload), Least(recall), Direction::kNone,
      fmt::format(
          "Accuracy, {}: recall {} % on average over the thresholds, {} % at least; with the oracle's rho {} and "
          "{} %; the conventional accuracy {} and {} %.",
          title, Fixed(Mean(recall).value, 1), Fixed(Least(recall).value, 1), Fixed(Mean(snapshot).value, 1),
          Fixed(Least(snapshot).value, 1), Fixed(Mean(accuracy).value, 1), Fixed(Least(accuracy).value, 1))));
}

const char* Outcome(Direction direction) {
  switch (direction) {
    case Direction::kHolds:
      return "size-based detection misses more, as the paper says";
    case Direction::kReverses:
      return "size-based detection misses less: the paper's ordering reverses";
    case Direction::kUndecided:
    case Direction::kNone:
      break;
  }
  return "undecided";
}

// How many percentage points more size-based detection misses. The paper's claim is that it is more than none.
void AddAgainstSize(ClaimList& list, const std::string& workload, const char* ours, const char* theirs) {
  const Sampled size = Mean(Rates(list, workload, &UhaulRun::size, FalseNegatives));
  const std::string title = WorkloadTitle(workload);
  for (const auto& [reading, member] :
       {std::pair("offline", &UhaulRun::own), std::pair("snapshot", &UhaulRun::snapshot)}) {
    const Sampled share = Mean(Rates(list, workload, member, FalseNegatives));
    const Sampled more = Difference(size, share);
    const Direction direction = DirectionOf(more);
    Claim claim = MakeClaim(
        fmt::format("size-based-misses-more.{}.{}", workload, reading),
        fmt::format("{}: size-based misses more by (rho {})", title, reading), "points", nullptr, more, direction,
        fmt::format("False negatives, {}, mean over the thresholds, rho {}: size-based {} %, by proportion {} %; {}.",
                    title, reading, Fixed(size.value, 1), Fixed(share.value, 1), Outcome(direction)));
    const auto paper_size = PaperMean(list.paper, theirs);
    const auto paper_share = PaperMean(list.paper, ours);
    if (paper_size && paper_share) {
      claim.paper = *paper_size - *paper_share;
      claim.verdict = Judge(*claim.paper, claim.band, Mark::kNone);
    }
    // Snapshot rho is an oracle, taken because it fits the printed rates.
    if (member == &UhaulRun::snapshot) claim.evidence = Evidence::kDefinitionSelected;
    if (workload == "facebook_cache") claim.evidence = Evidence::kFitted;
    list.claims.push_back(std::move(claim));
  }
}

}  // namespace

void AddDetectionClaims(ClaimList& list) {
  for (const char* workload : kPaperWorkloads) AddActive(list, workload);
  for (const char* workload : kPaperWorkloads) AddRecall(list, workload);
  // The paper has no table of size-based detection for web search ("similar with the Facebook workload").
  AddAgainstSize(list, "web_search", "Table 1", "");
  AddAgainstSize(list, "facebook_cache", "Table 2", "Table 4");
  AddAgainstSize(list, "azure_wan", "Table 3", "Table 5");
}

}  // namespace uhaul
