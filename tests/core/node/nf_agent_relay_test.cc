// Relaying and its end at one NF agent; moves as a whole are in migration_test.cc, every interleaving in tests/faults.
#include <catch2/catch.hpp>

#include "core/node/nf_agent.h"
#include "tests/core/node/world.h"

using namespace uhaul;
using uhaul::testing::kTestKey;
using uhaul::testing::OracleNf;
using uhaul::testing::Us;

namespace {

constexpr uint64_t kNonce = 77;
constexpr Marker kMarker{{}, 0, kNonce};

struct Bench {
  std::shared_ptr<uint64_t> violations = std::make_shared<uint64_t>(0);
  NfAgent agent{{.fit = {.capacity = 64}, .profile = {.name = {}, .nf_buffer = Bytes(10'000)}, .hash_key = kTestKey},
                std::make_unique<OracleNf>(violations)};
  Outbox outbox;
  FlowHasher hasher{kTestKey};

  NfVerdict Send(uint8_t flow, uint64_t digest, bool relayed = false) {
    Packet p;
    p.flow.tuple.source = FiveTuple::Ipv4(10, 0, 0, flow);
    p.flow = hasher.Key(p.flow.tuple);
    p.bytes = 4'000;
    p.digest = digest;
    p.relayed = relayed;
    NfVerdict verdict = NfVerdict::kConsumed;
    outbox.Clear();
    agent.OnBurst(Us(1), {&p, 1}, {&verdict, 1}, outbox);
    return verdict;
  }
  void Say(MessageBody body, OperationId op = 1) {
    outbox.Clear();
    agent.OnMessage(Us(1), {op, 0, std::move(body)}, outbox);
  }
  void Mark(Marker marker = kMarker) {
    outbox.Clear();
    agent.OnMarker(Us(1), marker, outbox);
  }
  std::optional<msg::RelayReport> Report() const {
    if (outbox.messages.empty()) return std::nullopt;
    return std::get<msg::RelayReport>(outbox.messages.back().message.body);
  }
};

}  // namespace

TEST_CASE("Relay, src: the marker goes on behind what was relayed, as often as it comes; any other one does not") {
  Bench b;
  b.Mark();
  CHECK(b.outbox.empty());  // nothing is relayed
  b.Say(msg::StartRelay{{}, 1});
  b.Mark();
  CHECK(b.outbox.empty());  // none was announced
  b.Say(msg::RelayCommand{msg::RelayVerb::kPass, {}, kNonce});
  CHECK(b.Send(1, 0) == NfVerdict::kRelay);
  for (int i = 0; i < 2; ++i) {
    b.Mark();
    REQUIRE(b.outbox.markers.size() == 1);
    CHECK(b.outbox.markers[0].nf == 1);
    CHECK(b.outbox.markers[0].marker == kMarker);
  }
  b.Mark({{}, 0, kNonce + 1});
  CHECK(b.outbox.empty());
}

TEST_CASE("Relay, src: what was relayed already is not relayed again") {
  Bench b;
  b.Say(msg::StartRelay{{}, 1});
  CHECK(b.Send(1, 0, true) == NfVerdict::kForward);
}

TEST_CASE("Relay, src: a flow that it has listed stays, also when its state has gone meanwhile") {
  for (const bool marked : {false, true}) {
    Bench b;
    b.Send(1, 0);
    b.Say(msg::StartRelay{{}, 1});
    if (marked) b.Say(msg::RelayCommand{msg::RelayVerb::kPass, {}, kNonce});
    b.Say(msg::ListFlows{FlowScope::Kind::kTable, {}, 0});
    OracleNf& nf = const_cast<OracleNf&>(static_cast<const OracleNf&>(b.agent.function()));
    nf.Delete(nf.Flows().at(0));
    CHECK(b.Send(1, 0) == (marked ? NfVerdict::kForward : NfVerdict::kRelay));
  }
}

TEST_CASE("Relay, dst: what overtakes waits for the marker, and goes on in order behind what was relayed") {
  Bench b;
  b.Send(9, 0);
  b.Say(msg::RelayCommand{msg::RelayVerb::kRemember, {}, 0});
  CHECK(b.Report()->verb == msg::RelayVerb::kRemember);
  CHECK(b.Send(1, 0, true) == NfVerdict::kForward);
  b.Say(msg::RelayCommand{msg::RelayVerb::kHold, {}, kNonce});
  CHECK(b.Report()->verb == msg::RelayVerb::kHold);
  CHECK(b.Send(1, 2) == NfVerdict::kConsumed);
  CHECK(b.Send(9, 1) == NfVerdict::kForward);  // known before
  CHECK(b.agent.held_bytes() == Bytes(4'000));
  CHECK(b.Send(1, 1, true) == NfVerdict::kForward);
  b.Mark({{}, 0, kNonce + 1});
  CHECK(b.agent.held_bytes() == Bytes(4'000));
  b.Mark();
  REQUIRE(b.outbox.packets.size() == 1);
  CHECK(b.outbox.packets[0].fate == OutPacket::Fate::kToSink);
  CHECK(b.agent.held_bytes() == Bytes());
  CHECK(b.Report() == msg::RelayReport{msg::RelayVerb::kEnd, 0});
  CHECK(b.Send(2, 0) == NfVerdict::kForward);
  CHECK(*b.violations == 0);
  b.Mark();
  CHECK(b.outbox.empty());
}

TEST_CASE("Relay, dst: a full buffer drops, and the report at the end says how many") {
  Bench b;
  b.Say(msg::RelayCommand{msg::RelayVerb::kRemember, {}, 0});
  b.Say(msg::RelayCommand{msg::RelayVerb::kHold, {}, kNonce});
  for (uint64_t i = 0; i < 5; ++i) b.Send(1, i);
  REQUIRE(b.outbox.packets.size() == 1);
  CHECK(b.outbox.packets[0].fate == OutPacket::Fate::kDropped);
  b.Mark();
  CHECK(b.outbox.packets.size() == 2);
  CHECK(b.Report() == msg::RelayReport{msg::RelayVerb::kEnd, 3});
}

TEST_CASE("Relay, dst: it is told to do without the marker, and answers also when it has come") {
  Bench b;
  b.Say(msg::RelayCommand{msg::RelayVerb::kRemember, {}, 0});
  b.Say(msg::RelayCommand{msg::RelayVerb::kHold, {}, kNonce});
  b.Send(1, 0);
  for (int i = 0; i < 2; ++i) {
    b.Say(msg::RelayCommand{msg::RelayVerb::kEnd, {}, 0});
    CHECK(b.Report() == msg::RelayReport{msg::RelayVerb::kEnd, 0});
    CHECK(b.agent.held_bytes() == Bytes());
  }
}

TEST_CASE("Relay, dst: what has waited meets the locks of another operation that began meanwhile") {
  Bench b;
  b.Say(msg::RelayCommand{msg::RelayVerb::kRemember, {}, 0});
  b.Say(msg::RelayCommand{msg::RelayVerb::kHold, {}, kNonce});
  b.Send(1, 0);
  b.Say(msg::EnableEvents{msg::EventAction::kDrop, {FlowScope::Kind::kActive, {}, {}}, false}, 2);
  b.Mark();
  CHECK(b.outbox.packets.empty());
  REQUIRE(b.outbox.messages.size() == 2);
  CHECK(std::holds_alternative<msg::PacketEvent>(b.outbox.messages[0].message.body));
}
