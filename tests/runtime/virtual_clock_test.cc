// uhaul-runtime with the virtual clock: deterministic, and in every field of its record the same as the simulator,
// though it builds and parses every frame and shares none of the simulator's plane.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "results/record_json.h"
#include "tests/runtime/engines.h"
#include "tests/sim/small_points.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

// The record as text, whoever made it.
std::string RecordOf(const std::string& directory, const PointSpec& spec) {
  Result<StoredPoint> point = ReadPoint(directory, PointId(spec));
  REQUIRE(point.ok());
  point->engine = "";
  point->build = "";
  return EncodePoint(*point);
}

// Every line of one that differs from the other, the first few.
std::string Difference(const std::string& a, const std::string& b) {
  std::istringstream left(a);
  std::istringstream right(b);
  std::string l, r, text;
  for (int shown = 0; shown < 5 && std::getline(left, l) && std::getline(right, r);) {
    if (l == r) continue;
    text += "sim:     " + l.substr(0, 400) + "\nruntime: " + r.substr(0, 400) + "\n";
    ++shown;
  }
  return text;
}

void CompareWithSim(const std::vector<PointSpec>& points) {
  if (!HasEngine("uhaul-sim")) {
    WARN("skipped: this build has no simulator to compare with (UHAUL_SIM=OFF)");
    return;
  }
  const Place place;
  int code = place.Engine("uhaul-sim", "--jobs 2 --plan " + place.Plan(points, "sim"));
  {
    INFO(place.log());
    REQUIRE(code == 0);
  }
  code = place.Engine("uhaul-runtime", "--clock virtual --jobs 2 --plan " + place.Plan(points, "runtime"));
  INFO(place.log());
  REQUIRE(code == 0);
  for (const PointSpec& spec : points) {
    const std::string sim = RecordOf(place / "sim", spec);
    const std::string runtime = RecordOf(place / "runtime", spec);
    INFO(spec.scheme.name << " on " << spec.workload << ", trace " << spec.trace << "\n" << Difference(sim, runtime));
    CHECK(sim.size() > 1000);
    CHECK((sim == runtime));
    const StoredPoint point = ReadPoint(place / "runtime", PointId(spec)).value();
    CHECK(point.engine == "runtime");
    CHECK((point.record.counters.link_drops > 0) == (spec.link_buffer < Bytes(10'000)));
  }
}

}  // namespace

TEST_CASE("virtual clock: the record is the simulator's, to the byte, for every scheme") {
  std::vector<PointSpec> points;
  for (const std::string& scheme : SchemeNames()) points.push_back(small::Point(scheme, "web_search"));
  CHECK(points.size() > 10);
  CompareWithSim(points);
}

TEST_CASE("virtual clock: the record is the simulator's on other workloads, functions, senders and costs") {
  std::vector<PointSpec> points;
  for (const char* scheme : {"opennf", "uhaul", "opennf-op-pl-er", "handover"}) {
    points.push_back(small::Point(scheme, "facebook_cache"));
    PointSpec spec = small::Point(scheme, "azure_wan");
    spec.nf_function = "sequence-audit";
    spec.profile = FindProfile("ideal").value();
    points.push_back(spec);
    spec = small::Point(scheme);
    spec.senders = SenderKind::kWindow;
    spec.load = 0.4;
    points.push_back(spec);
  }
  PointSpec lossy = small::Point("opennf");  // queues of six packets drop some
  lossy.link_buffer = Bytes(9'000);
  lossy.senders = SenderKind::kUnlimited;
  points.push_back(lossy);
  PointSpec random = small::Point("uhaul", "web_search");
  random.phase = MigrationPhase::kRandom;
  random.rho_source = RhoSource::kSnapshot;
  points.push_back(random);
  CompareWithSim(points);
}

TEST_CASE("virtual clock: the record is the simulator's where relayed flows end behind a marker") {
  std::vector<PointSpec> points;
  for (const AfterMove after : {AfterMove::kKeep, AfterMove::kFlip, AfterMove::kShare}) {
    PointSpec spec = small::Point("uhaul-op", "web_search");
    spec.scheme.after = after;
    spec.scheme.relay_end = RelayEnd::kMarked;
    spec.link_delay = Duration::Micros(20);
    points.push_back(spec);
    spec.profile = FindProfile("ideal").value();
    points.push_back(spec);
  }
  CompareWithSim(points);
}

// A busy sender, and links on which everything takes a packet's time: actions of different sources coincide. (That
// ranks decide such ties is shown in event_queue_test.cc.)
TEST_CASE("virtual clock: the record is the simulator's where a packet, a hop and a message take the same time") {
  std::vector<PointSpec> points;
  for (const char* scheme : {"opennf", "opennf-op-pl-er", "uhaul", "uhaul-op", "handover", "uhaul-handover"}) {
    PointSpec spec = small::Point(scheme, "web_search");
    spec.load = 1.0;
    spec.link_delay = Duration::Nanos(1'200);
    spec.profile = FindProfile("ideal").value();
    spec.profile.control_rate = BitRate(1'000'000'000'000'000);  // any message: 1 ns
    spec.profile.control_delay = Duration::Nanos(1'199);
    points.push_back(spec);
    spec.profile.get.per_item = Duration::Nanos(120'000);
    spec.profile.event.per_item = Duration::Nanos(1'200);
    points.push_back(spec);
  }
  CompareWithSim(points);
}

TEST_CASE("virtual clock: the same bytes again, with other jobs, and without a shared warm-up") {
  const Place place;
  std::vector<PointSpec> points;
  for (const uint64_t trace : {1, 2}) {
    for (const char* scheme : {"opennf", "uhaul"}) {
      points.push_back(small::Point(scheme));
      points.back().trace = trace;
    }
  }
  CHECK(place.Engine("uhaul-runtime", "--clock virtual --jobs 2 --plan " + place.Plan(points, "a")) == 0);
  CHECK(place.Engine("uhaul-runtime", "--clock virtual --jobs 4 --plan " + place.Plan(points, "b")) == 0);
  CHECK(place.Engine("uhaul-runtime", "--clock virtual --no-fork --plan " + place.Plan(points, "c")) == 0);
  const auto first = place.Results("a");
  REQUIRE(first.size() == points.size());
  CHECK((first == place.Results("b")));
  CHECK((first == place.Results("c")));
}
