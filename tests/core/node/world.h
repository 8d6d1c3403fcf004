// A small world around the real machines: FIFO links with delays, one switch, two NFs, a controller, a sink. Time jumps
// from event to event; ties go by insertion. Oracle: an order-sensitive, version-checking NF, plus what the sink sees.
//
// It loses nothing unless told to: connections break, markers vanish, NFs and the controller die and come back, at any
// delivery of a message or marker (OnDelivery).
#pragma once

#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/flow/flow_map.h"
#include "core/node/controller.h"
#include "core/node/nf_agent.h"
#include "core/node/switch_agent.h"

namespace uhaul::testing {

inline constexpr HashKey kTestKey{11, 22};

inline TimePoint Us(int64_t us) { return TimePoint::FromNanos(us * 1000); }

// From NF 0 to NF 1, all of a named scheme's choices.
inline MoveRequest Request(const std::string& scheme) {
  MoveRequest request;
  request.scheme = *FindScheme(scheme);
  return request;
}

// State per flow: how many packets it has processed. A packet whose digest is not that number was lost before,
// repeated, reordered, or met stale state. An additive counter would not notice.
class OracleNf final : public NetworkFunction {
 public:
  explicit OracleNf(std::shared_ptr<uint64_t> violations) : violations_(std::move(violations)) {}
  std::unique_ptr<NetworkFunction> Clone() const override { return std::make_unique<OracleNf>(*this); }
  SchemaId schema() const override { return 99; }
  void Process(TimePoint, std::span<const Packet> burst) override {
    for (const Packet& packet : burst) {
      uint64_t& next = flows_.Get(packet.flow);
      if (packet.digest != next) ++*violations_;
      ++next;
    }
  }
  bool Knows(const FlowKey& flow) const override { return flows_.Contains(flow); }
  std::vector<FlowKey> Flows() const override { return flows_.SortedKeys(); }
  size_t flow_count() const override { return flows_.size(); }
  Result<std::vector<uint8_t>> Export(const FlowKey& flow) const override {
    const uint64_t* next = flows_.Find(flow);
    if (next == nullptr) return Error{"no state"};
    std::vector<uint8_t> chunk(8);
    std::memcpy(chunk.data(), next, 8);
    return chunk;
  }
  Status Import(TimePoint, const FlowKey& flow, std::span<const uint8_t> chunk) override {
    if (chunk.size() != 8 || refuse_.Contains(flow)) return Error{"refused"};
    std::memcpy(&flows_.Get(flow), chunk.data(), 8);
    return {};
  }
  bool Delete(const FlowKey& flow) override { return flows_.Erase(flow); }
  void Expire(TimePoint) override {}
  void Hash(StateHash& hash) const override {
    for (const FlowKey& key : flows_.SortedKeys()) {
      hash.Add(key.id);
      hash.Add(*flows_.Find(key));
    }
  }
  void Refuse(const FlowKey& flow) { refuse_.Get(flow) = true; }
  uint64_t Count(const FlowKey& flow) const { return flows_.Contains(flow) ? *flows_.Find(flow) : 0; }

 private:
  std::shared_ptr<uint64_t> violations_;
  FlowMap<uint64_t> flows_;
  FlowMap<bool> refuse_;
};

struct WorldOptions {
  Profile profile;
  Duration data_delay = Duration::Micros(1);
  Duration dst_data_delay = Duration::Micros(1);  // switch to NF 1
  uint32_t table_capacity = 65536;
  Duration window = Duration::Millis(100);
  bool journal = false;
  HandOverLimits limits{};
  msg::Marking marking = msg::Marking::kAtomic;
  Duration lag{};  // of a switch that marks by packet-out
};

class World {
 public:
  explicit World(WorldOptions options)
      : options_(std::move(options)),
        hasher_(kTestKey),
        violations_(std::make_shared<uint64_t>(0)),
        controller_({options_.profile, kTestKey, 2, options_.journal, options_.limits}),
        switch_(MakeSwitch()) {
    nfs_.reserve(2);  // the oracles' addresses must last
    for (uint8_t i = 0; i < 2; ++i) nfs_.push_back(MakeNf(i));
  }

