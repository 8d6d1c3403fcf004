#include "core/node/switch_agent.h"

#include <catch2/catch.hpp>
#include <optional>

using namespace uhaul;
using namespace uhaul::literals;

namespace {

constexpr HashKey kKey{5, 6};

FiveTuple Tuple(uint8_t n) {
  FiveTuple t;
  t.source = FiveTuple::Ipv4(10, n, 0, 1);
  t.destination = FiveTuple::Ipv4(172, 16, 0, 1);
  t.source_port = 1000;
  t.destination_port = 80;
  return t;
}

struct Bench {
  SwitchAgent agent;
  Outbox outbox;
  explicit Bench(uint32_t capacity = 100, Duration rule_cost = Duration())
      : agent({.profile = {.name = {}, .rule = {Duration(), rule_cost, Duration()}},
               .hash_key = kKey,
               .table_capacity = capacity,
               .default_nf = 0}) {}

  uint8_t Port(const FiveTuple& tuple, TimePoint now = TimePoint()) {
    Packet packet;
    packet.flow = FlowHasher(kKey).Key(tuple);
    packet.bytes = 100;
    uint8_t nf = 99;
    agent.OnBurst(now, {&packet, 1}, {&nf, 1}, outbox);
    return nf;
  }
  msg::RulesAck Install(msg::InstallRules rules, OperationId op = 1, TimePoint now = TimePoint()) {
    outbox.Clear();
    agent.OnMessage(now, {op, 0, std::move(rules)}, outbox);
    REQUIRE(outbox.messages.size() == 1);
    CHECK(outbox.messages[0].to == kControllerNode);
    return std::get<msg::RulesAck>(outbox.messages[0].message.body);
  }
  static msg::InstallRules Exact(std::vector<FiveTuple> flows, uint8_t nf, uint32_t xid = 1) {
    return {.xid = xid, .exact = true, .flows = std::move(flows), .filter = {}, .action = {.nf = nf}};
  }
  static msg::InstallRules Wild(const char* filter, uint8_t nf, uint16_t priority = 10) {
    return {.xid = 2,
            .priority = priority,
            .exact = false,
            .flows = {},
            .filter = *FlowFilter::Parse(filter),
            .action = {.nf = nf}};
  }
};

}  // namespace

namespace {

// A switch that marks by packet-out.
struct Lagging {
  SwitchAgent agent;
  FlowKey flow = FlowHasher(kKey).Key(Tuple(1));

  explicit Lagging(std::optional<Duration> lag, bool restarted = false)
      : agent({.profile = *FindProfile("ideal"),
               .hash_key = kKey,
               .restarted = restarted,
               .marking = msg::Marking::kPacketOut,
               .lag = lag,
               .nf_ports = 2}) {}
  Outbox Say(MessageBody body, TimePoint now = TimePoint()) {
    Outbox out;
    agent.OnMessage(now, {1, 1, std::move(body)}, out);
    return out;
  }
  void Install(Epoch epoch, uint8_t nf, TimePoint now = TimePoint()) {
    const Outbox out = Say(msg::Install{epoch, nf, static_cast<uint8_t>(1 - nf), 5, {flow.tuple}}, now);
    CHECK(std::get<msg::CustodyReport>(out.messages.at(0).message.body).flows.at(0).status ==
          msg::CustodyStatus::kInstalled);
    CHECK(out.markers.empty());
  }
  uint8_t Port() {
    Packet packet;
    packet.flow = flow;
    uint8_t nf = 99;
    Outbox out;
    agent.OnBurst(TimePoint(), {&packet, 1}, {&nf, 1}, out);
    return nf;
  }
};

}  // namespace

