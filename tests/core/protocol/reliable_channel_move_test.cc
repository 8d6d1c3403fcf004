// Moves whose every control message, state included, goes as octets over a ReliableChannel on a transport that loses,
// repeats and reorders frames: with it below them OpenNF's moves keep what they promise on a reliable channel, and
// hand-overs what they promise at all.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>

#include "core/base/random.h"
#include "core/nf/sequence_audit.h"
#include "core/node/controller.h"
#include "core/node/nf_agent.h"
#include "core/node/switch_agent.h"
#include "core/protocol/codec.h"
#include "core/protocol/reliable_channel.h"

using namespace uhaul;

namespace {

constexpr HashKey kKey{3, 4};
constexpr uint32_t kFlows = 20;

using Pair = std::pair<NodeId, NodeId>;  // from, to: what goes that way

class Testbed {
 public:
  explicit Testbed(uint64_t seed)
      : random_(seed, 5),
        switch_({.profile = *FindProfile("ideal"), .hash_key = kKey}),
        controller_({.profile = *FindProfile("ideal"), .hash_key = kKey}) {
    for (uint8_t i = 0; i < 2; ++i) {
      nfs_.push_back(NfAgent({.instance = i, .fit = {}, .profile = *FindProfile("ideal"), .hash_key = kKey},
                             std::make_unique<SequenceAudit>(SequenceAuditOptions{.hash_key = kKey})));
    }
    loss_ = random_.Uniform() * 0.4;
    repeat_ = random_.Uniform() * 0.4;
  }

  FlowKey Flow(uint32_t n) const {
    FiveTuple tuple;
    tuple.source = FiveTuple::Ipv4(10, 0, 0, static_cast<uint8_t>(n));
    return FlowHasher(kKey).Key(tuple);
  }
  void SendPacket(uint32_t flow) {
    Packet packet;
    packet.flow = Flow(flow);
    packet.bytes = 100;
    packet.digest = sent_[flow]++;
    uint8_t nf = 0;
    switch_.OnBurst(now_, {&packet, 1}, {&nf, 1}, outbox_);
    ToNf(nf, packet);
    Carry(kSwitchNode);
  }
  void Move(const char* scheme) {
    MoveRequest request;
    request.src = 0;
    request.dst = 1;
    request.scheme = *FindScheme(scheme);
    request.scheme.flows = MoveFlows::kTable;  // the FIT forgets flows while the request is under way
    REQUIRE(controller_.Move(now_, request, outbox_).ok());
    Carry(kControllerNode);
  }
  // Events until `end`, or until none is left.
  void Run(TimePoint end) {
    for (int i = 0; i < 2'000'000; ++i) {
      const TimePoint next = Next();
      if (next > end || next == TimePoint::Never()) break;
      now_ = std::max(now_, next);
      if (!wire_.empty() && wire_.begin()->first.first <= now_) {
        const auto [way, frame] = wire_.begin()->second;
        wire_.erase(wire_.begin());
        Arrive(way, frame);
      } else {
        Wake();
      }
    }
    now_ = std::max(now_, end);
  }
  TimePoint now() const { return now_; }
  const Controller& controller() const { return controller_; }
  const SequenceAudit& audit(int i) const { return static_cast<const SequenceAudit&>(nfs_[i].function()); }
  uint64_t sent() const {
    uint64_t sum = 0;
    for (const auto& [flow, sent] : sent_) sum += sent;
    return sum;
  }
  uint64_t processed() const { return processed_; }
  uint64_t frames_lost() const { return frames_lost_; }

