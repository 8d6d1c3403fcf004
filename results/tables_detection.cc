// Tables 1-5: which flows the EDM chose, against which of A became elephants.
#include <fmt/format.h>

#include "results/table_cells.h"

namespace uhaul {
namespace {

using Member = Confusion UhaulRun::*;

RunConfusion ConfusionAt(uint64_t threshold, Member member) {
  return [threshold, member](const TraceRuns& trace) -> const Confusion* {
    const UhaulRun* run = RunAt(trace, threshold);
    return run == nullptr ? nullptr : &(run->*member);
  };
}

std::optional<double> PooledRate(const WorkloadRuns& runs, uint64_t threshold, Member member, Rate rate) {
  return Overall(runs, Pooled(runs, ConfusionAt(threshold, member), rate));
}

std::optional<double> PerRunMean(const WorkloadRuns& runs, uint64_t threshold, Member member, Rate rate) {
  return Overall(runs, MeanOf(runs, AtThreshold(threshold, [=](const UhaulRun& run) { return rate(run.*member); })));
}

std::optional<double> MeanFigure(const WorkloadRuns& runs, uint64_t threshold,
                                 std::function<std::optional<double>(const UhaulRun&)> figure) {
  return Overall(runs, MeanOf(runs, AtThreshold(threshold, std::move(figure))));
}

std::function<bool(const TraceRuns&)> Present(uint64_t threshold) {
  return [threshold](const TraceRuns& trace) { return RunAt(trace, threshold) != nullptr; };
}

// Runs that had no elephant in A, for which a rate over the elephants says nothing.
size_t RunsWithoutElephants(const WorkloadRuns& runs, uint64_t threshold) {
  size_t count = 0;
  for (const TraceRuns& trace : runs.traces) {
    const UhaulRun* run = RunAt(trace, threshold);
    count += run != nullptr && run->own.tp + run->own.fn == 0;
  }
  return count;
}

const std::vector<TableColumn> kReaderColumns = {{"selected", 1}, {"alive", 2},    {"shifted %", 1},
                                                 {"rules", 1},    {"messages", 0}, {"no eleph.", 0}};

void AddReaderFigures(const WorkloadRuns& runs, uint64_t threshold, std::vector<std::optional<double>>& others) {
  const auto mean = [&](auto figure) { return MeanFigure(runs, threshold, figure); };
  const auto count = [](size_t n) { return std::optional<double>(static_cast<double>(n)); };
  others.push_back(mean([=](const UhaulRun& run) { return count(run.metrics.selected); }));
  others.push_back(mean([=](const UhaulRun& run) { return count(run.metrics.selected_alive); }));
  others.push_back(mean([](const UhaulRun& run) { return run.metrics.share_shifted; }));
  others.push_back(mean([=](const UhaulRun& run) { return count(run.metrics.rules); }));
  others.push_back(mean([=](const UhaulRun& run) { return count(run.metrics.messages); }));
  others.push_back(runs.traces.empty() ? std::nullopt : count(RunsWithoutElephants(runs, threshold)));
}

CellRecipe RateRecipe(const WorkloadRuns& runs, uint64_t threshold, Rate primary, Rate beside) {
  CellRecipe recipe;
  recipe.statistic = Pooled(runs, ConfusionAt(threshold, &UhaulRun::own), primary);
  recipe.present = Present(threshold);
  recipe.others = {
      PerRunMean(runs, threshold, &UhaulRun::own, primary), PooledRate(runs, threshold, &UhaulRun::snapshot, primary),
      PooledRate(runs, threshold, &UhaulRun::current, primary), PooledRate(runs, threshold, &UhaulRun::own, beside),
      PooledRate(runs, threshold, &UhaulRun::own, Accuracy)};
  AddReaderFigures(runs, threshold, recipe.others);
  return recipe;
}

}  // namespace

TableBuilder DetectionTable(const Study& study, const PaperNumbers& paper, int number) {
  const bool azure = number == 3;
  const char* workload = number == 1 ? "web search" : number == 2 ? "Facebook" : "Azure WAN";
  TableBuilder builder(study, paper, number,
                       fmt::format("False positive and false negative rates for the {} workload", workload), "%", 1);
  builder.table().other_columns = {{"per run", 1}, {"snapshot", 1}, {"snap. cur.", 1}, {"other", 1}, {"accuracy", 1}};
  for (const TableColumn& column : kReaderColumns) builder.table().other_columns.push_back(column);
  builder.AddSeries("FP rate", "false_positive_rate", [&](const WorkloadRuns& runs, const PaperNumber& cell) {
    return azure ? RateRecipe(runs, cell.threshold_bytes, FalseDiscoveries, FalsePositives)
                 : RateRecipe(runs, cell.threshold_bytes, FalsePositives, FalseDiscoveries);
  });
  builder.AddSeries("FN rate", "false_negative_rate", [&](const WorkloadRuns& runs, const PaperNumber& cell) {
    return RateRecipe(runs, cell.threshold_bytes, FalseNegatives, Recall);
  });
  builder.Note(
      fmt::format("Positive: final size at least the threshold, over A, the FIT's flows at t0. FP rate = {}; FN rate = "
                  "FN / (TP + FN). Pooled over the runs; 'per run': the mean of the runs' own rates.",
                  azure ? "FP / (FP + TP), which alone can be Table 3's" : "FP / (FP + TN)"));
  builder.Note(fmt::format(
      "'other': for FP the other denominator ({}), for FN recall, the paper's \"accuracy\"; 'accuracy': the "
      "conventional (TP + TN) / A. 'snapshot': rho by final size from A itself, which no operator "
      "knows; 'snap. cur.': by current size.",
      azure ? "FP + TN" : "FP + TP"));
  builder.Note(
      "'alive': selected flows with bytes still to come at t0. 'shifted': their share of all bytes still to come. 'no "
      "eleph.': runs without an elephant in A.");
  return builder;
}

TableBuilder SizeBasedTable(const Study& study, const PaperNumbers& paper, int number) {
  TableBuilder builder(study, paper, number,
                       fmt::format("False negative rate of the size-based elephant detection for the {} workload",
                                   number == 4 ? "Facebook" : "Azure WAN"),
                       "%", 1);
  builder.table().other_columns = {{"per run", 1}, {"U-HAUL", 1},   {"U-H. snap.", 1}, {"size - U-H.", 1},
                                   {"FP rate", 1}, {"selected", 1}, {"U-H. sel.", 1}};
  builder.AddSeries("FN rate", "false_negative_rate", [](const WorkloadRuns& runs, const PaperNumber& cell) {
    const uint64_t threshold = cell.threshold_bytes;
    const auto rate = [&](Member member, Rate of) { return PooledRate(runs, threshold, member, of); };
    const auto by_size = rate(&UhaulRun::size, FalseNegatives);
    const auto by_share = rate(&UhaulRun::own, FalseNegatives);
    const auto selected = [&](Member member) {
      return MeanFigure(runs, threshold, [member](const UhaulRun& run) -> std::optional<double> {
        return static_cast<double>((run.*member).tp + (run.*member).fp);
      });
    };
    CellRecipe recipe;
    recipe.statistic = Pooled(runs, ConfusionAt(threshold, &UhaulRun::size), FalseNegatives);
    recipe.present = Present(threshold);
    recipe.others = {PerRunMean(runs, threshold, &UhaulRun::size, FalseNegatives),
                     by_share,
                     rate(&UhaulRun::snapshot, FalseNegatives),
                     by_size && by_share ? std::optional<double>(*by_size - *by_share) : std::nullopt,
                     rate(&UhaulRun::size, FalsePositives),
                     selected(&UhaulRun::size),
                     selected(&UhaulRun::own)};
    return recipe;
  });
  builder.Note(
      "Size-based: every flow of A whose size at t0 is at least the threshold, on the A that U-HAUL's run recorded. "
      "'U-HAUL': FN rate of its own selection on the same A; where 'size - U-H.' is negative, size-based "
      "detection misses less and the paper's ordering reverses. 'U-H. snap.': with the oracle's rho.");
  return builder;
}

}  // namespace uhaul
