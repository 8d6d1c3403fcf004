// Testbeds of five processes. What is asserted does not depend on how fast this machine is, only on its getting on.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/runtime/peer_process.h"
#include "tests/runtime/testbed_processes.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

void CheckPoint(const TestbedProcesses& testbed, const std::string& results, const StoredPoint& point) {
  CAPTURE(point.spec.at("scheme.name"));
  const RunRecord& r = point.record;
  const auto provenance = DecodeProvenance(testbed.place().Read(results + "/testbed/" + point.id + ".prov.json"));
  REQUIRE(provenance.ok());
  if (const uint64_t missed = testbed.Missed(results, point); missed > 0) {
    WARN("this machine did not keep up: its ports had no room for " << missed << " frames");
    return;
  }
  CHECK(point.engine == "runtime");
  CHECK_FALSE(r.capped);
  CHECK(r.counters.packets_sent > 1'000);
  CHECK(r.counters.packets_lost == 0);
  CHECK(r.counters.packets_duplicated == 0);
  CHECK(r.counters.link_drops == 0);
  CHECK(r.counters.flows_moved > 0);
  if (point.spec.at("scheme.name") == "opennf-op") CHECK(r.counters.packets_reordered == 0);
  CHECK(r.step_ns(OperationStep::kLastDelete) > r.t0_ns);
  CHECK(r.step_ns(OperationStep::kClosed) >= r.step_ns(OperationStep::kLastDelete));
  size_t active = 0;
  for (const FlowRow& row : r.flows) {
    active += row.active ? 1 : 0;
    CHECK(row.finished_ns != kNever);  // every packet of it was delivered
  }
  CHECK(active > 0);
  for (const char* key : {"generator.clock_offset_ns", "switch.clock_error_ns", "nf1.tsc_hz", "nf2.strange_packets",
                          "nf1.port_sink_missed", "rate_scale", "kept_rate", "generator.kept_rate"}) {
    CAPTURE(key);
    CHECK(provenance->measurements.count(key) == 1);
  }
  for (const char* role : {"generator", "switch", "nf1", "nf2"}) {
    CAPTURE(role);
    CHECK(provenance->measurements.at(std::string(role) + ".strange_packets") == "0");
  }
}

void CheckRun(TestbedProcesses& testbed, const std::string& results, size_t points, int network = -1) {
  const int code = testbed.Run(results, network);
  INFO(testbed.Log(results) << testbed.Logs());
  REQUIRE(code == 0);
  const auto made = testbed.Points(results);
  CHECK(made.size() == points);
  for (const auto& [scheme, point] : made) CheckPoint(testbed, results, point);
}

// Four namespaces with the data links between them, and a fifth for the controller with a link to each.
struct Networks {
  NetworkNamespace generator{"ip link set lo up"}, sw{"ip link set lo up"}, nf1{"ip link set lo up"},
      nf2{"ip link set lo up"};
  std::unique_ptr<NetworkNamespace> controller;

  static std::string In(const NetworkNamespace& network) {
    return "nsenter -t " + std::to_string(network.pid()) + " -n ip ";
  }
  static std::string Link(const NetworkNamespace& a, const char* at_a, const NetworkNamespace& b, const char* at_b) {
    return " && " + In(a) + "link add " + at_a + " type veth peer name " + at_b + " netns " + std::to_string(b.pid()) +
           " && " + In(a) + "link set " + at_a + " up && " + In(b) + "link set " + at_b + " up";
  }
  bool Make() {
    if (!generator.made() || !sw.made() || !nf1.made() || !nf2.made()) return false;
    std::string setup = "ip link set lo up && ip addr add 10.77.0.1/32 dev lo";
    int i = 0;
    for (const NetworkNamespace* node : {&generator, &sw, &nf1, &nf2}) {
      const std::string number = std::to_string(++i), subnet = "10.77." + number + ".";
      setup += " && ip link add c" + number + " type veth peer name ctl netns " + std::to_string(node->pid()) +
               " && ip addr add " + subnet + "1/24 dev c" + number + " && ip link set c" + number + " up && " +
               In(*node) + "addr add " + subnet + "2/24 dev ctl && " + In(*node) + "link set ctl up && " + In(*node) +
               "route add 10.77.0.1 via " + subnet + "1";
    }
    setup += Link(generator, "gs", sw, "sg") + Link(sw, "s1", nf1, "1s") + Link(sw, "s2", nf2, "2s") +
             Link(nf1, "1g", generator, "g1") + Link(nf2, "2g", generator, "g2");
    controller = std::make_unique<NetworkNamespace>(setup);
    return controller->made();
  }
};

constexpr const char* kAfPacket =
    "testbed:\n"
    "  controller: tcp:10.77.0.1:4711\n"
    "  rate_scale: 0.05\n"
    "  generator: {switch: \"af_packet:gs\", nf1: \"af_packet:g1\", nf2: \"af_packet:g2\"}\n"
    "  switch: {generator: \"af_packet:sg\", nf1: \"af_packet:s1\", nf2: \"af_packet:s2\"}\n"
    "  nf1: {switch: \"af_packet:1s\", sink: \"af_packet:1g\"}\n"
    "  nf2: {switch: \"af_packet:2s\", sink: \"af_packet:2g\"}\n";

}  // namespace

