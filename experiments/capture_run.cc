#include "experiments/capture_run.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "core/node/nf_agent.h"
#include "core/node/switch_agent.h"
#include "experiments/run_control.h"

namespace uhaul {
namespace {

constexpr HashKey kHashKey{0x75, 0x6861756c};
constexpr Duration kForever = Duration::Seconds(int64_t{1} << 33);
// After the last packet, an operation that does nothing for so long will not end: OpenNF's order-preserving move waits
// for a packet for ever.
constexpr Duration kPatience = Duration::Seconds(60);

class World {
 public:
  World(CaptureReplay replay, const CaptureRunOptions& options)
      : options_(options),
        replay_(std::move(replay)),
        hasher_(kHashKey),
        controller_({options.profile, kHashKey, 2}),
        switch_({options.profile, kHashKey, options.switch_table, 0}) {
    nfs_.reserve(2);  // the monitors' addresses must last
    for (uint8_t i = 0; i < 2; ++i) {
      auto monitor = std::make_unique<AssetMonitor>(
          AssetMonitorOptions{.timeout = kForever, .hash_key = kHashKey, .clock = AssetClock::kStamp});
      monitors_[i] = monitor.get();
      nfs_.emplace_back(NfAgentOptions{i, options.fit, options.profile, kHashKey}, std::move(monitor));
    }
  }

  Result<CaptureRunResult> Run();

 private:
  void SendNext();
  Status StartMove();
  void FireTimers();
  TimePoint NextMachine() const;
  TimePoint NextTimer() const;
  void ToNf(uint8_t nf, const Packet& packet);
  void OnNf(uint8_t nf, const Packet& packet);
  void Processed(const Packet& packet);
  void Flush(NodeId from);
  void Deliver(NodeId from, const OutMessage& out);
  void Note(const RecordEvent& event);
  void At(TimePoint at, std::function<void()> action) { queue_.emplace(std::pair{at, counter_++}, std::move(action)); }
  CaptureRunResult Finish();

