// Runs with a journal, which survive whoever leaves them.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "runtime/transport/coordinator.h"
#include "tests/runtime/transport/coordinator_world.h"

namespace uhaul::runtime {
namespace {

using World = testing::CoordinatorWorld;
using Json = nlohmann::json;

// Where a node stands in a run of the scheme `none`: what it says when it comes back to a controller.
Json Standing(uint64_t run, bool moving) {
  Json resume = {{"run", run}, {"at_ns", 1'000'000}, {"spec", CanonicalSpec(small::Point("none"))}};
  if (moving) resume["t0_ns"] = 200'000'000U;
  return resume;
}

TEST_CASE("Coordinator: with a journal a node that dies leaves the run, and one in its place is taken in") {
  World world(true);
  const uint64_t run = world.UntilMoving();
  world.node("nf2").Leave();
  world.ComeBack("nf2", {{"run", 0U}});
  const Json setup = world.node("nf2").Await("setup")["setup"];
  CHECK(setup["run"] == run);
  CHECK(setup["restarted"].is_number_integer());
  CHECK(Json(setup["spec"]) == Json(CanonicalSpec(small::Point("none"))));
  // Until it is ready its machine is not there, and the others are not told of a way to it.
  CHECK(world.node("nf1").Count("path") == 2);  // when the run began: of each to the other
  world.node("nf2").Say({{"ready", run}});
  CHECK(world.node("nf2").Await("path")["path"] == 0);
  CHECK(world.node("nf1").Count("path") == 3);
  CHECK(world.node("nf2").Count("stop") + world.node("nf1").Count("stop") == 0);
  world.EndRun(run);
  world.FinishRun(run);
  CHECK(world.Answer()["measurements"]["nf2.clock"] == "nf2");
}

TEST_CASE("Coordinator: with a journal a node that was only cut off goes on where it was; it hears what it missed") {
  const std::string role = GENERATE("switch", "nf2");
  World world(true);
  const uint64_t run = world.UntilMoving();
  world.node(role).Leave();
  world.ComeBack(role, Standing(run, true));
  CHECK(world.node(role).Await("over")["over"] == run);
  CHECK(world.node(role).Greeted());
  CHECK(world.node(role).Count("setup") + world.node(role).Count("stop") == 0);
  world.EndRun(run);
  world.FinishRun(run);
  const Json reply = world.Answer();
  CHECK_FALSE(reply.contains("error"));
  CHECK(reply["measurements"][role + ".clock"] == role);  // it was waited for
  CHECK_FALSE(reply["measurements"].contains(role + ".lost"));
}

TEST_CASE("Coordinator: a node that is not back when the run ends is not waited for, and the driver is told") {
  World world(true);
  const uint64_t run = world.UntilMoving();
  world.node("nf2").Leave();
  for (int polls = 0; polls < 600; ++polls) {  // until it is seen to have gone
    world.driver().Say({{"call", "status"}, {"id", "s"}});
    if (world.driver().Await("testbed")["testbed"]["nodes"]["nf2"] == "not joined") break;
  }
  world.nodes().erase("nf2");
  world.EndRun(run);
  world.ComeBack("nf2", Standing(run, true));  // too late, and changes nothing
  CHECK(world.node("nf2").Await("path")["path"] == 0);
  world.FinishRun(run);
  const Json reply = world.driver().Await("measurements");
  CHECK(reply["measurements"]["nf2.lost"] == "yes");
  CHECK_FALSE(reply["measurements"].contains("nf1.lost"));
  // It comes back to a run that is over.
  world.node("nf2").Leave();
  world.ComeBack("nf2", Standing(run, true));
  CHECK(world.node("nf2").Await("stop")["stop"] == run);
}

TEST_CASE(
    "Coordinator: with a journal, too, a run ends with its generator, and with one that another process replaced") {
  for (const bool replaced : {false, true}) {
    CAPTURE(replaced);
    World world(true);
    const uint64_t run = world.UntilMoving();
    if (replaced) {
      world.Replace();
      world.ComeBack("switch", Standing(run, true));
      world.Ask();
      world.ComeBack("generator", {{"run", 0U}});
      CHECK(world.Fault() == "generator is another one: what was sent and what came is gone");
      CHECK(world.node("switch").Await("stop")["stop"] == run);
    } else {
      world.node("generator").Leave();
      CHECK(world.Fault() == "generator left during the run");
      CHECK(world.node("nf1").Await("stop")["stop"] == run);
    }
  }
}

TEST_CASE("Coordinator: a controller that takes the place of one that died takes up the run, for whoever asks for it") {
  for (const bool moving : {false, true}) {
    CAPTURE(moving);
    World world(true);
    uint64_t run = 0;
    if (moving) {
      run = world.UntilMoving();
    } else {
      world.Ask();
      run = world.Start();
    }
    world.Replace();
    for (const char* role : kTestbedRoles) world.ComeBack(role, Standing(run, moving));
    world.Ask();  // the same once more: it is answered when that run ends
    if (!moving) {
      world.node("generator").Say({{"t0", run}, {"at_ns", 200'000'000U}});
      for (auto& [role, node] : world.nodes()) CHECK(node->Await("begin")["begin"]["run"] == run);
    }
    for (auto& [role, node] : world.nodes()) CHECK(node->Await("over")["over"] == run);
    world.EndRun(run);
    world.FinishRun(run);
    const Json reply = world.Answer();
    CHECK_FALSE(reply.contains("error"));
    CHECK(reply.value("octets", 0U) > 0);
    for (auto& [role, node] : world.nodes()) CHECK(node->Count("setup") + node->Count("stop") == 0);
  }
}

TEST_CASE("Coordinator: what comes back with a run that nobody can take up is told to stop, and the next run begins") {
  World world(true);
  world.Replace();
  world.driver();  // it is told who leaves
  const Json good = Standing(5, true);
  Json no_time = good, far = good, text = good, spec = good;
  no_time.erase("at_ns");
  far["at_ns"] = int64_t{1} << 61;
  text["at_ns"] = "soon";
  spec["spec"] = {{"workload.name", "no_such"}};
  for (const Json& resume : {no_time, far, text, spec}) {
    CAPTURE(resume.dump());
    world.ComeBack("switch", resume);
    CHECK(world.node("switch").Await("stop")["stop"] == 5);
    world.node("switch").Say({{"stopped", 5U}});
    world.node("switch").Leave();
    world.driver().Await("lost");
  }
  for (const char* role : kTestbedRoles) world.ComeBack(role, {{"run", 0U}});
  Json answer;
  for (int i = 0; i < 100; ++i) {  // until the last has said so
    world.driver().Say({{"call", "status"}, {"id", "s"}});
    answer = world.driver().Await("testbed")["testbed"];
    world.LeaveDriver();
    world.driver().Say({{"call", "run"}, {"id", "x"}, {"spec", Json::object()}});
    if (!world.driver().Await("reply").contains("missing")) break;
  }
  CHECK(answer["run"].is_null());
  world.LeaveDriver();
  world.NextRunSucceeds();
}

TEST_CASE("Coordinator: with a journal no run begins before every node has said whether it is in one") {
  World world(true);
  world.Replace();
  for (const char* role : {"generator", "switch", "nf1"}) world.ComeBack(role, {{"run", 0U}});
  world.Come("nf2");
  Json answer;
  for (int i = 0; i < 100; ++i) {
    world.Ask();
    answer = world.driver().Await("reply");
    if (answer["missing"] == Json({"nf2 (joining)"})) break;
  }
  CHECK(answer["missing"] == Json({"nf2 (joining)"}));
}

}  // namespace
}  // namespace uhaul::runtime
