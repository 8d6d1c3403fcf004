// A Station settles a machine; a MachineSet carries moves from end to end when its host does nothing but deliver, wake
// and let go.
#include "core/node/machine_set.h"

#include <catch2/catch.hpp>
#include <deque>
#include <map>

#include "tests/core/node/world.h"

namespace uhaul {
namespace {

using testing::kTestKey;
using testing::OracleNf;
using testing::Us;

// ---- Station

// A machine whose timer is due `left` times, at once.
struct Toy {
  int left = 0;
  TimePoint NextDeadline() const { return left > 0 ? Us(10) : TimePoint::Never(); }
  void OnTimer(TimePoint, Outbox& outbox) {
    outbox.events.push_back(event::Step{static_cast<uint32_t>(left), OperationStep::kDone});
    --left;
  }
};

// What a host was told, in order.
struct Told {
  std::string kinds;
  void OnEvent(TimePoint, const RecordEvent&) { kinds += 'e'; }
  void OnMessage(TimePoint, OutMessage&) { kinds += 'm'; }
  void OnPacket(TimePoint, const OutPacket&) { kinds += 'p'; }
  void OnMarker(TimePoint, const OutMarker&) { kinds += 'k'; }
};

TEST_CASE("Station: the timer is called as long as it is due, or as often as it may be; what is left is due still") {
  Station<Toy> station(Toy{5});
  Told told;
  CHECK(station.Settle(Us(9), told) == Us(10));
  CHECK(told.kinds.empty());
  CHECK(station.Settle(Us(10), told, 3) == Us(10));
  CHECK(told.kinds == "eee");
  CHECK(station.Settle(Us(10), told) == TimePoint::Never());
  CHECK(told.kinds == "eeeee");
}

TEST_CASE("Station: a host hears of events, messages, packets and markers, each once") {
  Station<Toy> station(Toy{1});
  Outbox& outbox = station.outbox();
  outbox.markers.push_back({});
  outbox.packets.push_back({});
  outbox.Send(kSwitchNode, 1, msg::GetDone{});
  outbox.events.push_back(event::Step{});
  Told told;
  CHECK(station.Settle(Us(0), told) == Us(10));
  CHECK(told.kinds == "empk");
  CHECK(outbox.empty());
  CHECK(station.Settle(Us(0), told) == Us(10));
  CHECK(told.kinds == "empk");
}

TEST_CASE("CountMessage: every message has its octets; those that carry packets are counted by kind") {
  RunCounters counters;
  CountMessage({1, 0, msg::GetDone{}}, Bytes(10), &counters);
  CountMessage({1, 0, msg::PacketEvent{}}, Bytes(20), &counters);
  CountMessage({1, 0, msg::PacketIn{}}, Bytes(30), &counters);
  CountMessage({1, 0, msg::PacketOut{}}, Bytes(40), &counters);
  CHECK(counters.control_messages == 4);
  CHECK(counters.control_bytes == 100);
  CHECK(counters.events == 1);
  CHECK(counters.packet_ins == 1);
  CHECK(counters.packet_outs == 1);
}

// ---- MachineSet

// Messages take no time, but come after what is there already; packets and markers come at once.
class Engine final : public MachineHost {
 public:
  explicit Engine(const Profile& profile)
      : violations_(std::make_shared<uint64_t>(0)),
        machines_(Nfs(profile), SwitchAgent({profile, kTestKey, 1024, 0}), Controller({profile, kTestKey, 2}), this) {
    machines_.SettleAll(now_);
  }

