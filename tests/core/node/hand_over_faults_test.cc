// One fault at every step of a hand-over, and pairs of faults at random steps: what each promises holds. Without an
// NF's death nothing is lost, repeated or reordered, whatever breaks and whoever is repeated; with one, nothing is lost
// but what the dead one held, and what cannot be known is said.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "core/base/random.h"
#include "core/nf/sequence_audit.h"
#include "tests/core/node/world.h"

using namespace uhaul;
using namespace uhaul::literals;
using uhaul::testing::Us;
using uhaul::testing::World;
using uhaul::testing::WorldOptions;

namespace {

constexpr uint32_t kFlows = 3;
constexpr uint32_t kPackets = 400;

enum class Fault {
  kBreakSwitch,
  kBreakSrc,
  kBreakDst,
  kBreakPeers,
  kLoseMarker,
  kController,
  kSrcDies,
  kDstDies,
  kSrcRestarts,
  kDstRestarts,
  kSwitchRestarts
};
constexpr int kFaults = 11;
bool Kills(Fault fault) { return fault >= Fault::kSrcDies && fault <= Fault::kDstRestarts; }

void Inflict(World& w, Fault fault) {
  const uint8_t victim = fault == Fault::kSrcDies || fault == Fault::kSrcRestarts ? 0 : 1;
  switch (fault) {
    case Fault::kBreakSwitch:
      return w.BreakControl(kSwitchNode);
    case Fault::kBreakSrc:
      return w.BreakControl(NfNode(0));
    case Fault::kBreakDst:
      return w.BreakControl(NfNode(1));
    case Fault::kBreakPeers:
      return w.BreakPeers();
    case Fault::kLoseMarker:
      return w.LoseMarkers(1);
    case Fault::kController:
      w.KillController();
      return w.At(w.now() + 300_us, [&w] { w.RestartController(); });
    case Fault::kSrcDies:
    case Fault::kDstDies:
      w.Kill(victim);
      return w.At(w.now() + 200_us, [&w, victim] { w.DeclareDead(victim); });
    case Fault::kSwitchRestarts:
      return w.RestartSwitch();
    case Fault::kSrcRestarts:
    case Fault::kDstRestarts:
      w.Kill(victim);
      return w.At(w.now() + 200_us, [&w, victim] { w.Restart(victim); });
  }
}

struct Case {
  std::vector<std::pair<uint64_t, Fault>> faults;  // at which delivery
  bool refuse = false;                             // dst refuses flow 1
  bool back = false;                               // a second hand-over, back
};

std::unique_ptr<World> Make(const Case& c) {
  Profile p = *FindProfile("ideal");
  p.control_delay = 20_us;
  p.get.per_item = 15_us;
  p.put.per_item = 10_us;
  p.rule.per_item = 2_us;
  auto world = std::make_unique<World>(
      WorldOptions{.profile = p, .data_delay = 30_us, .dst_data_delay = 10_us, .journal = true});
  World& w = *world;
  w.OpenPeers();
  if (c.refuse) w.oracle(1).Refuse(w.Flow(1));
  for (uint32_t f = 0; f < kFlows; ++f) w.Send(f, Us(f * 3), 10_us, kPackets);
  const auto move = [&w](uint8_t src) {
    MoveRequest request;
    request.scheme = *FindScheme("handover");
    request.src = src;
    request.dst = static_cast<uint8_t>(1 - src);
    (void)w.Move(request).ok();
  };
  w.At(Us(300), [move] { move(0); });
  if (c.back) w.At(Us(1500), [move] { move(1); });
  w.OnDelivery([&w, c](uint64_t n) {
    for (const auto& [at, fault] : c.faults) {
      if (at == n) Inflict(w, fault);
    }
  });
  return world;
}

uint64_t Deliveries(Case c) {
  c.faults.clear();
  const auto w = Make(c);
  w->Run();
  return w->deliveries();
}

void RequirePromises(World& w, const Case& c) {
  bool killed = false, dropping = false;
  for (const auto& fault : c.faults) {
    killed = killed || Kills(fault.second);
    dropping = dropping || fault.second == Fault::kSwitchRestarts;
  }
  const bool begun = std::any_of(w.journal().begin(), w.journal().end(), [](const JournalRecord& record) {
    return std::holds_alternative<journal::Begin>(record);
  });
  REQUIRE(w.controller().idle());
  // An instance that comes back processes, as new flows', what was on the way to the one that died.
  bool restarted = false;
  for (const auto& fault : c.faults) {
    restarted = restarted || fault.second == Fault::kSrcRestarts || fault.second == Fault::kDstRestarts;
  }
  if (!restarted) CHECK(w.reordered() == 0);
  CHECK(w.duplicated() == 0);
  CHECK(w.nf(0).held_bytes() + w.nf(1).held_bytes() == Bytes());
  for (int i = 0; i < 2; ++i) {
    if (!w.dead(static_cast<uint8_t>(i))) CHECK(w.nf(i).custody().idle());
  }
  // What dst had returned to a src that died it counts as dropped: nobody knows what src did with it.
  CHECK(w.delivered() + w.dropped() + w.lost() >= w.sent());
  if (!c.refuse || !killed) CHECK(w.delivered() + w.dropped() + w.lost() == w.sent());
  for (uint32_t f = 0; f < kFlows; ++f) {
    INFO("flow " << f);
    // The rule points to a living instance that has the flow, or to the dead one that had it before.
    const uint8_t nf = w.sw().RuleOf(w.Flow(f)) == msg::kNoNf ? 0 : w.sw().RuleOf(w.Flow(f));
    if (killed) continue;
    CHECK(w.oracle(nf).Count(w.Flow(f)) + (dropping ? w.lost() : 0) >= kPackets);
    CHECK(w.oracle(nf).Count(w.Flow(f)) <= kPackets);
    CHECK(w.oracle(1 - nf).Count(w.Flow(f)) == 0);
    // A controller that dies before BEGIN is durable has said nothing.
    if (!c.back) CHECK(nf == ((c.refuse && f == 1) || !begun ? 0 : 1));
  }
  if (killed) {
    const uint64_t said = w.Outcomes(FlowOutcome::kInDoubt) + w.Outcomes(FlowOutcome::kStateLost);
    // The latest state and every packet, or it is said. (A dead instance's packets are gaps for the next one.)
    if (said == 0 && w.lost() == 0 && w.dropped() == 0) CHECK(w.violations() == 0);
    return;
  }
  if (w.lost() + w.dropped() == 0) CHECK(w.violations() == 0);
  CHECK((w.lost() == 0 || dropping));
  // Between its restart and a new controller's knowledge of what is under way the switch follows older rules.
  if (!dropping) CHECK(w.dropped() == 0);
  CHECK(w.Outcomes(FlowOutcome::kInDoubt) + w.Outcomes(FlowOutcome::kStateLost) + w.Outcomes(FlowOutcome::kReverted) ==
        0);
}

std::string Describe(const Case& c) {
  std::string text = std::string(c.refuse ? "refused " : "") + (c.back ? "there and back " : "");
  for (const auto& [at, fault] : c.faults)
    text += std::to_string(static_cast<int>(fault)) + "@" + std::to_string(at) + " ";
  return text;
}

void Run(const Case& c) {
  INFO(Describe(c));
  const auto w = Make(c);
  w->Run();
  RequirePromises(*w, c);
}

}  // namespace

