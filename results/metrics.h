// Every metric of one point, from its record only (results/README.md defines each). What cannot be said, because the
// run gave no ground for it, is nullopt, never zero: no elephants, no downtime because the operation did not end.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/record/record.h"

namespace uhaul {

// Positive: a flow of A whose final size is at least the threshold. Predicted positive: a flow that was selected.
struct Confusion {
  uint64_t tp = 0;
  uint64_t fp = 0;
  uint64_t fn = 0;
  uint64_t tn = 0;
  Confusion& operator+=(const Confusion& o);
  bool operator==(const Confusion&) const = default;
};
// In percent.
std::optional<double> Recall(const Confusion& c);            // TP / (TP + FN): the paper's "accuracy"
std::optional<double> Accuracy(const Confusion& c);          // (TP + TN) / A
std::optional<double> FalseNegatives(const Confusion& c);    // FN / (TP + FN)
std::optional<double> FalsePositives(const Confusion& c);    // FP / (FP + TN): Tables 1-2
std::optional<double> FalseDiscoveries(const Confusion& c);  // FP / (FP + TP): Table 3

// One answer per row of the record, in its order.
using RowSelection = std::vector<bool>;
RowSelection OwnSelection(const RunRecord& record);
RowSelection SelectBySize(const RunRecord& record, uint64_t threshold);  // t0_bytes >= threshold
RowSelection SelectByProportion(const RunRecord& record, double rho);    // U-HAUL 3.1 on A as it was at t0
Confusion Confuse(const RunRecord& record, uint64_t threshold, const RowSelection& selected);

// The share of A's bytes that its true elephants hold: by final size (an oracle), or by the size at t0. nullopt: A is
// empty.
std::optional<double> SnapshotRho(const RunRecord& record, uint64_t threshold);
std::optional<double> SnapshotRhoByCurrentSize(const RunRecord& record, uint64_t threshold);

struct Spread {
  size_t count = 0;
  double mean = 0;
  double median = 0;
  double p99 = 0;
  double max = 0;
};

struct RunMetrics {
  size_t active = 0;         // A
  size_t active_strict = 0;  // those with a packet in [t0 - 100 ms, t0]
  size_t active_alive = 0;   // those with bytes still to be sent at t0
  size_t selected = 0;
  size_t selected_alive = 0;
  size_t moved = 0;
  size_t arrived = 0;     // rows that are not of A
  size_t unfinished = 0;  // of A, not ended when the run did
  bool capped = false;
  std::optional<double> downtime_ms;  // T; 0 where the operation ended without a flow to move
  std::optional<double> done_ms;      // T_done
  size_t missed = 0;                  // meaningless without T
  std::optional<double> die_out_ms;
  std::optional<double> total_ms;
  bool die_out_is_bound = false;  // a missed flow had not ended: die-out and total are lower bounds
  Spread pause_us;                // over A
  std::array<uint64_t, kBufferPlaces> buffer_peak{};
  std::array<uint64_t, kBufferPlaces> buffer_volume{};
  uint64_t buffer_dropped = 0;
  std::optional<double> share_shifted;  // percent
  uint64_t rules = 0;
  uint64_t rules_peak = 0;
  uint64_t messages = 0;
  uint64_t control_bytes = 0;
  uint64_t lost = 0;
};
RunMetrics ComputeMetrics(const RunRecord& record);
std::optional<double> DowntimeMs(const RunRecord& record);

// FIT entries at the end of epoch k (1, 2, ...), before and after its eviction pass.
struct EpochCount {
  int epoch = 0;
  uint32_t before = 0;
  uint32_t after = 0;
};
std::vector<EpochCount> FitEntries(const RunRecord& record, int64_t window_ns);

// The FIT's first eviction pass at or after t0.
std::optional<EvictionRow> PassAfter(const RunRecord& record);

// FCT in milliseconds of the mice (final size below the threshold) of A, and of those whose first packet was sent while
// the operation lasted: what a migration can hold up. Without those that did not end.
Spread MiceFct(const RunRecord& record, uint64_t threshold);

// Last byte at the sink less the first packet sent; nullopt if the flow did not end.
std::optional<double> FctMs(const FlowRow& row);
std::optional<double> FctFromArrivalMs(const FlowRow& row);

// The q-th quantile, 0 <= q <= 1, linear between order statistics. Needs at least one value; sorts them.
double Quantile(std::vector<double>& values, double q);
Spread SpreadOf(std::vector<double> values);

}  // namespace uhaul
