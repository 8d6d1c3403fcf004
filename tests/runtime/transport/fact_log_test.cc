#include "runtime/transport/fact_log.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <functional>

#include "results/point_store.h"
#include "results/record_json.h"
#include "tests/sim/small_points.h"

namespace uhaul::runtime {
namespace {

TimePoint Ms(int64_t ms) { return TimePoint() + Duration::Millis(ms); }

// A point's traffic, with a run to merge into.
struct World {
  World() : spec(small::Point("opennf-lf-pl-er")), scenario(LoadScenario(spec).value()), run(spec, scenario) {}
  uint32_t Packets(uint32_t flow) const {
    return static_cast<uint32_t>((scenario.trace.flows[flow].bytes + spec.packet_bytes - 1) / spec.packet_bytes);
  }
  Result<RunRecord> Merged(std::vector<FactLog> logs) {
    return Merge(std::move(logs), spec, Ms(200), Ms(500), false, &run);
  }
  PointSpec spec;
  Scenario scenario;
  RunControl run;
};

Fact RawFact(uint8_t kind, uint32_t flow = 0, uint64_t a = 0) {
  Fact fact{.at_ns = 1'000, .a = a, .b = 0, .flow = flow};
  std::memcpy(&fact.kind, &kind, 1);
  return fact;
}
std::span<const uint8_t> OctetsOf(const Fact& fact) { return {reinterpret_cast<const uint8_t*>(&fact), sizeof fact}; }

TEST_CASE("FactLog: what is packed comes out as it was") {
  const World world;
  FactLog log;
  log.Add(Ms(1), FactKind::kSent, 3, 1);
  log.Add(Ms(2), FactKind::kBuffered, 1, 1000, 60);
  log.AddEvent(Ms(3), event::Step{7, OperationStep::kClosed}, world.run);
  log.AddEvent(Ms(3), event::Selected{7, world.scenario.trace.flows[2].tuple}, world.run);
  log.AddEvent(Ms(3), event::Selected{7, FiveTuple()}, world.run);  // not of the trace
  log.AddEvent(Ms(9), event::Eviction{1, {Ms(4), 20, 10}}, world.run);
  FactLog copy;
  REQUIRE(copy.Unpack(log.Octets()).ok());
  REQUIRE(copy.facts().size() == 5);
  CHECK(std::memcmp(copy.Octets().data(), log.Octets().data(), log.Octets().size()) == 0);
  CHECK(copy.facts()[3].flow == 2);
  CHECK(copy.facts()[4].at_ns == Ms(4).nanos());
}

TEST_CASE("FactLog: a report that is cut, or has a kind that nobody knows, is refused") {
  FactLog log;
  const Fact fact = RawFact(0);
  CHECK(log.Unpack({}).ok());
  CHECK_THAT(log.Unpack(OctetsOf(fact).first(31)).error().message, Catch::Contains("was cut"));
  CHECK_THAT(log.Unpack(OctetsOf(RawFact(kFactKinds))).error().message, Catch::Contains("unknown kind"));
  CHECK_THAT(log.Unpack(OctetsOf(RawFact(255))).error().message, Catch::Contains("unknown kind"));
  CHECK(log.facts().empty());
}

TEST_CASE("Merge: facts that the trace does not bear out are refused, each with what is wrong") {
  struct Case {
    Fact fact;
    const char* fault;
  };
  const auto flows = static_cast<uint32_t>(World().scenario.trace.flows.size());
  const auto kind = [](FactKind k) { return static_cast<uint8_t>(k); };
  std::vector<Case> cases;
  for (FactKind k : {FactKind::kSent, FactKind::kProcessed, FactKind::kDelivered, FactKind::kLost, FactKind::kActive,
                     FactKind::kSelected, FactKind::kOutcome}) {
    cases.push_back({RawFact(kind(k), flows), "a flow that the trace has not"});
    cases.push_back({RawFact(kind(k), UINT32_MAX), "a flow that the trace has not"});
  }
  cases.push_back({RawFact(kind(FactKind::kDelivered), 0, World().Packets(0)), "a packet that its flow has not"});
  // Times the packet's size it is a small number, modulo 2^64.
  cases.push_back({RawFact(kind(FactKind::kDelivered), 0, uint64_t{1} << 62), "a packet that its flow has not"});
  cases.push_back({RawFact(kind(FactKind::kStep), 0, kOperationSteps), "an unknown step"});
  cases.push_back({RawFact(kind(FactKind::kOutcome), 0, 99), "an unknown outcome"});
  cases.push_back({RawFact(kind(FactKind::kProcessed), 0, uint64_t{1} << 63), "a time far from the run"});
  Fact late = RawFact(kind(FactKind::kSent));
  late.at_ns = INT64_MAX;
  cases.push_back({late, "a time far from the run"});
  for (const Case& c : cases) {
    CAPTURE(static_cast<int>(c.fact.kind), c.fact.flow, c.fact.a, c.fault);
    World world;
    FactLog log;
    REQUIRE(log.Unpack(OctetsOf(c.fact)).ok());
    std::vector<FactLog> logs;
    logs.push_back(std::move(log));
    const auto record = world.Merged(std::move(logs));
    REQUIRE_FALSE(record.ok());
    CHECK_THAT(record.error().message, Catch::Contains(c.fault));
  }
}

// One process's facts go to a log of its own, or all to one; either way into `run` as they happen.
class Reporters {
 public:
  Reporters(World* world, bool split) : world_(world), split_(split), logs_(4) {}
  FactLog& generator() { return logs_[0]; }
  FactLog& nf1() { return logs_[split_ ? 1 : 0]; }
  FactLog& nf2() { return logs_[split_ ? 2 : 0]; }
  FactLog& controller() { return logs_[split_ ? 3 : 0]; }
  std::vector<FactLog> Take() { return std::move(logs_); }
  World& world() { return *world_; }

 private:
  World* world_;
  bool split_;
  std::vector<FactLog> logs_;
};

// Flow 0 is active and moves, flow 1 is active and stays, flow 2 begins during the move; flow 0 loses its last packet.
void Tell(Reporters* r) {
  const World& world = r->world();
  const auto packet = [&](int64_t ms, uint32_t flow, uint32_t sequence, FactLog& nf, bool lost = false) {
    r->generator().Add(Ms(ms), FactKind::kSent, flow);
    if (lost) return r->controller().Add(Ms(ms + 2), FactKind::kLost, flow);
    nf.Add(Ms(ms + 1), FactKind::kProcessed, flow, static_cast<uint64_t>(Ms(ms).nanos()));
    r->generator().Add(Ms(ms + 2), FactKind::kDelivered, flow, sequence);
  };
  packet(10, 0, 0, r->nf1());
  packet(20, 1, 0, r->nf1());
  r->nf1().Add(Ms(200), FactKind::kStates, 0, 2);
  r->nf1().Add(Ms(200), FactKind::kActive, 0, 1500);
  r->nf1().Add(Ms(200), FactKind::kActive, 1, 700);
  for (size_t i = 0; i < kOperationSteps; ++i) {
    r->controller().AddEvent(Ms(210 + static_cast<int64_t>(i)), event::Step{1, static_cast<OperationStep>(i)},
                             world.run);
  }
  r->controller().AddEvent(Ms(215), event::Outcome{1, world.scenario.trace.flows[0].tuple, FlowOutcome::kMoved},
                           world.run);
  r->controller().AddEvent(Ms(212), event::Buffered{BufferPlace::kController, Bytes(500), Bytes(500)}, world.run);
  r->controller().AddEvent(Ms(219), event::RulesInstalled{1, 1}, world.run);
  packet(212, 2, 0, r->nf1());
  for (uint32_t i = 1; i < world.Packets(0); ++i) packet(250, 0, i, r->nf2(), i + 1 == world.Packets(0));
  r->nf1().AddEvent(Ms(260), event::Eviction{0, {Ms(255), 2, 1}}, world.run);
  r->nf2().AddEvent(Ms(260), event::Eviction{1, {Ms(255), 1, 1}}, world.run);
  RunCounters counters;
  counters.packet_ins = 3;
  counters.relayed = 1;
  counters.generator_late_ns = 70;
  r->nf1().AddCounters(Ms(300), counters);
  counters.generator_late_ns = 50;
  r->nf2().AddCounters(Ms(300), counters);
}

TEST_CASE("Merge: what four processes report is the record of the same run in one process") {
  World one, four;
  Reporters whole(&one, false), split(&four, true);
  Tell(&whole);
  Tell(&split);
  const auto expected = one.Merged(whole.Take());
  const auto record = four.Merged(split.Take());
  REQUIRE(expected.ok());
  REQUIRE(record.ok());
  const auto text = [&](const RunRecord& r) {
    return EncodePoint({.id = "x", .engine = "runtime", .build = "b", .spec = CanonicalSpec(one.spec), .record = r});
  };
  CHECK(text(*record) == text(*expected));
  CHECK(record->nf_states_at_t0 == 2);
  CHECK(record->counters.flows_moved == 1);
  CHECK(record->counters.packets_lost == 1);
  CHECK(record->counters.packet_ins == 6);
  CHECK(record->counters.relayed == 2);
  CHECK(record->counters.generator_late_ns == 70);
  CHECK(record->evictions.size() == 1);  // the source NF's
  CHECK(record->step_ns(OperationStep::kClosed) == Ms(210 + static_cast<int64_t>(OperationStep::kClosed)).nanos());
  REQUIRE(record->flows.size() == 3);
  for (const FlowRow& row : record->flows) {
    CAPTURE(row.tuple.ToString());
    const bool moved = row.tuple == one.scenario.trace.flows[0].tuple;
    CHECK(row.active == (row.tuple != one.scenario.trace.flows[2].tuple));
    CHECK((row.outcome == FlowOutcome::kMoved) == moved);
    if (moved) CHECK(row.t0_bytes == 1500);
    if (moved) CHECK(row.finished_ns == kNever);
  }
}

TEST_CASE("Merge: nothing reported is an empty record, not an error") {
  World world;
  const auto record = world.Merged({});
  REQUIRE(record.ok());
  CHECK(record->flows.empty());
  CHECK(record->ended_ns == Ms(500).nanos());
}

}  // namespace
}  // namespace uhaul::runtime
