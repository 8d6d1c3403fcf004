// What a run's links carried, as pcap files, and what dpdk-telemetry.py sees while it goes on.
#include "runtime/link_captures.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/runtime/engines.h"
#include "tests/sim/small_points.h"
#include "workloads/capture_points.h"
#include "workloads/recorded_traffic.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

TEST_CASE("LinkCaptures: what enters and what leaves a testbed, in both kinds of time, is what the record says") {
  const Place place;
  PointSpec spec = small::Point("opennf-op-pl-er");
  spec.load = 0.05;
  spec.cap = Duration::Seconds(10);
  for (const std::string clock : {"virtual", "tsc"}) {
    CAPTURE(clock);
    const std::string in = place / (clock + "-in.pcap");
    const std::string moved = place / (clock + "-nf2.pcap");
    const int code =
        place.Engine("uhaul-runtime", "--clock " + clock + " --capture generator-switch=" + in +
                                          " --capture nf2-sink=" + moved + " --plan " + place.Plan({spec}, clock));
    INFO(place.log());
    REQUIRE(code == 0);
    const RunRecord record = ReadPoint(place / clock, PointId(spec)).value().record;
    const Result<RecordedTraffic> sent = RecordedTraffic::Load(in);
    REQUIRE(sent.ok());
    CHECK(sent->packets().size() == record.counters.packets_sent);
    const Result<RecordedTraffic> at_sink = RecordedTraffic::Load(moved);
    REQUIRE(at_sink.ok());
    CHECK(at_sink->packets().size() > 0);
    CHECK(at_sink->packets().size() < sent->packets().size());
    if (std::system("command -v tshark >/dev/null 2>&1") != 0) {
      WARN("tshark is not installed");
      continue;
    }
    const std::string frames = place / "frames";
    REQUIRE(std::system(("tshark -r " + in + " -T fields -e frame.number -e ip.src 2>/dev/null >" + frames).c_str()) ==
            0);
    std::istringstream lines(place.Read("frames"));
    uint64_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) REQUIRE(line.find("\t10.") != std::string::npos);
    CHECK(count == record.counters.packets_sent);
  }
}

TEST_CASE("LinkCaptures: links that there are not, and plans of several points, are refused") {
  const Place place;
  const std::vector<PointSpec> one = {small::Point("none")};
  CHECK(place.Engine("uhaul-runtime", "--clock virtual --capture moon=x.pcap --plan " + place.Plan(one, "a")) == 1);
  CHECK(place.Read("a/" + PointId(one[0]) + ".failed").find("there is no link 'moon' (one of generator-switch") !=
        std::string::npos);
  CHECK(place.Engine("uhaul-runtime", "--capture =x --plan " + place.Plan(one, "b")) == 64);
  const std::vector<PointSpec> two = {small::Point("none"), small::Point("uhaul")};
  CHECK(place.Engine("uhaul-runtime", "--capture nf1-sink=x --plan " + place.Plan(two, "c")) == 64);
  std::map<std::string, std::string> files;
  CHECK(AddCapture("a=b", &files).ok());
  CHECK_FALSE(AddCapture("a=c", &files).ok());
}