  void OnEvent(TimePoint, const RecordEvent& event) override {
    if (const auto* step = std::get_if<event::Step>(&event)) closed_ |= step->step == OperationStep::kClosed;
  }
  void Send(TimePoint, NodeId from, NodeId to, Message message) override {
    messages_.push_back({from, to, std::move(message)});
  }
  void Release(TimePoint, NodeId at, const OutPacket& out) override {
    if (at == kSwitchNode) {
      Arrive(out.nf, out.packet);
    } else {
      sunk_ += out.fate == OutPacket::Fate::kToSink ? 1 : 0;
    }
  }
  void SendMarker(TimePoint now, NodeId, uint8_t nf, const Marker& marker) override {
    ++markers_;
    machines_.OnMarker(now, nf, marker);
  }
  void Wake(NodeId machine, TimePoint at) override {
    wakes_[MachineIndex(machine)] = at;
    ++woken_;
  }

  // The next packet of flow n reaches the switch.
  void Inject(uint32_t n) {
    Packet packet;
    packet.flow = Flow(n);
    packet.bytes = 1000;
    packet.digest = sent_[n]++;
    uint8_t nf = 0;
    machines_.forwarding().OnBurst(now_, {&packet, 1}, {&nf, 1}, machines_.outbox(kSwitchNode));
    machines_.Settle(now_, kSwitchNode);
    Arrive(nf, packet);
  }
  bool Step() {
    if (!messages_.empty()) {
      const Way way = std::move(messages_.front());
      messages_.pop_front();
      machines_.OnMessage(now_, way.from, way.to, way.message);
      return true;
    }
    size_t next = 0;
    for (size_t i = 1; i < kMachines; ++i) next = wakes_[i] < wakes_[next] ? i : next;
    if (wakes_[next] == TimePoint::Never()) return false;
    now_ = std::max(now_, std::exchange(wakes_[next], TimePoint::Never()));
    machines_.OnTimer(now_, MachineNode(next));
    return true;
  }
  // How long it took, with a packet of each flow between any two steps.
  Duration Move(const std::string& scheme, uint8_t src, uint8_t dst, uint32_t flows) {
    const TimePoint begin = now_;
    MoveRequest request = testing::Request(scheme);
    request.src = src;
    request.dst = dst;
    closed_ = false;
    REQUIRE(machines_.controller().Move(now_, request, machines_.outbox(kControllerNode)).ok());
    machines_.Settle(now_, kControllerNode);
    for (int steps = 0; steps < 100'000 && !closed_; ++steps) {
      if (steps < 200) Inject(static_cast<uint32_t>(steps) % flows);
      REQUIRE(Step());
    }
    REQUIRE(closed_);
    return now_ - begin;
  }

  static FlowKey Flow(uint32_t n) {
    FiveTuple tuple;
    tuple.source = FiveTuple::Ipv4(10, 0, 0, static_cast<uint8_t>(n));
    return FlowHasher(kTestKey).Key(tuple);
  }
  MachineSet& machines() { return machines_; }
  TimePoint now() const { return now_; }
  uint64_t violations() const { return *violations_; }
  uint64_t sent() const {
    uint64_t all = 0;
    for (const auto& [flow, packets] : sent_) all += packets;
    return all;
  }
  uint64_t sunk() const { return sunk_; }
  int markers() const { return markers_; }
  int woken() const { return woken_; }

 private:
  struct Way {
    NodeId from, to;
    Message message;
  };
  std::vector<NfAgent> Nfs(const Profile& profile) {
    std::vector<NfAgent> nfs;
    for (uint8_t i = 0; i < kNfCount; ++i) {
      nfs.emplace_back(NfAgentOptions{i, {.capacity = 64, .window = Duration::Seconds(5)}, profile, kTestKey},
                       std::make_unique<OracleNf>(violations_));
    }
    return nfs;
  }
  void Arrive(uint8_t nf, const Packet& packet) {
    NfVerdict verdict = NfVerdict::kForward;
    machines_.nf(nf).OnBurst(now_, {&packet, 1}, {&verdict, 1}, machines_.outbox(NfNode(nf)));
    sunk_ += verdict == NfVerdict::kForward ? 1 : 0;
    machines_.Settle(now_, NfNode(nf));
  }

