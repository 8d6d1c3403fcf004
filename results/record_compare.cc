#include "results/record_compare.h"

#include <fmt/format.h>

#include "results/record_fields.h"

namespace uhaul {
namespace {

std::string Text(const std::string& value) { return value; }
std::string Text(bool value) { return value ? "true" : "false"; }
std::string Text(uint64_t value) { return fmt::to_string(value); }
std::string Text(uint32_t value) { return fmt::to_string(value); }
std::string Text(double value) { return fmt::to_string(value); }
std::string Text(int64_t value) { return value == kNever ? "null" : fmt::to_string(value); }
std::string Text(const FiveTuple& value) { return value.ToString(); }
std::string Text(FlowOutcome value) { return fmt::to_string(static_cast<int>(value)); }

// Remembers the first difference; after that every comparison is a no-op. Names are only put together where needed.
class Comparer {
 public:
  std::optional<FieldDifference> found() const { return found_; }
  bool equal() const { return !found_.has_value(); }

  template <class T, class Name>
  void Compare(const T& a, const T& b, const Name& name) {
    if (found_ || a == b) return;
    found_ = FieldDifference{name(), Text(a), Text(b)};
  }
  template <class T>
  void Compare(const T& a, const T& b, const char* name) {
    Compare(a, b, [name] { return std::string(name); });
  }

 private:
  std::optional<FieldDifference> found_;
};

void CompareFlow(Comparer& out, const FlowRow& a, const FlowRow& b, size_t index) {
  const auto name = [index](size_t column) {
    return [index, column] { return fmt::format("flows[{}].{}", index, kFlowColumns[column]); };
  };
  out.Compare(a.tuple, b.tuple, name(0));
  out.Compare(a.arrival_ns, b.arrival_ns, name(1));
  out.Compare(a.first_sent_ns, b.first_sent_ns, name(2));
  out.Compare(a.last_processed_ns, b.last_processed_ns, name(3));
  out.Compare(a.finished_ns, b.finished_ns, name(4));
  out.Compare(a.final_bytes, b.final_bytes, name(5));
  out.Compare(a.t0_bytes, b.t0_bytes, name(6));
  out.Compare(a.t0_last_packet_ns, b.t0_last_packet_ns, name(7));
  out.Compare(a.active, b.active, name(8));
  out.Compare(a.selected, b.selected, name(9));
  out.Compare(a.outcome, b.outcome, name(10));
  out.Compare(a.pause_ns, b.pause_ns, name(11));
  out.Compare(a.t0_unsent_bytes, b.t0_unsent_bytes, name(12));
}

void CompareBuffer(Comparer& out, const BufferUse& a, const BufferUse& b, const char* place) {
  const auto name = [place](const char* field) {
    return [place, field] { return fmt::format("buffers.{}.{}", place, field); };
  };
  out.Compare(a.peak_bytes, b.peak_bytes, name("peak_bytes"));
  out.Compare(a.volume_bytes, b.volume_bytes, name("volume_bytes"));
  out.Compare(a.dropped_bytes, b.dropped_bytes, name("dropped_bytes"));
  out.Compare(a.dropped_packets, b.dropped_packets, name("dropped_packets"));
  out.Compare(a.series.size(), b.series.size(), name("series (length)"));
  for (size_t i = 0; out.equal() && i < a.series.size(); ++i) {
    const auto sample = [place, i] { return fmt::format("buffers.{}.series[{}]", place, i); };
    out.Compare(a.series[i].at_ns, b.series[i].at_ns, sample);
    out.Compare(a.series[i].bytes, b.series[i].bytes, sample);
  }
}

void CompareCounters(Comparer& out, const RunCounters& a, const RunCounters& b) {
  for (const CounterField& field : kCounterFields) {
    if (field.of_engine) continue;
    out.Compare(a.*field.member, b.*field.member, [&] { return std::string("counters.") + field.name; });
  }
}

void CompareEvictions(Comparer& out, const RunRecord& a, const RunRecord& b) {
  out.Compare(a.evictions.size(), b.evictions.size(), "evictions (length)");
  for (size_t i = 0; out.equal() && i < a.evictions.size(); ++i) {
    const auto name = [i] { return fmt::format("evictions[{}]", i); };
    out.Compare(a.evictions[i].at_ns, b.evictions[i].at_ns, name);
    out.Compare(a.evictions[i].before, b.evictions[i].before, name);
    out.Compare(a.evictions[i].after, b.evictions[i].after, name);
  }
}

}  // namespace

std::optional<FieldDifference> FirstDifference(const RunRecord& a, const RunRecord& b) {
  Comparer out;
  out.Compare(a.t0_ns, b.t0_ns, "t0_ns");
  for (size_t i = 0; i < kStepNames.size(); ++i) {
    out.Compare(a.steps_ns[i], b.steps_ns[i], [i] { return std::string("steps_ns.") + kStepNames[i]; });
  }
  out.Compare(a.rho, b.rho, "rho");
  out.Compare(a.elephant_bytes_threshold, b.elephant_bytes_threshold, "elephant_bytes_threshold");
  out.Compare(a.nf_states_at_t0, b.nf_states_at_t0, "nf_states_at_t0");
  out.Compare(a.transit_median_ns, b.transit_median_ns, "transit_median_ns");
  out.Compare(a.ended_ns, b.ended_ns, "ended_ns");
  out.Compare(a.capped, b.capped, "capped");
  CompareCounters(out, a.counters, b.counters);
  CompareEvictions(out, a, b);
  for (size_t i = 0; i < kBufferNames.size(); ++i) {
    CompareBuffer(out, a.buffers[i], b.buffers[i], kBufferNames[i]);
  }
  out.Compare(a.unmeasured.size(), b.unmeasured.size(), "unmeasured (length)");
  for (size_t i = 0; out.equal() && i < a.unmeasured.size(); ++i) {
    out.Compare(a.unmeasured[i], b.unmeasured[i], "unmeasured");
  }
  out.Compare(a.flows.size(), b.flows.size(), "flows (length)");
  for (size_t i = 0; out.equal() && i < a.flows.size(); ++i) CompareFlow(out, a.flows[i], b.flows[i], i);
  return out.found();
}

}  // namespace uhaul
