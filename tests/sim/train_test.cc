// Whole worlds, small ones, with each calendar: the record, and the state of every machine at the end, are the same.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "ns3/config.h"
#include "ns3/data-rate.h"
#include "ns3/packet.h"
#include "ns3/simulator.h"
#include "ns3/uinteger.h"
#include "results/point_store.h"
#include "sim/point_run.h"
#include "sim/world.h"

using namespace uhaul;  // NOLINT

namespace {

struct Case {
  PointSpec spec;
  Scenario scenario;
  int64_t quantum = 1;  // of every time: coarse ones make ties
  bool users = false;
  bool observed = false;
  int64_t detour_ns[2] = {0, 0};  // > 0: the delay of the link to this NF; what was sent to it first may come last
};

class Maker {
 public:
  explicit Maker(uint64_t seed) : r_(seed, 1) {}

  Case Make(uint64_t seed) {
    Case c;
    const int64_t quanta[] = {1, 1, 4, 100, 600, 1200};
    quantum_ = c.quantum = quanta[r_.Below(std::size(quanta))];
    c.users = r_.Below(2) == 0;
    c.observed = r_.Below(4) == 0;
    if (r_.Below(4) == 0) c.detour_ns[r_.Below(2)] = Time(1'500'000).nanos();
    SetNetwork(&c.spec);
    SetOperation(&c.spec, seed);
    SetTrace(&c);
    return c;
  }

 private:
  Duration Time(int64_t most_ns) {
    return Duration::Nanos(quantum_ * static_cast<int64_t>(1 + r_.Below(static_cast<uint64_t>(most_ns / quantum_))));
  }
  bool Often() { return r_.Below(3) != 0; }