TEST_CASE(
    "nodes: five processes over memif make runs that lose and repeat nothing, and keep order where it was asked") {
  TestbedProcesses testbed("opennf-lf-pl-er, opennf-op, uhaul", TestbedProcesses::Memif("0.2"));
  testbed.StartAll();
  CheckRun(testbed, "out", 3);
  const Process status({"uhaul", "status", "--controller", "unix:" + testbed.place() / "c.sock"},
                       testbed.place() / "status.log");
  REQUIRE(testbed.AwaitLog("status", "undelivered"));
  REQUIRE(testbed.AwaitLog("status", "\n}"));
  const auto told = nlohmann::json::parse(testbed.Log("status"))["testbed"];
  for (const char* role : {"generator", "switch", "nf1", "nf2"}) CHECK(told["nodes"][role] == "joined");
  CHECK(told["runs_done"] == 3);
  CHECK(told["run"].is_null());
  testbed.EndAll();
}

TEST_CASE("nodes: the same over the kernel's wires between network namespaces, with the controller over TCP") {
  Networks networks;
  if (!networks.Make()) {
    WARN("not tested: af_packet needs root, ip and nsenter, to make network namespaces");
    return;
  }
  TestbedProcesses testbed("opennf-lf-pl-er", kAfPacket);
  const std::map<std::string, int> where = {{"controller", networks.controller->fd()},
                                            {"generator", networks.generator.fd()},
                                            {"switch", networks.sw.fd()},
                                            {"nf1", networks.nf1.fd()},
                                            {"nf2", networks.nf2.fd()}};
  for (const auto& [role, network] : where) testbed.Start(role, network);
  CheckRun(testbed, "out", 1, networks.controller->fd());
  testbed.EndAll();
}

TEST_CASE("nodes: a role that is killed in a run is named to the driver; it comes back, and the next run succeeds") {
  TestbedProcesses testbed("opennf-lf-pl-er", TestbedProcesses::Memif("0.2"));
  testbed.StartAll();
  size_t runs = 0;
  for (const std::string victim : {"nf2", "switch"}) {
    CAPTURE(victim);
    const std::string broken = "broken-" + victim;
    const auto driver = testbed.Drive(broken);
    REQUIRE(testbed.AwaitLog("controller", "t0 at", runs + 1));
    testbed.role(victim).Kill();
    CHECK(driver->Code() != 0);
    CHECK_THAT(testbed.Log(broken), Catch::Contains(victim + " left during the run"));
    for (const std::string& role : kRolesAndController) {
      CAPTURE(role);
      if (role != victim) CHECK(testbed.role(role).Running());
    }
    testbed.Start(victim);
    CheckRun(testbed, "whole-" + victim, 1);
    runs += 2;
  }
  testbed.EndAll();
}