TEST_CASE("Hand-over: any one fault at any step keeps its promise") {
  for (const Case& base : {Case{}, Case{.faults = {}, .refuse = true}, Case{.faults = {}, .back = true}}) {
    const uint64_t steps = Deliveries(base);
    REQUIRE(steps > 20);
    for (int fault = 0; fault < kFaults; ++fault) {
      for (uint64_t step = 0; step < steps; ++step) {
        Case c = base;
        c.faults = {{step, static_cast<Fault>(fault)}};
        Run(c);
      }
    }
  }
}

TEST_CASE("Hand-over: pairs of faults at random steps keep their promises") {
  const char* text = std::getenv("UHAUL_TEST_SEEDS");
  const uint64_t seeds = text == nullptr ? 600 : std::strtoull(text, nullptr, 10);
  Random r(1, 5);
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    Case c;
    c.refuse = r.Below(3) == 0;
    c.back = r.Below(3) == 0;
    // Of the two NFs one at most dies: with both, nobody is left to promise anything.
    const auto first = static_cast<Fault>(r.Below(kFaults));
    const auto second = static_cast<Fault>(r.Below(Kills(first) ? 6 : kFaults));
    c.faults = {{r.Below(60), first}, {r.Below(60), second}};
    Run(c);
  }
}

TEST_CASE("Hand-over: src's death after dst's refusal leaves the flow at dst, its state lost, and says so") {
  Case c{.faults = {}, .refuse = true};
  const uint64_t steps = Deliveries(c);
  uint64_t seen = 0;
  for (uint64_t step = 0; step < steps; ++step) {
    c.faults = {{step, Fault::kSrcDies}};
    INFO(Describe(c));
    const auto w = Make(c);
    w->Run();
    RequirePromises(*w, c);
    if (w->Outcomes(FlowOutcome::kStateLost) == 0 || w->sw().RuleOf(w->Flow(1)) != 1) continue;
    ++seen;
    CHECK(w->nf(1).custody().StateOf(w->Flow(1)) == Custody::kOwn);
  }
  CHECK(seen > 0);
}

