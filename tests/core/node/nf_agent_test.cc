#include "core/node/nf_agent.h"

#include <catch2/catch.hpp>

#include "tests/core/node/world.h"

using namespace uhaul;
using namespace uhaul::literals;
using uhaul::testing::kTestKey;
using uhaul::testing::OracleNf;
using uhaul::testing::Us;

namespace {

struct Bench {
  std::shared_ptr<uint64_t> violations = std::make_shared<uint64_t>(0);
  NfAgent agent;
  Outbox outbox;
  FlowHasher hasher{kTestKey};

  explicit Bench(Profile profile = {.name = {}, .nf_buffer = Bytes(10'000)})
      : agent({.instance = 0, .fit = {.capacity = 64}, .profile = profile, .hash_key = kTestKey},
              std::make_unique<OracleNf>(violations)) {}

  FiveTuple Tuple(uint16_t n) const {
    FiveTuple t;
    t.source = FiveTuple::Ipv4(10, 0, static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n));
    t.destination = FiveTuple::Ipv4(172, 16, 0, 1);
    t.source_port = 1;
    t.destination_port = 80;
    return t;
  }
  NfVerdict Send(TimePoint now, uint16_t n, uint64_t digest, uint32_t bytes = 1000, bool marked = false) {
    Packet p;
    p.flow = hasher.Key(Tuple(n));
    p.bytes = bytes;
    p.digest = digest;
    p.do_not_buffer = marked;
    NfVerdict verdict = NfVerdict::kConsumed;
    agent.OnBurst(now, {&p, 1}, {&verdict, 1}, outbox);
    return verdict;
  }
  void Say(TimePoint now, MessageBody body, OperationId op = 1) {
    outbox.Clear();
    agent.OnMessage(now, {op, 0, std::move(body)}, outbox);
  }
  template <class T>
  const T& Answer(size_t i = 0) const {
    REQUIRE(outbox.messages.size() > i);
    REQUIRE(std::holds_alternative<T>(outbox.messages[i].message.body));
    return std::get<T>(outbox.messages[i].message.body);
  }
  FlowScope List(std::vector<uint16_t> flows) const {
    FlowScope scope;
    for (uint16_t n : flows) scope.flows.push_back(Tuple(n));
    return scope;
  }
};

}  // namespace

TEST_CASE("NfAgent: getElephant answers with the EDM's flows in its order, and what it looked at") {
  Bench b;
  for (uint16_t n = 1; n <= 4; ++n) {
    for (uint64_t i = 0; i < n; ++i) b.Send(Us(n), n, i);
  }
  b.Say(Us(10), msg::GetElephant{{DetectorSpec::Kind::kProportion, 0.6, Bytes()}, {}});
  const auto& reply = b.Answer<msg::SetFilter>();
  REQUIRE(reply.flows.size() == 2);  // 4 of 10, then 7 of 10
  CHECK(reply.flows[0].tuple == b.Tuple(4));
  CHECK(reply.flows[1].tuple == b.Tuple(3));
  CHECK(reply.active_flows == 4);
  CHECK(reply.active_bytes == Bytes(10'000));
  CHECK_FALSE(reply.more);
}

TEST_CASE("NfAgent: long lists travel in bounded batches") {
  Bench b;
  NfAgent big({.instance = 0, .fit = {.capacity = 8192}, .profile = Profile(), .hash_key = kTestKey},
              std::make_unique<OracleNf>(b.violations));
  b.agent = big;
  for (uint16_t n = 0; n < 2500; ++n) b.Send(Us(n), n, 0);
  b.Say(Us(3000), msg::ListFlows{});
  REQUIRE(b.outbox.messages.size() == 3);
  CHECK(b.Answer<msg::FlowListing>(0).flows.size() == kMaxFlowsPerMessage);
  CHECK(b.Answer<msg::FlowListing>(0).more);
  CHECK(b.Answer<msg::FlowListing>(2).flows.size() == 2500 - 2 * kMaxFlowsPerMessage);
  CHECK_FALSE(b.Answer<msg::FlowListing>(2).more);
  b.Say(Us(3000), msg::ListFlows{FlowScope::Kind::kTable, {}, 7});
  CHECK(b.Answer<msg::FlowListing>().flows.size() == 7);
}

TEST_CASE("NfAgent: packets of locked flows become events and are not processed; others are") {
  Bench b;
  b.Send(Us(1), 1, 0);
  b.Send(Us(1), 2, 0);
  b.Say(Us(2), msg::EnableEvents{msg::EventAction::kDrop, b.List({1}), false});
  b.Answer<msg::EnableEventsAck>();
  b.outbox.Clear();
  CHECK(b.Send(Us(3), 1, 1) == NfVerdict::kConsumed);
  CHECK(b.Answer<msg::PacketEvent>().packet.digest == 1);
  CHECK(b.Send(Us(3), 2, 1) == NfVerdict::kForward);
  CHECK(b.agent.fit().Find(Us(3), b.hasher.Key(b.Tuple(1)))->bytes == Bytes(1000));
  CHECK(b.Send(Us(4), 1, 1, 1000, true) == NfVerdict::kForward);  // do-not-buffer: sent back to be processed here
  b.Say(Us(5), msg::DisableEvents{});
  CHECK(b.Send(Us(6), 1, 2) == NfVerdict::kForward);
  CHECK(*b.violations == 0);
}

TEST_CASE("NfAgent: a wildcard lock catches new flows too") {
  Bench b;
  b.Say(Us(1), msg::EnableEvents{msg::EventAction::kDrop, {FlowScope::Kind::kActive, {}, {}}, false});
  CHECK(b.Send(Us(2), 9, 0) == NfVerdict::kConsumed);
  CHECK(b.agent.function().flow_count() == 0);
}

TEST_CASE("NfAgent: a buffering destination holds, processes what is marked and reports it, then lets go in order") {
  Bench b;
  b.Send(Us(1), 1, 0);
  b.Say(Us(2), msg::EnableEvents{msg::EventAction::kBuffer, b.List({1}), false});
  b.outbox.Clear();
  CHECK(b.Send(Us(3), 1, 2) == NfVerdict::kConsumed);
  CHECK(b.Send(Us(3), 1, 3) == NfVerdict::kConsumed);
  CHECK(b.agent.held_bytes() == Bytes(2000));
  b.outbox.Clear();
  CHECK(b.Send(Us(4), 1, 1, 1000, true) == NfVerdict::kForward);
  CHECK(b.Answer<msg::ProcessedEvent>().digest == 1);
  b.Say(Us(5), msg::DisableEvents{});
  REQUIRE(b.outbox.packets.size() == 2);
  CHECK(b.outbox.packets[0].packet.digest == 2);
  CHECK(b.outbox.packets[1].packet.digest == 3);
  CHECK(b.agent.held_bytes() == Bytes());
  CHECK(*b.violations == 0);
}

TEST_CASE("NfAgent: a full buffer drops and says so") {
  Bench b({.name = {}, .nf_buffer = Bytes(1500)});
  b.Say(Us(1), msg::EnableEvents{msg::EventAction::kBuffer, b.List({1}), false});
  b.outbox.Clear();
  b.Send(Us(2), 1, 0);
  CHECK(b.outbox.packets.empty());
  CHECK(b.Send(Us(2), 1, 1) == NfVerdict::kConsumed);
  REQUIRE(b.outbox.packets.size() == 1);
  CHECK(b.outbox.packets[0].fate == OutPacket::Fate::kDropped);
  CHECK(std::holds_alternative<event::BufferOverflow>(b.outbox.events.back()));
}

TEST_CASE("NfAgent: while relaying, flows without state pass on; each is reported once, also after new ones are not") {
  Bench b;
  b.Send(Us(1), 1, 0);
  b.Say(Us(2), msg::StartRelay{{}, 1});
  b.outbox.Clear();
  CHECK(b.Send(Us(3), 1, 1) == NfVerdict::kForward);
  CHECK(b.Send(Us(3), 2, 0) == NfVerdict::kRelay);
  CHECK(b.Send(Us(3), 2, 1) == NfVerdict::kRelay);
  CHECK(b.outbox.messages.size() == 1);
  CHECK(b.Answer<msg::NewFlow>().tuple == b.Tuple(2));
  CHECK(b.agent.relay_target() == 1);
  b.Say(Us(4), msg::StopRelay{});
  b.Answer<msg::StopRelayAck>();
  CHECK(b.Send(Us(5), 2, 2) == NfVerdict::kRelay);    // a tombstone
  CHECK(b.Send(Us(5), 3, 0) == NfVerdict::kForward);  // new again
  b.Say(Us(6), msg::DisableEvents{});
  CHECK(b.Send(Us(7), 4, 0) == NfVerdict::kForward);
}

TEST_CASE("NfAgent: exports are serialised and events lengthen them; the chunk carries the FIT record") {
  Profile p{.name = {}, .get = {Duration(), 100_us, Duration()}, .nf_event = {Duration(), 30_us, Duration()}};
  Bench b(p);
  for (uint16_t n = 1; n <= 3; ++n) b.Send(Us(1), n, 0, 700);
  b.Say(Us(2), msg::EnableEvents{msg::EventAction::kDrop, b.List({1, 2, 3}), false});
  b.Say(Us(10), msg::GetPerflow{b.List({3, 1, 2, 99}), false, false});
  CHECK(b.agent.NextDeadline() == Us(110));
  b.Send(Us(20), 1, 1);  // an event: 30 us of the same CPU, behind the export under way
  b.outbox.Clear();
  b.agent.OnTimer(Us(110), b.outbox);
  CHECK(b.Answer<msg::Chunk>().tuple == b.Tuple(3));  // in the order of the request
  CHECK(b.Answer<msg::Chunk>().fit_bytes == Bytes(700));
  CHECK(b.agent.NextDeadline() == Us(240));
  b.outbox.Clear();
  b.agent.OnTimer(Us(240), b.outbox);
  b.agent.OnTimer(Us(340), b.outbox);
  b.agent.OnTimer(Us(440), b.outbox);
  CHECK(b.Answer<msg::GetDone>(2).flows == 3);
  CHECK(b.Answer<msg::GetDone>(2).missing == 1);
}

TEST_CASE("NfAgent: CancelGet ends an export after the flow under way") {
  Bench b({.name = {}, .get = {Duration(), 100_us, Duration()}});
  for (uint16_t n = 1; n <= 3; ++n) b.Send(Us(1), n, 0);
  b.Say(Us(2), msg::GetPerflow{{FlowScope::Kind::kTable, {}, {}}, false, false});
  b.Say(Us(50), msg::CancelGet{});
  CHECK(b.outbox.messages.empty());
  b.agent.OnTimer(Us(102), b.outbox);
  b.Answer<msg::Chunk>(0);
  CHECK(b.Answer<msg::GetDone>(1).flows == 1);
}

TEST_CASE("NfAgent: a chunk of another schema, or a malformed one, is refused and changes nothing") {
  Bench b;
  b.Say(Us(1), msg::PutPerflow{{b.Tuple(1), 7, std::vector<uint8_t>(8), Bytes(100), false}});
  CHECK_FALSE(b.Answer<msg::PutAck>().accepted);
  b.Say(Us(1), msg::PutPerflow{{b.Tuple(1), 99, std::vector<uint8_t>(5), Bytes(100), false}});
  CHECK_FALSE(b.Answer<msg::PutAck>().accepted);
  CHECK(b.agent.function().flow_count() == 0);
  CHECK(b.agent.fit().size(Us(1)) == 0);
  b.Say(Us(1), msg::PutPerflow{{b.Tuple(1), 99, std::vector<uint8_t>(8), Bytes(100), false}});
  CHECK(b.Answer<msg::PutAck>().accepted);
  CHECK(b.agent.fit().size(Us(1)) == 1);
}

TEST_CASE("NfAgent: an eviction pass is reported with its counts, also without traffic") {
  Bench b;
  for (uint16_t n = 1; n <= 3; ++n) b.Send(Us(n), n, 0);
  b.outbox.Clear();
  REQUIRE(b.agent.NextDeadline() == Us(100'000));
  b.agent.OnTimer(Us(100'000), b.outbox);
  b.agent.OnTimer(Us(200'000), b.outbox);
  REQUIRE(b.outbox.events.size() == 2);
  CHECK(std::get<event::Eviction>(b.outbox.events[0]).pass.after == 3);
  CHECK(std::get<event::Eviction>(b.outbox.events[1]).pass.before == 3);
  CHECK(std::get<event::Eviction>(b.outbox.events[1]).pass.after == 0);
}

// Packets of what it gave away are still looked at then, lest they make new state.
TEST_CASE("NfAgent: an instance that has completed a hand-over takes a new profile") {
  Bench b;
  constexpr Epoch kEpoch = 4;
  constexpr uint64_t kNonce = 77;
  b.Send(Us(1), 1, 0);
  b.Say(Us(2), msg::CustodyCommand{msg::CustodyVerb::kArm, kEpoch, 1, 9, kNonce, {b.Tuple(1)}});
  b.agent.OnMarker(Us(3), {b.hasher.Key(b.Tuple(1)), kEpoch, kNonce, 0}, b.outbox);
  b.Say(Us(4), msg::CustodyCommand{msg::CustodyVerb::kCommit, kEpoch, 1, 9, 0, {b.Tuple(1)}});
  REQUIRE(b.Answer<msg::CustodyReport>().flows.at(0).status == msg::CustodyStatus::kCommitted);
  REQUIRE(b.agent.intercepting());
  Profile costly{.name = {}, .nf_buffer = Bytes(10'000)};
  costly.detect.per_batch = Duration::Micros(30);
  b.agent.SetProfile(costly);
  b.Say(Us(10), msg::GetElephant{});
  CHECK(b.outbox.messages.empty());
  b.agent.OnTimer(Us(40), b.outbox);
  b.Answer<msg::SetFilter>();
}

TEST_CASE("NfAgent: in a burst during a hand-over each packet is judged as if it came alone") {
  Bench together, alone;
  constexpr Epoch kEpoch = 4;
  std::vector<Packet> burst;
  for (uint64_t i = 0; i < 12; ++i) {
    Packet p;
    p.flow = together.hasher.Key(together.Tuple(static_cast<uint16_t>(i % 3)));
    p.bytes = 1000;
    p.digest = i / 3;
    burst.push_back(p);
  }
  for (Bench* b : {&together, &alone}) {  // flow 1 is waited for, flow 2 is to be given away, flow 0 is nobody's matter
    b->Say(Us(1), msg::CustodyCommand{msg::CustodyVerb::kPrepare, kEpoch, 1, 9, 0, {b->Tuple(1)}});
    b->Send(Us(1), 2, 0);
    b->Say(Us(1), msg::CustodyCommand{msg::CustodyVerb::kArm, kEpoch, 1, 9, 7, {b->Tuple(2)}});
    b->outbox.Clear();
  }
  for (Packet& p : burst) p.digest += p.flow == together.hasher.Key(together.Tuple(2)) ? 1 : 0;
  std::vector<NfVerdict> verdicts(burst.size()), singly(burst.size());
  together.agent.OnBurst(Us(2), burst, verdicts, together.outbox);
  for (size_t i = 0; i < burst.size(); ++i) alone.agent.OnBurst(Us(2), {&burst[i], 1}, {&singly[i], 1}, alone.outbox);
  CHECK(verdicts == singly);
  CHECK(verdicts[0] == NfVerdict::kForward);
  CHECK(verdicts[1] == NfVerdict::kConsumed);
  CHECK(verdicts[11] == NfVerdict::kForward);
  StateHash a, b;
  together.agent.Hash(a, Us(2));
  alone.agent.Hash(b, Us(2));
  CHECK(a.value() == b.value());
  CHECK(together.agent.held_bytes() == Bytes(4000));
  CHECK(*together.violations == 0);
}

TEST_CASE("NfAgent: messages that are not for an NF are counted and ignored") {
  Bench b;
  b.Say(Us(1), msg::SetFilter{});
  b.Say(Us(1), msg::RulesAck{});
  CHECK(b.agent.strays() == 2);
  CHECK(b.outbox.empty());
}