  FlowKey Flow(uint32_t n) const {
    FiveTuple t;
    t.source =
        FiveTuple::Ipv4(10, static_cast<uint8_t>(n >> 16), static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n));
    t.destination = FiveTuple::Ipv4(172, 16, 0, 1);
    t.source_port = static_cast<uint16_t>(1024 + n % 60000);
    t.destination_port = 80;
    return hasher_.Key(t);
  }

  // Packets of flow n reach the switch at `start`, then every `gap`.
  void Send(uint32_t n, TimePoint start, Duration gap, uint32_t packets, uint32_t bytes = 1500) {
    const FlowKey flow = Flow(n);
    for (uint32_t i = 0; i < packets; ++i) {
      At(start + gap * i, [this, flow, bytes, i, packets] {
        Packet packet;
        packet.flow = flow;
        packet.bytes = bytes;
        packet.digest = i;
        packet.tcp_flags = i + 1 == packets ? tcp_flag::kFin : tcp_flag::kAck;
        ++sent_;
        uint8_t nf = 0;
        switch_.OnBurst(now_, {&packet, 1}, {&nf, 1}, outbox_);
        Flush(kSwitchNode);
        if (nf == msg::kNoNf) {
          ++lost_;
        } else {
          ToNf(nf, packet);
        }
      });
    }
  }

  void At(TimePoint at, std::function<void()> action) { queue_.emplace(std::pair{at, counter_++}, std::move(action)); }

  void Run(TimePoint until = TimePoint::Never()) {
    for (;;) {
      const TimePoint timer = NextTimer();
      const TimePoint event = queue_.empty() ? TimePoint::Never() : queue_.begin()->first.first;
      // Nothing but eviction passes left: the world has come to rest.
      if (queue_.empty() && controller_.idle() && switch_.NextDeadline() == TimePoint::Never()) return;
      const TimePoint next = std::min(timer, event);
      if (next > until || next == TimePoint::Never()) return;
      if (++steps_ > 5'000'000) return;  // a hang shows as an operation that is not closed
      now_ = std::max(now_, next);       // who restarts has missed some of its timers
      if (timer <= event) {
        FireTimers();
      } else {
        auto action = std::move(queue_.begin()->second);
        queue_.erase(queue_.begin());
        action();
      }
      if (queue_.empty() && !controller_.idle() && now_ > quiet_limit_) return;
    }
  }

  Result<OperationId> Move(MoveRequest request) {
    if (down_) return Error{"the controller is down"};
    auto id = controller_.Move(now_, request, outbox_);
    Flush(kControllerNode);
    return id;
  }
  Result<OperationId> MoveElephant(MoveRequest request, DetectorSpec detector) {
    auto id = controller_.MoveElephant(now_, request, detector, outbox_);
    Flush(kControllerNode);
    return id;
  }
  Status Abort(OperationId id) {
    auto status = controller_.Abort(now_, id, outbox_);
    Flush(kControllerNode);
    return status;
  }

  // ---- faults

