#include "results/metric_table.h"

#include <algorithm>

namespace uhaul {
namespace {

constexpr auto kController = static_cast<size_t>(BufferPlace::kController);
constexpr auto kDestination = static_cast<size_t>(BufferPlace::kDestination);

using M = MeasuredRun;
using D = std::optional<double>;

// Only where elephants were chosen: other schemes have no threshold.
D Rate(const M& run, D (*rate)(const Confusion&)) {
  const RunRecord& record = *run.record;
  if (record.elephant_bytes_threshold == 0) return std::nullopt;
  return rate(Confuse(record, record.elephant_bytes_threshold, OwnSelection(record)));
}

D OfMice(const M& run, double Spread::*part) {
  if (run.mice_fct_ms.count == 0) return std::nullopt;
  return run.mice_fct_ms.*part;
}

D OfPauses(const M& run, double Spread::*part) {
  if (run.metrics.pause_us.count == 0) return std::nullopt;
  return run.metrics.pause_us.*part;
}

D OfPass(const M& run, uint32_t EvictionRow::*part) {
  const auto pass = PassAfter(*run.record);
  return pass ? D((*pass).*part) : std::nullopt;
}

// Without T there is no telling which flows outlived it.
D Missed(const M& run) { return run.metrics.die_out_ms ? D(run.metrics.missed) : std::nullopt; }

constexpr Metric kMetrics[] = {
    {"active", "active", 1, true, {}, [](const M& m) -> D { return m.metrics.active; }},
    {"selected", "selected", 1, true, {}, [](const M& m) -> D { return m.metrics.selected; }},
    {"selected_alive",
     "alive",
     2,
     false,
     {"flows.t0_unsent_bytes"},
     [](const M& m) -> D { return m.metrics.selected_alive; }},
    {"moved",
     "moved",
     1,
     false,
     {"counters.flows_moved"},
     [](const M& m) -> D { return m.record->counters.flows_moved; }},
    {"rho", nullptr, 4, false, {}, [](const M& m) -> D { return m.record->rho; }},
    {"recall_percent", nullptr, 1, true, {}, [](const M& m) { return Rate(m, Recall); }},
    {"accuracy_percent", nullptr, 1, false, {}, [](const M& m) { return Rate(m, Accuracy); }},
    {"fn_percent", "FN %", 1, false, {}, [](const M& m) { return Rate(m, FalseNegatives); }},
    {"fp_percent", "FP %", 1, false, {}, [](const M& m) { return Rate(m, FalsePositives); }},
    {"downtime_ms", "T ms", 3, true, {}, [](const M& m) { return m.metrics.downtime_ms; }},
    {"done_ms", "T done", 3, true, {}, [](const M& m) { return m.metrics.done_ms; }},
    {"missed", "missed", 2, true, {}, Missed},
    {"die_out_ms", "die-out", 3, true, {}, [](const M& m) { return m.metrics.die_out_ms; }},
    {"total_ms", "total ms", 3, false, {}, [](const M& m) { return m.metrics.total_ms; }},
    {"share_shifted_percent", "shifted %", 1, false, {}, [](const M& m) { return m.metrics.share_shifted; }},
    {"pause_p50_us", nullptr, 1, true, {"flows.pause_ns"}, [](const M& m) { return OfPauses(m, &Spread::median); }},
    {"pause_p99_us", "pause p99 us", 1, true, {"flows.pause_ns"}, [](const M& m) { return OfPauses(m, &Spread::p99); }},
    {"pause_max_us", nullptr, 1, true, {"flows.pause_ns"}, [](const M& m) { return OfPauses(m, &Spread::max); }},
    {"controller_peak_bytes",
     "held peak B",
     0,
     true,
     {"buffers.controller"},
     [](const M& m) -> D { return m.metrics.buffer_peak[kController]; }},
    {"controller_volume_bytes",
     nullptr,
     0,
     true,
     {"buffers.controller"},
     [](const M& m) -> D { return m.metrics.buffer_volume[kController]; }},
    {"destination_peak_bytes",
     nullptr,
     0,
     true,
     {"buffers.destination"},
     [](const M& m) -> D { return m.metrics.buffer_peak[kDestination]; }},
    {"destination_volume_bytes",
     nullptr,
     0,
     true,
     {"buffers.destination"},
     [](const M& m) -> D { return m.metrics.buffer_volume[kDestination]; }},
    {"mice_fct_p50_ms", nullptr, 3, true, {"flows.fct"}, [](const M& m) { return OfMice(m, &Spread::median); }},
    {"mice_fct_p99_ms", nullptr, 3, true, {"flows.fct"}, [](const M& m) { return OfMice(m, &Spread::p99); }},
    {"fit_before_pass", nullptr, 0, true, {"evictions"}, [](const M& m) { return OfPass(m, &EvictionRow::before); }},
    {"fit_after_pass", nullptr, 0, true, {"evictions"}, [](const M& m) { return OfPass(m, &EvictionRow::after); }},
    {"rules", "rules", 1, false, {"counters.rules_installed"}, [](const M& m) -> D { return m.metrics.rules; }},
    {"rules_peak", nullptr, 0, false, {"counters.rules_peak"}, [](const M& m) -> D { return m.metrics.rules_peak; }},
    {"events", nullptr, 0, true, {"counters.events"}, [](const M& m) -> D { return m.record->counters.events; }},
    {"control_messages",
     "messages",
     0,
     true,
     {"counters.control_messages"},
     [](const M& m) -> D { return m.metrics.messages; }},
    {"control_bytes",
     nullptr,
     0,
     false,
     {"counters.control_bytes"},
     [](const M& m) -> D { return m.metrics.control_bytes; }},
    {"packets_lost", "lost", 1, true, {"counters.packets_lost"}, [](const M& m) -> D { return m.metrics.lost; }},
    {"packets_duplicated",
     nullptr,
     0,
     true,
     {"counters.packets_duplicated"},
     [](const M& m) -> D { return m.record->counters.packets_duplicated; }},
    {"packets_reordered",
     "reordered",
     1,
     true,
     {"counters.packets_reordered"},
     [](const M& m) -> D { return m.record->counters.packets_reordered; }},
    {"buffer_dropped",
     nullptr,
     0,
     false,
     {"buffers.controller", "buffers.destination"},
     [](const M& m) -> D { return m.metrics.buffer_dropped; }},
    {"capped", nullptr, 0, false, {}, [](const M& m) -> D { return m.metrics.capped ? 1 : 0; }},
};

}  // namespace

MeasuredRun Measure(const RunRecord& record, uint64_t mice_below) {
  MeasuredRun run;
  run.record = &record;
  run.metrics = ComputeMetrics(record);
  const uint64_t threshold = record.elephant_bytes_threshold > 0 ? record.elephant_bytes_threshold : mice_below;
  if (threshold > 0) run.mice_fct_ms = MiceFct(record, threshold);
  return run;
}

std::span<const Metric> Metrics() { return kMetrics; }

const Metric* FindMetric(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kMetrics), std::end(kMetrics), [&](const Metric& metric) { return name == metric.name; });
  return found == std::end(kMetrics) ? nullptr : found;
}

std::optional<double> ValueOf(const Metric& metric, const MeasuredRun& run) {
  for (const char* field : metric.takes) {
    if (field != nullptr && run.record->Lacks(field)) return std::nullopt;
  }
  return metric.value(run);
}

}  // namespace uhaul
