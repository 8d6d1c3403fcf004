// Tables 6-7: what a move does to the flow completion time of mice, measured from two runs of the same trace.
#include <fmt/format.h>

#include "results/table_cells.h"

namespace uhaul {
namespace {

using RatioMember = std::optional<double> FctRatio::*;

std::function<std::optional<double>(const UhaulRun&)> Ratio(MicePopulation population, RatioMember member) {
  return [=](const UhaulRun& run) -> std::optional<double> {
    if (!run.fct) return std::nullopt;
    return (*run.fct)[static_cast<size_t>(population)].*member;
  };
}

std::function<std::optional<double>(const UhaulRun&)> Count(MicePopulation population, size_t FctRatio::*member) {
  return [=](const UhaulRun& run) -> std::optional<double> {
    if (!run.fct) return std::nullopt;
    return static_cast<double>((*run.fct)[static_cast<size_t>(population)].*member);
  };
}

CellRecipe FctRecipe(const WorkloadRuns& runs, const PaperNumber& cell) {
  using enum MicePopulation;
  const uint64_t threshold = cell.threshold_bytes;
  const auto mean = [&](auto figure) { return Overall(runs, MeanOf(runs, AtThreshold(threshold, figure))); };
  CellRecipe recipe;
  recipe.statistic = MeanOf(runs, AtThreshold(threshold, Ratio(kUnselected, &FctRatio::ratio_of_means)));
  recipe.present = [threshold](const TraceRuns& trace) {
    const UhaulRun* run = RunAt(trace, threshold);
    return run != nullptr && run->fct.has_value();
  };
  recipe.others = {mean(Ratio(kUnselected, &FctRatio::arithmetic)),
                   mean(Ratio(kUnselected, &FctRatio::mean_of_ratios)),
                   mean(Ratio(kUnselected, &FctRatio::median)),
                   mean(Ratio(kUnselected, &FctRatio::p99)),
                   mean(Ratio(kUnselected, &FctRatio::from_arrival)),
                   mean(Ratio(kAlive, &FctRatio::ratio_of_means)),
                   mean(Ratio(kArrived, &FctRatio::ratio_of_means)),
                   mean(Ratio(kAll, &FctRatio::ratio_of_means)),
                   mean(Count(kUnselected, &FctRatio::flows)),
                   mean(Count(kAlive, &FctRatio::flows)),
                   mean(Count(kArrived, &FctRatio::flows)),
                   mean(Count(kAll, &FctRatio::unfinished)),
                   mean(Count(kAll, &FctRatio::unpaired))};
  return recipe;
}

}  // namespace

TableBuilder FctTable(const Study& study, const PaperNumbers& paper, int number) {
  TableBuilder builder(study, paper, number,
                       fmt::format("The mice flow FCT reduction of U-HAUL compared to OpenNF in {} workload",
                                   number == 6 ? "Web search and Facebook" : "Azure WAN"),
                       "x", 2);
  builder.table().other_columns = {{"arithmetic", 1}, {"mean ratio", 2}, {"median", 2},  {"p99", 2}, {"arrival", 2},
                                   {"alive", 2},      {"arrived", 2},    {"all", 2},     {"n", 1},   {"n alive", 1},
                                   {"n arrived", 1},  {"unfin.", 1},     {"unpaired", 1}};
  builder.AddSeries("", "mice_fct_reduction", FctRecipe);
  builder.Note(
      "Ours: mice (final size below the threshold) of A that U-HAUL did not select; mean FCT under OpenNF over mean "
      "FCT "
      "under U-HAUL, both measured on the same trace, then the mean over the runs. FCT starts at a flow's first packet "
      "sent; 'arrival': with its wait before that.");
  builder.Note(
      "'arithmetic': the paper's own reckoning, (FCT + OpenNF's downtime) / FCT for every such mouse, whether or not "
      "it "
      "was still there to be delayed.");
  builder.Note(
      "Other populations: 'alive' at t0; 'arrived', first packet sent during OpenNF's downtime; 'all', the paper's and "
      "the arrived. 'n': flows a run; 'unfin.': not ended in one of the runs, left out; 'unpaired': no "
      "row in U-HAUL's record, whose own downtime is shorter.");
  return builder;
}

}  // namespace uhaul