  // Called before each delivery of a message or marker, with their count so far.
  void OnDelivery(std::function<void(uint64_t)> hook) { on_delivery_ = std::move(hook); }
  uint64_t deliveries() const { return deliveries_; }
  void LoseMarkers(uint32_t n) { lose_markers_ = n; }  // so many, from now on
  // What is on the way is lost; the connection opens again at once.
  void BreakControl(NodeId node) {
    if (node.role == NodeId::Role::kNf && dead_[node.instance]) return;
    ++control_life_[node];
    if (down_) return;
    controller_.OnConnected(now_, node, outbox_);
    Flush(kControllerNode);
  }
  void BreakPeers() {
    ++peer_life_;
    for (uint8_t i = 0; i < 2; ++i) {
      if (dead_[0] || dead_[1]) return;
      nfs_[i].OnPeerClosed(now_, static_cast<uint8_t>(1 - i), outbox_);
      Flush(NfNode(i));
    }
    OpenPeers();
  }
  void OpenPeers() {
    for (uint8_t i = 0; i < 2; ++i) {
      const auto peer = static_cast<uint8_t>(1 - i);
      nfs_[i].OnPeerOpened(now_, peer, incarnation_[peer], outbox_);
      Flush(NfNode(i));
    }
  }
  // What it sent to its peer before still arrives.
  void Kill(uint8_t nf) {
    if (dead_[nf]) return;
    dead_[nf] = true;
    ++control_life_[NfNode(nf)];
    lost_ += nfs_[nf].held_bytes().count() / 1500;
    nfs_[nf] = MakeNf(nf);
    At(now_ + options_.profile.control_delay, [this, nf] {
      if (dead_[1 - nf]) return;
      nfs_[1 - nf].OnPeerClosed(now_, nf, outbox_);
      Flush(NfNode(static_cast<uint8_t>(1 - nf)));
    });
  }
  void DeclareDead(uint8_t nf) {
    if (down_) return At(now_ + Duration::Micros(100), [this, nf] { DeclareDead(nf); });
    controller_.DeclareDead(now_, NfNode(nf), outbox_);
    Flush(kControllerNode);
  }
  // As a new process, which knows nothing.
  void Restart(uint8_t nf) {
    dead_[nf] = false;
    ++incarnation_[nf];
    ++peer_life_;
    nfs_[nf] = MakeNf(nf);
    if (!dead_[1 - nf]) OpenPeers();
    BreakControl(NfNode(nf));
  }
  // It forgets every rule, and drops what comes until it has them again.
  void RestartSwitch() {
    ++switch_incarnation_;
    switch_ = MakeSwitch();
    BreakControl(kSwitchNode);
  }
  void KillController() {
    for (const NodeId node : {kSwitchNode, NfNode(0), NfNode(1)}) ++control_life_[node];
    ++controller_life_;
    down_ = true;
    controller_ = Controller({options_.profile, kTestKey, 2, options_.journal, options_.limits});
  }
  void RestartController() {
    KillController();
    down_ = false;
    written_ = 0;
    controller_.Recover(now_, journal_, outbox_);
    Flush(kControllerNode);
    for (const NodeId node : {kSwitchNode, NfNode(0), NfNode(1)}) BreakControl(node);
  }
  uint64_t lost() const { return lost_; }  // with NFs that died
  uint64_t duplicated() const { return duplicated_; }
  bool dead(uint8_t nf) const { return dead_[nf]; }
  const std::vector<JournalRecord>& journal() const { return journal_; }

  TimePoint now() const { return now_; }
  Controller& controller() { return controller_; }
  NfAgent& nf(int i) { return nfs_[static_cast<size_t>(i)]; }
  SwitchAgent& sw() { return switch_; }
  OracleNf& oracle(int i) { return *oracles_[i]; }
  uint64_t violations() const { return *violations_; }
  uint64_t sent() const { return sent_; }
  uint64_t delivered() const { return delivered_; }
  uint64_t dropped() const { return dropped_; }
  uint64_t relayed() const { return relayed_; }
  // Packets that left an NF after a later one of their flow.
  uint64_t reordered() const { return reordered_; }
  const std::vector<std::pair<TimePoint, RecordEvent>>& events() const { return events_; }
  TimePoint StepTime(OperationStep step) const {
    TimePoint last = TimePoint::Never();
    for (const auto& [at, e] : events_) {
      if (const auto* s = std::get_if<event::Step>(&e); s != nullptr && s->step == step) last = at;
    }
    return last;
  }
  uint64_t Outcomes(FlowOutcome outcome) const {
    uint64_t n = 0;
    for (const auto& [at, e] : events_) {
      if (const auto* o = std::get_if<event::Outcome>(&e); o != nullptr && o->outcome == outcome) ++n;
    }
    return n;
  }
  void set_quiet_limit(TimePoint at) { quiet_limit_ = at; }