  void SetNetwork(PointSpec* spec) {
    spec->workload = "even:1";  // the trace is ours
    spec->trace = 1 + r_.Below(1000);
    spec->packet_bytes = quantum_ == 600 ? 750 : 1500;  // 600 and 1,200 ns
    spec->link_delay = Time(3600);
    spec->nf_function = Often() ? "sequence-audit" : "asset-monitor";
    spec->fit.window = Duration::Millis(Often() ? 1 : 5) + Time(2'000'000);
    spec->fit.capacity = Often() ? 256 : 16;
    spec->switch_table = Often() ? 1024 : 8;
    if (!Often()) spec->link_buffer = Bytes(9000 + r_.Below(60'000));
    const uint64_t senders = r_.Below(4);
    spec->senders = senders == 0 ? SenderKind::kWindow : senders == 1 ? SenderKind::kUnlimited : SenderKind::kLimited;
    spec->window_packets = 1 + static_cast<uint32_t>(r_.Below(8));
    spec->retransmission_timeout = Duration::Micros(300) + Time(600'000);
    if (senders > 1 && !Often()) spec->on_time = spec->off_time = Duration::Micros(200);
  }

  void SetOperation(PointSpec* spec, uint64_t seed) {
    const std::vector<std::string> schemes = SchemeNames();
    spec->scheme = FindScheme(schemes[seed % schemes.size()]).value();
    if (!Often()) spec->scheme.flows = MoveFlows::kTable;
    if (Often()) spec->scheme.idle_timeout_us = 200;
    spec->rho_source = Often() ? RhoSource::kGiven : RhoSource::kTrace;
    spec->rho = 0.3 + 0.6 * r_.Uniform();
    spec->threshold = Bytes(15'000);
    spec->migration_after = Time(2'500'000);
    spec->migration_within = {};
    spec->phase = Often() ? MigrationPhase::kRandom : MigrationPhase::kPreEviction;
    spec->migration_lead = Time(300'000);
    spec->cap = Duration::Millis(Often() ? 6 : 20);
    Profile& p = spec->profile = FindProfile("ideal").value();
    p.control_rate = BitRate(Often() || quantum_ > 1 ? 1'000'000'000'000'000 : 10'000'000'000);
    p.control_delay = Time(20'000) - Duration::Nanos(quantum_ > 1 ? 1 : 0);  // with 1 ns for any message
    for (Cost* cost : {&p.get, &p.put, &p.del, &p.nf_event, &p.detect, &p.message, &p.event, &p.packet_out, &p.rule}) {
      if (Often()) cost->per_item = Time(cost == &p.get ? 60'000 : 3'000);
    }
    if (!Often()) p.controller_buffer = p.nf_buffer = Bytes(40'000);
  }

  void SetTrace(Case* c) {
    const uint64_t flows = 4 + r_.Below(40);
    TimePoint at;
    for (uint64_t i = 0; i < flows; ++i) {
      TraceFlow flow;
      flow.tuple.source = FiveTuple::Ipv4(10, static_cast<uint8_t>(r_.Below(2)), 0, static_cast<uint8_t>(i));
      flow.tuple.source_port = static_cast<uint16_t>(1024 + r_.Below(60'000));
      flow.tuple.destination = FiveTuple::Ipv4(10, 9, 0, 1);
      flow.tuple.destination_port = 80;
      if (r_.Below(8) == 0) flow.tuple.protocol = kProtocolUdp;
      if (r_.Below(3) != 0) at = at + Time(6'000'000 / static_cast<int64_t>(flows));
      flow.arrival = at;
      uint64_t packets = 1 + r_.Below(r_.Below(3) == 0 ? 400 : 30);
      if (i == 0 && r_.Below(3) == 0) packets = 1500;
      flow.bytes = packets * c->spec.packet_bytes - (quantum_ == 1 ? r_.Below(c->spec.packet_bytes) : 0);
      c->scenario.trace.flows.push_back(flow);
    }
  }

  Random r_;
  int64_t quantum_ = 1;
};

// Somebody else's events: they look at everything, and change links.
class Users {
 public:
  Users(const Case& c, World* world) : case_(c), world_(*world), r_(c.spec.trace, 7) {}

  void Start() {
    for (uint32_t i = 0; i < 2; ++i) {
      if (case_.detour_ns[i] == 0) continue;
      const auto channel = world_.shell().node(NodeName::kSwitch)->GetDevice(2 + i)->GetChannel();
      channel->SetAttribute("Delay", ns3::TimeValue(ns3::NanoSeconds(static_cast<uint64_t>(case_.detour_ns[i]))));
    }
    if (case_.users) Next();
    if (!case_.observed) return;
    for (const char* path :
         {"/Names/nf1/DeviceList/*/$uhaul::LinkDevice/MacRx", "/Names/nf2/DeviceList/*/$uhaul::LinkDevice/MacTx",
          "/Names/switch/DeviceList/*/$uhaul::LinkDevice/MacTxDrop"}) {
      ns3::Config::ConnectWithoutContext(path, ns3::MakeCallback(&Users::OnPacket, this));
    }
  }
  uint64_t seen() const { return hash_.value(); }

 private:
  void OnPacket(ns3::Ptr<const ns3::Packet> packet) {
    See(ns3::Simulator::Now().GetTimeStep());
    hash_.Add(packet->GetSize());
    // At the very picosecond of a later action, perhaps.
    if (r_.Below(20) == 0) ns3::Simulator::Schedule(ns3::NanoSeconds(Later()), &Users::Look, this);
  }
  uint64_t Later() { return static_cast<uint64_t>(case_.quantum) * (1 + r_.Below(12)); }
  void See(int64_t what) { hash_.Add(static_cast<uint64_t>(what)); }

  void Look() {
    See(ns3::Simulator::Now().GetTimeStep());
    See(world_.calendar().current());
    hash_.Add(world_.packets_on_links());
    hash_.Add(world_.controller().held_bytes().count());
    hash_.Add(world_.recorder().in_flight());
    for (uint8_t i = 0; i < 2; ++i) {
      hash_.Add(world_.nf(i).fit().size(world_.now()));
      hash_.Add(world_.nf(i).function().flow_count());
    }
  }
  void Next() {
    const int64_t digits[] = {0, 3, 40, 48, 90, 999};
    const int64_t at = static_cast<int64_t>(Later()) * 1000 * 30 + digits[r_.Below(std::size(digits))];
    ns3::Simulator::Schedule(ns3::TimeStep(static_cast<uint64_t>(at)), &Users::Act, this);
  }
  void Act() {
    Look();
    const ns3::Ptr<ns3::NetDevice> device = world_.shell().node(NodeName::kSwitch)->GetDevice(2 + r_.Below(2));
    if (r_.Below(20) == 0) device->SetAttribute("QueueBytes", ns3::UintegerValue(20'000 + r_.Below(100'000)));
    if (r_.Below(20) == 0) {
      device->GetChannel()->SetAttribute("Delay", ns3::TimeValue(ns3::NanoSeconds(Later())));
    }
    // A run ends by Stop: then whoever stays in the queue is thrown away.
    Next();
  }

  const Case& case_;
  World& world_;
  Random r_;
  StateHash hash_;
};

struct Outcome {
  std::string record;
  uint64_t state = 0;
  uint64_t seen = 0;
  uint64_t actions = 0;
  uint64_t glided = 0;
  uint64_t leapt = 0;
  RunCounters counters;
};

Outcome Simulate(const Case& c, WorldOptions options) {
  const auto world = World::Create(c.spec, c.scenario, options).value();
  Users users(c, world.get());
  users.Start();
  Outcome outcome;
  REQUIRE(world->RunToStart().ok());
  StoredPoint point;
  point.record = FinishRun(*world, c.spec).value();
  outcome.counters = point.record.counters;
  outcome.record = EncodePoint(point);
  StateHash state;
  for (uint8_t i = 0; i < 2; ++i) world->nf(i).Hash(state, world->now());
  world->controller().Hash(state, world->now());
  world->forwarding().Hash(state, world->now());
  outcome.state = state.value();
  outcome.seen = users.seen();
  outcome.actions = world->calendar().actions();
  outcome.glided = world->glided();
  outcome.leapt = world->leapt();
  return outcome;
}

}  // namespace

TEST_CASE("World: trains do what packets do, for every scheme, kind of sender and user") {
  const char* more = std::getenv("UHAUL_TEST_SEEDS");
  const uint64_t seeds = more == nullptr ? 200 : std::strtoull(more, nullptr, 10);
  uint64_t moved = 0, events = 0, dropped = 0, seen = 0, actions = 0, glided = 0, leapt = 0, reordered = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const Case c = Maker(seed).Make(seed);
    INFO("seed " << seed << ", " << c.spec.scheme.name << ", quantum " << c.quantum << ", users " << c.users
                 << ", observed " << c.observed);
    const Outcome packets = Simulate(c, {.granularity = Granularity::kPacket});
    reordered += packets.counters.packets_reordered;
    const Outcome trains = Simulate(c, {.granularity = Granularity::kTrain});
    REQUIRE((packets.record == trains.record));
    REQUIRE(packets.state == trains.state);
    REQUIRE(packets.seen == trains.seen);
    REQUIRE(packets.actions == trains.actions);
    REQUIRE(packets.glided == 0);
    actions += trains.actions;
    glided += trains.glided;
    leapt += trains.leapt;
    moved += packets.counters.flows_moved;
    events += packets.counters.events;
    dropped += packets.counters.link_drops;
    seen += c.users || c.observed ? 1 : 0;
  }
  // It was worth comparing.
  INFO("actions " << actions << ", glided " << glided << ", leapt " << leapt);
  CHECK(glided > actions / 10);
  CHECK(leapt > actions / 30);
  CHECK(moved > seeds);
  CHECK(events > 10 * seeds);
  CHECK(dropped > 0);
  CHECK(reordered > 10 * seeds);
  CHECK(seen > seeds / 3);
}

TEST_CASE("World: after a move packets leap by both NFs, and come as they do one by one") {
  Case c;
  c.spec.workload = "even:1";  // the trace is ours
  c.spec.nf_function = "asset-monitor";
  c.spec.fit.window = Duration::Millis(5);
  c.spec.scheme = FindScheme("opennf").value();
  c.spec.profile = FindProfile("ideal").value();
  c.spec.move_filter = FlowFilter::Parse("10.1.0.0/16").value();
  c.spec.phase = MigrationPhase::kRandom;
  c.spec.migration_after = Duration::Millis(2);
  c.spec.migration_within = {};
  c.spec.cap = Duration::Millis(100);
  for (uint8_t i = 0; i < 3; ++i) {
    TraceFlow flow;
    flow.tuple.source = FiveTuple::Ipv4(10, i, 0, 1);
    flow.tuple.destination = FiveTuple::Ipv4(10, 9, 0, 1);
    flow.bytes = 9000 * c.spec.packet_bytes;
    c.scenario.trace.flows.push_back(flow);
  }
  const Outcome packets = Simulate(c, {.granularity = Granularity::kPacket});
  const Outcome trains = Simulate(c, {.granularity = Granularity::kTrain});
  CHECK(packets.counters.flows_moved == 1);
  CHECK((packets.record == trains.record));
  CHECK(packets.state == trains.state);
  CHECK(packets.actions == trains.actions);
  CHECK(trains.leapt > trains.actions / 2);
}
