// A coordinator in its controller's service, and nodes that are nothing but a socket and what they say.
#include "runtime/transport/coordinator.h"

#include <poll.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "results/record_json.h"
#include "runtime/transport/hello.h"
#include "tests/runtime/transport/sockets.h"
#include "tests/sim/small_points.h"

namespace uhaul::runtime {
namespace {

using testing::Frames;
using testing::SocketFolder;
using Json = nlohmann::json;

constexpr Duration kPatience = Duration::Seconds(60);

// Whoever is connected: frames in, frames out.
class Party {
 public:
  Party(const Address& address, const Hello& hello) {
    Result<Channel> channel = Join(address, hello, kPatience);
    REQUIRE(channel.ok());
    channel_.emplace(*std::move(channel));
  }
  void Say(const Json& json) {
    REQUIRE(channel_->QueueAdmin(json.dump()).ok());
    REQUIRE(channel_->Flush().ok());
  }
  void SendBlob(std::span<const uint8_t> octets) {
    REQUIRE(channel_->QueueBlob(0, octets).ok());
    REQUIRE(channel_->Flush().ok());
  }
  // The next frame that has `key`; those before it are passed over.
  Json Await(const std::string& key) {
    for (int polls = 0; polls < 600; ++polls) {
      for (; next_ < frames_.admin.size(); ++next_) {
        Json json = Json::parse(frames_.admin[next_]);
        if (!json.contains(key)) continue;
        ++next_;
        return json;
      }
      if (Poll(100)) continue;
      break;
    }
    FAIL("no frame with " << key);
    return {};
  }
  // How many frames with `key` came until now.
  int Count(const std::string& key) {
    while (Poll(0)) {
    }
    int count = 0;
    for (const std::string& text : frames_.admin) count += Json::parse(text).contains(key) ? 1 : 0;
    return count;
  }
  std::string Record() const {
    std::string text;
    for (const auto& [stream, octets] : frames_.blobs) text.append(octets.begin(), octets.end());
    return text;
  }
  void Leave() { channel_.reset(); }

 private:
  // False: it is closed, or (without waiting) there was nothing.
  bool Poll(int wait_ms) {
    pollfd socket{channel_->fd(), POLLIN, 0};
    if (poll(&socket, 1, wait_ms) <= 0) return wait_ms > 0;
    const auto received = channel_->Receive(frames_);
    return received.ok() && !received->closed;
  }
  std::optional<Channel> channel_;
  Frames frames_;
  size_t next_ = 0;
};

class World {
 public:
  // Journalled: a run goes on when a node leaves it.
  explicit World(bool journalled = false) : journalled_(journalled) {
    Boot();
    for (const char* role : kTestbedRoles) Come(role);
    for (auto& [role, node] : nodes_) {
      if (journalled_) node->Say({{"resume", {{"run", 0U}}}});
    }
    LeaveDriver();  // the last to come is the last to be read
  }
  ~World() { End(); }
  // The controller dies, and another one begins, with its journal. Nobody is connected to that one yet.
  void Replace() {
    End();
    nodes_.clear();
    driver_.reset();
    service_.reset();
    coordinator_.reset();
    Boot();
  }
  void Come(const std::string& role) {
    Hello hello{PeerRole::kSwitch, 0, "fake"};
    if (role == "generator") hello.role = PeerRole::kGenerator;
    if (role.starts_with("nf")) hello = {PeerRole::kNf, static_cast<uint8_t>(role[2] - '1'), "fake"};
    nodes_.insert_or_assign(role, std::make_unique<Party>(address_, hello));
  }
  // As a node that is in the middle of a run.
  void ComeBack(const std::string& role, const Json& resume) {
    Come(role);
    node(role).Say({{"resume", resume}});
  }
  Party& node(const std::string& role) { return *nodes_.at(role); }
  std::map<std::string, std::unique_ptr<Party>>& nodes() { return nodes_; }
  Party& driver() {
    if (!driver_) LeaveDriver();
    return *driver_;
  }
  void LeaveDriver() {
    driver_.reset();
    driver_.emplace(address_, Hello{PeerRole::kDriver, 0, ""});
    asked_before_ = asked_;
  }

