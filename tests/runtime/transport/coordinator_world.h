// A coordinator in its controller's service, and nodes that are nothing but a socket and what they say.
#pragma once

#include <poll.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>

#include "runtime/transport/coordinator.h"
#include "runtime/transport/hello.h"
#include "tests/runtime/transport/sockets.h"
#include "tests/sim/small_points.h"

namespace uhaul::runtime::testing {

using Json = nlohmann::json;

inline constexpr Duration kNodePatience = Duration::Seconds(60);

// Whoever is connected: frames in, frames out.
class Party {
 public:
  Party(const Address& address, const Hello& hello) {
    Result<Channel> channel = Join(address, hello, kNodePatience);
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
  // By the controller's machine, among what came until now.
  bool Greeted() const {
    return std::any_of(frames_.messages.begin(), frames_.messages.end(),
                       [](const auto& m) { return std::holds_alternative<msg::Hello>(m.message.body); });
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

class CoordinatorWorld {
 public:
  // Journalled: a run goes on when a node leaves it.
  explicit CoordinatorWorld(bool journalled = false) : journalled_(journalled) {
    Boot();
    for (const char* role : kTestbedRoles) Come(role);
    for (auto& [role, node] : nodes_) {
      if (journalled_) node->Say({{"resume", {{"run", 0U}}}});
    }
    LeaveDriver();  // the last to come is the last to be read
  }
  ~CoordinatorWorld() { End(); }
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

}  // namespace uhaul::runtime::testing