TEST_CASE("SwitchAgent: one that marks by packet-out says so, acknowledges a rule, and follows it after its lag") {
  Lagging b(10_us);
  CHECK(std::get<msg::Hello>(b.Say(msg::Hello{}).messages.at(0).message.body).marking == msg::Marking::kPacketOut);
  b.Install(4, 1);
  CHECK(b.agent.RuleOf(b.flow) == 1);
  CHECK(b.Port() == 0);
  CHECK(b.agent.NextDeadline() == TimePoint() + 10_us);
  Outbox out;
  b.agent.OnTimer(TimePoint() + 9_us, out);
  CHECK(b.Port() == 0);
  b.agent.OnTimer(TimePoint() + 10_us, out);
  CHECK(b.Port() == 1);
  CHECK_FALSE(b.agent.behind());
  CHECK(b.agent.NextDeadline() == TimePoint::Never());
}

TEST_CASE("SwitchAgent: markers go when they are sent for, to each port, if the rule is of that epoch") {
  Lagging b(Duration{});
  b.Install(4, 1);
  b.Install(4, 1);
  for (const Epoch epoch : {0, 3, 5, 8}) CHECK(b.Say(msg::SendMarkers{epoch, 0, 5, {b.flow.tuple}}).markers.empty());
  const Outbox out = b.Say(msg::SendMarkers{4, 0, 5, {b.flow.tuple}});
  REQUIRE(out.markers.size() == 2);
  for (uint8_t port = 0; port < 2; ++port) {
    CHECK(out.markers[port].nf == 0);
    CHECK(out.markers[port].marker == Marker{b.flow, 4, 5, port});
  }
}

TEST_CASE("SwitchAgent: a data path that is told when follows one rule after the other") {
  Lagging b(std::nullopt);
  b.Install(4, 1);
  b.Install(5, 0);
  b.Install(8, 1);
  CHECK(b.agent.NextDeadline() == TimePoint::Never());
  for (const uint8_t nf : {0, 1, 0}) {
    CHECK(b.Port() == nf);
    CHECK(b.agent.BehindOn(b.flow));
    b.agent.TakeOver(b.flow);
  }
  CHECK(b.Port() == 1);
  CHECK_FALSE(b.agent.behind());
  b.agent.TakeOver(b.flow);
  CHECK(b.Port() == 1);
}

TEST_CASE("SwitchAgent: what other moves install, or remove, is in force at once, whatever was lagging") {
  Lagging b(std::nullopt);
  b.Install(4, 1);
  b.Say(Bench::Exact({b.flow.tuple}, 2));
  CHECK(b.Port() == 2);
  b.Install(8, 1);
  b.Say(msg::RemoveRules{1, {b.flow.tuple}});
  CHECK(b.Port() == 0);
  b.Install(12, 1);
  msg::InstallRules wild = Bench::Wild("10.0.0.0/8", 2);
  wild.supersedes = 1;
  b.Say(wild);
  CHECK(b.Port() == 2);  // the exact rule of the same operation stays, and is followed later
  CHECK(b.agent.behind());
}

TEST_CASE("SwitchAgent: one that restarted follows every rule when it lets packets go again") {
  Lagging b(std::nullopt, true);
  b.Install(4, 1);
  CHECK(b.Port() == msg::kNoNf);
  b.Say(msg::ResumeForwarding{});
  CHECK(b.Port() == 1);
  CHECK_FALSE(b.agent.behind());
}

