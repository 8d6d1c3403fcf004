#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <type_traits>

#include "results/record_fields.h"
#include "results/record_json.h"

namespace uhaul {
namespace {

using Json = simdjson::dom::element;
using JsonObject = simdjson::dom::object;
using JsonArray = simdjson::dom::array;

// Reads values and remembers the first thing that is wrong; after that every read is a no-op that gives zero.
class Reader {
 public:
  bool ok() const { return !error_.has_value(); }
  Error error() const { return {error_.value_or("")}; }
  void Fail(const std::string& where, std::string_view what) {
    if (!error_) error_ = fmt::format("{}: {}", where, what);
  }

  // An object with exactly `keys` members; what they are called is checked by reading them.
  JsonObject Object(const Json& json, size_t keys, const std::string& where) {
    const JsonObject object = Object(json, where);
    if (ok() && object.size() != keys) Fail(where, fmt::format("expected {} members, found {}", keys, object.size()));
    return object;
  }
  JsonObject Object(const Json& json, const std::string& where) {
    JsonObject object;
    if (ok() && json.get(object) != simdjson::SUCCESS) Fail(where, "expected an object");
    return object;
  }
  Json Member(const JsonObject& object, const char* key, const std::string& where) {
    Json member;
    if (ok() && object.at_key(key).get(member) != simdjson::SUCCESS) Fail(where, fmt::format("'{}' is missing", key));
    return member;
  }
  JsonArray Array(const Json& json, const std::string& where) {
    JsonArray array;
    if (ok() && json.get(array) != simdjson::SUCCESS) Fail(where, "expected an array");
    return array;
  }
  std::string String(const Json& json, const std::string& where) {
    std::string_view text;
    if (ok() && json.get(text) != simdjson::SUCCESS) Fail(where, "expected a string");
    return std::string(text);
  }
  bool Bool(const Json& json, const std::string& where) {
    bool value = false;
    if (ok() && json.get(value) != simdjson::SUCCESS) Fail(where, "expected true or false");
    return value;
  }
  double Number(const Json& json, const std::string& where) {
    double value = 0;
    if (ok() && json.get(value) != simdjson::SUCCESS) Fail(where, "expected a number");
    return value;
  }
  uint64_t Unsigned(const Json& json, uint64_t most, auto&& where) {
    if (!ok()) return 0;
    uint64_t value = 0;
    if (json.get(value) == simdjson::SUCCESS && value <= most) return value;
    return Fail(where(), fmt::format("expected an integer from 0 to {}", most)), 0;
  }
  int64_t Integer(const Json& json, auto&& where) {
    if (!ok()) return 0;
    int64_t value = 0;
    if (json.get(value) == simdjson::SUCCESS && value != kNever) return value;
    return Fail(where(), "expected a 64-bit integer"), 0;
  }
  int64_t Time(const Json& json, auto&& where) { return ok() && json.is_null() ? kNever : Integer(json, where); }

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
  const JsonObject object = in.Object(json, where);
  if (!in.ok()) return values;
  for (const auto& [key, value] : object) {
    const std::string name(key);
    if (!values.emplace(name, in.String(value, where + "." + name)).second)
      in.Fail(where, "'" + name + "' is there twice");
  }
  return values;
}

// The values of a row, which must be so many.
template <size_t kSize>
bool Row(const Json& json, std::array<Json, kSize>& values) {
  JsonArray array;
  if (json.get(array) != simdjson::SUCCESS || array.size() != kSize) return false;
  std::copy(array.begin(), array.end(), values.begin());
  return true;
}

FlowRow ReadFlow(Reader& in, const Json& json, size_t index) {
  const auto place = [index](size_t column) {
    return [index, column] { return fmt::format("record.flows[{}].{}", index, kFlowColumns[column]); };
  };
  FlowRow row;
  std::array<Json, kFlowColumns.size()> columns;
  std::string_view name;
  if (!Row(json, columns) || columns[0].get(name) != simdjson::SUCCESS) {
    in.Fail(fmt::format("record.flows[{}]", index), fmt::format("expected {} columns", columns.size()));
    return row;
  }
  auto tuple = FiveTuple::Parse(std::string(name));
  if (!tuple) return in.Fail(place(0)(), tuple.error().message), row;
  row.tuple = *tuple;
  row.arrival_ns = in.Integer(columns[1], place(1));
  row.first_sent_ns = in.Time(columns[2], place(2));
  row.last_processed_ns = in.Time(columns[3], place(3));
  row.finished_ns = in.Time(columns[4], place(4));
  row.final_bytes = in.Unsigned(columns[5], kAny, place(5));
  row.t0_bytes = in.Unsigned(columns[6], kAny, place(6));
  row.t0_last_packet_ns = in.Time(columns[7], place(7));
  row.active = in.Unsigned(columns[8], 1, place(8)) != 0;
  row.selected = in.Unsigned(columns[9], 1, place(9)) != 0;
  row.outcome = static_cast<FlowOutcome>(in.Unsigned(columns[10], kFlowOutcomes - 1, place(10)));
  row.pause_ns = in.Integer(columns[11], place(11));
  row.t0_unsent_bytes = in.Integer(columns[12], place(12));
  return row;
}

void ReadFlows(Reader& in, const JsonObject& json, RunRecord& record) {
  const JsonArray columns = in.Array(in.Member(json, "flow_columns", "record"), "record.flow_columns");
  const JsonArray flows = in.Array(in.Member(json, "flows", "record"), "record.flows");
  if (!in.ok()) return;
  bool same = columns.size() == kFlowColumns.size();
  size_t column = 0;
  for (const Json name : columns) {
    std::string_view text;
    same = same && name.get(text) == simdjson::SUCCESS && text == kFlowColumns[column++];
  }
  if (!same) return in.Fail("record.flow_columns", "these are not the columns of this version");
  record.flows.reserve(flows.size());
  for (const Json flow : flows) {
    if (!in.ok()) return;
    record.flows.push_back(ReadFlow(in, flow, record.flows.size()));
  }
}

BufferUse ReadBuffer(Reader& in, const Json& json, const std::string& where) {
  BufferUse use;
  const JsonObject object = in.Object(json, 5, where);
  const auto field = [&](const char* key) {
    return in.Unsigned(in.Member(object, key, where), kAny, [&] { return where + "." + key; });
  };
  use.peak_bytes = field("peak_bytes");
  use.volume_bytes = field("volume_bytes");
  use.dropped_bytes = field("dropped_bytes");
  use.dropped_packets = field("dropped_packets");
  const auto place = [&] { return where + ".series"; };
  const JsonArray series = in.Array(in.Member(object, "series", where), place());
  if (!in.ok()) return use;
  for (const Json pair : series) {
    std::array<Json, 2> values;
    if (!Row(pair, values)) return in.Fail(place(), "expected pairs [at_ns, bytes]"), use;
    use.series.push_back({in.Integer(values[0], place), in.Unsigned(values[1], kAny, place)});
  }
  return use;
}

void ReadEvictions(Reader& in, const JsonObject& json, RunRecord& record) {
  const auto place = At("record.evictions");
  const JsonArray evictions = in.Array(in.Member(json, "evictions", "record"), "record.evictions");
  if (!in.ok()) return;
  for (const Json row : evictions) {
    std::array<Json, 3> values;
    if (!Row(row, values)) return in.Fail("record.evictions", "expected [at_ns, before, after]");
    record.evictions.push_back({in.Integer(values[0], place),
                                static_cast<uint32_t>(in.Unsigned(values[1], kAny32, place)),
                                static_cast<uint32_t>(in.Unsigned(values[2], kAny32, place))});
  }
}

void ReadUnmeasured(Reader& in, const JsonObject& json, RunRecord& record) {
  const std::string where = "record.unmeasured";
  const JsonArray fields = in.Array(in.Member(json, "unmeasured", "record"), where);
  if (!in.ok()) return;
  for (const Json field : fields) {
    record.unmeasured.push_back(in.String(field, where));
    if (in.ok() && !IsMeasurable(record.unmeasured.back())) in.Fail(where, "a field that no record has");
  }
  const auto out_of_order = [](const std::string& a, const std::string& b) { return a >= b; };
  if (std::adjacent_find(record.unmeasured.begin(), record.unmeasured.end(), out_of_order) != record.unmeasured.end()) {
    in.Fail(where, "not in order, or a field twice");
  }
}

bool Has(const JsonObject& object, const char* key) { return object.at_key(key).error() == simdjson::SUCCESS; }

RunRecord ReadRecord(Reader& in, const Json& value) {
  RunRecord record;
  JsonObject json = in.Object(value, "record");
  if (!in.ok()) return record;
  const bool unmeasured = Has(json, "unmeasured");
  json = in.Object(value, unmeasured ? 14 : 13, "record");
  record.t0_ns = in.Time(in.Member(json, "t0_ns", "record"), At("record.t0_ns"));
  const JsonObject steps = in.Object(in.Member(json, "steps_ns", "record"), kStepNames.size(), "record.steps_ns");
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
  const JsonObject counters =
      in.Object(in.Member(json, "counters", "record"), kCounterFields.size(), "record.counters");
  for (const CounterField& field : kCounterFields) {
    record.counters.*field.member =
        in.Unsigned(in.Member(counters, field.name, "record.counters"), kAny, At(field.name));
  }
  ReadEvictions(in, json, record);
  const JsonObject buffers = in.Object(in.Member(json, "buffers", "record"), kBufferNames.size(), "record.buffers");
  for (size_t i = 0; i < kBufferNames.size(); ++i) {
    record.buffers[i] = ReadBuffer(in, in.Member(buffers, kBufferNames[i], "record.buffers"),
                                   std::string("record.buffers.") + kBufferNames[i]);
  }
  if (unmeasured) ReadUnmeasured(in, json, record);
  ReadFlows(in, json, record);
  return record;
}

void CheckFormat(Reader& in, const JsonObject& json, const char* key) {
  if (in.Unsigned(in.Member(json, key, "file"), kAny, At(key)) != kPointFormat) {
    in.Fail(key, fmt::format("this version reads format {}", kPointFormat));
  }
}

StoredPoint ReadHead(Reader& in, const JsonObject& json) {
  CheckFormat(in, json, "uhaul_point");
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

// A document and what it lies in.
class Document {
 public:
  // False: not JSON.
  bool Parse(std::string_view text) { return parser_.parse(text.data(), text.size()).get(root_) == simdjson::SUCCESS; }
  const Json& root() const { return root_; }

 private:
  simdjson::dom::parser parser_;
  Json root_;
};

}  // namespace

Result<StoredPoint> DecodePoint(std::string_view text) {
  if (!ChecksumHolds(text)) return Error{"the checksum does not fit: the file was cut short or changed"};
  Document document;
  if (!document.Parse(text)) return Error{"not JSON"};
  Reader in;
  const JsonObject json = in.Object(document.root(), 7, "point");
  StoredPoint point = ReadHead(in, json);
  const Json record = in.Member(json, "record", "point");
  if (in.ok()) point.record = ReadRecord(in, record);
  if (!in.ok()) return in.error();
  return point;
}

Result<StoredPoint> DecodeHead(std::string_view text) {
  const size_t end = text.find(",\n\"record\":");
  if (end == std::string_view::npos) return Error{"the head of a point is cut short"};
  Document document;
  if (!document.Parse(std::string(text.substr(0, end)) + "}")) return Error{"the head of a point is not JSON"};
  Reader in;
  const JsonObject json = in.Object(document.root(), 5, "point");
  StoredPoint point = ReadHead(in, json);
  if (!in.ok()) return in.error();
  return point;
}

Result<std::string> DecodeBuild(std::string_view first_line) {
  if (first_line.empty() || first_line.back() != ',') return Error{"the first line of a point is cut short"};
  Document document;
  if (!document.Parse(std::string(first_line.substr(0, first_line.size() - 1)) + "}")) {
    return Error{"the first line of a point is not JSON"};
  }
  Reader in;
  const JsonObject json = in.Object(document.root(), "point");
  CheckFormat(in, json, "uhaul_point");
  std::string build = in.String(in.Member(json, "build", "point"), "build");
  if (!in.ok()) return in.error();
  return build;
}

Result<Provenance> DecodeProvenance(std::string_view text) {
  Document document;
  if (!document.Parse(text)) return Error{"not JSON"};
  Reader in;
  JsonObject json = in.Object(document.root(), "provenance");
  const bool measured = in.ok() && Has(json, "measurements");
  json = in.Object(document.root(), measured ? 11 : 10, "provenance");
  Provenance provenance;
  const auto text_of = [&](const char* key) { return in.String(in.Member(json, key, "provenance"), key); };
  CheckFormat(in, json, "uhaul_provenance");
  provenance.id = text_of("id");
  provenance.engine = text_of("engine");
  provenance.build = text_of("build");
  provenance.command = text_of("command");
  provenance.host = text_of("host");
  provenance.started = text_of("started");
  provenance.finished = text_of("finished");
  provenance.cpu_seconds = in.Number(in.Member(json, "cpu_seconds", "provenance"), "cpu_seconds");
  provenance.versions = ReadStrings(in, in.Member(json, "versions", "provenance"), "versions");
  if (measured) {
    provenance.measurements = ReadStrings(in, in.Member(json, "measurements", "provenance"), "measurements");
  }
  if (!in.ok()) return in.error();
  return provenance;
}

}  // namespace uhaul
