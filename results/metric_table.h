// The metrics that are shown of a point, a row each: their names, how they are printed, and what of a record they take.
// `uhaul collect` and `uhaul validate` read this one table.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "results/metrics.h"

namespace uhaul {

// A run with its metrics computed once. The record must outlive it.
struct MeasuredRun {
  const RunRecord* record = nullptr;
  RunMetrics metrics;
  Spread mice_fct_ms;  // count 0: no mice, or no threshold to tell them by
};
// `mice_below`: the threshold where the run itself has none; 0: then there are no mice.
MeasuredRun Measure(const RunRecord& record, uint64_t mice_below = 0);

struct Metric {
  const char* name;                  // for scripts
  const char* title;                 // in the table of means; nullptr: only in the CSV
  int decimals;                      // for people
  bool compared;                     // by `uhaul validate`
  std::array<const char*, 2> takes;  // fields as in RunRecord::unmeasured; nullptr: what every record has
  std::optional<double> (*value)(const MeasuredRun& run);
};

std::span<const Metric> Metrics();
// nullptr if there is none.
const Metric* FindMetric(std::string_view name);
// nullopt also where the run lacks what the metric is computed from.
std::optional<double> ValueOf(const Metric& metric, const MeasuredRun& run);

}  // namespace uhaul