namespace {

// A switch that restarted: its table has room for one rule, and somebody else's is there first.
struct Crowded {
  SwitchAgent agent;
  explicit Crowded(uint32_t capacity = 1, uint32_t others = 1)
      : agent({.profile = *FindProfile("ideal"), .hash_key = kKey, .table_capacity = capacity, .restarted = true}) {
    Say(msg::Hello{});
    for (uint32_t n = 0; n < others; ++n) Say(Bench::Exact({Tuple(static_cast<uint8_t>(200 + n))}, 0));
  }
  Outbox Say(MessageBody body, OperationId operation = 1) {
    Outbox out;
    agent.OnMessage(TimePoint(), {operation, 1, std::move(body)}, out);
    return out;
  }
  // What is answered to INSTALL; nothing: nothing.
  std::optional<msg::CustodyStatus> Install(uint8_t n, Epoch epoch, uint8_t nf, size_t markers = 1) {
    const Outbox out = Say(msg::Install{epoch, nf, static_cast<uint8_t>(1 - nf), 5, {Tuple(n)}});
    if (out.messages.empty()) return std::nullopt;
    CHECK(out.markers.size() == markers);
    return std::get<msg::CustodyReport>(out.messages.at(0).message.body).flows.at(0).status;
  }
  uint8_t Port(uint8_t n) {
    Packet packet;
    packet.flow = FlowHasher(kKey).Key(Tuple(n));
    uint8_t nf = 99;
    Outbox out;
    agent.OnBurst(TimePoint(), {&packet, 1}, {&nf, 1}, out);
    return nf;
  }
};
using msg::CustodyStatus;

}  // namespace

TEST_CASE(
    "SwitchAgent: a rule that finds no room after a restart: its packets go nowhere until there is, and it says") {
  Crowded b;
  CHECK(b.Install(1, 4, 1) == CustodyStatus::kNoRoom);
  CHECK(b.Install(1, 4, 1) == CustodyStatus::kNoRoom);
  CHECK(b.Install(1, 3, 0, 0) == CustodyStatus::kStale);
  b.Say(msg::ResumeForwarding{});
  CHECK(b.Port(1) == msg::kNoNf);
  CHECK(b.Port(1) == msg::kNoNf);
  CHECK(b.Port(2) == 0);  // a flow without a rule
  CHECK(b.agent.unplaced() == 1);
  CHECK(b.agent.table_entries() == 1);
  // A flow that has not been moved stays where it is, as ever.
  CHECK(b.Install(3, 8, 1, 0) == CustodyStatus::kInstallFailed);

  const Outbox out = b.Say(msg::RemoveRules{1, {Tuple(200)}}, 9);
  REQUIRE(out.messages.size() == 2);
  CHECK(out.messages[1].message.operation == 1);  // of the rule
  CHECK(out.messages[1].message.generation == 1);
  const auto& report = std::get<msg::CustodyReport>(out.messages[1].message.body);
  CHECK(report.epoch == 4);
  CHECK(report.flows.at(0) == msg::FlowStatus{Tuple(1), CustodyStatus::kInstalled, 2});
  CHECK(b.Port(1) == 1);
  CHECK(b.agent.unplaced() == 0);
  CHECK(b.Install(1, 4, 1) == CustodyStatus::kInstalled);
}

TEST_CASE("SwitchAgent: a rule without room changes with its epoch; where the default goes there too, packets go") {
  Crowded b;
  CHECK(b.Install(1, 4, 1) == CustodyStatus::kNoRoom);
  b.Say(msg::ResumeForwarding{});
  CHECK(b.Install(1, 8, 0) == CustodyStatus::kNoRoom);
  CHECK(b.Port(1) == 0);
  CHECK(b.Install(1, 12, 1) == CustodyStatus::kNoRoom);
  CHECK(b.Port(1) == msg::kNoNf);
  CHECK(b.agent.EpochOf(FlowHasher(kKey).Key(Tuple(1))) == 12);
}

TEST_CASE(
    "SwitchAgent: of rules without room the one that has waited longest gets the entry; one that is removed none") {
  Crowded b(3, 3);
  for (const uint8_t n : {5, 1, 3}) CHECK(b.Install(n, 4, 1) == CustodyStatus::kNoRoom);
  b.Say(msg::ResumeForwarding{});
  b.Say(msg::RemoveRules{1, {Tuple(5)}});
  CHECK(b.agent.unplaced() == 2);
  CHECK(b.Port(5) == 0);
  b.Say(msg::RemoveRules{2, {Tuple(200)}});
  CHECK(b.Port(1) == 1);
  CHECK(b.Port(3) == msg::kNoNf);
  CHECK(b.agent.table_entries() == 3);
  // Another operation's rule of the flow needs the room just so.
  CHECK(std::get<msg::RulesAck>(b.Say(Bench::Exact({Tuple(3)}, 0)).messages.at(0).message.body).failed.size() == 1);
  b.Say(msg::RemoveRules{3, {Tuple(201), Tuple(202)}});
  CHECK(b.agent.unplaced() == 0);
  CHECK(b.Port(3) == 1);
}