 private:
  // One end's channel for what goes both ways between two nodes.
  ReliableChannel& End(NodeId self, NodeId other) {
    const auto [it, fresh] = ends_.try_emplace(Pair{self, other}, ReliableChannelOptions{.session = 1});
    return it->second;
  }
  TimePoint Next() const {
    TimePoint next = std::min(switch_.NextDeadline(), controller_.NextDeadline());
    for (const NfAgent& nf : nfs_) {
      if (nf.NextDeadline() != nf.fit().NextPass()) next = std::min(next, nf.NextDeadline());
    }
    for (const auto& [pair, end] : ends_) next = std::min(next, end.NextDeadline());
    return wire_.empty() ? next : std::min(next, wire_.begin()->first.first);
  }
  void Wake() {
    if (controller_.NextDeadline() <= now_) controller_.OnTimer(now_, outbox_);
    Carry(kControllerNode);
    if (switch_.NextDeadline() <= now_) switch_.OnTimer(now_, outbox_);
    Carry(kSwitchNode);
    for (uint8_t i = 0; i < 2; ++i) {
      if (nfs_[i].NextDeadline() <= now_) nfs_[i].OnTimer(now_, outbox_);
      Carry(NfNode(i));
    }
    for (auto& [pair, end] : ends_) {
      if (end.NextDeadline() > now_) continue;
      end.OnTimer(now_);
      Pump(pair);
    }
  }
  void Pump(Pair way) {
    while (auto frame = End(way.first, way.second).Poll(now_)) {
      if (random_.Uniform() < loss_) {
        ++frames_lost_;
        continue;
      }
      do {
        const TimePoint at = now_ + Duration::Nanos(static_cast<int64_t>(1000 + random_.Below(3'000'000)));
        wire_.emplace(std::pair{at, ++count_}, std::pair{way, *frame});
      } while (random_.Uniform() < repeat_);
    }
  }
  void Arrive(Pair way, const std::vector<uint8_t>& frame) {
    std::vector<std::vector<uint8_t>> messages;
    REQUIRE(End(way.second, way.first).OnFrame(now_, frame, &messages));
    for (const std::vector<uint8_t>& octets : messages) {
      Result<Decoded> decoded = Decode(octets);
      REQUIRE(decoded.ok());
      Receive(way.first, way.second, decoded->message);
    }
    Pump({way.second, way.first});  // acknowledgements
  }
  void Receive(NodeId from, NodeId to, Message& message) {
    std::visit(
        [](auto& body) {
          if constexpr (requires { body.packet.flow; }) body.packet.flow = FlowHasher(kKey).Key(body.packet.flow.tuple);
        },
        message.body);
    if (to == kControllerNode) controller_.OnMessage(now_, from, message, outbox_);
    if (to == kSwitchNode) switch_.OnMessage(now_, message, outbox_);
    if (to.role == NodeId::Role::kNf) nfs_[to.instance].OnMessage(now_, message, outbox_);
    Carry(to);
  }
  void ToNf(uint8_t nf, const Packet& packet) {
    NfVerdict verdict = NfVerdict::kForward;
    Outbox outbox;
    std::swap(outbox, outbox_);
    nfs_[nf].OnBurst(now_, {&packet, 1}, {&verdict, 1}, outbox_);
    processed_ += verdict == NfVerdict::kForward ? 1 : 0;
    Carry(NfNode(nf));
    std::swap(outbox, outbox_);
  }
  void Carry(NodeId from) {
    Outbox out;
    std::swap(out, outbox_);
    for (const OutMessage& message : out.messages) {
      std::vector<uint8_t> octets;
      Encode(message.message, &octets);
      REQUIRE(End(from, message.to).Send(std::move(octets)).ok());
      Pump({from, message.to});
    }
    for (const OutPacket& packet : out.packets) {
      if (packet.fate == OutPacket::Fate::kToSink) ++processed_;
      if (packet.fate == OutPacket::Fate::kToNf || packet.fate == OutPacket::Fate::kRelay)
        ToNf(packet.nf, packet.packet);
    }
    for (const OutMarker& marker : out.markers) {
      nfs_[marker.nf].OnMarker(now_, marker.marker, outbox_);
      Carry(NfNode(marker.nf));
    }
  }

  Random random_;
  double loss_ = 0, repeat_ = 0;
  SwitchAgent switch_;
  Controller controller_;
  std::vector<NfAgent> nfs_;
  Outbox outbox_;
  std::map<Pair, ReliableChannel> ends_;
  std::map<std::pair<TimePoint, uint64_t>, std::pair<Pair, std::vector<uint8_t>>> wire_;
  std::map<uint32_t, uint64_t> sent_;
  uint64_t count_ = 0, processed_ = 0, frames_lost_ = 0;
  TimePoint now_;
};

uint64_t Seeds(uint64_t most) {
  const char* given = std::getenv("UHAUL_TEST_SEEDS");
  return given == nullptr ? most : std::strtoull(given, nullptr, 10);
}

}  // namespace

TEST_CASE("ReliableChannel: over a transport that loses, repeats and reorders, moves keep their promises") {
  uint64_t frames_lost = 0;
  const uint64_t seeds = Seeds(60);
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const char* scheme : {"opennf-lf", "handover"}) {
      INFO("UHAUL_TEST_SEEDS=" << seed << " (the last), scheme " << scheme);
      Testbed testbed(seed);
      for (uint32_t f = 0; f < kFlows; ++f) testbed.SendPacket(f);
      testbed.Move(scheme);
      Random random(seed, 6);
      for (int i = 0; i < 300; ++i) {
        testbed.Run(testbed.now() + Duration::Micros(static_cast<int64_t>(random.Below(2000))));
        testbed.SendPacket(static_cast<uint32_t>(random.Below(kFlows)));
      }
      testbed.Run(testbed.now() + Duration::Seconds(200));
      REQUIRE(testbed.controller().idle());
      CHECK(testbed.processed() == testbed.sent());
      const AuditCounts counts = testbed.audit(1).Totals();
      CHECK(counts.packets == testbed.sent());
      CHECK(counts.repeats + counts.lost + counts.overwritten == 0);
      if (std::string(scheme) == "handover") CHECK(counts.reorders + counts.gaps == 0);
      frames_lost += testbed.frames_lost();
    }
  }
  CHECK(frames_lost > seeds * 10);
}
