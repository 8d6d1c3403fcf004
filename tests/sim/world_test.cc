#include "sim/world.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "core/nf/sequence_audit.h"
#include "ns3/config.h"
#include "ns3/packet.h"
#include "ns3/simulator.h"
#include "ns3/uinteger.h"
#include "results/point_store.h"
#include "sim/point_run.h"
#include "tests/sim/small_points.h"

using namespace uhaul;  // NOLINT

namespace {

struct Run {
  Scenario scenario;
  std::unique_ptr<World> world;
  RunRecord record;
};

Run Simulate(const PointSpec& spec, const WorldOptions& options = {}) {
  Run run;
  run.scenario = LoadScenario(spec).value();
  run.world = World::Create(spec, run.scenario, options).value();
  REQUIRE(run.world->RunToStart().ok());
  run.record = FinishRun(*run.world, spec).value();
  return run;
}

std::string Encoded(const PointSpec& spec, RunRecord record) {
  StoredPoint point;
  point.id = PointId(spec);
  point.engine = "sim";
  point.spec = CanonicalSpec(spec);
  point.record = std::move(record);
  return EncodePoint(point);
}

AuditCounts Audit(const World& world) {
  AuditCounts sum;
  for (uint8_t i = 0; i < 2; ++i) sum += dynamic_cast<const SequenceAudit&>(world.nf(i).function()).Totals();
  return sum;
}

size_t Count(const RunRecord& record, bool (*predicate)(const FlowRow&)) {
  size_t n = 0;
  for (const FlowRow& row : record.flows) n += predicate(row) ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE(
    "World: two runs of one point are the same to the byte, in trains or in packets, in any of ns-3's schedulers") {
  const PointSpec spec = small::Point("uhaul");
  const std::string first = Encoded(spec, Simulate(spec).record);
  CHECK(first.size() > 1000);
  CHECK(first == Encoded(spec, Simulate(spec).record));
  CHECK(first == Encoded(spec, Simulate(spec, {.granularity = Granularity::kPacket}).record));
  const WorldOptions stock{.granularity = Granularity::kPacket, .scheduler = "ns3::MapScheduler"};
  CHECK(first == Encoded(spec, Simulate(spec, stock).record));
  CHECK(first == Encoded(spec, WholeRun(spec).value()));
}

TEST_CASE("World: every packet sent is delivered, lost or still under way") {
  for (const char* scheme : {"none", "opennf", "opennf-ng", "uhaul"}) {
    CAPTURE(scheme);
    const Run run = Simulate(small::Point(scheme));
    const RunCounters& c = run.record.counters;
    CHECK(c.packets_sent > 100'000);
    CHECK(c.packets_lost == 0);
    CHECK(c.link_drops == 0);
    CHECK(c.packets_duplicated == 0);
    CHECK(c.packets_sent ==
          c.packets_delivered + c.packets_lost + run.world->packets_on_links() + run.world->messages_with_packets());
    CHECK_FALSE(run.record.capped);
  }
}

TEST_CASE("World: without a scheme nothing happens at t0, and every flow's packets keep their order") {
  PointSpec spec = small::Point("none");
  spec.nf_function = "sequence-audit";
  const Run run = Simulate(spec);
  CHECK(run.record.steps_ns == RunRecord().steps_ns);
  CHECK(run.record.counters.control_messages == 0);
  CHECK(run.record.counters.packets_reordered == 0);
  CHECK(Audit(*run.world).violations() == 0);
  CHECK(run.record.transit_median_ns == 2200);  // 1,200 ns on the wire and 1,000 ns of delay
  CHECK(Count(run.record, [](const FlowRow& r) { return r.pause_ns > 0; }) == 0);
  CHECK(Count(run.record, [](const FlowRow& r) { return r.active; }) > 10);
  CHECK(Count(run.record, [](const FlowRow& r) { return r.finished_ns == kNever; }) == 0);
}

TEST_CASE("World: OpenNF's loss-free move loses nothing, holds packets at the controller, and moves all of A") {
  PointSpec spec = small::Point("opennf");
  spec.nf_function = "sequence-audit";
  const Run run = Simulate(spec);
  const RunRecord& r = run.record;
  const AuditCounts audit = Audit(*run.world);
  CHECK(audit.state_missing == 0);
  CHECK(audit.lost == 0);
  CHECK(audit.repeats == 0);
  CHECK(r.counters.packets_lost == 0);
  CHECK(r.counters.events > 0);
  CHECK(r.counters.events == r.counters.packet_outs);
  CHECK(r.buffers[0].peak_bytes > 0);
  CHECK_FALSE(r.buffers[0].series.empty());
  const size_t active = Count(r, [](const FlowRow& row) { return row.active; });
  CHECK(Count(r, [](const FlowRow& row) { return row.active && row.outcome == FlowOutcome::kMoved; }) == active);
  // 0.2625 ms per flow at src, one after the other.
  CHECK(r.step_ns(OperationStep::kLastDelete) - r.t0_ns > static_cast<int64_t>(active) * 262'500);
  CHECK(Count(r, [](const FlowRow& row) { return row.pause_ns > 1'000'000; }) > 0);
  for (const BufferSample& sample : r.buffers[0].series) CHECK(sample.bytes <= r.buffers[0].peak_bytes);
}

TEST_CASE("World: a hand-over loses, repeats and reorders nothing, and holds packets at the destination only") {
  const RunRecord all = Simulate(small::Point("opennf")).record;
  for (const char* scheme : {"handover", "uhaul-handover"}) {
    CAPTURE(scheme);
    PointSpec spec = small::Point(scheme);
    spec.nf_function = "sequence-audit";
    const Run run = Simulate(spec);
    const RunRecord& r = run.record;
    const AuditCounts audit = Audit(*run.world);
    CHECK(audit.violations() == 0);
    CHECK(audit.lost == 0);
    CHECK(r.counters.packets_lost + r.counters.packets_reordered + r.counters.packets_duplicated == 0);
    CHECK(r.counters.events + r.counters.packet_ins + r.counters.packet_outs == 0);
    CHECK(r.buffers[0].peak_bytes == 0);
    CHECK(r.buffers[1].peak_bytes > 0);
    // Flows that came between t0 and the listing are chosen, too.
    const size_t selected = Count(r, [](const FlowRow& row) { return row.selected; });
    CHECK(selected > 0);
    CHECK(Count(r, [](const FlowRow& row) { return row.outcome == FlowOutcome::kMoved; }) == selected);
    // OpenNF's move holds each flow until all before it are exported; here each waits for about its own.
    CHECK(r.buffers[1].peak_bytes * 4 < all.buffers[0].peak_bytes);
  }
}

TEST_CASE("World: U-HAUL moves elephants only, in less time, and relays flows that src does not know") {
  const RunRecord all = Simulate(small::Point("opennf")).record;
  PointSpec spec = small::Point("uhaul");
  spec.nf_function = "sequence-audit";
  const Run run = Simulate(spec);
  const RunRecord& r = run.record;
  const auto moved = [](const FlowRow& row) { return row.outcome == FlowOutcome::kMoved; };
  CHECK(Count(r, moved) > 0);
  CHECK(Count(r, moved) < Count(all, moved));
  uint64_t smallest_selected = UINT64_MAX;
  uint64_t largest_left = 0;
  for (const FlowRow& row : r.flows) {
    if (!row.active) continue;
    if (row.selected) {
      smallest_selected = std::min(smallest_selected, row.t0_bytes);
    } else {
      largest_left = std::max(largest_left, row.t0_bytes);
    }
  }
  CHECK(smallest_selected >= largest_left);
  CHECK(r.rho > 0);
  CHECK(r.rho < 1);
  CHECK(r.elephant_bytes_threshold == 1'000'000);
  CHECK(r.step_ns(OperationStep::kLastDelete) - r.t0_ns < all.step_ns(OperationStep::kLastDelete) - all.t0_ns);
  CHECK(r.counters.relayed > 0);
  CHECK(Audit(*run.world).lost == 0);
  CHECK(r.counters.packets_lost == 0);
}

TEST_CASE("World: the warm-up is the same whatever the point, and the snapshot is taken just before a pass") {
  const RunRecord a = Simulate(small::Point("none")).record;
  const RunRecord b = Simulate(small::Point("uhaul")).record;
  CHECK(a.t0_ns == b.t0_ns);
  CHECK((a.t0_ns + 1'000'000) % 100'000'000 == 0);
  CHECK(a.nf_states_at_t0 == b.nf_states_at_t0);
  CHECK(a.evictions.front().at_ns == 100'000'000);
  std::set<std::string> first, second;
  for (const FlowRow& row : a.flows) {
    if (row.active) first.insert(row.tuple.ToString() + " " + std::to_string(row.t0_bytes));
  }
  for (const FlowRow& row : b.flows) {
    if (row.active) second.insert(row.tuple.ToString() + " " + std::to_string(row.t0_bytes));
  }
  CHECK(first == second);
}

TEST_CASE(
    "World: a migration that waits for a number of states starts when src holds them, or says that it never will") {
  PointSpec spec = small::Point("opennf-ng");
  spec.migration_states = 100;
  const RunRecord record = Simulate(spec).record;
  CHECK(record.nf_states_at_t0 >= 100);
  CHECK(record.nf_states_at_t0 < 110);
  spec.migration_states = 1'000'000;
  const Result<RunRecord> impossible = WholeRun(spec);
  REQUIRE_FALSE(impossible.ok());
  CHECK(impossible.error().message.find("migration.states") != std::string::npos);
}

TEST_CASE("World: a small queue drops packets, counts them, and their flows still end") {
  PointSpec spec = small::Point("opennf");
  spec.link_buffer = Bytes(30'000);
  const Run run = Simulate(spec);
  CHECK(run.record.counters.link_drops > 0);
  CHECK(run.record.counters.packets_lost >= run.record.counters.link_drops);
  CHECK_FALSE(run.record.capped);
  CHECK(Count(run.record, [](const FlowRow& r) { return r.finished_ns == kNever; }) > 0);
}

TEST_CASE("World: closed-loop senders are acknowledged by the sink and finish their flows") {
  PointSpec spec = small::Point("uhaul");
  spec.senders = SenderKind::kWindow;
  spec.load = 0.4;
  const Run run = Simulate(spec);
  CHECK(run.record.counters.packets_delivered > 50'000);
  CHECK(Count(run.record, [](const FlowRow& r) { return r.active && r.finished_ns == kNever; }) == 0);
  CHECK_FALSE(run.record.capped);
}

TEST_CASE("World: the cap ends a run that would go on") {
  PointSpec spec = small::Point("opennf");
  spec.cap = Duration::Millis(3);
  const RunRecord record = Simulate(spec).record;
  CHECK(record.capped);
  CHECK(record.ended_ns == record.t0_ns + 3'000'000);
}

TEST_CASE("World: an unknown workload or network function is an error that names it") {
  PointSpec spec = small::Point("uhaul");
  spec.workload = "/nonexistent/distribution.csv";
  const Result<RunRecord> workload = WholeRun(spec);
  REQUIRE_FALSE(workload.ok());
  CHECK(workload.error().message.find("/nonexistent/distribution.csv") != std::string::npos);
  spec = small::Point("uhaul");
  spec.nf_function = "coffee-machine";
  const Result<RunRecord> function = WholeRun(spec);
  REQUIRE_FALSE(function.ok());
  CHECK(function.error().message.find("coffee-machine") != std::string::npos);
}

namespace {
struct Seen {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  int64_t last_ps = 0;
} seen;  // ns-3's callbacks: one test at a time
void OnMacRx(std::string, ns3::Ptr<const ns3::Packet> packet) {
  ++seen.packets;
  seen.bytes += packet->GetSize();
  seen.last_ps = ns3::Simulator::Now().GetTimeStep();
}
}  // namespace

TEST_CASE("Shell: trace sources connected by a Config path see the packets, and change nothing") {
  const PointSpec spec = small::Point("none");
  const std::string unobserved = Encoded(spec, Simulate(spec).record);
  seen = {};
  const Scenario scenario = LoadScenario(spec).value();
  const auto world = World::Create(spec, scenario).value();
  ns3::Config::Connect("/Names/nf1/DeviceList/0/$uhaul::LinkDevice/MacRx", ns3::MakeCallback(&OnMacRx));
  REQUIRE(world->RunToStart().ok());
  CHECK(seen.packets > 100'000);
  CHECK(seen.last_ps % 1000 == rank::kSwitchToNf);
  const RunRecord record = FinishRun(*world, spec).value();
  CHECK(Encoded(spec, record) == unobserved);
  const auto device = world->shell().node(NodeName::kSwitch)->GetDevice(2);
  ns3::UintegerValue bytes;
  device->GetAttribute("TxBytes", bytes);
  CHECK(bytes.Get() >= seen.bytes);
  CHECK(bytes.Get() - seen.bytes < 10'000);  // what is under way at the end
}

TEST_CASE("Shell: attributes reach the links, and applications show their machines") {
  const PointSpec spec = small::Point("none");
  const Scenario scenario = LoadScenario(spec).value();
  const auto world = World::Create(spec, scenario).value();
  ns3::Config::Set("/Names/switch/DeviceList/*/$uhaul::LinkDevice/QueueBytes", ns3::UintegerValue(1'000));
  REQUIRE(world->RunToStart().ok());
  ns3::UintegerValue drops, states;
  world->shell().node(NodeName::kSwitch)->GetDevice(2)->GetAttribute("Drops", drops);
  CHECK(drops.Get() > 1'000);  // no room for a full packet
  world->shell().node(NodeName::kNf1)->GetApplication(0)->GetAttribute("States", states);
  CHECK(states.Get() == world->nf(0).function().flow_count());
}
