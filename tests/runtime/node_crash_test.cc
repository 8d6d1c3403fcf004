// kill -9 of one process of a testbed in the middle of a hand-over, under traffic: the run goes on, and what
// core/README.md promises for the death of each node is held against what the sink saw, by flow and sequence number. A
// test waits for steps, not for times.
#include <catch2/catch.hpp>
#include <string>

#include "tests/runtime/testbed_processes.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

// 300 flows that send all the time, a packet each 7 ms; their export takes 300 ms of the run, 1.5 s of this machine's
// time.
TestbedProcesses Testbed() {
  return TestbedProcesses(
      TestbedProcesses::Parameters{
          "  workload: {name: \"even:300\", senders: unlimited, load: 1.0, duration: 1200ms, trace: 1}\n"
          "  link.rate: 500Mbps\n"
          "  migration: {after: 200ms, within: 0s, lead: 5ms}\n"
          "  scheme.name: handover\n"
          "  profile.name: native\n"
          "  profile.get: 1ms\n"
          "  run.cap: 3s\n"},
      TestbedProcesses::Memif("0.2") + "  journal: DIR/journal\n");
}

struct Crash {
  explicit Crash(const std::string& victim) : victim_(victim) {
    testbed.StartAll();
    driver_ = testbed.Drive("out");
    const bool under_way = testbed.AwaitLog("controller", "first state");
    INFO(testbed.Logs());
    REQUIRE(under_way);
    testbed.role(victim).Kill();
  }
  // It comes back; then as without it.
  RunRecord RestartAndRecord() {
    testbed.Start(victim_);
    INFO(testbed.Logs());
    REQUIRE(testbed.AwaitLog("controller", "is back"));
    return Record();
  }
  // The run goes on to its end, and so does the hand-over.
  RunRecord Record() {
    const int code = driver_->Code();
    INFO(testbed.Log("out") << testbed.Logs());
    REQUIRE(code == 0);
    const auto points = testbed.Points("out");
    REQUIRE(points.size() == 1);
    const RunRecord record = points.begin()->second.record;
    CHECK(record.counters.packets_sent > 1'000);
    CHECK(record.counters.packets_duplicated == 0);
    CHECK(record.counters.packets_reordered == 0);
    if (victim_ != "controller") CHECK_THAT(testbed.Log("controller"), Catch::Contains("closed at"));
    return record;
  }

  TestbedProcesses testbed = Testbed();
  std::string victim_;
  std::unique_ptr<Process> driver_;
};

uint64_t Missing(const RunRecord& record) { return record.counters.packets_sent - record.counters.packets_delivered; }

// What was in the process that died, or on its ports, nobody can count: at most what its rings hold.
constexpr uint64_t kRing = 1024;

// Flows of A by outcome, and of them those of which the sink has every packet.
struct Flows {
  size_t all = 0;
  size_t whole = 0;
};
std::map<FlowOutcome, Flows> ByOutcome(const RunRecord& record) {
  std::map<FlowOutcome, Flows> flows;
  for (const FlowRow& row : record.flows) {
    Flows& of = flows[row.outcome];
    ++of.all;
    of.whole += row.finished_ns != kNever ? 1 : 0;
  }
  return flows;
}

std::string Told(const RunRecord& r, Crash& crash) {
  const RunCounters& c = r.counters;
  std::string text = "sent " + std::to_string(c.packets_sent) + ", delivered " + std::to_string(c.packets_delivered) +
                     ", reported lost " + std::to_string(c.packets_lost) + ", moved " + std::to_string(c.flows_moved);
  for (const auto& [outcome, flows] : ByOutcome(r)) {
    text += "; outcome " + std::to_string(static_cast<int>(outcome)) + ": " + std::to_string(flows.all) + " flows, " +
            std::to_string(flows.whole) + " whole";
  }
  return text + "\n" + crash.testbed.Logs();
}

// Flows that had gone over before the destination died lose what comes after; those that it was about to get are in
// doubt if their state had gone, and lose what it held; the rest stays, whole.
void CheckDestinationDied(const RunRecord& record) {
  const auto flows = ByOutcome(record);
  const auto of = [&](FlowOutcome outcome) { return flows.contains(outcome) ? flows.at(outcome) : Flows(); };
  const size_t decided = of(FlowOutcome::kMoved).all + of(FlowOutcome::kReverted).all + of(FlowOutcome::kInDoubt).all +
                         of(FlowOutcome::kReturned).all;
  CHECK(record.flows.size() == 300);
  CHECK(decided == 300);
  CHECK(of(FlowOutcome::kReturned).whole == of(FlowOutcome::kReturned).all);
  CHECK(of(FlowOutcome::kReturned).whole + of(FlowOutcome::kReverted).whole > 200);
}

}  // namespace

TEST_CASE("nodes: a controller that is killed in a hand-over is followed by one that ends it; no packet is lost") {
  Crash crash("controller");
  const RunRecord record = crash.RestartAndRecord();
  INFO(Told(record, crash));
  CHECK(Missing(record) == 0);
  CHECK(record.counters.packets_lost == 0);
  CHECK(record.counters.flows_moved > 200);  // since; what the one before it had heard is gone with it
  CHECK_FALSE(record.capped);
  CHECK_THAT(crash.testbed.Log("controller"), Catch::Contains("taken up"));
  crash.testbed.EndAll();
}

TEST_CASE("nodes: a destination that is killed in a hand-over and comes back: flows that it had not got go on at src") {
  Crash crash("nf2");
  const RunRecord record = crash.RestartAndRecord();
  INFO(Told(record, crash));
  CheckDestinationDied(record);
  CHECK(Missing(record) <= record.counters.packets_lost + kRing);
  crash.testbed.EndAll();
}

TEST_CASE("nodes: a destination that is killed in a hand-over and declared dead: the hand-over ends without it") {
  Crash crash("nf2");
  Process declare({"uhaul", "declare-dead", "--nf", "1", "--controller", "unix:" + crash.testbed.place() / "c.sock"},
                  crash.testbed.place() / "declare.log");
  CHECK(declare.Code() == 0);
  const RunRecord record = crash.Record();
  INFO(Told(record, crash));
  CheckDestinationDied(record);
  crash.testbed.Start("nf2");
  CHECK(crash.testbed.AwaitLog("nf2", "joined ", 2));
  crash.testbed.EndAll();
}

// Every flow was at src, and what src did not forward is gone; but not what the destination had got before.
TEST_CASE("nodes: a source that is killed in a hand-over and comes back: the destination goes on with what it has") {
  Crash crash("nf1");
  const RunRecord record = crash.RestartAndRecord();
  INFO(Told(record, crash));
  const auto flows = ByOutcome(record);
  CHECK(record.flows.size() == 300);
  CHECK_FALSE(flows.contains(FlowOutcome::kPending));
  REQUIRE(flows.contains(FlowOutcome::kMoved));
  CHECK(flows.at(FlowOutcome::kMoved).whole == flows.at(FlowOutcome::kMoved).all);
  CHECK(Missing(record) <= record.counters.packets_lost + kRing);
  crash.testbed.EndAll();
}

// What it drops until it has every rule again is counted.
TEST_CASE("nodes: a switch that is killed in a hand-over comes back with every rule, and the hand-over ends") {
  Crash crash("switch");
  const RunRecord record = crash.RestartAndRecord();
  INFO(Told(record, crash));
  CHECK(record.counters.flows_moved == 300);
  CHECK(Missing(record) <= record.counters.packets_lost + 3 * kRing);
  CHECK(Missing(record) < record.counters.packets_sent / 2);
  crash.testbed.EndAll();
}