TEST_CASE("nodes: a controller that is not there yet is waited for; after one that was killed they join the next") {
  TestbedProcesses testbed("opennf-lf-pl-er", TestbedProcesses::Memif("0.2"));
  for (const char* role : {"generator", "switch", "nf1", "nf2"}) testbed.Start(role);
  CHECK(testbed.AwaitLog("nf1", "trying again"));
  testbed.Start("controller");
  for (const char* role : {"generator", "switch", "nf1", "nf2"}) CHECK(testbed.AwaitLog(role, "joined "));
  const auto driver = testbed.Drive("broken");
  REQUIRE(testbed.AwaitLog("controller", "t0 at"));
  testbed.role("controller").Kill();
  CHECK(driver->Code() != 0);
  CHECK_THAT(testbed.Log("broken"), Catch::Contains("controller has gone") || Catch::Contains("the controller at"));
  testbed.Start("controller");
  for (const char* role : {"generator", "switch", "nf1", "nf2"}) CHECK(testbed.AwaitLog(role, "joined ", 2));
  CheckRun(testbed, "whole", 1);
  testbed.EndAll();
}

TEST_CASE("nodes: SIGTERM ends a role at any time, with exit code 0 and nothing left") {
  // Waiting for links and for a controller.
  TestbedProcesses alone("uhaul", TestbedProcesses::Memif("0.2"));
  for (const char* role : {"generator", "nf1"}) alone.Start(role);
  for (const char* role : {"generator", "nf1"}) CHECK(alone.AwaitLog(role, "trying again"));
  alone.EndAll();
  // In a run: the driver is told.
  TestbedProcesses testbed("uhaul", TestbedProcesses::Memif("0.1"));
  testbed.StartAll();
  const auto driver = testbed.Drive("out");
  REQUIRE(testbed.AwaitLog("controller", "t0 at"));
  testbed.role("switch").Signal(SIGTERM);
  CHECK(testbed.role("switch").Code() == 0);
  CHECK(driver->Code() != 0);
  CHECK_THAT(testbed.Log("out"), Catch::Contains("switch: it was told to end"));
  // While a driver waits for a role.
  const auto second = testbed.Drive("second");
  CHECK(testbed.AwaitLog("second", "0/1 points"));
  CHECK(second->Running());
  testbed.EndAll();
  CHECK(second->Code() != 0);
}

TEST_CASE("nodes: what is wrong with a set-up is said, and by whom") {
  const auto fault = [](const std::string& role, const std::string& section) {
    TestbedProcesses testbed("uhaul", section);
    testbed.Start(role);
    CHECK(testbed.role(role).Code() == 65);
    return testbed.Log(role);
  };
  const std::string head = "testbed:\n  controller: unix:DIR/c.sock\n";
  const std::string nf2 = head + "  nf2: {switch: \"memif:DIR/a.sock\", sink: \"memif:DIR/b.sock\"}\n";
  CHECK_THAT(fault("nf1", nf2), Catch::Contains("the section 'testbed' has no role 'nf1'"));
  CHECK_THAT(fault("sink", nf2), Catch::Contains("no role 'sink'"));
  CHECK_THAT(fault("nf1", head + "  nf1: {switch: ring, sink: ring}\n"),
             Catch::Contains("nf1.sink: a ring does not leave its process"));
  CHECK_THAT(fault("nf1", head + "  nf1: {switch: \"memif:DIR/no/a.sock\", sink: \"memif:DIR/b.sock\"}\n"),
             Catch::Contains("there is no directory for its socket"));
  CHECK_THAT(fault("nf1", head + "  nf1: {switch: \"device:net_absent\", sink: \"memif:DIR/b.sock\"}\n"),
             Catch::Contains("DPDK has no port net_absent; it has"));
  CHECK_THAT(fault("nf1", head + "  nf1: {switch: \"af_packet:uhaul-absent\", sink: \"memif:DIR/b.sock\"}\n"),
             Catch::Contains("af_packet"));
  CHECK_THAT(fault("nf1", "testbed:\n  controller: pigeon\n  nf1: {switch: ring, sink: ring}\n"),
             Catch::Contains("controller: "));
}
