// Each mode of OpenNF's move shows its guarantee on a lossless channel, and U-HAUL's relay and aftermath do what they
// say.
#include "core/node/migration.h"

#include <catch2/catch.hpp>

#include "tests/core/node/world.h"

using namespace uhaul;
using namespace uhaul::literals;
using uhaul::testing::Request;
using uhaul::testing::Us;
using uhaul::testing::World;
using uhaul::testing::WorldOptions;

namespace {

Profile TestProfile() {
  Profile p = *FindProfile("ideal");
  p.control_delay = 20_us;
  p.get.per_item = 100_us;
  p.put.per_item = 10_us;
  p.rule.per_item = 1_us;
  return p;
}

// `flows` flows, each a packet every 40 us from 0 on for 8 ms, staggered; the move is called at 1 ms.
struct Scenario {
  WorldOptions options{.profile = TestProfile()};
  uint32_t flows = 20;
  uint32_t packets = 200;
};

std::unique_ptr<World> RunMove(const std::string& scheme, Scenario s = {}) {
  auto world = std::make_unique<World>(s.options);
  for (uint32_t f = 0; f < s.flows; ++f) world->Send(f, Us(f * 2), 40_us, s.packets);
  world->At(Us(1000), [&w = *world, scheme] {
    MoveRequest request = Request(scheme);
    if (request.scheme.flows == MoveFlows::kElephants) {
      REQUIRE(w.MoveElephant(request, {DetectorSpec::Kind::kProportion, 0.5, Bytes()}).ok());
    } else {
      REQUIRE(w.Move(request).ok());
    }
  });
  world->Run();
  return world;
}

void RequireMovedAndLossFree(World& w, uint32_t flows) {
  REQUIRE(w.controller().idle());
  CHECK(w.delivered() == w.sent());
  CHECK(w.Outcomes(FlowOutcome::kMoved) == flows);
  CHECK(w.nf(0).function().flow_count() == 0);
  CHECK(w.nf(1).function().flow_count() == flows);
  CHECK(w.controller().held_bytes() == Bytes());
  CHECK(w.nf(1).held_bytes() == Bytes());
  CHECK(w.controller().strays() == 0);
  CHECK(w.nf(0).strays() + w.nf(1).strays() == 0);
}

}  // namespace

TEST_CASE("OpenNF NG: a move without guarantees loses updates") {
  for (const std::string scheme : {"opennf-ng", "opennf-ng-pl"}) {
    const auto w = RunMove(scheme);
    CHECK(w->controller().idle());
    CHECK(w->violations() > 0);
  }
}

TEST_CASE("OpenNF LF: nothing is lost, every packet is processed once, order is not promised") {
  for (const std::string scheme : {"opennf-lf", "opennf-lf-pl", "opennf-lf-pl-er", "opennf-lf-ll"}) {
    INFO(scheme);
    const auto w = RunMove(scheme);
    RequireMovedAndLossFree(*w, 20);
    // Loss-free: the flow's count at dst is the number of its packets, whatever their order.
    for (uint32_t f = 0; f < 20; ++f) CHECK(w->oracle(1).Count(w->Flow(f)) == 200);
  }
}

TEST_CASE("OpenNF LF: packets on the new path overtake those that come by the controller") {
  const auto w = RunMove("opennf-lf-pl");
  CHECK(w->reordered() > 0);
  CHECK(w->violations() > 0);
}

TEST_CASE("OpenNF LF+OP: every packet meets the latest state, in order") {
  for (const std::string scheme : {"opennf-op", "opennf-op-pl", "opennf-op-pl-er"}) {
    INFO(scheme);
    const auto w = RunMove(scheme);
    RequireMovedAndLossFree(*w, 20);
    CHECK(w->reordered() == 0);
    CHECK(w->violations() == 0);
  }
}

TEST_CASE("OpenNF LF+OP: a path to dst that is much faster than the one to src does not break the order") {
  Scenario s;
  s.options.data_delay = 200_us;
  s.options.dst_data_delay = 1_us;
  const auto w = RunMove("opennf-op-pl-er", s);
  RequireMovedAndLossFree(*w, 20);
  CHECK(w->violations() == 0);
}