TEST_CASE("Hand-over: both NFs dead: the operation ends and says that the state is lost") {
  for (const uint64_t step : {3, 8, 12, 16, 20}) {
    Case c{.faults = {{step, Fault::kSrcDies}, {step + 2, Fault::kDstDies}}};
    INFO(Describe(c));
    const auto w = Make(c);
    w->Run();
    CHECK(w->controller().idle());
  }
}

TEST_CASE("Controller: what a node answered to the controller before it says nothing") {
  const auto w = Make({.faults = {}});
  w->Run(Us(420));
  w->RestartController();
  Controller& controller = w->controller();
  const uint32_t now = controller.generation();
  const HandOver* operation = controller.FindHandOver(1);
  REQUIRE(operation != nullptr);
  const FlowKey flow = w->Flow(0);
  REQUIRE(operation->PhaseOf(flow) == HandOver::FlowPhase::kPreparing);
  const auto answer = [&](uint32_t generation, msg::CustodyStatus status) {
    Outbox outbox;
    controller.OnMessage(w->now(), NfNode(1), {1, generation, msg::CustodyReport{4, {{flow.tuple, status, 0}}}},
                         outbox);
  };
  answer(now - 1, msg::CustodyStatus::kNotPrepared);
  CHECK(operation->PhaseOf(flow) == HandOver::FlowPhase::kPreparing);
  answer(now, msg::CustodyStatus::kNotPrepared);
  CHECK(operation->PhaseOf(flow) == HandOver::FlowPhase::kCancelling);
}

TEST_CASE("Controller: a journal is replayed to what was open, under a new generation; older ones are not heard") {
  const auto w = Make({.faults = {}});
  Controller former(ControllerOptions{*FindProfile("ideal"), uhaul::testing::kTestKey, 2, true});
  w->Run(Us(420));  // in the middle
  REQUIRE_FALSE(w->controller().idle());
  const uint32_t generation = w->controller().generation();
  w->RestartController();
  CHECK(w->controller().generation() == generation + 1);
  CHECK_FALSE(w->controller().idle());
  CHECK_FALSE(w->Abort(1).ok());  // an earlier controller may have rerouted anything
  w->Run();
  RequirePromises(*w, {});
  const uint64_t strays = w->nf(0).strays();
  Outbox outbox;
  w->nf(0).OnMessage(w->now(), {1, generation, msg::CustodyCommand{msg::CustodyVerb::kPrepare, 400, 1, 0, 0, {}}},
                     outbox);
  CHECK(w->nf(0).strays() == strays + 1);
  // Everything has its end in the journal: a third controller has nothing to do.
  Controller third(ControllerOptions{*FindProfile("ideal"), uhaul::testing::kTestKey, 2, true});
  third.Recover(w->now(), w->journal(), outbox);
  CHECK(third.idle());
}

TEST_CASE("Hand-over: what is not answered is said again, less and less often") {
  Controller controller({.profile = *FindProfile("ideal"), .hash_key = uhaul::testing::kTestKey});
  Outbox outbox;
  TimePoint now;
  MoveRequest request;
  request.dst = 1;
  request.scheme = *FindScheme("handover");
  REQUIRE(controller.Move(now, request, outbox).ok());
  for (const NodeId node : {kSwitchNode, NfNode(0), NfNode(1)}) {
    controller.OnMessage(now, node, {0, 1, msg::Hello{1}}, outbox);
  }
  controller.OnMessage(now, NfNode(0), {1, 1, msg::FlowListing{{FiveTuple{}}, false}}, outbox);
  std::vector<int64_t> said;  // milliseconds
  while (now < TimePoint() + Duration::Seconds(8)) {
    const auto prepares = std::count_if(outbox.messages.begin(), outbox.messages.end(), [](const OutMessage& m) {
      const auto* command = std::get_if<msg::CustodyCommand>(&m.message.body);
      return command != nullptr && command->verb == msg::CustodyVerb::kPrepare;
    });
    CHECK(prepares <= 1);
    if (prepares == 1) said.push_back(now.nanos() / 1'000'000);
    outbox.Clear();
    now = controller.NextDeadline();
    controller.OnTimer(now, outbox);
  }
  CHECK(said == std::vector<int64_t>{0, 50, 100, 200, 400, 800, 1600, 3200, 4800, 6400});
}

