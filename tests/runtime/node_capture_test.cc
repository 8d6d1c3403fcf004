// Captures and testbeds of five processes: one as their traffic, and what a port saw as one.
#include <catch2/catch.hpp>

#include "experiments/capture_run.h"
#include "tests/runtime/testbed_processes.h"
#include "tests/workloads/capture_maker.h"
#include "workloads/recorded_traffic.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

// Some 300 ms of traffic, the move after 120 ms.
TestbedProcesses::Parameters CaptureTraffic(const std::string& schemes) {
  return {
      "  workload.name: \"pcap:DIR/a.pcap\"\n"
      "  migration: {after: 120ms, within: 0s, phase: random}\n"
      "  nf.timeout: 3600s\n"
      "  scheme: {name: [" +
      schemes +
      "], flows: table, idle_timeout: 50ms}\n"
      "  profile.name: native\n"
      "  run.cap: 1s\n"};
}

}  // namespace

TEST_CASE("nodes: a capture as the traffic of five processes arrives whole, and its connections move in its middle") {
  TestbedProcesses testbed(CaptureTraffic("opennf, opennf-op-pl-er"), TestbedProcesses::Memif("0.1"));
  test::CaptureMaker maker;
  test::AddConnections(150, 1, &maker);
  maker.Write(testbed.place() / "a.pcap");
  testbed.StartAll();
  const int code = testbed.Run("out");
  INFO(testbed.Log("out") << testbed.Logs());
  REQUIRE(code == 0);
  const auto points = testbed.Points("out");
  REQUIRE(points.size() == 2);
  for (const auto& [scheme, point] : points) {
    CAPTURE(scheme);
    if (const uint64_t missed = testbed.Missed("out", point); missed > 0) {
      WARN("this machine did not keep up: its ports had no room for " << missed << " frames");
      continue;
    }
    const RunCounters& counters = point.record.counters;
    CHECK(counters.packets_sent > 1'000);
    CHECK(counters.packets_delivered == counters.packets_sent);
    CHECK(counters.packets_duplicated == 0);
    CHECK(counters.flows_moved > 10);
    if (scheme == "opennf-op-pl-er") CHECK(counters.packets_reordered == 0);
  }
  testbed.EndAll();
}

TEST_CASE("nodes: --capture writes what was on the wire of a port, both ways, when its role ends") {
  TestbedProcesses testbed("none", TestbedProcesses::Memif("0.2"));
  const std::string wire = testbed.place() / "wire.pcap";
  for (const std::string& role : kRolesAndController) {
    testbed.Start(role, -1,
                  role == "nf1" ? std::vector<std::string>{"--capture", "sink=" + wire} : std::vector<std::string>());
  }
  const int code = testbed.Run("out");
  INFO(testbed.Log("out") << testbed.Logs());
  REQUIRE(code == 0);
  const StoredPoint point = testbed.Points("out").at("none");
  const RunCounters& counters = point.record.counters;
  testbed.EndAll();
  CHECK(testbed.Log("nf1").find("lost 0") != std::string::npos);
  const auto seen = RecordedTraffic::Load(wire);
  if (!seen) FAIL(seen.error().message);
  CHECK(counters.packets_delivered > 1'000);
  // On the wire are also those for which the sink's port had no room.
  if (testbed.Missed("out", point) == 0) CHECK(seen->packets().size() == counters.packets_delivered);
}
