// Who comes and goes, and what they may say.
#include <poll.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <optional>
#include <thread>

#include "runtime/transport/controller_service.h"
#include "runtime/transport/northbound.h"
#include "tests/runtime/transport/running_service.h"
#include "tests/runtime/transport/sockets.h"

namespace uhaul::runtime {
namespace {

using testing::Frames;
using testing::kPatience;
using testing::Options;
using testing::Running;
using testing::SocketFolder;
using testing::SocketPair;
using Json = nlohmann::json;

// What instances have on their way to one another goes through the controller: who comes (again) may lack it.
TEST_CASE("ControllerService: with a journal each nf is told of the way to the other, when it comes and comes again") {
  const SocketFolder folder;
  ControllerService service(Options());
  REQUIRE(service.OpenJournal(folder.File("journal")).ok());
  const Result<Address> address = service.Listen(*Address::Parse("unix:" + folder.File("s")));
  REQUIRE(address.ok());
  std::thread thread([&service] { (void)service.Run().ok(); });
  std::map<uint8_t, std::vector<Json>> told;  // by instance
  std::map<uint8_t, Channel> nfs;
  const auto join = [&](uint8_t instance) {
    nfs.erase(instance);
    Result<Channel> channel = Join(*address, {PeerRole::kNf, instance, ""}, kPatience);
    for (int i = 0; i < 1000 && !channel.ok(); ++i) {  // until the one before it is seen to have gone
      channel = Join(*address, {PeerRole::kNf, instance, ""}, kPatience);
    }
    REQUIRE(channel.ok());
    nfs.emplace(instance, *std::move(channel));
  };
  const auto await = [&](uint8_t instance, size_t paths) {
    Frames frames;
    for (;;) {
      REQUIRE(nfs.at(instance).Receive(frames).ok());
      for (const std::string& text : std::exchange(frames.admin, {})) {
        const Json json = Json::parse(text);
        if (json.contains("path")) told[instance].push_back(json["path"]);
      }
      if (told[instance].size() >= paths) return;
      pollfd waiting{nfs.at(instance).fd(), POLLIN, 0};
      REQUIRE(::poll(&waiting, 1, 60'000) == 1);
    }
  };
  join(0);
  join(1);
  await(0, 1);
  await(1, 1);
  join(0);
  await(1, 2);
  await(0, 2);
  service.Stop();
  thread.join();
  CHECK(told[0] == std::vector<Json>{1, 1});
  CHECK(told[1] == std::vector<Json>{0, 0});
}

// Its words wait a second in the line, by the test's own clock; the one who takes its place has not said who it is.
TEST_CASE("ControllerService: what a lost nf said last is not taken for its successor's, nor does it raise the dead") {
  const bool declared = GENERATE(false, true);
  const SocketFolder folder;
  std::atomic<int64_t> seconds = 0;
  ControllerServiceOptions options = Options();
  options.controller.profile.control_delay = Duration::Seconds(1);
  options.clock = [&seconds] { return TimePoint::FromNanos(seconds * 1'000'000'000); };
  options.shared_clock = false;
  ControllerService service(options);
  REQUIRE(service.OpenJournal(folder.File("journal")).ok());
  const Result<Address> address = service.Listen(*Address::Parse("unix:" + folder.File("s")));
  REQUIRE(address.ok());
  std::thread thread([&service] { (void)service.Run().ok(); });
  auto driver = Northbound::Connect(*address, kPatience);
  REQUIRE(driver.ok());
  const auto answer = [](Channel* channel, uint64_t incarnation) {
    REQUIRE(channel->QueueMessage({}, {0, 1, msg::Hello{incarnation}}).ok());
    REQUIRE(channel->Flush().ok());
  };
  const auto join = [&](const Hello& hello) {
    Result<Channel> channel = Join(*address, hello, kPatience);
    for (int i = 0; i < 1000 && !channel.ok(); ++i) channel = Join(*address, hello, kPatience);
    REQUIRE(channel.ok());
    return *std::move(channel);
  };
  // Whoever waits for the second reply has seen a whole round of the service's loop.
  const auto status = [&] {
    REQUIRE(driver->Call({{"call", "status"}}, kPatience).ok());
    return *driver->Call({{"call", "status"}}, kPatience);
  };
  Channel forwarding = join({PeerRole::kSwitch, 0, ""});
  Channel src = join({PeerRole::kNf, 0, ""});
  std::optional<Channel> dst(join({PeerRole::kNf, 1, ""}));
  answer(&forwarding, 5);
  answer(&src, 6);
  answer(&*dst, 7);
  while (status()["messages_received"] != 3) {
  }
  if (declared) {
    REQUIRE(driver->Call({{"call", "declare-dead"}, {"nf", 1}}, kPatience).ok());
  } else {
    dst.reset();
    dst = join({PeerRole::kNf, 1, ""});
  }
  seconds = 2;
  (void)status();
  const Json move = {{"call", "move"},
                     {"src", 0U},
                     {"dst", 1U},
                     {"rho", 0.5},
                     {"spec", {{"scheme.name", "handover"}, {"profile.control_delay", "1000000000"}}}};
  const auto begun = driver->Call(move, kPatience);
  if (declared) {
    REQUIRE_FALSE(begun.ok());
    CHECK_THAT(begun.error().message, Catch::Contains("declared dead"));
  } else {
    REQUIRE(begun.ok());
    CHECK(status()["operations"][0]["phase"] == "greeting");
    answer(&*dst, 8);
    while (status()["messages_received"] != 4) {
    }
    seconds = 4;
    CHECK(status()["operations"][0]["phase"] == "selecting");
  }
  service.Stop();
  thread.join();
}

TEST_CASE("ControllerService: a second nf 0, an unknown instance and another version are refused with a reason") {
  const SocketFolder folder;
  Running running(Options(), "unix:" + folder.File("s"));
  const auto first = Join(running.address(), {PeerRole::kNf, 0, "one"}, kPatience);
  REQUIRE(first.ok());
  const auto fault = [&](const Hello& hello) {
    const auto channel = Join(running.address(), hello, kPatience);
    return channel.ok() ? std::string() : channel.error().message;
  };
  CHECK_THAT(fault({PeerRole::kNf, 0, "two"}), Catch::Contains("nf 0 is connected already"));
  CHECK_THAT(fault({PeerRole::kNf, 2, ""}), Catch::Contains("there is no nf 2"));
  CHECK_THAT(fault({PeerRole::kSwitch, 1, ""}), Catch::Contains("one switch only"));
  CHECK(fault({PeerRole::kNf, 1, ""}).empty());
  const auto version = ReadHello(Json::parse(R"({"hello": {"role": "nf", "instance": 0, "version": 2}})"));
  REQUIRE_FALSE(version.ok());
  CHECK_THAT(version.error().message, Catch::Contains("version 2"));
}

TEST_CASE("ControllerService: a lost peer is told to drivers; the service goes on and the peer may come back") {
  const SocketFolder folder;
  Running running(Options(), "unix:" + folder.File("s"));
  Northbound driver = running.Driver();
  {
    const auto nf = Join(running.address(), {PeerRole::kNf, 1, ""}, kPatience);
    REQUIRE(nf.ok());
  }
  const auto told = driver.Next(kPatience);
  REQUIRE(told.ok());
  REQUIRE(told->has_value());
  CHECK((**told)["lost"] == "nf 1");
  const auto again = Join(running.address(), {PeerRole::kNf, 1, ""}, kPatience);
  REQUIRE(again.ok());
  const auto status = driver.Call({{"call", "status"}}, kPatience);
  REQUIRE(status.ok());
  CHECK((*status)["peers"] == Json({"driver", "nf 1"}));
  CHECK((*status)["idle"] == true);
}

TEST_CASE("ControllerService: a peer that breaks the rules is lost, and nobody else") {
  const SocketFolder folder;
  Running running(Options(), "unix:" + folder.File("s"));
  Northbound driver = running.Driver();
  for (const char* raw : {"\xff\xff\xff\xff", "\x03\0\0\0\x01[]"}) {
    auto socket = Connect(running.address(), kPatience);
    REQUIRE(socket.ok());
    REQUIRE(::send(socket->get(), raw, 7 - 3 * (raw[0] == '\xff'), MSG_NOSIGNAL) > 0);
    pollfd waiting{socket->get(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 60'000) == 1);
    char octet = 0;
    CHECK(::recv(socket->get(), &octet, 1, 0) <= 0);
  }
  auto sender = Join(running.address(), {PeerRole::kGenerator, 0, ""}, kPatience);
  REQUIRE(sender.ok());
  REQUIRE(sender->QueueMessage({}, {1, 0, msg::GetDone{}}).ok());
  REQUIRE(sender->Flush().ok());
  const auto told = driver.Next(kPatience);
  REQUIRE(told.ok());
  REQUIRE(told->has_value());
  CHECK((**told)["lost"] == "generator");
  CHECK_THAT((**told)["reason"].get<std::string>(), Catch::Contains("only NFs and the switch"));
}

TEST_CASE("ControllerService: calls that make no sense are refused with a reason") {
  const SocketFolder folder;
  Running running(Options(), "unix:" + folder.File("s"));
  Northbound driver = running.Driver();
  const auto fault = [&](const char* call) {
    const auto reply = driver.Call(Json::parse(call), kPatience);
    return reply.ok() ? std::string() : reply.error().message;
  };
  CHECK_THAT(fault(R"({"call": "walk"})"), Catch::Contains("one of move, abort, declare-dead, status"));
  CHECK_THAT(fault(R"({"call": "move", "src": 0})"), Catch::Contains("'rho' needs") || Catch::Contains("'dst' needs"));
  CHECK_THAT(fault(R"({"call": "move", "src": 0, "dst": 1})"), Catch::Contains("'rho' needs"));
  CHECK_THAT(fault(R"({"call": "move", "src": 0, "dst": 1, "rho": 0.5})"), Catch::Contains("nf 0 is not connected"));
  CHECK_THAT(fault(R"({"call": "move", "src": 0, "dst": 1, "spec": {"scheme.name": "opennv"}})"),
             Catch::Contains("unknown scheme"));
  CHECK_THAT(fault(R"({"call": "move", "src": 0, "dst": 1, "spec": {"schem.name": "opennf"}})"),
             Catch::Contains("unknown parameter"));
  CHECK_THAT(fault(R"({"call": "move", "src": 0, "dst": 1, "spec": {"edm.threshold": "3MB"}})"),
             Catch::Contains("edm.threshold"));
  CHECK_THAT(fault(R"({"call": "move", "src": 18446744073709551615, "dst": 1, "rho": 1})"),
             Catch::Contains("'src' needs"));
  CHECK_THAT(fault(R"({"call": "abort", "operation": 9})"), Catch::Contains("no operation 9"));
  CHECK_THAT(fault(R"({"call": "abort"})"), Catch::Contains("'operation' needs"));
  CHECK_THAT(fault(R"({"call": "declare-dead"})"), Catch::Contains("'nf' needs"));
  CHECK_THAT(fault(R"({"call": "declare-dead", "nf": 2})"), Catch::Contains("'nf' needs"));
  CHECK(fault(R"({"call": "declare-dead", "nf": 1})").empty());
}

TEST_CASE("ControllerService: unknown admin frames and blobs go to the hooks; Broadcast and Post reach the loop") {
  auto pair = SocketPair();
  ControllerServiceOptions options = Options();
  std::vector<std::string> seen;
  ControllerService* service_in_hook = nullptr;
  options.on_join = [&](ServicePeer& peer) { seen.push_back("join " + peer.name()); };
  options.on_lost = [&](ServicePeer& peer) { seen.push_back("lost " + peer.name()); };
  options.on_blob = [&](ServicePeer& peer, uint8_t stream, std::span<const uint8_t> octets) {
    seen.push_back(peer.name() + " blob " + std::to_string(stream) + "/" + std::to_string(octets.size()));
  };
  options.on_admin = [&](ServicePeer& peer, const Json& json) {
    seen.push_back(peer.name() + " " + json.dump());
    service_in_hook->Broadcast(PeerRole::kGenerator, {{"begin", 1}});
    return true;
  };
  ControllerService service(std::move(options));
  service_in_hook = &service;
  service.Adopt(std::move(pair[1]), {PeerRole::kGenerator, 0, ""});
  std::thread thread([&] { (void)service.Run(); });

  Channel channel(std::move(pair[0]), "service");
  Frames frames;
  const uint8_t octets[] = {1, 2, 3};
  REQUIRE(channel.QueueBlob(5, octets).ok());
  REQUIRE(channel.QueueAdmin(R"({"ready":true})").ok());
  REQUIRE(channel.Flush().ok());
  while (frames.admin.empty()) REQUIRE(channel.Receive(frames).ok());
  CHECK(frames.admin[0] == R"({"begin":1})");
  std::atomic<bool> posted = false;
  service.Post([&] { posted = true; });
  while (!posted) std::this_thread::yield();
  service.Stop();
  thread.join();
  CHECK(seen == std::vector<std::string>{"join generator", "generator blob 5/3", R"(generator {"ready":true})"});
}

}  // namespace
}  // namespace uhaul::runtime