TEST_CASE("NfAgent: one that restarted drops until it may go on, and makes no state of flows that live elsewhere") {
  NfAgentOptions options;
  options.profile = *FindProfile("ideal");
  options.hash_key = uhaul::testing::kTestKey;
  options.incarnation = 2;
  options.restarted = true;
  NfAgent nf(options, std::make_unique<SequenceAudit>(SequenceAuditOptions{.hash_key = uhaul::testing::kTestKey}));
  Packet packet, other;
  packet.flow = FlowHasher(uhaul::testing::kTestKey).Key(FiveTuple{});
  FiveTuple tuple;
  tuple.source_port = 7;
  other.flow = FlowHasher(uhaul::testing::kTestKey).Key(tuple);
  const auto processed = [&](const Packet& p) {
    Outbox outbox;
    NfVerdict verdict = NfVerdict::kForward;
    nf.OnBurst(TimePoint(), {&p, 1}, {&verdict, 1}, outbox);
    const bool dropped = !outbox.packets.empty() && outbox.packets[0].fate == OutPacket::Fate::kDropped;
    CHECK(dropped == (verdict != NfVerdict::kForward));
    return verdict == NfVerdict::kForward;
  };
  CHECK_FALSE(processed(packet));
  CHECK_FALSE(processed(other));
  CHECK(nf.function().flow_count() == 0);
  Outbox outbox;
  nf.OnMessage(TimePoint(), {1, 1, msg::CustodyCommand{msg::CustodyVerb::kCancel, 7, 0, 0, 0, {packet.flow.tuple}}},
               outbox);
  nf.OnMessage(TimePoint(), {0, 1, msg::ResumeForwarding{}}, outbox);
  CHECK_FALSE(nf.dropping());
  CHECK_FALSE(processed(packet));
  CHECK(processed(other));
  CHECK_FALSE(nf.function().Knows(packet.flow));
}

TEST_CASE("Switch: one that restarted drops until its rules are back") {
  SwitchAgent restarted({*FindProfile("ideal"), uhaul::testing::kTestKey, 16, 0, 2, true});
  Outbox outbox;
  Packet packet;
  packet.flow = FlowHasher(uhaul::testing::kTestKey).Key(FiveTuple{});
  uint8_t nf = 0;
  restarted.OnBurst(TimePoint(), {&packet, 1}, {&nf, 1}, outbox);
  CHECK(nf == msg::kNoNf);
  restarted.OnMessage(TimePoint(), {0, 1, msg::Hello{}}, outbox);
  CHECK(std::get<msg::Hello>(outbox.messages.at(0).message.body).incarnation == 2);
  restarted.OnMessage(TimePoint(), {0, 1, msg::Install{4, 1, 1, 0, {packet.flow.tuple}}}, outbox);
  restarted.OnBurst(TimePoint(), {&packet, 1}, {&nf, 1}, outbox);
  CHECK(nf == msg::kNoNf);
  restarted.OnMessage(TimePoint(), {0, 1, msg::ResumeForwarding{}}, outbox);
  restarted.OnBurst(TimePoint(), {&packet, 1}, {&nf, 1}, outbox);
  CHECK(nf == 1);
}

TEST_CASE(
    "Switch: epochs: a higher one is applied and marked, the same is marked again, a lower one is stale, a failed "
    "one fails again") {
  SwitchAgent agent({*FindProfile("ideal"), uhaul::testing::kTestKey, 1, 0});
  const FlowHasher hasher(uhaul::testing::kTestKey);
  const FiveTuple a = *FiveTuple::Parse("tcp:1.1.1.1:1>2.2.2.2:2"), b = *FiveTuple::Parse("tcp:1.1.1.1:2>2.2.2.2:2");
  const auto install = [&](const FiveTuple& tuple, Epoch epoch, uint8_t nf) {
    Outbox outbox;
    agent.OnMessage(TimePoint(), {1, 1, msg::Install{epoch, nf, static_cast<uint8_t>(1 - nf), 5, {tuple}}}, outbox);
    const auto status = std::get<msg::CustodyReport>(outbox.messages.at(0).message.body).flows.at(0).status;
    CHECK(outbox.markers.size() == (status == msg::CustodyStatus::kInstalled ? 1 : 0));
    if (!outbox.markers.empty()) {
      CHECK(outbox.markers[0].nf == 1 - nf);
      CHECK(outbox.markers[0].marker == Marker{hasher.Key(tuple), epoch, 5});
    }
    return status;
  };
  using S = msg::CustodyStatus;
  CHECK(install(a, 4, 1) == S::kInstalled);
  CHECK(install(a, 4, 1) == S::kInstalled);
  CHECK(install(a, 5, 0) == S::kInstalled);
  CHECK(agent.RuleOf(hasher.Key(a)) == 0);
  CHECK(install(a, 4, 1) == S::kStale);
  CHECK(agent.RuleOf(hasher.Key(a)) == 0);
  CHECK(install(b, 8, 1) == S::kInstallFailed);  // the table is full
  Outbox outbox;
  agent.OnMessage(TimePoint(), {1, 1, msg::RemoveRules{1, {a}}}, outbox);
  CHECK(install(b, 8, 1) == S::kInstallFailed);  // there is room now, but its operation has given up
  CHECK(install(b, 12, 1) == S::kInstalled);
}