 private:
  TimePoint NextTimer() const {
    TimePoint next = std::min(controller_.NextDeadline(), switch_.NextDeadline());
    for (size_t i = 0; i < 2; ++i) {
      if (!dead_[i]) next = std::min(next, nfs_[i].NextDeadline());
    }
    return next;
  }
  void FireTimers() {
    if (controller_.NextDeadline() <= now_) {
      controller_.OnTimer(now_, outbox_);
      Flush(kControllerNode);
    }
    if (switch_.NextDeadline() <= now_) {
      switch_.OnTimer(now_, outbox_);
      Flush(kSwitchNode);
    }
    for (uint8_t i = 0; i < 2; ++i) {
      if (!dead_[i] && nfs_[i].NextDeadline() <= now_) {
        nfs_[i].OnTimer(now_, outbox_);
        Flush(NfNode(i));
      }
    }
  }

  static Packet Relayed(Packet packet) {
    packet.relayed = true;
    return packet;
  }

  void ToNf(uint8_t nf, const Packet& packet) {
    const Duration delay = nf == 1 ? options_.dst_data_delay : options_.data_delay;
    At(now_ + delay, [this, nf, packet] {
      if (dead_[nf]) {
        ++lost_;
        return;
      }
      NfVerdict verdict = NfVerdict::kForward;
      nfs_[nf].OnBurst(now_, {&packet, 1}, {&verdict, 1}, outbox_);
      if (verdict == NfVerdict::kForward) Deliver(packet);
      if (verdict == NfVerdict::kRelay) {
        ++relayed_;
        const uint8_t to = nfs_[nf].relay_target();
        At(now_ + options_.data_delay, [this, to, packet] { ToNf(to, Relayed(packet)); });
      }
      Flush(NfNode(nf));
    });
  }

  void Deliver(const Packet& packet) {
    ++delivered_;
    auto& seen = seen_.Get(packet.flow);
    if (seen.size() <= packet.digest) seen.resize(packet.digest + 1);
    if (seen[packet.digest]) ++duplicated_;
    seen[packet.digest] = true;
    uint64_t& next = last_.Get(packet.flow);
    if (packet.digest + 1 < next) ++reordered_;
    next = std::max(next, packet.digest + 1);
  }

  void Flush(NodeId from) {
    Outbox out;
    std::swap(out, outbox_);
    for (const RecordEvent& e : out.events) events_.emplace_back(now_, e);
    for (const OutPacket& p : out.packets) {
      switch (p.fate) {
        case OutPacket::Fate::kToSink:
          Deliver(p.packet);
          break;
        case OutPacket::Fate::kToNf:
          ToNf(p.nf, p.packet);
          break;
        case OutPacket::Fate::kRelay:
          ToNf(p.nf, Relayed(p.packet));
          break;
        case OutPacket::Fate::kDropped:
          ++dropped_;
          break;
        case OutPacket::Fate::kForgotten:
          break;
      }
    }
    for (const OutMarker& m : out.markers) {
      const Duration back = from == kSwitchNode ? Duration() : options_.data_delay;  // an NF's by way of the switch
      const Duration delay = m.nf == 1 ? options_.dst_data_delay : options_.data_delay;
      At(now_ + back + delay, [this, m] {
        if (on_delivery_) on_delivery_(deliveries_);
        ++deliveries_;
        if (dead_[m.nf]) return;
        if (lose_markers_ > 0) {
          --lose_markers_;
          return;
        }
        nfs_[m.nf].OnMarker(now_, m.marker, outbox_);
        Flush(NfNode(m.nf));
      });
    }
    for (OutMessage& m : out.messages) Transmit(from, m.to, std::move(m.message));
    for (JournalRecord& record : out.journal) {
      At(now_ + Duration::Micros(5), [this, record = std::move(record), number = ++written_, life = controller_life_] {
        if (life != controller_life_) return;  // torn off with the controller
        journal_.push_back(record);
        controller_.OnDurable(now_, number, outbox_);
        Flush(kControllerNode);
      });
    }
  }

