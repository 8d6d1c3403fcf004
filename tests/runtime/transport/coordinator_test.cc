#include "runtime/transport/coordinator.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "results/record_json.h"
#include "tests/runtime/transport/coordinator_world.h"

namespace uhaul::runtime {
namespace {

using World = testing::CoordinatorWorld;
using testing::Party;
using Json = nlohmann::json;

TEST_CASE("Coordinator: a run goes from set-up to record, with what every node measured") {
  World world;
  const uint64_t run = world.UntilReports();
  FactLog log;
  log.Add(TimePoint::FromNanos(1), FactKind::kSent, 0);
  world.node("generator").SendBlob(log.Octets());
  world.FinishRun(run);
  const Json reply = world.Answer();
  CHECK(reply["measurements"]["nf1.clock"] == "nf1");
  CHECK(reply["measurements"]["switch.who"] == "switch");
  const std::string text = world.driver().Record();
  CHECK(reply["octets"] == text.size());
  const auto point = DecodePoint(text);
  REQUIRE(point.ok());
  CHECK(point->record.t0_ns == 200'000'000);
  CHECK(point->record.ended_ns == 400'000'000);
  CHECK(point->record.counters.packets_sent == 1);
}

TEST_CASE("Coordinator: a node that fails ends the run for all; the driver is told which and why, once") {
  World world;
  world.Ask();
  const uint64_t run = world.SetUp();
  world.node("nf1").Say({{"failed", run}, {"error", "no \"link\""}});
  world.node("nf2").Say({{"failed", run}, {"error", "neither"}});
  CHECK(world.Fault() == "nf1: no \"link\"");
  world.Ask();
  const Json busy = world.Answer();
  CHECK(busy["missing"].size() == 4);
  CHECK(busy["missing"][0] == "generator (ending the run before)");
  world.AllStop(run);
  // After "stopped" of a node comes what it still says of the run.
  world.node("switch").Say({{"reported", run}});
  world.node("switch").Say({{"failed", run}});
  world.NextRunSucceeds();
}

TEST_CASE("Coordinator: a node that leaves ends the run; without it none begins, with it again the next") {
  for (const bool reporting : {false, true}) {
    CAPTURE(reporting);
    World world;
    uint64_t run = 0;
    if (reporting) {
      run = world.UntilReports();
    } else {
      world.Ask();
      run = world.Start();
    }
    world.node("nf2").Leave();
    CHECK(world.Fault() == "nf2 left during the run");
    for (const char* role : {"generator", "switch", "nf1"}) {
      CHECK(world.node(role).Await("stop")["stop"] == run);
      world.node(role).Say({{"stopped", run}});
    }
    Json answer;
    for (int i = 0; i < 100; ++i) {  // until the last "stopped" is in
      world.Ask();
      answer = world.Answer();
      if (answer.value("missing", Json()) == Json({"nf2"})) break;
    }
    CHECK(answer["missing"] == Json({"nf2"}));
    world.Come("nf2");
    world.NextRunSucceeds();
  }
}

TEST_CASE("Coordinator: a report of rubbish ends the run with the name of who sent it") {
  const uint8_t cut[] = {1, 2, 3};
  Fact of_nobody;
  of_nobody.flow = UINT32_MAX;
  const std::span<const uint8_t> strange{reinterpret_cast<const uint8_t*>(&of_nobody), sizeof of_nobody};
  {
    World world;
    const uint64_t run = world.UntilReports();
    world.node("switch").SendBlob(cut);
    CHECK_THAT(world.Fault(), Catch::StartsWith("switch: ") && Catch::Contains("cut"));
    world.AllStop(run);
    world.NextRunSucceeds();
  }
  World world;
  const uint64_t run = world.UntilReports();
  world.node("switch").SendBlob(strange);
  world.FinishRun(run);
  CHECK_THAT(world.Fault(), Catch::Contains("a flow that the trace has not"));
  world.NextRunSucceeds();  // nobody was under way any more
}

TEST_CASE("Coordinator: what is said twice, too early, too late or by the wrong one changes nothing") {
  World world;
  world.Ask();
  const uint64_t run = world.SetUp();
  Party& generator = world.node("generator");
  Party& nf = world.node("nf1");
  // Too early.
  generator.Say({{"t0", run}, {"at_ns", 5U}});
  generator.Say({{"ended", run}, {"at_ns", 6U}});
  nf.Say({{"reported", run}});
  nf.SendBlob(std::vector<uint8_t>{1, 2, 3});
  // Of another run; without a number.
  for (const Json& number : {Json(run + 1), Json(), Json("x"), Json(-1), Json(1.5), Json::array()}) {
    nf.Say({{"ready", number}});
    nf.Say({{"failed", number}});
    nf.Say({{"stopped", number}});
  }
  nf.Say({{"ready", run}});
  nf.Say({{"ready", run}, {"measurements", 5}});
  for (const char* role : {"generator", "switch", "nf2"}) world.node(role).Say({{"ready", run}});
  generator.Await("start");
  nf.Say({{"ready", run}});
  nf.Say({{"t0", run}, {"at_ns", 1U}});  // not the generator
  generator.Say({{"t0", run}, {"at_ns", 200'000'000U}});
  generator.Say({{"t0", run}, {"at_ns", 300'000'000U}});
  CHECK(nf.Await("begin")["begin"]["t0_ns"] == 200'000'000);
  generator.Say({{"ended", run}, {"at_ns", 400'000'000U}});
  generator.Say({{"ended", run}, {"at_ns", 500'000'000U}});
  nf.Await("report");
  nf.Say({{"ready", run}});
  nf.Say({{"reported", run}});
  nf.Say({{"reported", run}});
  nf.SendBlob(std::vector<uint8_t>{1, 2, 3});  // it has reported
  for (const char* role : {"generator", "switch", "nf2"}) world.node(role).Say({{"reported", run}});
  CHECK(world.Fault() == "none");
  CHECK(nf.Count("start") == 1);
  CHECK(nf.Count("begin") == 1);
  CHECK(nf.Count("report") == 1);
  const auto point = DecodePoint(world.driver().Record());
  REQUIRE(point.ok());
  CHECK(point->record.ended_ns == 400'000'000);
}

TEST_CASE("Coordinator: a generator that gives no time, or one far away, ends the run") {
  for (const Json& at : {Json(), Json("soon"), Json(-5), Json(UINT64_MAX)}) {
    CAPTURE(at.dump());
    World world;
    world.Ask();
    const uint64_t run = world.Start();
    world.node("generator").Say({{"t0", run}, {"at_ns", at}});
    CHECK(world.Fault() == "generator: it does not say when t0 was");
    world.AllStop(run);
    world.NextRunSucceeds();
  }
}

TEST_CASE("Coordinator: a driver that goes ends its run; one that asks for a second, or for nonsense, is refused") {
  World world;
  world.Ask();
  const uint64_t run = world.SetUp();
  Party& driver = world.driver();
  driver.Say({{"call", "run"}, {"id", "b"}, {"spec", Json::object()}});
  CHECK(driver.Await("reply")["error"] == "another run is under way");
  world.LeaveDriver();
  world.AllStop(run);
  Party& second = world.driver();
  const auto refusal = [&](const Json& spec) {
    for (;;) {
      second.Say({{"call", "run"}, {"id", 1}, {"spec", spec}});
      const Json reply = second.Await("reply");
      if (!reply.contains("missing")) return reply.value("error", std::string("none"));
    }
  };
  CHECK(refusal({{"workload.name", "no_such"}}) != "none");
  CHECK(refusal(7) != "none");
  PointSpec states = small::Point("opennf");
  states.migration_states = 5;
  CHECK_THAT(refusal(CanonicalSpec(states)), Catch::Contains("migration.states"));
}

TEST_CASE("Coordinator: status shows who has joined and the run under way") {
  World world;
  const auto status = [&] {
    world.driver().Say({{"call", "status"}, {"id", "s"}});
    return world.driver().Await("reply")["testbed"];
  };
  CHECK(status()["nodes"]["nf2"] == "joined");
  CHECK(status()["run"].is_null());
  world.Ask();
  const uint64_t run = world.SetUp();
  world.node("nf1").Say({{"ready", run}});
  Json now = status();
  CHECK(now["run"]["number"] == run);
  CHECK(now["run"]["phase"] == "preparing");
  world.node("nf2").Leave();
  CHECK_FALSE(world.driver().Await("error").empty());
  now = status();
  CHECK(now["nodes"]["nf2"] == "not joined");
  CHECK(now["nodes"]["switch"] == "ending the run before");
  CHECK(now["runs_failed"] == 1);
}

}  // namespace
}  // namespace uhaul::runtime