  std::shared_ptr<uint64_t> violations_;
  std::array<TimePoint, kMachines> wakes_{TimePoint::Never(), TimePoint::Never(), TimePoint::Never(),
                                          TimePoint::Never()};
  std::map<uint32_t, uint64_t> sent_;
  std::deque<Way> messages_;
  TimePoint now_;
  uint64_t sunk_ = 0;
  int markers_ = 0, woken_ = 0;
  bool closed_ = false;
  MachineSet machines_;
};

TEST_CASE("MachineSet: machines and nodes are numbered alike") {
  for (size_t i = 0; i < kMachines; ++i) CHECK(MachineIndex(MachineNode(i)) == i);
}

TEST_CASE(
    "MachineSet: what machines say, delivered, and the wakes that they ask for, are a whole move, there and back") {
  const auto scheme = GENERATE("opennf-op-pl", "handover");
  const Profile profile = *FindProfile(GENERATE("ideal", "native"));
  constexpr uint32_t kFlows = 8;
  Engine engine(profile);
  for (uint32_t n = 0; n < kFlows; ++n) engine.Inject(n);
  engine.Move(scheme, 0, 1, kFlows);
  CHECK(engine.machines().nf(0).function().flow_count() == 0);
  CHECK(engine.machines().nf(1).function().flow_count() == kFlows);
  CHECK(engine.machines().nf(1).held_bytes() == Bytes());
  if (scheme == std::string("handover")) {
    engine.Move(scheme, 1, 0, kFlows);
    CHECK(engine.machines().nf(0).function().flow_count() == kFlows);
    CHECK(engine.markers() == 2 * kFlows);
  }
  CHECK(engine.violations() == 0);
  CHECK(engine.sunk() == engine.sent());
}

TEST_CASE("MachineSet: a deadline is said when it has changed, and after a wake again") {
  Profile profile = *FindProfile("ideal");
  profile.message.per_item = Duration::Micros(5);
  Engine engine(profile);
  MachineSet& machines = engine.machines();
  const int first = engine.woken();
  machines.SettleAll(engine.now());
  CHECK(engine.woken() == first);
  machines.OnMessage(engine.now(), kSwitchNode, kControllerNode, {1, 0, msg::RulesAck{}});
  CHECK(engine.woken() == first + 1);
  machines.OnMessage(engine.now(), kSwitchNode, kControllerNode, {1, 0, msg::RulesAck{}});
  CHECK(engine.woken() == first + 1);  // the first is due still
  machines.OnTimer(engine.now() + Duration::Micros(5), kControllerNode);
  CHECK(engine.woken() == first + 2);  // the second
  machines.OnTimer(engine.now() + Duration::Micros(10), kControllerNode);
  CHECK(engine.woken() == first + 2);  // nothing is left
}

// As engines do that learn their point after the warm-up.
TEST_CASE("MachineSet: a profile is every machine's") {
  const auto time = [](const Profile& profile, uint8_t src) {
    Engine engine(*FindProfile("ideal"));
    if (src == 1) engine.machines().forwarding() = SwitchAgent({*FindProfile("ideal"), kTestKey, 1024, 1});
    engine.Inject(0);
    engine.machines().SetProfile(profile);
    return engine.Move("handover", src, 1 - src, 1);
  };
  const Profile ideal = *FindProfile("ideal");
  CHECK(time(ideal, 0) < Duration::Millis(1));
  CHECK(time(ideal, 1) < Duration::Millis(1));
  Profile slow = ideal;
  slow.get.per_item = Duration::Millis(3);  // an NF's
  CHECK(time(slow, 0) >= Duration::Millis(3));
  CHECK(time(slow, 1) >= Duration::Millis(3));
  slow = ideal;
  slow.rule.per_item = Duration::Millis(3);  // the switch's
  CHECK(time(slow, 0) >= Duration::Millis(3));
  slow = ideal;
  slow.message.per_item = Duration::Millis(3);  // the controller's
  CHECK(time(slow, 0) >= Duration::Millis(3));
}

}  // namespace
}  // namespace uhaul