  void Transmit(NodeId from, NodeId to, Message message) {
    const NodeId node = from == kControllerNode ? to : from;
    const bool peers = from.role == NodeId::Role::kNf && to.role == NodeId::Role::kNf;
    const uint64_t life = peers ? peer_life_ : control_life_[node];
    At(now_ + options_.profile.control_delay, [this, from, to, node, peers, life, message = std::move(message)] {
      if (on_delivery_) on_delivery_(deliveries_);
      ++deliveries_;
      const bool gone =
          life != (peers ? peer_life_ : control_life_[node]) || (to.role == NodeId::Role::kNf && dead_[to.instance]);
      if (gone) {
        // A broken stream begins again; that of a dead one does not.
        const bool packet = std::holds_alternative<msg::ReturnedPacket>(message.body);
        if (packet && (dead_[from.instance] || dead_[to.instance] || incarnation_ != std::array<uint64_t, 2>{1, 1})) {
          ++lost_;
        }
        return;
      }
      switch (to.role) {
        case NodeId::Role::kController:
          controller_.OnMessage(now_, from, message, outbox_);
          break;
        case NodeId::Role::kSwitch:
          switch_.OnMessage(now_, message, outbox_);
          break;
        case NodeId::Role::kNf:
          nfs_[to.instance].OnMessage(now_, message, outbox_);
          break;
      }
      Flush(to);
    });
  }

  SwitchAgent MakeSwitch() const {
    return SwitchAgent({.profile = options_.profile,
                        .hash_key = kTestKey,
                        .table_capacity = options_.table_capacity,
                        .incarnation = switch_incarnation_,
                        .restarted = switch_incarnation_ > 1,
                        .marking = options_.marking,
                        .lag = options_.lag});
  }

  NfAgent MakeNf(uint8_t i) {
    auto oracle = std::make_unique<OracleNf>(violations_);
    oracles_[i] = oracle.get();
    return NfAgent({i, {.capacity = 4096, .window = options_.window}, options_.profile, kTestKey, incarnation_[i]},
                   std::move(oracle));
  }

  WorldOptions options_;
  FlowHasher hasher_;
  std::shared_ptr<uint64_t> violations_;
  std::array<bool, 2> dead_{};
  std::array<uint64_t, 2> incarnation_{1, 1};
  Controller controller_;
  uint64_t switch_incarnation_ = 1;
  SwitchAgent switch_;
  std::vector<NfAgent> nfs_;
  OracleNf* oracles_[2] = {};
  Outbox outbox_;
  std::map<std::pair<TimePoint, uint64_t>, std::function<void()>> queue_;
  uint64_t counter_ = 0;
  TimePoint now_;
  TimePoint quiet_limit_ = TimePoint::FromNanos(10'000'000'000);
  uint64_t steps_ = 0;
  uint64_t sent_ = 0, delivered_ = 0, dropped_ = 0, relayed_ = 0, reordered_ = 0, duplicated_ = 0, lost_ = 0;
  FlowMap<uint64_t> last_;
  FlowMap<std::vector<bool>> seen_;
  std::function<void(uint64_t)> on_delivery_;
  uint64_t deliveries_ = 0;
  uint32_t lose_markers_ = 0;
  std::map<NodeId, uint64_t> control_life_;
  uint64_t peer_life_ = 0;
  uint64_t controller_life_ = 0;
  bool down_ = false;     // the controller
  uint64_t written_ = 0;  // journal records of this controller
  std::vector<JournalRecord> journal_;
  std::vector<std::pair<TimePoint, RecordEvent>> events_;
};

}  // namespace uhaul::testing