TEST_CASE("SwitchAgent: of more rules without room than it can keep it goes on dropping all, until it is told anew") {
  Crowded b(2, 2);
  CHECK(b.Install(5, 4, 1) == CustodyStatus::kNoRoom);
  CHECK(b.Install(1, 4, 1) == CustodyStatus::kNoRoom);
  CHECK_FALSE(b.Install(3, 4, 1).has_value());
  b.Say(msg::ResumeForwarding{});
  CHECK(b.Port(9) == msg::kNoNf);
  b.Say(msg::Hello{});
  b.Say(msg::RemoveRules{1, {Tuple(200)}});
  for (const uint8_t n : {5, 1, 3}) CHECK(b.Install(n, 4, 1).has_value());
  b.Say(msg::ResumeForwarding{});
  CHECK(b.Port(9) == 0);
  CHECK(b.Port(5) == 1);
  CHECK(b.Port(1) == msg::kNoNf);
}

TEST_CASE("SwitchAgent: exact rules win over wildcards, wildcards over the default") {
  Bench b;
  CHECK(b.Port(Tuple(1)) == 0);
  b.Install(Bench::Wild("10.0.0.0/8", 1));
  CHECK(b.Port(Tuple(1)) == 1);
  b.Install(Bench::Exact({Tuple(1)}, 0));
  CHECK(b.Port(Tuple(1)) == 0);
  CHECK(b.Port(Tuple(2)) == 1);
  CHECK(b.agent.table_entries() == 2);
}

TEST_CASE("SwitchAgent: the higher priority wins, and of equals the newer") {
  Bench b;
  b.Install(Bench::Wild("10.0.0.0/8", 1, 5));
  b.Install(Bench::Wild("10.0.0.0/9", 0, 1));
  CHECK(b.Port(Tuple(1)) == 1);
  b.Install(Bench::Wild("10.0.0.0/9", 0, 5));
  CHECK(b.Port(Tuple(1)) == 0);
  CHECK(b.Port(Tuple(200)) == 1);
}

