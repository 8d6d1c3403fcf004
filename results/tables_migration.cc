// Tables 8-13: the FIT's size, and how long a move and the flows it leaves behind take.
#include <fmt/format.h>

#include "results/table_cells.h"

namespace uhaul {
namespace {

constexpr uint64_t kDefaultWindowNs = 100'000'000;

RunFigure EntriesAt(int epoch, uint32_t EpochCount::*member) {
  return [=](const TraceRuns& trace) -> std::optional<double> {
    if (trace.any == nullptr) return std::nullopt;
    const auto window = SpecNumber(*trace.any, "fit.window").value_or(kDefaultWindowNs);
    if (window == 0) return std::nullopt;
    for (const EpochCount& count : FitEntries(trace.any->record, static_cast<int64_t>(window))) {
      if (count.epoch == epoch) return count.*member;
    }
    return std::nullopt;
  };
}

std::optional<double> Full(const TraceRuns& trace) {
  if (trace.any == nullptr) return std::nullopt;
  return static_cast<double>(trace.any->record.counters.fit_full);
}

using Figure = std::function<std::optional<double>(const UhaulRun&)>;

Figure Optional(std::optional<double> RunMetrics::*member) {
  return [=](const UhaulRun& run) { return run.metrics.*member; };
}
Figure Number(size_t RunMetrics::*member) {
  return [=](const UhaulRun& run) -> std::optional<double> { return static_cast<double>(run.metrics.*member); };
}
Figure Count64(uint64_t RunMetrics::*member) {
  return [=](const UhaulRun& run) -> std::optional<double> { return static_cast<double>(run.metrics.*member); };
}
// Missed flows are counted from the end of the downtime: no downtime, no count.
std::optional<double> Missed(const UhaulRun& run) {
  if (!run.metrics.downtime_ms) return std::nullopt;
  return static_cast<double>(run.metrics.missed);
}
// Only of runs that missed a flow.
std::optional<double> DieOutIfMissed(const UhaulRun& run) {
  return run.metrics.missed > 0 ? run.metrics.die_out_ms : std::nullopt;
}

CellRecipe MigrationRecipe(const WorkloadRuns& runs, uint64_t threshold, const Figure& primary) {
  const auto mean = [&](const Figure& figure) { return Overall(runs, MeanOf(runs, AtThreshold(threshold, figure))); };
  CellRecipe recipe;
  recipe.statistic = MeanOf(runs, AtThreshold(threshold, primary));
  recipe.present = [threshold](const TraceRuns& trace) { return RunAt(trace, threshold) != nullptr; };
  recipe.others = {Overall(runs, MeanOf(runs, AtSnapshot(threshold, primary))),
                   mean(Optional(&RunMetrics::downtime_ms)),
                   mean(Optional(&RunMetrics::done_ms)),
                   Overall(runs, MeanOf(runs, [](const TraceRuns& t) { return t.opennf_metrics.downtime_ms; })),
                   mean(Missed),
                   mean(DieOutIfMissed),
                   mean(Number(&RunMetrics::selected)),
                   mean(Number(&RunMetrics::selected_alive)),
                   mean(Optional(&RunMetrics::share_shifted)),
                   mean(Count64(&RunMetrics::rules)),
                   mean(Count64(&RunMetrics::messages))};
  return recipe;
}

void AddMigrationColumns(TableBuilder& builder) {
  builder.table().other_columns = {{"snapshot", builder.table().decimals},
                                   {"T", 3},
                                   {"T done", 3},
                                   {"T OpenNF", 2},
                                   {"missed", 2},
                                   {"d.o.|missed", 3},
                                   {"selected", 1},
                                   {"alive", 2},
                                   {"shifted %", 1},
                                   {"rules", 1},
                                   {"messages", 0}};
}

// Runs whose figure is not what it seems.
void NoteBounds(TableBuilder& builder, const std::vector<const char*>& workloads) {
  for (const char* workload : workloads) {
    size_t bounds = 0;
    size_t no_downtime = 0;
    size_t runs = 0;
    for (const TraceRuns& trace : builder.study().Of(workload).traces) {
      for (const auto& [threshold, run] : trace.uhaul) {
        ++runs;
        bounds += run.metrics.die_out_is_bound;
        no_downtime += !run.metrics.downtime_ms.has_value();
      }
    }
    if (bounds > 0) {
      builder.Note(
          fmt::format("{}: in {} of {} runs a missed flow had not ended when the run did; their die-out and "
                      "total times are lower bounds.",
                      WorkloadTitle(workload), bounds, runs));
    }
    if (no_downtime > 0) {
      builder.Note(fmt::format("{}: {} of {} runs did not complete their move and give no time.",
                               WorkloadTitle(workload), no_downtime, runs));
    }
  }
}

void AddMigrationNotes(TableBuilder& builder, const std::vector<const char*>& workloads) {
  builder.Note(
      "'T': U-HAUL's downtime, from the call to the last delPerflow; 'T done': until all rules are in place and all "
      "buffers empty; 'T OpenNF': OpenNF's downtime on the same traces. 'snapshot': runs with the "
      "oracle's rho, where there are any.");
  builder.Note(
      "'missed': flows of A that were not selected and whose last packet comes after t0 + T; 'd.o.|missed': mean "
      "die-out "
      "time of the runs that missed one. 'alive': selected flows with bytes still to come at t0; 'shifted': "
      "moved flows' share of all bytes still to come.");
  NoteBounds(builder, workloads);
}

std::vector<const char*> WorkloadsOf(int number) {
  if (number % 2 == 0) return {"web_search", "facebook_cache"};
  return {"azure_wan"};
}

}  // namespace

TableBuilder FitTable(const Study& study, const PaperNumbers& paper) {
  TableBuilder builder(study, paper, 8, "The number of FIT entries at each 100 ms eviction epoch, in one run",
                       "entries", 1);
  builder.OfSingleRuns();
  builder.table().other_columns = {{"after", 1}, {"tab8", 1}, {"tab8 after", 1}, {"full", 1}};
  builder.AddSeries("", "fit_entries", [&](const WorkloadRuns& runs, const PaperNumber& cell) {
    const WorkloadRuns& variant = study.Of(cell.workload + "_tab8");
    CellRecipe recipe;
    recipe.statistic = MeanOf(runs, EntriesAt(cell.epoch, &EpochCount::before));
    recipe.present = [epoch = cell.epoch](const TraceRuns& trace) {
      return EntriesAt(epoch, &EpochCount::before)(trace).has_value();
    };
    recipe.others = {Overall(runs, MeanOf(runs, EntriesAt(cell.epoch, &EpochCount::after))),
                     Overall(variant, MeanOf(variant, EntriesAt(cell.epoch, &EpochCount::before))),
                     Overall(variant, MeanOf(variant, EntriesAt(cell.epoch, &EpochCount::after))),
                     Overall(runs, MeanOf(runs, Full))};
    return recipe;
  });
  builder.Note(
      "Ours: entries just before the eviction pass at the end of the epoch; 'after': just after it. The paper prints "
      "one "
      "run, so the band is that of single runs.");
  builder.Note(
      "'tab8': the variant of the distribution that was fitted to the strict 100 ms window and to this very table, "
      "where it "
      "was run. 'full': packets whose flow found no room in the FIT, a run.");
  return builder;
}

TableBuilder MissedTable(const Study& study, const PaperNumbers& paper) {
  TableBuilder builder(study, paper, 9, "The number of missed flows in the Azure WAN workload", "flows", 2);
  AddMigrationColumns(builder);
  builder.AddSeries("", "missed_flows", [](const WorkloadRuns& runs, const PaperNumber& cell) {
    return MigrationRecipe(runs, cell.threshold_bytes, Missed);
  });
  AddMigrationNotes(builder, {"azure_wan"});
  return builder;
}

TableBuilder DieOutTable(const Study& study, const PaperNumbers& paper, int number) {
  TableBuilder builder(study, paper, number,
                       fmt::format("The die-out time of missed flows in the {} workload",
                                   number == 10 ? "Web search workload and Facebook" : "Azure WAN"),
                       "ms", 3);
  AddMigrationColumns(builder);
  builder.AddSeries("", "die_out_time", [](const WorkloadRuns& runs, const PaperNumber& cell) {
    return MigrationRecipe(runs, cell.threshold_bytes, Optional(&RunMetrics::die_out_ms));
  });
  builder.Note("Ours: max(0, last packet of the last missed flow - (t0 + T)); a run that missed none counts as 0.");
  AddMigrationNotes(builder, WorkloadsOf(number));
  return builder;
}

TableBuilder TotalTimeTable(const Study& study, const PaperNumbers& paper, int number) {
  TableBuilder builder(study, paper, number,
                       fmt::format("The total time of U-HAUL in the {} workload",
                                   number == 12 ? "Web search workload and Facebook" : "Azure WAN"),
                       "ms", 3);
  AddMigrationColumns(builder);
  builder.AddSeries("", "total_time", [](const WorkloadRuns& runs, const PaperNumber& cell) {
    return MigrationRecipe(runs, cell.threshold_bytes, Optional(&RunMetrics::total_ms));
  });
  builder.Note("Ours: downtime T + die-out time, in each run.");
  if (number == 12) {
    builder.Note(
        "The testbed's cost per flow was fitted to Table 12 less Table 10 for web search. Where flows are missed, the "
        "total "
        "time is when the last of them ends, whatever the cost; at 3 MB it is nearly all downtime, so that cell counts "
        "as fitted.");
  }
  AddMigrationNotes(builder, WorkloadsOf(number));
  return builder;
}

}  // namespace uhaul
