#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/base/hash.h"
#include "results/record_fields.h"
#include "results/record_json.h"

namespace uhaul {
namespace {

using Buffer = fmt::memory_buffer;

template <class... Args>
void Append(Buffer& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

// Octets that are not UTF-8 become U+FFFD: a result must always be readable again.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void AppendTime(Buffer& out, int64_t ns) {
  if (ns == kNever) {
    Append(out, "null");
  } else {
    Append(out, "{}", ns);
  }
}

void AppendStrings(Buffer& out, const std::map<std::string, std::string>& values) {
  Append(out, "{{");
  const char* separator = "";
  for (const auto& [key, value] : values) {
    Append(out, "{}{}:{}", separator, Quoted(key), Quoted(value));
    separator = ",\n";
  }
  Append(out, "}}");
}

void AppendFlow(Buffer& out, const FlowRow& row) {
  Append(out, "[\"{}\",{},", row.tuple.ToString(), row.arrival_ns);
  for (const int64_t ns : {row.first_sent_ns, row.last_processed_ns, row.finished_ns}) {
    AppendTime(out, ns);
    Append(out, ",");
  }
  Append(out, "{},{},", row.final_bytes, row.t0_bytes);
  AppendTime(out, row.t0_last_packet_ns);
  Append(out, ",{},{},{},{},{}]", row.active ? 1 : 0, row.selected ? 1 : 0, static_cast<int>(row.outcome), row.pause_ns,
         row.t0_unsent_bytes);
}

void AppendFlows(Buffer& out, const std::vector<FlowRow>& flows) {
  Append(out, "\"flow_columns\":[");
  const char* separator = "";
  for (const char* column : kFlowColumns) {
    Append(out, "{}\"{}\"", separator, column);
    separator = ",";
  }
  Append(out, "],\n\"flows\":[");
  separator = "\n";
  for (const FlowRow& row : flows) {
    Append(out, "{}", separator);
    AppendFlow(out, row);
    separator = ",\n";
  }
  Append(out, "]");
}

void AppendBuffer(Buffer& out, const BufferUse& use) {
  Append(out, "{{\"peak_bytes\":{},\"volume_bytes\":{},\"dropped_bytes\":{},\"dropped_packets\":{},\"series\":[",
         use.peak_bytes, use.volume_bytes, use.dropped_bytes, use.dropped_packets);
  const char* separator = "";
  for (const BufferSample& sample : use.series) {
    Append(out, "{}[{},{}]", separator, sample.at_ns, sample.bytes);
    separator = ",";
  }
  Append(out, "]}}");
}

void AppendCounters(Buffer& out, const RunCounters& counters) {
  Append(out, "\"counters\":{{");
  const char* separator = "";
  for (const CounterField& field : kCounterFields) {
    Append(out, "{}\"{}\":{}", separator, field.name, counters.*field.member);
    separator = ",";
  }
  Append(out, "}},\n");
}

void AppendSteps(Buffer& out, const RunRecord& record) {
  Append(out, "\"steps_ns\":{{");
  const char* separator = "";
  for (size_t i = 0; i < kStepNames.size(); ++i) {
    Append(out, "{}\"{}\":", separator, kStepNames[i]);
    AppendTime(out, record.steps_ns[i]);
    separator = ",";
  }
  Append(out, "}},\n");
}

void AppendUnmeasured(Buffer& out, const std::vector<std::string>& fields) {
  Append(out, "\"unmeasured\":[");
  const char* separator = "";
  for (const std::string& field : fields) {
    Append(out, "{}{}", separator, Quoted(field));
    separator = ",";
  }
  Append(out, "],\n");
}

void AppendRecord(Buffer& out, const RunRecord& record) {
  UHAUL_CHECK(std::isfinite(record.rho));
  Append(out, "{{\"t0_ns\":");
  AppendTime(out, record.t0_ns);
  Append(out, ",\n");
  AppendSteps(out, record);
  Append(out, "\"rho\":{},\"elephant_bytes_threshold\":{},\"nf_states_at_t0\":{},\"transit_median_ns\":{},\n",
         record.rho, record.elephant_bytes_threshold, record.nf_states_at_t0, record.transit_median_ns);
  Append(out, "\"ended_ns\":{},\"capped\":{},\n", record.ended_ns, record.capped);
  AppendCounters(out, record.counters);
  Append(out, "\"evictions\":[");
  const char* separator = "";
  for (const EvictionRow& row : record.evictions) {
    Append(out, "{}[{},{},{}]", separator, row.at_ns, row.before, row.after);
    separator = ",";
  }
  Append(out, "],\n\"buffers\":{{");
  for (size_t i = 0; i < kBufferNames.size(); ++i) {
    Append(out, "{}\"{}\":", i == 0 ? "" : ",\n", kBufferNames[i]);
    AppendBuffer(out, record.buffers[i]);
  }
  Append(out, "}},\n");
  if (!record.unmeasured.empty()) AppendUnmeasured(out, record.unmeasured);
  AppendFlows(out, record.flows);
  Append(out, "}}");
}

}  // namespace

std::string EncodePoint(const StoredPoint& point) {
  Buffer out;
  Append(out, "{{\"uhaul_point\":{},\"id\":{},\"engine\":{},\"build\":{},\n", kPointFormat, Quoted(point.id),
         Quoted(point.engine), Quoted(point.build));
  Append(out, "\"spec\":");
  AppendStrings(out, point.spec);
  Append(out, ",\n\"record\":");
  AppendRecord(out, point.record);
  Append(out, ",\n");
  const std::string checksum = Checksum({out.data(), out.size()});
  Append(out, "\"checksum\":\"{}\"}}\n", checksum);
  return fmt::to_string(out);
}

std::string EncodeProvenance(const Provenance& provenance) {
  Buffer out;
  Append(out, "{{\"uhaul_provenance\":{},\n\"id\":{},\n\"engine\":{},\n\"build\":{},\n", kPointFormat,
         Quoted(provenance.id), Quoted(provenance.engine), Quoted(provenance.build));
  Append(out, "\"command\":{},\n\"host\":{},\n\"started\":{},\n\"finished\":{},\n", Quoted(provenance.command),
         Quoted(provenance.host), Quoted(provenance.started), Quoted(provenance.finished));
  Append(out,
         "\"cpu_seconds\":{},\n\"versions\":", std::isfinite(provenance.cpu_seconds) ? provenance.cpu_seconds : 0.0);
  AppendStrings(out, provenance.versions);
  if (!provenance.measurements.empty()) {
    Append(out, ",\n\"measurements\":");
    AppendStrings(out, provenance.measurements);
  }
  Append(out, "}}\n");
  return fmt::to_string(out);
}

bool IsMeasurable(std::string_view field) {
  const auto named = [](const auto& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  constexpr std::string_view kBuffers = "buffers.";
  constexpr std::string_view kCounters = "counters.";
  if (field.starts_with(kBuffers)) return named(kBufferNames, field.substr(kBuffers.size()));
  if (!field.starts_with(kCounters)) return named(kMeasurable, field);
  return std::any_of(kCounterFields.begin(), kCounterFields.end(),
                     [&](const CounterField& counter) { return field.substr(kCounters.size()) == counter.name; });
}

std::string Checksum(std::string_view text) {
  const auto* octets = reinterpret_cast<const uint8_t*>(text.data());
  return fmt::format("{:016x}", SipHash24({0x7568'6175'6c00ULL, kPointFormat}, {octets, text.size()}));
}

}  // namespace uhaul