  CaptureRunOptions options_;
  CaptureReplay replay_;
  FlowHasher hasher_;
  Controller controller_;
  SwitchAgent switch_;
  std::vector<NfAgent> nfs_;
  std::array<const AssetMonitor*, 2> monitors_{};  // inside nfs_
  std::map<std::pair<TimePoint, uint64_t>, std::function<void()>> queue_;
  uint64_t counter_ = 0;
  TimePoint now_;
  Outbox outbox_;
  bool moved_ = false;
  std::vector<uint64_t> next_digest_;  // by connection
  CaptureRunResult result_;
};

// What a machine wants done, other than an eviction pass.
TimePoint World::NextMachine() const { return std::min(controller_.NextDeadline(), switch_.NextDeadline()); }

TimePoint World::NextTimer() const {
  TimePoint next = NextMachine();
  for (const NfAgent& nf : nfs_) next = std::min(next, nf.NextDeadline());
  return next;
}

Result<CaptureRunResult> World::Run() {
  TimePoint busy;  // when anything but an eviction pass last happened
  moved_ = options_.move.scheme.flows == MoveFlows::kNone;
  for (;;) {
    const TimePoint packet = replay_.NextTime();
    const TimePoint event = queue_.empty() ? TimePoint::Never() : queue_.begin()->first.first;
    const TimePoint move = moved_ ? TimePoint::Never() : options_.move_at;
    const TimePoint work = std::min({packet, event, move, NextMachine()});
    if (work == TimePoint::Never() && (controller_.idle() || now_ - busy > kPatience)) break;
    now_ = std::max(now_, std::min(work, NextTimer()));
    if (work <= now_) busy = now_;
    if (NextTimer() <= now_) {
      FireTimers();
    } else if (event <= now_) {
      const std::function<void()> action = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      action();
    } else if (move <= now_) {
      if (const Status started = StartMove(); !started.ok()) return started.error();
    } else {
      SendNext();
    }
  }
  if (!replay_.status().ok()) return replay_.status().error();
  return Finish();
}

Status World::StartMove() {
  moved_ = true;
  Operation operation{options_.move, std::nullopt};
  if (options_.move.scheme.flows == MoveFlows::kElephants) operation.detector = options_.detector;
  const Result<OperationId> started = StartOperation(controller_, now_, operation, outbox_);
  Flush(kControllerNode);
  return started.ok() ? Status() : started.error();
}

void World::FireTimers() {
  if (controller_.NextDeadline() <= now_) {
    controller_.OnTimer(now_, outbox_);
    Flush(kControllerNode);
  }
  if (switch_.NextDeadline() <= now_) {
    switch_.OnTimer(now_, outbox_);
    Flush(kSwitchNode);
  }
  for (uint8_t i = 0; i < 2; ++i) {
    if (nfs_[i].NextDeadline() > now_) continue;
    nfs_[i].OnTimer(now_, outbox_);
    Flush(NfNode(i));
  }
}

// ---- packets

void World::SendNext() {
  const CaptureReplayPacket p = replay_.Pop();
  Packet packet;
  packet.flow = hasher_.Key(replay_.flows()[p.connection].tuple);
  packet.bytes = p.ip_octets;
  packet.tcp_flags = p.tcp_flags;
  packet.reverse = p.reverse;
  packet.digest = p.digest;
  packet.handle = p.connection;
  packet.stamp = p.recorded;
  ++result_.sent;
  uint8_t nf = 0;
  switch_.OnBurst(now_, {&packet, 1}, {&nf, 1}, outbox_);
  Flush(kSwitchNode);
  ToNf(nf, packet);
}

void World::ToNf(uint8_t nf, const Packet& packet) {
  At(now_ + options_.link_delay, [this, nf, packet] { OnNf(nf, packet); });
}

void World::OnNf(uint8_t nf, const Packet& packet) {
  NfVerdict verdict = NfVerdict::kForward;
  nfs_[nf].OnBurst(now_, {&packet, 1}, {&verdict, 1}, outbox_);
  switch (verdict) {
    case NfVerdict::kForward:
      Processed(packet);
      break;
    case NfVerdict::kConsumed:
      break;
    case NfVerdict::kRelay: {
      ++result_.relayed;
      const uint8_t to = nfs_[nf].relay_target();
      Packet relayed = packet;
      relayed.relayed = true;
      At(now_ + options_.link_delay, [this, to, relayed] { ToNf(to, relayed); });  // back to the switch first
      break;
    }
  }
  Flush(NfNode(nf));
}

void World::Processed(const Packet& packet) {
  ++result_.processed;
  if (packet.handle >= next_digest_.size()) next_digest_.resize(packet.handle + 1);
  uint64_t& next = next_digest_[packet.handle];
  result_.reordered += packet.digest < next ? 1 : 0;
  next = std::max(next, packet.digest + 1);
}

// ---- what machines want done

void World::Flush(NodeId from) {
  if (outbox_.empty()) return;
  Outbox out;
  std::swap(out, outbox_);
  for (const RecordEvent& event : out.events) Note(event);
  for (const OutPacket& p : out.packets) {
    switch (p.fate) {
      case OutPacket::Fate::kToSink:
        Processed(p.packet);
        break;
      case OutPacket::Fate::kToNf:
        ++result_.by_controller;
        ToNf(p.nf, p.packet);
        break;
      case OutPacket::Fate::kRelay: {
        Packet relayed = p.packet;
        relayed.relayed = true;
        ToNf(p.nf, relayed);
        break;
      }
      case OutPacket::Fate::kDropped:
        ++result_.dropped;
        break;
      case OutPacket::Fate::kForgotten:
        break;
    }
  }
  for (const OutMarker& m : out.markers) {
    const int hops = from == kSwitchNode ? 1 : 2;
    At(now_ + options_.link_delay * hops, [this, m] {
      nfs_[m.nf].OnMarker(now_, m.marker, outbox_);
      Flush(NfNode(m.nf));
    });
  }
  for (const OutMessage& m : out.messages) {
    At(now_ + options_.profile.control_delay, [this, from, m] { Deliver(from, m); });
  }
}

void World::Deliver(NodeId from, const OutMessage& out) {
  switch (out.to.role) {
    case NodeId::Role::kController:
      controller_.OnMessage(now_, from, out.message, outbox_);
      break;
    case NodeId::Role::kSwitch:
      switch_.OnMessage(now_, out.message, outbox_);
      break;
    case NodeId::Role::kNf:
      nfs_[out.to.instance].OnMessage(now_, out.message, outbox_);
      break;
  }
  Flush(out.to);
}

void World::Note(const RecordEvent& event) {
  if (const auto* step = std::get_if<event::Step>(&event)) result_.steps[step->step] = now_;
  if (std::holds_alternative<event::Selected>(event)) ++result_.selected;
  if (const auto* outcome = std::get_if<event::Outcome>(&event)) ++result_.outcomes[outcome->outcome];
}

CaptureRunResult World::Finish() {
  result_.records = AssetRecords(*monitors_[0], *monitors_[1]);
  for (size_t i = 0; i < 2; ++i) {
    result_.records_at[i] = monitors_[i]->flow_count();
    result_.unwatched += monitors_[i]->unwatched();
    result_.fit_full += nfs_[i].fit().full();
  }
  for (size_t i = 1; i < result_.records.size(); ++i) {
    result_.split += result_.records[i].tuple == result_.records[i - 1].tuple ? 1 : 0;
  }
  result_.capture = replay_.totals();
  return std::move(result_);
}

}  // namespace

Result<CaptureRunResult> RunCapture(const std::string& path, const CaptureRunOptions& options) {
  Result<CaptureReplay> replay = CaptureReplay::Open(path);
  if (!replay.ok()) return replay.error();
  return World(*std::move(replay), options).Run();
}

}  // namespace uhaul
