#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>

#include "results/record_fields.h"
#include "results/record_json.h"

namespace uhaul {
namespace {

using Json = nlohmann::json;

// Reads values and remembers the first thing that is wrong; after that every read is a no-op that gives zero.
class Reader {
 public:
  bool ok() const { return !error_.has_value(); }
  Error error() const { return {error_.value_or("")}; }
  void Fail(const std::string& where, std::string_view what) {
    if (!error_) error_ = fmt::format("{}: {}", where, what);
  }

  // An object with exactly `keys` members; what they are called is checked by reading them.
  void ExpectObject(const Json& json, size_t keys, const std::string& where) {
    if (!json.is_object()) return Fail(where, "expected an object");
    if (json.size() != keys) Fail(where, fmt::format("expected {} members, found {}", keys, json.size()));
  }
  const Json& Member(const Json& object, const char* key, const std::string& where) {
    static const Json kNull;
    if (!object.is_object()) return Fail(where, "expected an object"), kNull;
    const auto it = object.find(key);
    if (it == object.end()) return Fail(where, fmt::format("'{}' is missing", key)), kNull;
    return *it;
  }
  const Json::array_t& Array(const Json& json, const std::string& where) {
    static const Json::array_t kEmpty;
    if (json.is_array()) return json.get_ref<const Json::array_t&>();
    return Fail(where, "expected an array"), kEmpty;
  }
  std::string String(const Json& json, const std::string& where) {
    if (json.is_string()) return json.get<std::string>();
    return Fail(where, "expected a string"), "";
  }
  bool Bool(const Json& json, const std::string& where) {
    if (json.is_boolean()) return json.get<bool>();
    return Fail(where, "expected true or false"), false;
  }
  double Number(const Json& json, const std::string& where) {
    if (json.is_number()) return json.get<double>();
    return Fail(where, "expected a number"), 0;
  }
  uint64_t Unsigned(const Json& json, uint64_t most, auto&& where) {
    if (json.is_number_unsigned()) {
      const auto value = json.get<uint64_t>();
      if (value <= most) return value;
    }
    return Fail(where(), fmt::format("expected an integer from 0 to {}", most)), 0;
  }
  int64_t Integer(const Json& json, auto&& where) {
    if (json.is_number_unsigned()) {
      const auto value = json.get<uint64_t>();
      if (value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return static_cast<int64_t>(value);
    } else if (json.is_number_integer()) {
      const auto value = json.get<int64_t>();
      if (value != kNever) return value;
    }
    return Fail(where(), "expected a 64-bit integer"), 0;
  }
  int64_t Time(const Json& json, auto&& where) { return json.is_null() ? kNever : Integer(json, where); }

 private:
  std::optional<std::string> error_;
};

constexpr uint64_t kAny = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kAny32 = std::numeric_limits<uint32_t>::max();

// The path is only put together when something is wrong.
auto At(const char* place) {
  return [place] { return std::string(place); };
}

std::map<std::string, std::string> ReadStrings(Reader& in, const Json& json, const std::string& where) {
  std::map<std::string, std::string> values;
  if (!json.is_object()) return in.Fail(where, "expected an object"), values;
  for (const auto& [key, value] : json.items()) values[key] = in.String(value, where + "." + key);
  return values;
}

FlowRow ReadFlow(Reader& in, const Json& json, size_t index) {
  const auto place = [index](size_t column) {
    return [index, column] { return fmt::format("record.flows[{}].{}", index, kFlowColumns[column]); };
  };
  FlowRow row;
  if (!json.is_array() || json.size() != kFlowColumns.size() || !json[0].is_string()) {
    in.Fail(fmt::format("record.flows[{}]", index), fmt::format("expected {} columns", kFlowColumns.size()));
    return row;
  }
  auto tuple = FiveTuple::Parse(json[0].get_ref<const std::string&>());
  if (!tuple) return in.Fail(place(0)(), tuple.error().message), row;
  row.tuple = *tuple;
  row.arrival_ns = in.Integer(json[1], place(1));
  row.first_sent_ns = in.Time(json[2], place(2));
  row.last_processed_ns = in.Time(json[3], place(3));
  row.finished_ns = in.Time(json[4], place(4));
  row.final_bytes = in.Unsigned(json[5], kAny, place(5));
  row.t0_bytes = in.Unsigned(json[6], kAny, place(6));
  row.t0_last_packet_ns = in.Time(json[7], place(7));
  row.active = in.Unsigned(json[8], 1, place(8)) != 0;
  row.selected = in.Unsigned(json[9], 1, place(9)) != 0;
  row.outcome = static_cast<FlowOutcome>(in.Unsigned(json[10], kFlowOutcomes - 1, place(10)));
  row.pause_ns = in.Integer(json[11], place(11));
  row.t0_unsent_bytes = in.Integer(json[12], place(12));
  return row;
}

void ReadFlows(Reader& in, const Json& json, RunRecord& record) {
  const auto& columns = in.Array(in.Member(json, "flow_columns", "record"), "record.flow_columns");
  bool same = columns.size() == kFlowColumns.size();
  for (size_t i = 0; same && i < columns.size(); ++i) same = columns[i] == kFlowColumns[i];
  if (!same) in.Fail("record.flow_columns", "these are not the columns of this version");
  const auto& flows = in.Array(in.Member(json, "flows", "record"), "record.flows");
  record.flows.reserve(flows.size());
  for (size_t i = 0; in.ok() && i < flows.size(); ++i) record.flows.push_back(ReadFlow(in, flows[i], i));
}

BufferUse ReadBuffer(Reader& in, const Json& json, const std::string& where) {
  BufferUse use;
  in.ExpectObject(json, 5, where);
  const auto field = [&](const char* key) {
    return in.Unsigned(in.Member(json, key, where), kAny, [&] { return where + "." + key; });
  };
  use.peak_bytes = field("peak_bytes");
  use.volume_bytes = field("volume_bytes");
  use.dropped_bytes = field("dropped_bytes");
  use.dropped_packets = field("dropped_packets");
  const auto place = [&] { return where + ".series"; };
  for (const Json& pair : in.Array(in.Member(json, "series", where), place())) {
    if (!in.ok()) break;
    if (!pair.is_array() || pair.size() != 2) {
      in.Fail(place(), "expected pairs [at_ns, bytes]");
      break;
    }
    use.series.push_back({in.Integer(pair[0], place), in.Unsigned(pair[1], kAny, place)});
  }
  return use;
}

void ReadEvictions(Reader& in, const Json& json, RunRecord& record) {
  const auto place = At("record.evictions");
  for (const Json& row : in.Array(in.Member(json, "evictions", "record"), "record.evictions")) {
    if (!in.ok()) return;
    if (!row.is_array() || row.size() != 3) return in.Fail("record.evictions", "expected [at_ns, before, after]");
    record.evictions.push_back({in.Integer(row[0], place), static_cast<uint32_t>(in.Unsigned(row[1], kAny32, place)),
                                static_cast<uint32_t>(in.Unsigned(row[2], kAny32, place))});
  }
}

void ReadUnmeasured(Reader& in, const Json& json, RunRecord& record) {
  if (!json.contains("unmeasured")) return;
  const std::string where = "record.unmeasured";
  for (const Json& field : in.Array(in.Member(json, "unmeasured", "record"), where)) {
    if (!in.ok()) return;
    record.unmeasured.push_back(in.String(field, where));
    if (in.ok() && !IsMeasurable(record.unmeasured.back())) in.Fail(where, "a field that no record has");
  }
  const auto out_of_order = [](const std::string& a, const std::string& b) { return a >= b; };
  if (std::adjacent_find(record.unmeasured.begin(), record.unmeasured.end(), out_of_order) != record.unmeasured.end()) {
    in.Fail(where, "not in order, or a field twice");
  }
}

RunRecord ReadRecord(Reader& in, const Json& json) {
  RunRecord record;
  in.ExpectObject(json, json.is_object() && json.contains("unmeasured") ? 14 : 13, "record");
  record.t0_ns = in.Time(in.Member(json, "t0_ns", "record"), At("record.t0_ns"));
  const Json& steps = in.Member(json, "steps_ns", "record");
  in.ExpectObject(steps, kStepNames.size(), "record.steps_ns");
  for (size_t i = 0; i < kStepNames.size(); ++i) {
    record.steps_ns[i] = in.Time(in.Member(steps, kStepNames[i], "record.steps_ns"), At(kStepNames[i]));
  }
  const auto unsigned_field = [&](const char* key) {
    return in.Unsigned(in.Member(json, key, "record"), kAny, [&] { return std::string("record.") + key; });
  };
  record.rho = in.Number(in.Member(json, "rho", "record"), "record.rho");
  record.elephant_bytes_threshold = unsigned_field("elephant_bytes_threshold");
  record.nf_states_at_t0 = unsigned_field("nf_states_at_t0");
  record.transit_median_ns = in.Integer(in.Member(json, "transit_median_ns", "record"), At("record.transit_median_ns"));
  record.ended_ns = in.Integer(in.Member(json, "ended_ns", "record"), At("record.ended_ns"));
  record.capped = in.Bool(in.Member(json, "capped", "record"), "record.capped");
  const Json& counters = in.Member(json, "counters", "record");
  in.ExpectObject(counters, kCounterFields.size(), "record.counters");
  for (const CounterField& field : kCounterFields) {
    record.counters.*field.member =
        in.Unsigned(in.Member(counters, field.name, "record.counters"), kAny, At(field.name));
  }
  ReadEvictions(in, json, record);
  const Json& buffers = in.Member(json, "buffers", "record");
  in.ExpectObject(buffers, kBufferNames.size(), "record.buffers");
  for (size_t i = 0; i < kBufferNames.size(); ++i) {
    record.buffers[i] = ReadBuffer(in, in.Member(buffers, kBufferNames[i], "record.buffers"),
                                   std::string("record.buffers.") + kBufferNames[i]);
  }
  ReadUnmeasured(in, json, record);
  ReadFlows(in, json, record);
  return record;
}

StoredPoint ReadHead(Reader& in, const Json& json) {
  if (in.Unsigned(in.Member(json, "uhaul_point", "point"), kAny, At("uhaul_point")) != kPointFormat) {
    in.Fail("uhaul_point", fmt::format("this version reads format {}", kPointFormat));
  }
  StoredPoint point;
  point.id = in.String(in.Member(json, "id", "point"), "id");
  point.engine = in.String(in.Member(json, "engine", "point"), "engine");
  point.build = in.String(in.Member(json, "build", "point"), "build");
  point.spec = ReadStrings(in, in.Member(json, "spec", "point"), "spec");
  return point;
}

// Everything up to the last line, whose checksum must be that of the rest.
bool ChecksumHolds(std::string_view text) {
  constexpr std::string_view kKey = "\n\"checksum\":\"";
  const size_t at = text.rfind(kKey);
  if (at == std::string_view::npos) return false;
  return text.substr(at + kKey.size()) == Checksum(text.substr(0, at + 1)) + "\"}\n";
}

std::optional<Json> Parse(std::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

}  // namespace

Result<StoredPoint> DecodePoint(std::string_view text) {
  if (!ChecksumHolds(text)) return Error{"the checksum does not fit: the file was cut short or changed"};
  const auto json = Parse(text);
  if (!json) return Error{"not JSON"};
  Reader in;
  in.ExpectObject(*json, 7, "point");
  StoredPoint point = ReadHead(in, *json);
  const Json& record = in.Member(*json, "record", "point");
  if (in.ok()) point.record = ReadRecord(in, record);
  if (!in.ok()) return in.error();
  return point;
}

Result<StoredPoint> DecodeHead(std::string_view text) {
  const size_t end = text.find(",\n\"record\":");
  if (end == std::string_view::npos) return Error{"the head of a point is cut short"};
  const auto json = Parse(std::string(text.substr(0, end)) + "}");
  if (!json) return Error{"the head of a point is not JSON"};
  Reader in;
  in.ExpectObject(*json, 5, "point");
  StoredPoint point = ReadHead(in, *json);
  if (!in.ok()) return in.error();
  return point;
}

Result<std::string> DecodeBuild(std::string_view first_line) {
  if (first_line.empty() || first_line.back() != ',') return Error{"the first line of a point is cut short"};
  const auto json = Parse(std::string(first_line.substr(0, first_line.size() - 1)) + "}");
  if (!json) return Error{"the first line of a point is not JSON"};
  Reader in;
  if (in.Unsigned(in.Member(*json, "uhaul_point", "point"), kAny, At("uhaul_point")) != kPointFormat) {
    in.Fail("uhaul_point", fmt::format("this version reads format {}", kPointFormat));
  }
  std::string build = in.String(in.Member(*json, "build", "point"), "build");
  if (!in.ok()) return in.error();
  return build;
}

Result<Provenance> DecodeProvenance(std::string_view text) {
  const auto json = Parse(text);
  if (!json) return Error{"not JSON"};
  Reader in;
  const bool measured = json->is_object() && json->contains("measurements");
  in.ExpectObject(*json, measured ? 11 : 10, "provenance");
  Provenance provenance;
  const auto text_of = [&](const char* key) { return in.String(in.Member(*json, key, "provenance"), key); };
  if (in.Unsigned(in.Member(*json, "uhaul_provenance", "provenance"), kAny, At("uhaul_provenance")) != kPointFormat) {
    in.Fail("uhaul_provenance", fmt::format("this version reads format {}", kPointFormat));
  }
  provenance.id = text_of("id");
  provenance.engine = text_of("engine");
  provenance.build = text_of("build");
  provenance.command = text_of("command");
  provenance.host = text_of("host");
  provenance.started = text_of("started");
  provenance.finished = text_of("finished");
  provenance.cpu_seconds = in.Number(in.Member(*json, "cpu_seconds", "provenance"), "cpu_seconds");
  provenance.versions = ReadStrings(in, in.Member(*json, "versions", "provenance"), "versions");
  if (measured) {
    provenance.measurements = ReadStrings(in, in.Member(*json, "measurements", "provenance"), "measurements");
  }
  if (!in.ok()) return in.error();
  return provenance;
}

}  // namespace uhaul