  void Ask(const PointSpec& point = small::Point("none")) {
    driver().Say({{"call", "run"}, {"id", ++asked_}, {"spec", CanonicalSpec(point)}});
  }
  // Until every node has its set-up: the run's number.
  uint64_t SetUp() {
    uint64_t run = 0;
    for (auto& [role, node] : nodes_) run = node->Await("setup")["setup"]["run"].get<uint64_t>();
    return run;
  }
  uint64_t Start() {
    const uint64_t run = SetUp();
    for (auto& [role, node] : nodes_) node->Say({{"ready", run}, {"measurements", {{"who", role}}}});
    for (auto& [role, node] : nodes_) CHECK(node->Await("start")["start"]["run"] == run);
    return run;
  }
  // A run of the scheme `none`, up to where it moves, and up to where reports are asked for.
  uint64_t UntilMoving() {
    Ask();
    const uint64_t run = Start();
    node("generator").Say({{"t0", run}, {"at_ns", 200'000'000U}});
    for (auto& [role, node] : nodes_) CHECK(node->Await("begin")["begin"]["t0_ns"] == 200'000'000);
    for (auto& [role, node] : nodes_) node->Await("over");
    return run;
  }
  uint64_t UntilReports() {
    const uint64_t run = UntilMoving();
    EndRun(run);
    return run;
  }
  void EndRun(uint64_t run) {
    node("generator").Say({{"ended", run}, {"at_ns", 400'000'000U}, {"capped", false}});
    for (auto& [role, node] : nodes_) CHECK(node->Await("report")["report"] == run);
  }
  void FinishRun(uint64_t run) {
    for (auto& [role, node] : nodes_) node->Say({{"reported", run}, {"measurements", {{"clock", role}}}});
  }
  // What the driver is told of the run that it asked for last; exactly once.
  Json Answer() {
    Json reply = driver_->Await("reply");
    CHECK(reply["reply"] == asked_);
    CHECK(driver_->Count("reply") == static_cast<int>(asked_ - asked_before_));
    return reply;
  }
  std::string Fault() { return Answer().value("error", std::string("none")); }
  void AllStop(uint64_t run) {
    for (auto& [role, node] : nodes_) {
      CHECK(node->Await("stop")["stop"] == run);
      node->Say({{"stopped", run}});
    }
  }
  // The next run is as good as any.
  void NextRunSucceeds() {
    const uint64_t run = UntilReports();
    FinishRun(run);
    const Json reply = Answer();
    CHECK_FALSE(reply.contains("error"));
    CHECK(reply.value("octets", 0U) > 0);
  }

 private:
  void Boot() {
    const std::string journal = journalled_ ? folder_.File("journal") : "";
    coordinator_.emplace(TestbedConfig{.controller = "", .rate_scale = 1, .journal = journal, .roles = {}},
                         [](const std::string&) {});
    ControllerServiceOptions options;
    options.controller = {.profile = *FindProfile("ideal"), .hash_key = {}, .nf_count = 2};
    coordinator_->Bind(&options);
    service_.emplace(std::move(options));
    coordinator_->Attach(&*service_);
    if (journalled_) REQUIRE(service_->OpenJournal(journal).ok());
    address_ = service_->Listen(Address::Parse("unix:" + folder_.File("s")).value()).value();
    thread_ = std::thread([this] { (void)service_->Run(); });
  }
  void End() {
    service_->Stop();
    thread_.join();
  }

  const bool journalled_;
  SocketFolder folder_;
  std::optional<Coordinator> coordinator_;
  std::optional<ControllerService> service_;
  Address address_;
  std::thread thread_;
  std::map<std::string, std::unique_ptr<Party>> nodes_;
  std::optional<Party> driver_;
  uint64_t asked_ = 0;
  uint64_t asked_before_ = 0;  // by drivers that have left
};

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

// ---- a run survives

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
  World world(true);
  const uint64_t run = world.UntilMoving();
  world.node("switch").Leave();
  world.ComeBack("switch", Standing(run, true));
  CHECK(world.node("switch").Await("over")["over"] == run);
  CHECK(world.node("switch").Count("setup") + world.node("switch").Count("stop") == 0);
  world.EndRun(run);
  world.FinishRun(run);
  CHECK_FALSE(world.Answer().contains("error"));
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
  world.FinishRun(run);
  const Json reply = world.driver().Await("measurements");
  CHECK(reply["measurements"]["nf2.lost"] == "yes");
  CHECK_FALSE(reply["measurements"].contains("nf1.lost"));
  // It comes back to a run that is over.
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