TEST_CASE("SwitchAgent: a rule takes its time, and packets follow the old path until then") {
  Bench b(100, 7_us);
  b.outbox.Clear();
  b.agent.OnMessage(TimePoint(), {1, 0, Bench::Exact({Tuple(1), Tuple(2)}, 1)}, b.outbox);
  CHECK(b.outbox.empty());
  CHECK(b.agent.NextDeadline() == TimePoint::FromNanos(14'000));
  CHECK(b.Port(Tuple(1), TimePoint::FromNanos(13'999)) == 0);
  b.agent.OnTimer(TimePoint::FromNanos(14'000), b.outbox);
  CHECK(b.Port(Tuple(1), TimePoint::FromNanos(14'000)) == 1);
  CHECK(std::get<msg::RulesAck>(b.outbox.messages[0].message.body).xid == 1);
}

TEST_CASE("SwitchAgent: a full table fails rule by rule and says which") {
  Bench b(2);
  const auto ack = b.Install(Bench::Exact({Tuple(1), Tuple(2), Tuple(3)}, 1));
  REQUIRE(ack.failed.size() == 1);
  CHECK(ack.failed[0] == Tuple(3));
  CHECK(b.Port(Tuple(3)) == 0);
  CHECK(b.Install(Bench::Exact({Tuple(1)}, 0)).failed.empty());  // a change needs no room
}

TEST_CASE("SwitchAgent: diverted packets go to both, are counted, and the count comes with the next rule") {
  Bench b;
  auto both = Bench::Exact({Tuple(1)}, 0);
  both.action.kind = msg::RuleAction::Kind::kForwardAndController;
  b.Install(both);
  b.outbox.Clear();
  for (int i = 0; i < 3; ++i) CHECK(b.Port(Tuple(1)) == 0);
  CHECK(b.outbox.messages.size() == 3);
  CHECK(std::holds_alternative<msg::PacketIn>(b.outbox.messages[0].message.body));
  CHECK(b.Install(Bench::Exact({Tuple(1)}, 1)).diverted == 3);
  CHECK(b.Install(Bench::Exact({Tuple(1)}, 0)).diverted == 0);
}

TEST_CASE("SwitchAgent: a wildcard supersedes other operations' exact rules to the NF that it empties") {
  Bench b;
  b.Install(Bench::Exact({Tuple(1)}, 1), 1);  // an earlier move to NF 1
  b.Install(Bench::Exact({Tuple(2)}, 1), 2);  // this operation's own exception
  auto wild = Bench::Wild("any", 0);
  wild.supersedes = 1;
  b.Install(wild, 2);
  CHECK(b.Port(Tuple(1)) == 0);
  CHECK(b.Port(Tuple(2)) == 1);
}

TEST_CASE("SwitchAgent: a split rule sends each flow one way, always the same") {
  Bench b;
  auto split = Bench::Wild("any", 0);
  split.action.kind = msg::RuleAction::Kind::kSplit;
  split.action.second_nf = 1;
  b.Install(split);
  int second = 0;
  for (uint8_t n = 0; n < 100; ++n) {
    const uint8_t port = b.Port(Tuple(n));
    CHECK(b.Port(Tuple(n)) == port);
    second += port;
  }
  CHECK(second > 25);
  CHECK(second < 75);
}

TEST_CASE("SwitchAgent: removed rules fall back; packet-outs leave by the named port") {
  Bench b;
  b.Install(Bench::Exact({Tuple(1)}, 1));
  b.agent.OnMessage(TimePoint(), {1, 0, msg::RemoveRules{9, {Tuple(1)}}}, b.outbox);
  CHECK(b.Port(Tuple(1)) == 0);
  b.outbox.Clear();
  Packet packet;
  packet.flow = FlowHasher(kKey).Key(Tuple(1));
  b.agent.OnMessage(TimePoint(), {1, 0, msg::PacketOut{packet, 1}}, b.outbox);
  REQUIRE(b.outbox.packets.size() == 1);
  CHECK(b.outbox.packets[0].fate == OutPacket::Fate::kToNf);
  CHECK(b.outbox.packets[0].nf == 1);
}

TEST_CASE("SwitchAgent: says where a packet is forwarded to, unless something else comes of it") {
  Bench b;
  const auto forwards = [&](uint8_t n) {
    Packet packet;
    packet.flow = FlowHasher(kKey).Key(Tuple(n));
    return b.agent.Forwards(packet);
  };
  CHECK(forwards(1) == 0);
  b.Install(Bench::Exact({Tuple(1)}, 1));
  CHECK(forwards(1) == 1);
  CHECK(forwards(2) == 0);
  msg::InstallRules rules = Bench::Exact({Tuple(2)}, 1);
  rules.action.kind = msg::RuleAction::Kind::kForwardAndController;
  b.Install(rules);
  CHECK(forwards(2) == std::nullopt);
  b.Install(Bench::Wild("10.3.0.0/16", 1));
  CHECK(forwards(3) == 1);
  SwitchAgent restarted({.profile = {}, .hash_key = kKey, .table_capacity = 8, .default_nf = 0, .restarted = true});
  Packet packet;
  packet.flow = FlowHasher(kKey).Key(Tuple(1));
  CHECK(restarted.Forwards(packet) == std::nullopt);
}
