// A small lossless world around the real machines: FIFO links with delays, one switch, two NFs, a controller, a sink.
// Time jumps from event to event; ties go by insertion. Oracle: an order-sensitive, version-checking NF, plus what the
// sink sees.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/flow/flow_map.h"
#include "core/node/controller.h"
#include "core/node/nf_agent.h"
#include "core/node/switch_agent.h"

namespace uhaul::testing {

inline constexpr HashKey kTestKey{11, 22};

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
};

class World {
 public:
  explicit World(WorldOptions options)
      : options_(std::move(options)),
        hasher_(kTestKey),
        violations_(std::make_shared<uint64_t>(0)),
        controller_({options_.profile, kTestKey, 2}),
        switch_({options_.profile, kTestKey, options_.table_capacity, 0}) {
    nfs_.reserve(2);  // the oracles' addresses must last
    for (uint8_t i = 0; i < 2; ++i) {
      auto oracle = std::make_unique<OracleNf>(violations_);
      oracles_[i] = oracle.get();
      nfs_.push_back(
          NfAgent({i, {.capacity = 4096, .window = options_.window}, options_.profile, kTestKey}, std::move(oracle)));
    }
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
        ToNf(nf, packet);
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
      UHAUL_CHECK(next >= now_);
      if (++steps_ > 5'000'000) return;  // a hang shows as an operation that is not closed
      now_ = next;
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
    for (const NfAgent& nf : nfs_) next = std::min(next, nf.NextDeadline());
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
      if (nfs_[i].NextDeadline() <= now_) {
        nfs_[i].OnTimer(now_, outbox_);
        Flush(NfNode(i));
      }
    }
  }

  void ToNf(uint8_t nf, const Packet& packet) {
    const Duration delay = nf == 1 ? options_.dst_data_delay : options_.data_delay;
    At(now_ + delay, [this, nf, packet] {
      NfVerdict verdict = NfVerdict::kForward;
      nfs_[nf].OnBurst(now_, {&packet, 1}, {&verdict, 1}, outbox_);
      if (verdict == NfVerdict::kForward) Deliver(packet);
      if (verdict == NfVerdict::kRelay) {
        ++relayed_;
        const uint8_t to = nfs_[nf].relay_target();
        At(now_ + options_.data_delay, [this, to, packet] { ToNf(to, packet); });
      }
      Flush(NfNode(nf));
    });
  }

  void Deliver(const Packet& packet) {
    ++delivered_;
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
          ToNf(p.nf, p.packet);
          break;
        case OutPacket::Fate::kDropped:
          ++dropped_;
          break;
      }
    }
    for (const OutMessage& m : out.messages) {
      const NodeId to = m.to;
      At(now_ + options_.profile.control_delay, [this, from, to, message = m.message] {
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
  }

  WorldOptions options_;
  FlowHasher hasher_;
  std::shared_ptr<uint64_t> violations_;
  Controller controller_;
  SwitchAgent switch_;
  std::vector<NfAgent> nfs_;
  OracleNf* oracles_[2] = {};
  Outbox outbox_;
  std::map<std::pair<TimePoint, uint64_t>, std::function<void()>> queue_;
  uint64_t counter_ = 0;
  TimePoint now_;
  TimePoint quiet_limit_ = TimePoint::FromNanos(10'000'000'000);
  uint64_t steps_ = 0;
  uint64_t sent_ = 0, delivered_ = 0, dropped_ = 0, relayed_ = 0, reordered_ = 0;
  FlowMap<uint64_t> last_;
  std::vector<std::pair<TimePoint, RecordEvent>> events_;
};

}  // namespace uhaul::testing
