#include "results/record_json.h"

#include <catch2/catch.hpp>
#include <string>

#include "results/record_fields.h"
#include "tests/results/sample_record.h"

namespace uhaul {
namespace {

// Every field differs from its default and from its neighbours.
StoredPoint FullPoint() {
  StoredPoint point = sample::Point("web_search", "7", "uhaul");
  point.build = "v0.1 \"quoted\"\n";
  RunRecord& record = point.record;
  for (size_t i = 0; i < record.steps_ns.size(); ++i) record.steps_ns[i] = 100 + static_cast<int64_t>(i);
  record.steps_ns[3] = kNever;
  record.rho = 0.8131;
  record.elephant_bytes_threshold = 3'000'000;
  record.nf_states_at_t0 = 1460;
  record.transit_median_ns = 2345;
  record.capped = true;
  FlowRow row = sample::Row(1, 5'000'000, 4'000'000);
  row.selected = true;
  row.outcome = FlowOutcome::kMoved;
  row.pause_ns = 77;
  row.t0_unsent_bytes = 1'000'000;
  record.flows = {row, sample::Row(2, 10, 10)};
  record.flows[1].finished_ns = kNever;
  record.evictions = {{100, 40, 20}, {200, 41, 21}};
  record.buffers[0] = {9000, 12000, 3, 2, {{5, 1500}, {6, 3000}}};
  record.buffers[1] = {1, 2, 4, 5, {}};
  uint64_t value = 1;
  for (const CounterField& field : kCounterFields) record.counters.*field.member = value++;
  return point;
}

std::string WithChecksum(std::string text) {
  const size_t at = text.rfind("\n\"checksum\"") + 1;
  const std::string head = text.substr(0, at);
  return head + "\"checksum\":\"" + Checksum(head) + "\"}\n";
}
// The text with `from` replaced, its checksum made right again: what the strict reader alone must refuse.
std::string Forged(const std::string& from, const std::string& to) {
  std::string text = EncodePoint(FullPoint());
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return WithChecksum(text.replace(at, from.size(), to));
}

TEST_CASE("record_json: a point survives the round trip in every field") {
  const StoredPoint point = FullPoint();
  const std::string text = EncodePoint(point);
  const auto read = DecodePoint(text);
  REQUIRE(read.ok());
  CHECK(read->id == point.id);
  CHECK(read->engine == point.engine);
  CHECK(read->build == point.build);
  CHECK(read->spec == point.spec);
  const RunRecord& a = point.record;
  const RunRecord& b = read->record;
  CHECK(a.t0_ns == b.t0_ns);
  CHECK(a.steps_ns == b.steps_ns);
  CHECK(a.rho == b.rho);
  CHECK(a.elephant_bytes_threshold == b.elephant_bytes_threshold);
  CHECK(a.nf_states_at_t0 == b.nf_states_at_t0);
  CHECK(a.transit_median_ns == b.transit_median_ns);
  CHECK(a.ended_ns == b.ended_ns);
  CHECK(a.capped == b.capped);
  REQUIRE(b.flows.size() == 2);
  CHECK(b.flows[0].tuple == a.flows[0].tuple);
  CHECK(b.flows[0].pause_ns == 77);
  CHECK(b.flows[0].outcome == FlowOutcome::kMoved);
  CHECK(b.flows[0].selected);
  CHECK_FALSE(b.flows[1].selected);
  CHECK(b.flows[1].finished_ns == kNever);
  CHECK(b.evictions.size() == 2);
  CHECK(b.buffers[0].series.size() == 2);
  CHECK(b.buffers[1].dropped_packets == 5);
  CHECK(b.counters.generator_late_ns == 17);
  CHECK(EncodePoint(*read) == text);
}

TEST_CASE("record_json: the same point gives the same bytes") {
  CHECK(EncodePoint(FullPoint()) == EncodePoint(FullPoint()));
  StoredPoint other = FullPoint();
  other.record.flows[1].pause_ns += 1;
  CHECK(EncodePoint(other) != EncodePoint(FullPoint()));
}

TEST_CASE("record_json: any changed or missing octet is refused") {
  const std::string text = EncodePoint(FullPoint());
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    INFO("octet " << i);
    CHECK_FALSE(DecodePoint(changed).ok());
    CHECK_FALSE(DecodePoint(std::string_view(text).substr(0, i)).ok());
  }
}

TEST_CASE("record_json: a value of the wrong kind or range is refused by its name") {
  struct Case {
    const char* from;
    const char* to;
    const char* named;
  };
  const Case cases[] = {
      {"\"uhaul_point\":1", "\"uhaul_point\":2", "uhaul_point"},
      {"\"capped\":true", "\"capped\":1", "record.capped"},
      {"\"rho\":0.8131", "\"rho\":\"0.8131\"", "record.rho"},
      {"\"nf_states_at_t0\":1460", "\"nf_states_at_t0\":-1", "nf_states_at_t0"},
      {"\"nf_states_at_t0\":1460", "\"states\":1460", "nf_states_at_t0"},
      {"\"packets_sent\":1", "\"packets_sent\":1.5", "packets_sent"},
      {"\"evictions\":[[100,40,20]", "\"evictions\":[[100,40]", "record.evictions"},
      {"\"evictions\":[[100,40,20]", "\"evictions\":[[100,40,4294967296]", "record.evictions"},
      {"\"arrival_ns\",", "", "flow_columns"},
      {"[\"tcp:10.0.0.1:1000>", "[\"tcp:10.0.0.1.1:1000>", "record.flows[0].five_tuple"},
      {",1,1,1,77,", ",1,2,1,77,", "record.flows[0].selected"},
      {",1,1,1,77,", ",1,1,11,77,", "record.flows[0].outcome"},
      {",1,1,1,77,", ",1,1,1,77,5,", "record.flows[0]"},
      {"\"spec\":{", "\"spec\":{\"x\":3,", "spec.x"},
  };
  for (const Case& c : cases) {
    INFO(c.from << " -> " << c.to);
    const auto read = DecodePoint(Forged(c.from, c.to));
    REQUIRE_FALSE(read.ok());
    CHECK_THAT(read.error().message, Catch::Contains(c.named));
  }
}

TEST_CASE("record_json: provenance survives the round trip") {
  Provenance made{"id1",
                  "sim",
                  "b1",
                  "uhaul run x",
                  "host",
                  "2026-01-01T00:00:00Z",
                  "2026-01-01T00:00:01Z",
                  1.25,
                  {{"ns3", "3.37"}}};
  const auto read = DecodeProvenance(EncodeProvenance(made));
  REQUIRE(read.ok());
  CHECK(read->command == made.command);
  CHECK(read->cpu_seconds == 1.25);
  CHECK(read->versions == made.versions);
  CHECK(read->measurements.empty());
  made.measurements = {{"tsc_hz", "2600000000"}};
  CHECK(DecodeProvenance(EncodeProvenance(made)).value().measurements == made.measurements);
  CHECK_FALSE(DecodeProvenance("{}").ok());
}

TEST_CASE("record_json: what nobody measured is kept, must be a field, and in order") {
  StoredPoint point = FullPoint();
  point.record.unmeasured = {"counters.events", "evictions"};
  const auto decoded = DecodePoint(EncodePoint(point));
  REQUIRE(decoded);
  CHECK(decoded->record.unmeasured == point.record.unmeasured);
  CHECK(decoded->record.Lacks("evictions"));
  CHECK_FALSE(decoded->record.Lacks("flows.pause_ns"));
  point.record.unmeasured = {"evictions", "counters.events"};
  CHECK_FALSE(DecodePoint(EncodePoint(point)));
  point.record.unmeasured = {"nonsense"};
  CHECK_FALSE(DecodePoint(EncodePoint(point)));
}

}  // namespace
}  // namespace uhaul
