#include "runtime/transport/controller_service.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "runtime/transport/northbound.h"
#include "tests/runtime/transport/far_side.h"
#include "tests/runtime/transport/running_service.h"
#include "tests/runtime/transport/sockets.h"

namespace uhaul::runtime {
namespace {

using testing::FarSide;
using testing::kPatience;
using testing::Now;
using testing::Options;
using testing::Running;
using testing::SocketFolder;
using testing::SocketPair;
using Json = nlohmann::json;

// Rounds of the far side, with packets in between, until the step is told.
void RunUntil(FarSide* side, Northbound* driver, uint64_t operation, const std::string& step, uint32_t flows) {
  uint32_t next = 0;
  for (uint64_t round = 0; round < 20'000'000; ++round) {
    for (int i = 0; i < 2; ++i) side->SendPacket(next++ % flows);
    side->Poll();
    if (round % 16 != 0) continue;
    for (;;) {
      const auto told = driver->Next(Duration());
      REQUIRE(told.ok());
      if (!*told) break;
      REQUIRE_FALSE((*told)->contains("lost"));
      if ((*told)->value("operation", Json()) == operation && (*told)->value("step", Json()) == step) return;
    }
  }
  FAIL("operation " << operation << " never came to " << step);
}

void RunUntilQuiet(FarSide* side) {
  for (uint64_t round = 0; round < 5'000'000 && side->delivered() + side->dropped() < side->sent(); ++round)
    side->Poll();
}

uint64_t StartMove(Northbound* driver, const Json& spec) {
  const auto reply =
      driver->Call({{"call", "move"}, {"src", 0U}, {"dst", 1U}, {"spec", spec}, {"rho", 0.5}}, kPatience);
  if (!reply.ok()) FAIL(reply.error().message);
  return (*reply)["operation"].get<uint64_t>();
}

struct Case {
  const char* scheme;
  bool in_order;
};

TEST_CASE("ControllerService: a move of 1,000 flows under load loses and repeats nothing, over unix sockets and TCP") {
  constexpr uint32_t kFlows = 1000;
  const auto moved = GENERATE(Case{"opennf-ng-pl", false}, Case{"opennf-lf", false}, Case{"opennf-lf-pl-er", false},
                              Case{"opennf-lf-ll", false}, Case{"opennf-op", true}, Case{"opennf-op-pl-er", true},
                              Case{"uhaul", false}, Case{"handover", true});
  const bool tcp = GENERATE(false, true);
  INFO(moved.scheme << (tcp ? " over TCP" : " over unix sockets"));
  const SocketFolder folder;
  Running running(Options(), tcp ? "tcp:127.0.0.1:0" : "unix:" + folder.File("s"));
  FarSide side(FarSide::Join(running.address()), *FindProfile("ideal"), kFlows);
  Northbound driver = running.Driver();
  for (int i = 0; i < 3; ++i) {
    for (uint32_t n = 0; n < kFlows; ++n) side.SendPacket(n);
  }
  REQUIRE(side.states(0) == kFlows);

  const uint64_t operation = StartMove(&driver, {{"scheme.name", moved.scheme}});
  RunUntil(&side, &driver, operation, "closed", kFlows);
  for (uint32_t n = 0; n < kFlows; ++n) side.SendPacket(n);
  RunUntilQuiet(&side);

  CHECK(side.delivered() == side.sent());
  CHECK(side.repeated() == 0);
  CHECK(side.dropped() == 0);
  CHECK(side.wrong_octets() == 0);
  if (moved.in_order) {
    CHECK(side.reordered() == 0);
    CHECK(side.violations() == 0);
  }
  CHECK(side.states(1) >= (std::string(moved.scheme) == "uhaul" ? kFlows / 3 : kFlows));
  CHECK(side.vault().held() == 0);
  running.Stop();
  CHECK(running.service().vault().held() == 0);
  if (std::string(moved.scheme) == "opennf-lf") CHECK(running.service().vault().held_peak() > 0);
  CHECK(running.service().controller().strays() == 0);
  CHECK(running.service().undelivered() == 0);
}

// A hand-over to a destination that refuses every state; the most returned packets that the service held at a time.
size_t RefusedHandOver() {
  constexpr uint32_t kFlows = 200;
  const SocketFolder folder;
  Running running(Options(), "unix:" + folder.File("s"));
  const FarSide flows({}, *FindProfile("ideal"), kFlows);
  int made = 0;
  FarSide side(FarSide::Join(running.address()), *FindProfile("ideal"), kFlows, [&](auto violations) {
    auto function = std::make_unique<testing::OracleNf>(violations);
    for (uint32_t n = 0; n < kFlows && made > 0; ++n) {
      function->Refuse(FlowHasher(testing::kTestKey).Key(flows.TupleOf(n)));
    }
    ++made;
    return function;
  });
  Northbound driver = running.Driver();
  for (uint32_t n = 0; n < kFlows; ++n) side.SendPacket(n);
  const uint64_t operation = StartMove(&driver, {{"scheme.name", "handover"}});
  RunUntil(&side, &driver, operation, "closed", kFlows);
  RunUntilQuiet(&side);
  CHECK(side.states(0) == kFlows);
  CHECK(side.states(1) == 0);
  CHECK(side.delivered() == side.sent());
  CHECK(side.repeated() + side.reordered() + side.violations() == 0);
  CHECK(side.wrong_octets() == 0);
  CHECK(side.vault().held() == 0);
  running.Stop();
  CHECK(running.service().vault().held() == 0);
  return running.service().vault().held_peak();
}

TEST_CASE("ControllerService: what a destination that refuses returns comes through it whole, and is kept nowhere") {
  // Whether a packet comes between the new rule and the refusal is up to the threads: on a busy machine, none may.
  size_t returned = 0;
  for (int attempt = 0; attempt < 50 && returned == 0; ++attempt) returned = RefusedHandOver();
  CHECK(returned > 0);
}

TEST_CASE("ControllerService: a returned packet of no operation is not kept, and not counted as lost") {
  auto pair = SocketPair();
  ControllerServiceOptions options = Options();
  std::atomic<int> dropped = 0;
  options.on_drop = [&](TimePoint, const Packet&) { ++dropped; };
  ControllerService service(std::move(options));
  service.Adopt(std::move(pair[1]), {PeerRole::kNf, 1, ""});
  std::thread thread([&] { (void)service.Run(); });
  Channel channel(std::move(pair[0]), "service");
  const uint8_t octets[] = {1, 2, 3};
  REQUIRE(channel.QueueMessage({}, {9, 0, msg::ReturnedPacket{37, 0, {}}}, octets).ok());
  REQUIRE(channel.QueueMessage({}, {9, 0, msg::PacketEvent{}}, octets).ok());
  REQUIRE(channel.Flush().ok());
  while (dropped == 0) std::this_thread::yield();
  service.Stop();
  thread.join();
  CHECK(service.vault().held() == 0);
  CHECK(service.vault().held_peak() > 0);
  CHECK(dropped == 1);
}

TEST_CASE("ControllerService: a hand-over that one controller began is carried through by the next, from the journal") {
  constexpr uint32_t kFlows = 300;
  const SocketFolder folder;
  const std::string journal = folder.File("journal");
  for (int life = 1; life <= 2; ++life) {
    ControllerService service(Options());
    REQUIRE(service.OpenJournal(journal).ok());
    CHECK(service.controller().generation() == static_cast<uint32_t>(life));
    CHECK(service.controller().idle());
    // Numbers that nodes may remember from controllers without a journal are left to them.
    ControllerServiceOptions later = Options();
    later.controller.first_generation = 1000;
    later.controller.journal = true;
    Controller fresh(later.controller);
    Outbox outbox;
    fresh.Recover(TimePoint(), {}, outbox);
    CHECK(fresh.generation() == 1000);
    const Status second = ControllerService(Options()).OpenJournal(journal);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().message.find("another controller") != std::string::npos);
  }
  {
    Result<JournalFile::Contents> file = JournalFile::Open(journal);
    REQUIRE(file.ok());
    journal::Begin begin{7, 0, 1, 1, 1, {}};
    FarSide side({}, *FindProfile("ideal"), kFlows);
    for (uint32_t n = 0; n < kFlows; ++n) begin.flows.push_back(side.TupleOf(n));
    REQUIRE(file->file.Append(begin).ok());
    REQUIRE(file->file.Sync().ok());
  }
  ControllerService service(Options());
  REQUIRE(service.OpenJournal(journal).ok());
  CHECK_FALSE(service.controller().idle());
  const Result<Address> address = service.Listen(*Address::Parse("unix:" + folder.File("s")));
  REQUIRE(address.ok());
  std::thread thread([&service] { (void)service.Run().ok(); });
  FarSide side(FarSide::Join(*address), *FindProfile("ideal"), kFlows);
  for (uint32_t n = 0; n < kFlows; ++n) side.SendPacket(n);
  for (uint64_t round = 0; round < 5'000'000 && side.states(0) > 0; ++round) {
    side.SendPacket(static_cast<uint32_t>(round % kFlows));
    side.Poll();
  }
  for (int i = 0; i < 1000; ++i) side.Poll();  // the last commits are answered
  RunUntilQuiet(&side);
  service.Stop();
  thread.join();
  CHECK(side.states(1) == kFlows);
  CHECK(side.delivered() == side.sent());
  CHECK(side.repeated() + side.reordered() + side.violations() == 0);
}

TEST_CASE("ControllerService: an aborted move loses nothing and holds nothing; costs come with the call") {
  constexpr uint32_t kFlows = 300;
  const SocketFolder folder;
  Running running(Options(), "unix:" + folder.File("s"));
  FarSide side(FarSide::Join(running.address()), *FindProfile("ideal"), kFlows);
  Northbound driver = running.Driver();
  for (uint32_t n = 0; n < kFlows; ++n) side.SendPacket(n);

  // 300 ms of exports: time to abort after the first.
  const uint64_t operation = StartMove(&driver, {{"scheme.name", "opennf-lf-pl-er"}, {"profile.get", "1000000"}});
  RunUntil(&side, &driver, operation, "first_chunk", kFlows);
  CHECK(side.profile().get.per_item == Duration::Millis(1));
  const auto aborted = driver.Call({{"call", "abort"}, {"operation", operation}}, kPatience);
  REQUIRE(aborted.ok());
  RunUntil(&side, &driver, operation, "closed", kFlows);
  for (uint32_t n = 0; n < kFlows; ++n) side.SendPacket(n);
  RunUntilQuiet(&side);

  CHECK(side.states(0) > 0);
  CHECK(side.states(0) + side.states(1) >= kFlows);
  CHECK(side.delivered() == side.sent());
  CHECK(side.repeated() == 0);
  CHECK(side.vault().held() == 0);
  running.Stop();
  CHECK(running.service().vault().held() == 0);
}

TEST_CASE("ControllerService: a profile's rate and delay are charged in real time") {
  const SocketFolder folder;
  Running running(Options(), "unix:" + folder.File("s"));
  FarSide side(FarSide::Join(running.address()), *FindProfile("ideal"), 10);
  Northbound driver = running.Driver();
  for (uint32_t n = 0; n < 10; ++n) side.SendPacket(n);
  const TimePoint begin = Now();
  const uint64_t operation =
      StartMove(&driver, {{"scheme.name", "opennf-lf-pl-er"}, {"profile.control_delay", "20000000"}});
  RunUntil(&side, &driver, operation, "last_put", 10);
  // Each answer of an NF takes 20 ms at least: lock, chunk, put.
  CHECK(Now() - begin >= Duration::Millis(60));
}

TEST_CASE("ControllerService: a packet whose operation is unknown is dropped, counted and not kept") {
  auto pair = SocketPair();
  ControllerServiceOptions options = Options();
  std::atomic<int> dropped = 0;
  options.on_drop = [&](TimePoint, const Packet& packet) { dropped += static_cast<int>(packet.digest); };
  ControllerService service(std::move(options));
  service.Adopt(std::move(pair[1]), {PeerRole::kNf, 0, ""});
  std::thread thread([&] { (void)service.Run(); });
  Channel channel(std::move(pair[0]), "service");
  Packet packet;
  packet.digest = 77;
  packet.bytes = 60;
  const uint8_t octets[] = {1, 2, 3};
  REQUIRE(channel.QueueMessage({}, {9, 0, msg::PacketEvent{packet}}, octets).ok());
  REQUIRE(channel.QueueMessage({}, {0, 0, msg::PacketIn{packet}}, octets).ok());
  REQUIRE(channel.QueueMessage({}, {9, 0, msg::PacketEvent{packet}}).ok());
  REQUIRE(channel.Flush().ok());
  while (dropped < 2 * 77) std::this_thread::yield();
  service.Stop();
  thread.join();
  CHECK(service.vault().held() == 0);
  CHECK(service.vault().held_peak() > 0);
  CHECK(dropped == 2 * 77);
}

TEST_CASE("ControllerService: its socket file goes with it") {
  const SocketFolder folder;
  {
    Running running(Options(), "unix:" + folder.File("s"));
    CHECK(std::filesystem::exists(folder.File("s")));
  }
  CHECK_FALSE(std::filesystem::exists(folder.File("s")));
}

}  // namespace
}  // namespace uhaul::runtime
