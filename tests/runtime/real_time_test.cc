// uhaul-runtime in real time. What is asserted does not depend on how fast this machine is: a late packet is late, not
// lost.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "results/record_json.h"
#include "tests/runtime/engines.h"
#include "tests/sim/small_points.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

TEST_CASE("real time: loss-free and order-preserving moves lose, repeat and reorder nothing") {
  const Place place;
  std::vector<PointSpec> points;
  for (const char* scheme : {"opennf-op-pl-er", "opennf", "uhaul", "handover", "uhaul-handover"}) {
    points.push_back(small::Point(scheme, "web_search"));
    points.back().cap = Duration::Seconds(10);
    // Where the machine is slow the trace may end before the rules are in: OpenNF's order-preserving move would then
    // wait for a packet of an idle flow for ever.
    const bool ordered = points.back().scheme.guarantee == Guarantee::kOrderPreserving;
    if (ordered) points.back().scheme.idle_timeout_us = 20'000;
  }
  const int code = place.Engine("uhaul-runtime", "--plan " + place.Plan(points, "out"));
  INFO(place.log());
  REQUIRE(code == 0);
  for (const PointSpec& spec : points) {
    CAPTURE(spec.scheme.name);
    const StoredPoint point = ReadPoint(place / "out", PointId(spec)).value();
    CHECK(point.engine == "runtime");
    const RunRecord& r = point.record;
    CHECK_FALSE(r.capped);
    CHECK(r.counters.packets_sent > 50'000);
    CHECK(r.counters.packets_lost == 0);
    CHECK(r.counters.packets_duplicated == 0);
    CHECK(r.counters.link_drops == 0);
    if (spec.scheme.guarantee == Guarantee::kOrderPreserving) CHECK(r.counters.packets_reordered == 0);
    CHECK(r.counters.flows_moved > 0);
    CHECK(r.step_ns(OperationStep::kLastDelete) > r.t0_ns);
    CHECK(r.step_ns(OperationStep::kClosed) >= r.step_ns(OperationStep::kLastDelete));
    for (const FlowRow& row : r.flows) CHECK(row.finished_ns != kNever);
    const Provenance provenance = DecodeProvenance(place.Read("out/" + PointId(spec) + ".prov.json")).value();
    for (const char* key : {"clock", "tsc_hz", "gap_share", "core_to_core_ns", "generator_late_share", "kept_rate"}) {
      CAPTURE(key);
      CHECK(provenance.measurements.count(key) == 1);
    }
    CHECK(provenance.measurements.at("clock") == "tsc");
  }
}

TEST_CASE("uhaul-runtime: exit codes tell usage from bad plans, and EAL arguments come after --") {
  const Place place;
  CHECK(place.Engine("uhaul-runtime", "") == 64);
  CHECK(place.Engine("uhaul-runtime", "--plan") == 64);
  CHECK(place.Engine("uhaul-runtime", "--plan x --jobs 0") == 64);
  CHECK(place.Engine("uhaul-runtime", "--plan x --clock sun") == 64);
  CHECK(place.Engine("uhaul-runtime", "--plan " + (place / "absent.json")) == 65);
  CHECK(place.Engine("uhaul-runtime", "--help") == 0);
  CHECK(place.Engine("uhaul-runtime", "--version") == 0);
  CHECK(place.Engine("uhaul-runtime", "--build-id") == 0);
  CHECK(place.log().size() == 33);
  const std::vector<PointSpec> points = {small::Point("none")};
  CHECK(place.Engine("uhaul-runtime", "--clock virtual --plan " + place.Plan(points, "bad") + " -- --no-such") == 1);
  CHECK(place.Read("bad/" + PointId(points[0]) + ".failed").find("--no-such") != std::string::npos);
}
