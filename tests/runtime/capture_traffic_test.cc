// A capture as the traffic of uhaul-sim and uhaul-runtime: what the monitors find does not depend on the engine, on the
// clock, or on whether connections moved.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "experiments/capture_run.h"
#include "results/record_json.h"
#include "tests/runtime/engines.h"
#include "tests/workloads/capture_maker.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

// Some 300 ms of traffic, the move after 120 ms.
PointSpec CapturePoint(const std::string& file, const std::string& scheme) {
  PointSpec spec;
  spec.workload = "pcap:" + file;
  spec.migration_after = Duration::Millis(120);
  spec.migration_within = Duration();
  spec.phase = MigrationPhase::kRandom;
  spec.threshold = Bytes(2000);
  spec.detector = DetectorSpec::Kind::kSize;
  spec.nf_timeout = Duration::Seconds(3600);
  spec.cap = Duration::Seconds(20);
  spec.scheme = FindScheme(scheme).value();
  // All that NF 1 knows, or what has been idle for two windows would stay there although its packets do not.
  if (spec.scheme.flows == MoveFlows::kActive) spec.scheme.flows = MoveFlows::kTable;
  spec.profile = FindProfile("emulab-2016").value();
  return spec;
}

std::string MakeCapture(const Place& place, uint64_t seed = 1) {
  test::CaptureMaker maker;
  test::AddConnections(150, seed, &maker);
  test::AddOddities(&maker);
  maker.Write(place / "a.pcap");
  return place / "a.pcap";
}

std::string Offline(const std::string& file) {
  CaptureRunOptions options;
  options.move.scheme.flows = MoveFlows::kNone;
  options.profile = FindProfile("emulab-2016").value();
  Result<CaptureRunResult> run = RunCapture(file, options);
  REQUIRE(run.ok());
  return AssetText(run->records);
}

RunRecord RecordOf(const Place& place, const std::string& out, const PointSpec& spec) {
  return ReadPoint(place / out, PointId(spec)).value().record;
}

std::string RecordsOf(const Place& place, const std::string& out, const PointSpec& spec) {
  return place.Read(out + "/" + PointId(spec) + ".records.csv");
}

// The columns that do not depend on the order in which packets are processed: no times, no first packet's.
std::string Counts(const std::string& records) {
  std::istringstream in(records);
  std::string line;
  std::string text;
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::string field;
    for (int column = 0; std::getline(fields, field, ','); ++column) {
      const int of_direction = column < 4 ? -1 : (column - 4) % 14;
      const bool ordered = column == 2 || column == 3 || of_direction == 6 || of_direction == 7 || of_direction == 8 ||
                           of_direction == 12;
      if (!ordered) text += field + ",";
    }
    text += "\n";
  }
  return text;
}

void CheckNothingLost(const RunRecord& r) {
  CHECK(r.counters.packets_sent > 1000);
  CHECK(r.counters.packets_delivered == r.counters.packets_sent);
  CHECK(r.counters.packets_lost == 0);
  CHECK(r.counters.packets_duplicated == 0);
}

}  // namespace

TEST_CASE("capture as traffic: the virtual clock's record is the simulator's, and so are the monitors' records") {
  if (!HasEngine("uhaul-sim")) {
    WARN("skipped: this build has no simulator to compare with (UHAUL_SIM=OFF)");
    return;
  }
  const Place place;
  const std::string file = MakeCapture(place);
  const std::string offline = Offline(file);
  std::vector<PointSpec> points;
  for (const char* scheme : {"none", "opennf-op", "opennf-op-pl-er", "uhaul-op", "opennf", "uhaul"}) {
    points.push_back(CapturePoint(file, scheme));
  }
  points.push_back(CapturePoint(file, "opennf-op-pl-er"));
  points.back().pace = RecordedPace::kFast;
  points.back().link_rate = BitRate(50'000'000);
  int code = place.Engine("uhaul-sim", "--jobs 1 --plan " + place.Plan(points, "sim"));
  {
    INFO(place.log());
    REQUIRE(code == 0);
  }
  code = place.Engine("uhaul-runtime", "--clock virtual --jobs 1 --plan " + place.Plan(points, "runtime"));
  INFO(place.log());
  REQUIRE(code == 0);
  for (const PointSpec& spec : points) {
    CAPTURE(spec.scheme.name);
    StoredPoint sim = ReadPoint(place / "sim", PointId(spec)).value();
    StoredPoint runtime = ReadPoint(place / "runtime", PointId(spec)).value();
    sim.engine = runtime.engine = sim.build = runtime.build = "";
    CHECK((EncodePoint(sim) == EncodePoint(runtime)));
    const std::string records = RecordsOf(place, "runtime", spec);
    CHECK((records == RecordsOf(place, "sim", spec)));
    CheckNothingLost(runtime.record);
    CHECK_FALSE(runtime.record.capped);
    if (spec.scheme.name != "none") CHECK(runtime.record.counters.flows_moved > 10);
    if (spec.pace == RecordedPace::kFast) continue;  // other times
    CHECK((Counts(records) == Counts(offline)));
    if (spec.scheme.name == "none" || spec.scheme.guarantee == Guarantee::kOrderPreserving) {
      CHECK(runtime.record.counters.packets_reordered == 0);
      CHECK((records == offline));
    }
  }
}

TEST_CASE(
    "capture as traffic: in real time, too, on one lcore or two, a move changes nothing of what the monitors find") {
  const std::string lcores = GENERATE("1", "2");
  CAPTURE(lcores);
  const Place place;
  const std::string file = MakeCapture(place, 2);
  const std::string offline = Offline(file);
  std::vector<PointSpec> points;
  for (const char* scheme : {"none", "opennf-op-pl-er", "uhaul-op", "opennf", "uhaul"}) {
    points.push_back(CapturePoint(file, scheme));
    points.back().cap = Duration::Seconds(3);
    // Its order is a bet that no packet takes longer than the time-out (`uhaul schemes uhaul-op`). Other programs may
    // keep an lcore from its work for more than the usual 10 ms.
    if (points.back().scheme.idle_timeout_us > 0) points.back().scheme.idle_timeout_us = 300'000;
  }
  const int code = place.Engine("uhaul-runtime", "--lcores " + lcores + " --plan " + place.Plan(points, "out"));
  INFO(place.log());
  REQUIRE(code == 0);
  for (const PointSpec& spec : points) {
    CAPTURE(spec.scheme.name);
    const RunRecord record = RecordOf(place, "out", spec);
    CheckNothingLost(record);
    // An order-preserving move waits for a packet of each flow, for ever if none comes after it has begun.
    if (spec.scheme.guarantee != Guarantee::kOrderPreserving) CHECK_FALSE(record.capped);
    if (spec.scheme.name != "none") CHECK(record.counters.flows_moved > 10);
    const std::string records = RecordsOf(place, "out", spec);
    CHECK((Counts(records) == Counts(offline)));
    if (spec.scheme.name == "none" || spec.scheme.guarantee == Guarantee::kOrderPreserving) {
      CHECK(record.counters.packets_reordered == 0);
      CHECK((records == offline));
    }
  }
}