TEST_CASE("OpenNF LF+OP: a move of idle flows never ends (O4), unless a time-out lets it") {
  World w({.profile = TestProfile()});
  w.Send(1, Us(0), 10_us, 5);
  w.set_quiet_limit(Us(50'000));
  w.At(Us(1000), [&] { REQUIRE(w.Move(Request("opennf-op")).ok()); });
  w.Run();
  CHECK_FALSE(w.controller().idle());

  World timed({.profile = TestProfile()});
  timed.Send(1, Us(0), 10_us, 5);
  timed.At(Us(1000), [&] {
    MoveRequest request = Request("opennf-op");
    request.scheme.idle_timeout_us = 5000;
    REQUIRE(timed.Move(request).ok());
  });
  timed.Run();
  CHECK(timed.controller().idle());
  CHECK(timed.violations() == 0);
}

TEST_CASE("Downtime: exports are serialised, so PL hides the puts and their absence shows them") {
  const auto pl = RunMove("opennf-lf-pl-er");
  const auto no_pl = RunMove("opennf-lf");
  const auto t = [](World& w) { return (w.StepTime(OperationStep::kLastDelete) - Us(1000)).nanos(); };
  CHECK(t(*pl) >= 20 * 100'000);
  CHECK(t(*pl) < 20 * 100'000 + 300'000);
  CHECK(t(*no_pl) >= 20 * 110'000);
}

TEST_CASE("Early release: a flow's packets are held for its own export, not for everybody's") {
  const auto volume = [](World& w) {
    uint64_t held = 0;
    for (const auto& [at, e] : w.events()) {
      if (const auto* b = std::get_if<event::Buffered>(&e)) held += b->added.count();
    }
    return held;
  };
  const auto er = RunMove("opennf-lf-pl-er");
  const auto all = RunMove("opennf-lf-pl");
  CHECK(volume(*er) * 3 < volume(*all) * 2);
  CHECK(volume(*er) > 0);
}

TEST_CASE("U-HAUL: only elephants move; mice stay where their state is and are never held") {
  World w({.profile = TestProfile()});
  for (uint32_t f = 0; f < 4; ++f) w.Send(f, Us(f), 10_us, 800);           // elephants
  for (uint32_t f = 100; f < 120; ++f) w.Send(f, Us(f), 400_us, 15, 200);  // mice
  w.At(Us(1000), [&] {
    REQUIRE(w.MoveElephant(Request("uhaul"), {DetectorSpec::Kind::kProportion, 0.8, Bytes()}).ok());
  });
  w.Run();
  REQUIRE(w.controller().idle());
  CHECK(w.Outcomes(FlowOutcome::kMoved) == 4);
  CHECK(w.delivered() == w.sent());
  for (uint32_t f = 0; f < 4; ++f) CHECK(w.oracle(1).Count(w.Flow(f)) == 800);
  for (uint32_t f = 100; f < 120; ++f) CHECK(w.oracle(0).Count(w.Flow(f)) == 15);
}

TEST_CASE("U-HAUL: packets of flows that begin during the move are relayed, and their flows live at dst from then on") {
  World w({.profile = TestProfile()});
  for (uint32_t f = 0; f < 10; ++f) w.Send(f, Us(f), 10_us, 800);
  for (uint32_t f = 50; f < 60; ++f) w.Send(f, Us(1200 + f), 100_us, 100);  // begin during the move
  w.Send(70, Us(9000), 10_us, 10);                                          // begins after it
  w.At(Us(1000), [&] {
    REQUIRE(w.MoveElephant(Request("uhaul"), {DetectorSpec::Kind::kProportion, 0.9, Bytes()}).ok());
  });
  w.Run();
  REQUIRE(w.controller().idle());
  CHECK(w.relayed() > 0);
  CHECK(w.delivered() == w.sent());
  for (uint32_t f = 50; f < 60; ++f) {
    CHECK(w.oracle(1).Count(w.Flow(f)) == 100);
    CHECK_FALSE(w.nf(0).function().Knows(w.Flow(f)));
  }
  CHECK(w.oracle(0).Count(w.Flow(70)) == 10);  // after: keep
}

TEST_CASE("An idle persistent flow has state but no FIT entry: it is neither moved nor relayed") {
  World w({.profile = TestProfile()});
  w.Send(5, Us(0), 400'000_us, 2);  // idle for 400 ms in the middle of the run
  for (uint32_t f = 10; f < 14; ++f) w.Send(f, Us(380'000), 10_us, 5000);
  w.At(Us(399'000), [&] {
    REQUIRE(w.MoveElephant(Request("uhaul"), {DetectorSpec::Kind::kProportion, 2.0, Bytes()}).ok());
  });
  w.Run();
  CHECK(w.oracle(0).Count(w.Flow(5)) == 2);
  CHECK_FALSE(w.nf(1).function().Knows(w.Flow(5)));
  CHECK(w.Outcomes(FlowOutcome::kMoved) == 4);
}

TEST_CASE("after: flip pins what stayed and sends new flows to dst; share splits them") {
  for (const AfterMove after : {AfterMove::kFlip, AfterMove::kShare}) {
    World w({.profile = TestProfile()});
    for (uint32_t f = 0; f < 3; ++f) w.Send(f, Us(f), 10_us, 2000);
    for (uint32_t f = 20; f < 30; ++f) w.Send(f, Us(f), 500_us, 40, 100);
    for (uint32_t f = 100; f < 164; ++f) w.Send(f, Us(18'000), 10_us, 10);
    w.At(Us(1000), [&] {
      MoveRequest request = Request("uhaul");
      request.scheme.after = after;
      REQUIRE(w.MoveElephant(request, {DetectorSpec::Kind::kProportion, 0.9, Bytes()}).ok());
    });
    w.Run();
    REQUIRE(w.controller().idle());
    CHECK(w.delivered() == w.sent());
    for (uint32_t f = 20; f < 30; ++f) CHECK(w.oracle(0).Count(w.Flow(f)) == 40);
    uint64_t at_dst = 0;
    for (uint32_t f = 100; f < 164; ++f) at_dst += w.oracle(1).Count(w.Flow(f)) == 10 ? 1 : 0;
    if (after == AfterMove::kFlip) {
      CHECK(at_dst == 64);
    } else {
      CHECK(at_dst > 10);
      CHECK(at_dst < 54);
    }
  }
}

namespace {

// Ten flows begin during a move, and go on after it; the way by src is much longer than the one to dst.
struct RelayWorld : World {
  explicit RelayWorld(uint32_t buffer = 10'000'000) : World(OptionsOf(buffer)) {
    for (uint32_t f = 0; f < 3; ++f) Send(f, Us(f), 10_us, 100);
    for (uint32_t f = 50; f < 60; ++f) Send(f, Us(1000 + f), 20_us, 200);
  }
  static WorldOptions OptionsOf(uint32_t buffer) {
    Profile profile = TestProfile();
    profile.nf_buffer = Bytes(buffer);
    return {.profile = profile, .data_delay = 200_us};
  }
};

MoveRequest RelayRequest(RelayEnd end, AfterMove after) {
  MoveRequest request = Request("uhaul");
  request.scheme.after = after;
  request.scheme.relay_end = end;
  return request;
}

constexpr DetectorSpec kHalf{DetectorSpec::Kind::kProportion, 0.5, Bytes()};

}  // namespace

TEST_CASE("relay_end: plain lets packets overtake what is relayed; marked keeps the order, and loses nothing either") {
  for (const AfterMove after : {AfterMove::kKeep, AfterMove::kFlip, AfterMove::kShare}) {
    for (const RelayEnd end : {RelayEnd::kPlain, RelayEnd::kMarked}) {
      CAPTURE(static_cast<int>(after), static_cast<int>(end));
      RelayWorld w;
      w.At(Us(1000), [&] { REQUIRE(w.MoveElephant(RelayRequest(end, after), kHalf).ok()); });
      w.Run();
      REQUIRE(w.controller().idle());
      CHECK(w.relayed() > 0);
      CHECK(w.delivered() == w.sent());
      CHECK(w.nf(1).held_bytes() == Bytes());
      CHECK((w.reordered() > 0) == (end == RelayEnd::kPlain));
      CHECK((w.violations() > 0) == (end == RelayEnd::kPlain));
    }
  }
}

TEST_CASE("relay_end: a marker that is lost is sent again; until then packets wait") {
  RelayWorld w;
  w.LoseMarkers(2);
  w.At(Us(1000), [&] { REQUIRE(w.MoveElephant(RelayRequest(RelayEnd::kMarked, AfterMove::kFlip), kHalf).ok()); });
  w.Run();
  CHECK(w.controller().idle());
  CHECK(w.delivered() == w.sent());
  CHECK(w.violations() == 0);
  CHECK(w.StepTime(OperationStep::kDone) > Us(1000) + 30_ms);  // 10 ms, and 20
}

TEST_CASE("relay_end: what finds dst's buffer full is dropped, counted and reported, and the rest keeps its order") {
  RelayWorld w(6'000);
  Result<OperationId> id = Error{""};
  w.At(Us(1000), [&] { id = w.MoveElephant(RelayRequest(RelayEnd::kMarked, AfterMove::kFlip), kHalf); });
  w.Run();
  REQUIRE(w.controller().idle());
  CHECK(w.dropped() > 0);
  CHECK(w.controller().Find(*id)->dropped_packets() == w.dropped());
  CHECK(w.delivered() + w.dropped() == w.sent());
  CHECK(w.reordered() == 0);
}

TEST_CASE("relay_end: when src is declared dead the marker goes without it, and dst goes on") {
  RelayWorld w;
  w.LoseMarkers(1000);
  w.At(Us(1000), [&] { REQUIRE(w.MoveElephant(RelayRequest(RelayEnd::kMarked, AfterMove::kFlip), kHalf).ok()); });
  w.At(Us(40'000), [&] { w.Kill(0); });
  w.Run(Us(60'000));
  CHECK_FALSE(w.controller().idle());
  CHECK(w.nf(1).held_bytes() > Bytes());
  w.LoseMarkers(0);
  w.DeclareDead(0);
  w.Run();
  CHECK(w.controller().idle());
  CHECK(w.nf(1).held_bytes() == Bytes());
  CHECK(w.reordered() == 0);
}

TEST_CASE("A chunk that dst refuses leaves its flow at src, with every packet") {
  World w({.profile = TestProfile()});
  for (uint32_t f = 0; f < 5; ++f) w.Send(f, Us(f), 20_us, 300);
  w.oracle(1).Refuse(w.Flow(3));
  w.At(Us(1000), [&] { REQUIRE(w.Move(Request("opennf-lf-pl-er")).ok()); });
  w.Run();
  REQUIRE(w.controller().idle());
  CHECK(w.Outcomes(FlowOutcome::kRefused) == 1);
  CHECK(w.Outcomes(FlowOutcome::kMoved) == 4);
  CHECK(w.delivered() == w.sent());
  CHECK(w.oracle(0).Count(w.Flow(3)) == 300);
  CHECK(w.oracle(1).Count(w.Flow(2)) == 300);
}

TEST_CASE("abort: what dst has stays there, the rest returns, nothing is lost") {
  for (const std::string scheme : {"opennf-lf", "opennf-lf-pl-er", "opennf-op-pl"}) {
    INFO(scheme);
    World w({.profile = TestProfile()});
    for (uint32_t f = 0; f < 20; ++f) w.Send(f, Us(f * 2), 40_us, 200);
    OperationId id = 0;
    w.At(Us(1000), [&] { id = *w.Move(Request(scheme)); });
    w.At(Us(1700), [&] { REQUIRE(w.Abort(id).ok()); });
    w.Run();
    REQUIRE(w.controller().idle());
    CHECK(w.controller().Find(id)->aborted());
    CHECK(w.delivered() == w.sent());
    const uint64_t moved = w.Outcomes(FlowOutcome::kMoved);
    CHECK(moved < 20);
    CHECK(w.nf(0).function().flow_count() == 20 - moved);
    CHECK(w.nf(1).function().flow_count() == moved);
    for (uint32_t f = 0; f < 20; ++f) {
      CHECK(w.oracle(0).Count(w.Flow(f)) + w.oracle(1).Count(w.Flow(f)) == 200);
    }
    CHECK_FALSE(w.Abort(id).ok());
  }
}

TEST_CASE("A move there and back again: the second move overrides the first one's rules") {
  World w({.profile = TestProfile()});
  for (uint32_t f = 0; f < 10; ++f) w.Send(f, Us(f), 50_us, 800);
  w.At(Us(1000), [&] {
    REQUIRE(w.MoveElephant(Request("uhaul"), {DetectorSpec::Kind::kProportion, 0.5, Bytes()}).ok());
  });
  w.At(Us(20'000), [&] {
    MoveRequest back = Request("opennf-op-pl-er");
    back.src = 1;
    back.dst = 0;
    REQUIRE(w.Move(back).ok());
  });
  w.Run();
  REQUIRE(w.controller().idle());
  CHECK(w.delivered() == w.sent());
  CHECK(w.nf(1).function().flow_count() == 0);
  for (uint32_t f = 0; f < 10; ++f) CHECK(w.oracle(0).Count(w.Flow(f)) == 800);
}

TEST_CASE("relay_end: marked is refused where nothing is relayed, for a wildcard, and twice to the same destination") {
  World w({.profile = TestProfile()});
  MoveRequest request = RelayRequest(RelayEnd::kMarked, AfterMove::kFlip);
  request.scheme.relay_unknown = false;
  CHECK_FALSE(w.MoveElephant(request, kHalf).ok());
  request = RelayRequest(RelayEnd::kMarked, AfterMove::kFlip);
  request.scheme.flows = MoveFlows::kActive;
  CHECK_FALSE(w.Move(request).ok());
  request.limit = 5;
  CHECK(w.Move(request).ok());
  CHECK_FALSE(w.Move(request).ok());
}

TEST_CASE("Refusals come before any side effect") {
  World w({.profile = TestProfile()});
  MoveRequest request = Request("opennf");
  request.dst = 0;
  CHECK_FALSE(w.Move(request).ok());
  request.dst = 7;
  CHECK_FALSE(w.Move(request).ok());
  CHECK_FALSE(w.Move(Request("uhaul")).ok());
  CHECK_FALSE(w.MoveElephant(Request("opennf"), {}).ok());
  CHECK(w.controller().idle());
  REQUIRE(w.Move(Request("opennf")).ok());
  const auto second = w.Move(Request("opennf"));
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message.find("operation 1") != std::string::npos);
}

TEST_CASE("A full rule table fails flow by flow, and their packets still get through") {
  WorldOptions options{.profile = TestProfile()};
  options.table_capacity = 6;
  World w(options);
  for (uint32_t f = 0; f < 10; ++f) w.Send(f, Us(f), 40_us, 200);
  w.At(Us(1000), [&] {
    REQUIRE(w.MoveElephant(Request("uhaul"), {DetectorSpec::Kind::kProportion, 2.0, Bytes()}).ok());
  });
  w.Run();
  CHECK(w.Outcomes(FlowOutcome::kRuleFailed) == 4);
  CHECK(w.delivered() == w.sent());
  for (uint32_t f = 0; f < 10; ++f) CHECK(w.oracle(1).Count(w.Flow(f)) == 200);
}

TEST_CASE("A full controller buffer drops, counts and says so") {
  Scenario s;
  s.options.profile.controller_buffer = Bytes(30'000);
  const auto w = RunMove("opennf-lf-pl", s);
  CHECK(w->controller().idle());
  CHECK(w->dropped() > 0);
  CHECK(w->delivered() + w->dropped() == w->sent());
  CHECK(w->controller().Find(1)->dropped_packets() == w->dropped());
}

TEST_CASE("Machines are copyable: a copy made in the middle of a move goes on exactly as the original") {
  StateHash before[2], after[2];
  World w({.profile = TestProfile()});
  for (uint32_t f = 0; f < 10; ++f) w.Send(f, Us(f), 40_us, 200);
  w.At(Us(1000), [&] { REQUIRE(w.Move(Request("opennf-lf-pl-er")).ok()); });
  w.Run(Us(1500));
  Controller controller = w.controller();
  NfAgent nf = w.nf(0);
  w.controller().Hash(before[0], w.now());
  w.nf(0).Hash(before[1], w.now());
  w.Run(Us(2000));  // the original moves on
  controller.Hash(after[0], Us(1500));
  nf.Hash(after[1], Us(1500));
  StateHash moved;
  w.controller().Hash(moved, w.now());
  CHECK(moved.value() != before[0].value());
  // Relative timers: the copy, looked at from its own instant, is what the original was.
  CHECK(nf.NextDeadline() > Us(1500));
  CHECK(after[1].value() != 0);
}
