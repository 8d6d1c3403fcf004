#include "results/metrics.h"

#include <algorithm>
#include <cmath>

#include "core/flow/elephant_detector.h"

namespace uhaul {
namespace {

constexpr int64_t kActiveWindowNs = 100'000'000;  // U-HAUL 3.1
constexpr double kNsPerMs = 1e6;

std::optional<double> Percent(uint64_t part, uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// The same detector as the EDM's, on A as the record has it.
RowSelection Select(const RunRecord& record, const ElephantDetector& detector) {
  std::vector<ActiveFlow> active;
  for (size_t i = 0; i < record.flows.size(); ++i) {
    const FlowRow& row = record.flows[i];
    if (!row.active) continue;
    ActiveFlow flow;
    flow.flow.tuple = row.tuple;
    flow.flow.id = i;  // only to find the row again
    flow.bytes = Bytes(row.t0_bytes);
    active.push_back(flow);
  }
  RowSelection selected(record.flows.size(), false);
  for (const ActiveFlow& flow : detector.Select(active).flows) selected[flow.flow.id] = true;
  return selected;
}

template <class Size>
std::optional<double> ElephantShare(const RunRecord& record, uint64_t threshold, Size size) {
  double elephants = 0;
  double all = 0;
  for (const FlowRow& row : record.flows) {
    if (!row.active) continue;
    const auto bytes = static_cast<double>(size(row));
    all += bytes;
    if (row.final_bytes >= threshold) elephants += bytes;
  }
  if (all == 0) return std::nullopt;
  return elephants / all;
}

std::optional<double> StepMs(const RunRecord& record, OperationStep step) {
  if (record.t0_ns == kNever || record.step_ns(step) == kNever) return std::nullopt;
  return static_cast<double>(record.step_ns(step) - record.t0_ns) / kNsPerMs;
}

// U-HAUL 4.4, 4.5: flows of A that were not selected and whose last packet comes after t0 + T.
void AddMissed(const RunRecord& record, RunMetrics& metrics) {
  if (!metrics.downtime_ms || record.Lacks("flows.last_processed_ns")) return;
  const int64_t delete_ns = record.step_ns(OperationStep::kLastDelete);
  const int64_t over_ns = delete_ns == kNever ? record.t0_ns : delete_ns;
  int64_t last_ns = over_ns;
  for (const FlowRow& row : record.flows) {
    if (!row.active || row.selected) continue;
    // Without the cap a flow that did not finish has lost packets, and is over.
    const bool open = record.capped && row.finished_ns == kNever && row.t0_unsent_bytes > 0;
    const int64_t end_ns = open ? record.ended_ns : row.last_processed_ns;
    if (end_ns == kNever || end_ns <= over_ns) continue;
    ++metrics.missed;
    if (open) metrics.die_out_is_bound = true;
    last_ns = std::max(last_ns, end_ns);
  }
  metrics.die_out_ms = static_cast<double>(last_ns - over_ns) / kNsPerMs;
  metrics.total_ms = *metrics.downtime_ms + *metrics.die_out_ms;
}

void AddFlows(const RunRecord& record, RunMetrics& metrics) {
  std::vector<double> pauses;
  double shifted = 0;
  double to_come = 0;
  for (const FlowRow& row : record.flows) {
    if (row.outcome == FlowOutcome::kMoved) ++metrics.moved;
    if (!row.active) {
      ++metrics.arrived;
      continue;
    }
    ++metrics.active;
    const bool alive = row.t0_unsent_bytes > 0;
    if (alive) ++metrics.active_alive;
    if (row.t0_last_packet_ns != kNever && row.t0_last_packet_ns >= record.t0_ns - kActiveWindowNs &&
        row.t0_last_packet_ns <= record.t0_ns) {
      ++metrics.active_strict;
    }
    if (row.selected) ++metrics.selected;
    if (row.selected && alive) ++metrics.selected_alive;
    if (row.finished_ns == kNever) ++metrics.unfinished;
    pauses.push_back(static_cast<double>(row.pause_ns) / 1e3);
    const auto unsent = static_cast<double>(std::max<int64_t>(row.t0_unsent_bytes, 0));
    to_come += unsent;
    if (row.outcome == FlowOutcome::kMoved) shifted += unsent;
  }
  metrics.pause_us = SpreadOf(std::move(pauses));
  if (to_come > 0 && !record.Lacks("flows.outcome") && !record.Lacks("flows.t0_unsent_bytes"))
    metrics.share_shifted = 100 * shifted / to_come;
}

}  // namespace

Confusion& Confusion::operator+=(const Confusion& o) {
  tp += o.tp;
  fp += o.fp;
  fn += o.fn;
  tn += o.tn;
  return *this;
}

std::optional<double> Recall(const Confusion& c) { return Percent(c.tp, c.tp + c.fn); }
std::optional<double> Accuracy(const Confusion& c) { return Percent(c.tp + c.tn, c.tp + c.fp + c.fn + c.tn); }
std::optional<double> FalseNegatives(const Confusion& c) { return Percent(c.fn, c.tp + c.fn); }
std::optional<double> FalsePositives(const Confusion& c) { return Percent(c.fp, c.fp + c.tn); }
std::optional<double> FalseDiscoveries(const Confusion& c) { return Percent(c.fp, c.fp + c.tp); }

RowSelection OwnSelection(const RunRecord& record) {
  RowSelection selected;
  for (const FlowRow& row : record.flows) selected.push_back(row.selected);
  return selected;
}

RowSelection SelectBySize(const RunRecord& record, uint64_t threshold) {
  return Select(record, SizeDetector(Bytes(threshold)));
}

RowSelection SelectByProportion(const RunRecord& record, double rho) { return Select(record, ProportionDetector(rho)); }

Confusion Confuse(const RunRecord& record, uint64_t threshold, const RowSelection& selected) {
  UHAUL_CHECK(selected.size() == record.flows.size());
  Confusion c;
  for (size_t i = 0; i < selected.size(); ++i) {
    const FlowRow& row = record.flows[i];
    if (!row.active) continue;
    const bool elephant = row.final_bytes >= threshold;
    ++(elephant ? (selected[i] ? c.tp : c.fn) : (selected[i] ? c.fp : c.tn));
  }
  return c;
}

std::optional<double> SnapshotRho(const RunRecord& record, uint64_t threshold) {
  return ElephantShare(record, threshold, [](const FlowRow& row) { return row.final_bytes; });
}

std::optional<double> SnapshotRhoByCurrentSize(const RunRecord& record, uint64_t threshold) {
  return ElephantShare(record, threshold, [](const FlowRow& row) { return row.t0_bytes; });
}

// U-HAUL 4.3: until the last delPerflow. An operation that ended and had nothing to delete held nothing up.
std::optional<double> DowntimeMs(const RunRecord& record) {
  if (record.step_ns(OperationStep::kAborted) != kNever) return std::nullopt;
  if (const auto ms = StepMs(record, OperationStep::kLastDelete)) return ms;
  if (!StepMs(record, OperationStep::kDone) && !StepMs(record, OperationStep::kClosed)) return std::nullopt;
  if (record.Lacks("flows.outcome")) return std::nullopt;
  const bool moved = std::any_of(record.flows.begin(), record.flows.end(),
                                 [](const FlowRow& row) { return row.outcome == FlowOutcome::kMoved; });
  return moved ? std::nullopt : std::optional<double>(0.0);
}

RunMetrics ComputeMetrics(const RunRecord& record) {
  RunMetrics metrics;
  AddFlows(record, metrics);
  metrics.capped = record.capped;
  metrics.downtime_ms = DowntimeMs(record);
  metrics.done_ms = StepMs(record, OperationStep::kDone);
  AddMissed(record, metrics);
  for (size_t i = 0; i < record.buffers.size(); ++i) {
    metrics.buffer_peak[i] = record.buffers[i].peak_bytes;
    metrics.buffer_volume[i] = record.buffers[i].volume_bytes;
    metrics.buffer_dropped += record.buffers[i].dropped_packets;
  }
  metrics.rules = record.counters.rules_installed;
  metrics.rules_peak = record.counters.rules_peak;
  metrics.messages = record.counters.control_messages;
  metrics.control_bytes = record.counters.control_bytes;
  metrics.lost = record.counters.packets_lost;
  return metrics;
}

std::vector<EpochCount> FitEntries(const RunRecord& record, int64_t window_ns) {
  UHAUL_CHECK(window_ns > 0);
  std::vector<EpochCount> counts;
  for (const EvictionRow& row : record.evictions) {
    counts.push_back({static_cast<int>(row.at_ns / window_ns), row.before, row.after});
  }
  return counts;
}

std::optional<EvictionRow> PassAfter(const RunRecord& record) {
  for (const EvictionRow& row : record.evictions) {
    if (record.t0_ns != kNever && row.at_ns >= record.t0_ns) return row;
  }
  return std::nullopt;
}

Spread MiceFct(const RunRecord& record, uint64_t threshold) {
  const int64_t over_ns = record.step_ns(OperationStep::kLastDelete);
  std::vector<double> times;
  for (const FlowRow& row : record.flows) {
    if (row.final_bytes >= threshold) continue;
    if (!row.active && (over_ns == kNever || row.first_sent_ns > over_ns)) continue;
    if (const auto ms = FctMs(row)) times.push_back(*ms);
  }
  return SpreadOf(std::move(times));
}

std::optional<double> FctMs(const FlowRow& row) {
  if (row.finished_ns == kNever || row.first_sent_ns == kNever) return std::nullopt;
  return static_cast<double>(row.finished_ns - row.first_sent_ns) / kNsPerMs;
}

std::optional<double> FctFromArrivalMs(const FlowRow& row) {
  if (row.finished_ns == kNever) return std::nullopt;
  return static_cast<double>(row.finished_ns - row.arrival_ns) / kNsPerMs;
}

double Quantile(std::vector<double>& values, double q) {
  UHAUL_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(at);
  if (below + 1 >= values.size()) return values.back();
  const double part = at - static_cast<double>(below);
  return values[below] + part * (values[below + 1] - values[below]);
}

Spread SpreadOf(std::vector<double> values) {
  Spread spread;
  spread.count = values.size();
  if (values.empty()) return spread;
  for (const double v : values) spread.mean += v;
  spread.mean /= static_cast<double>(values.size());
  spread.median = Quantile(values, 0.5);
  spread.p99 = Quantile(values, 0.99);
  spread.max = values.back();
  return spread;
}

}  // namespace uhaul
