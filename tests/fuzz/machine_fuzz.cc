// libFuzzer on the machines: any message that decodes, in any state, at any time. Whatever comes from a wire may be
// nonsense, but may never stop a machine.
//
// The input is a list of steps. Each is an octet that says what, and what that takes: a message is an octet for its
// type, one for its operation, one for how long its body is, and the body. What the machines themselves say may be
// delivered as well, once or twice and out of turn, so that nonsense comes also in the middle of a move; connections
// open, streams end, markers come, the journal becomes durable, and NFs are declared dead.
#include <array>

#include "core/base/check.h"
#include "core/nf/sequence_audit.h"
#include "core/node/controller.h"
#include "core/node/nf_agent.h"
#include "core/node/switch_agent.h"
#include "core/protocol/codec.h"

namespace {

using namespace uhaul;

constexpr HashKey kKey{1, 2};
constexpr size_t kHeader = 14;

class Input {
 public:
  explicit Input(std::span<const uint8_t> in) : in_(in) {}
  bool empty() const { return in_.empty(); }
  uint8_t Octet() {
    if (in_.empty()) return 0;
    const uint8_t octet = in_[0];
    in_ = in_.subspan(1);
    return octet;
  }
  std::span<const uint8_t> Take(size_t n) {
    const auto taken = in_.first(std::min(n, in_.size()));
    in_ = in_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const uint8_t> in_;
};

class Machines {
 public:
  explicit Machines(Input input)
      : input_(input),
        controller_({*FindProfile("ideal"), kKey, 2, true}),
        switch_({*FindProfile("ideal"), kKey, 8, 0}) {
    for (uint8_t x = 0; x < 2; ++x) {
      nfs_.push_back(NfAgent({x, {.capacity = 8, .window = Duration::Millis(1)}, *FindProfile("ideal"), kKey},
                             std::make_unique<SequenceAudit>(SequenceAuditOptions{.hash_key = kKey, .capacity = 64})));
    }
  }

  void Run() {
    for (int steps = 0; !input_.empty() && steps < 200; ++steps) Step();
  }

 private:
  void Step() {
    const uint8_t what = input_.Octet();
    constexpr NodeId kCalled[] = {NfNode(0), NfNode(1),   kSwitchNode,     kControllerNode,
                                  NfNode(0), kSwitchNode, kControllerNode, kControllerNode};
    speaker_ = kCalled[what % 8];
    switch (what % 8) {  // what / 8 says more
      case 0:
      case 1:
        if (const auto message = TakeMessage()) nfs_[what % 8].OnMessage(now_, *message, out_);
        break;
      case 2:
        if (const auto message = TakeMessage()) switch_.OnMessage(now_, *message, out_);
        break;
      case 3:
        if (const auto message = TakeMessage()) {
          const uint8_t from = what >> 3;
          controller_.OnMessage(now_, from % 3 == 2 ? kSwitchNode : NfNode(from % 3), *message, out_);
        }
        break;
      case 4: {
        const Packet packet = TakePacket();
        NfVerdict verdict = NfVerdict::kForward;
        nfs_[what >> 3 & 1].OnBurst(now_, {&packet, 1}, {&verdict, 1}, out_);
        break;
      }
      case 5: {
        const Packet packet = TakePacket();
        uint8_t nf = 0;
        switch_.OnBurst(now_, {&packet, 1}, {&nf, 1}, out_);
        break;
      }
      case 6:
        now_ = now_ + Duration::Micros(1 + input_.Octet() * 100);
        break;
      case 7:
        Command(what >> 3);
        break;
    }
    Settle();
  }

  void Deliver(const OutMessage& out, NodeId from) {
    speaker_ = out.to;
    switch (out.to.role) {
      case NodeId::Role::kController:
        return controller_.OnMessage(now_, from, out.message, out_);
      case NodeId::Role::kSwitch:
        return switch_.OnMessage(now_, out.message, out_);
      case NodeId::Role::kNf:
        return nfs_[out.to.instance % 2].OnMessage(now_, out.message, out_);
    }
  }

  // Something of what was said; `keep`: it may come again.
  void DeliverSome(bool keep) {
    if (said_.empty()) return;
    const size_t i = input_.Octet() % said_.size();
    const auto some = said_[i];
    if (!keep) said_.erase(said_.begin() + static_cast<std::ptrdiff_t>(i));
    Deliver(some.second, some.first);
  }

  void DeliverAll() {
    for (int i = 0; i < 100 && !said_.empty(); ++i) {
      const auto first = said_.front();
      said_.erase(said_.begin());
      Deliver(first.second, first.first);
      Settle();
    }
  }

  void Mark() {
    if (markers_.empty()) return;
    const OutMarker out = markers_[input_.Octet() % markers_.size()];
    nfs_[out.nf % 2].OnMarker(now_, out.marker, out_);
  }

  // True if it was one of these.
  bool Happening(uint8_t which) {
    switch (which) {
      case 24:
        return DeliverSome(true), true;
      case 25:
        return DeliverSome(false), true;
      case 26:
        return DeliverAll(), true;
      case 27:
        return Mark(), true;
      case 28: {
        const uint8_t node = input_.Octet() % 3;
        return controller_.OnConnected(now_, node == 2 ? kSwitchNode : NfNode(node), out_), true;
      }
      case 29: {
        const uint8_t stream = input_.Octet();
        NfAgent& nf = nfs_[stream & 1];
        const uint8_t peer = 1 - (stream & 1);
        if ((stream & 2) != 0) {
          nf.OnPeerClosed(now_, peer, out_);
        } else {
          nf.OnPeerOpened(now_, peer, 1 + (stream >> 2 & 1), out_);
        }
        return true;
      }
      case 30:
        if (const uint8_t nf = input_.Octet(); (nf & 2) != 0) {
          controller_.DeclareDead(now_, NfNode(nf & 1), out_);
        } else {
          controller_.OnDurable(now_, journaled_, out_);
        }
        return true;
      default:
        return false;
    }
  }

  std::optional<Message> TakeMessage() {
    std::vector<uint8_t> octets(kHeader, 0);
    const uint8_t type = input_.Octet();
    const uint8_t operation = input_.Octet() % 4;
    const auto body = input_.Take(input_.Octet());
    octets[0] = static_cast<uint8_t>(kHeader - 4 + body.size());
    octets[1] = static_cast<uint8_t>((kHeader - 4 + body.size()) >> 8);
    octets[4] = kWireVersion;
    octets[5] = static_cast<uint8_t>(type % std::variant_size_v<MessageVariant>);
    octets[6] = operation;
    octets.insert(octets.end(), body.begin(), body.end());
    auto decoded = Decode(octets);
    if (!decoded.ok()) return std::nullopt;
    return std::move(decoded->message);
  }

  Packet TakePacket() {
    FiveTuple tuple;
    tuple.source = FiveTuple::Ipv4(10, 0, 0, input_.Octet() % 4);
    Packet packet;
    packet.flow = hasher_.Key(tuple);
    packet.bytes = 64;
    packet.digest = input_.Octet() % 8;
    packet.do_not_buffer = packet.digest == 7;
    return packet;
  }

  void Command(uint8_t which) {
    if (Happening(which)) return;
    const std::vector<std::string> names = SchemeNames();
    MoveRequest request;
    request.src = which & 1;
    request.dst = 1 - request.src;
    request.scheme = *FindScheme(names[input_.Octet() % names.size()]);
    if (which == 31) return (void)controller_.Abort(now_, 1 + input_.Octet() % 3, out_).ok();
    if (request.scheme.flows == MoveFlows::kElephants) {
      (void)controller_.MoveElephant(now_, request, {DetectorSpec::Kind::kProportion, 0.5, Bytes()}, out_).ok();
    } else {
      (void)controller_.Move(now_, request, out_).ok();
    }
  }

  // What comes out is bounded, and can be put on a wire.
  void Settle() {
    for (int rounds = 0; rounds < 4; ++rounds) {
      if (controller_.NextDeadline() <= now_) controller_.OnTimer(now_, out_);
      if (switch_.NextDeadline() <= now_) switch_.OnTimer(now_, out_);
      for (NfAgent& nf : nfs_) {
        if (nf.NextDeadline() <= now_) nf.OnTimer(now_, out_);
      }
    }
    UHAUL_CHECK(out_.messages.size() < 10'000);
    for (const OutMessage& out : out_.messages) {
      octets_.clear();
      Encode(out.message, &octets_);
      if (said_.size() < 200) said_.emplace_back(speaker_, out);
    }
    for (const OutMarker& marker : out_.markers) {
      if (markers_.size() < 50) markers_.push_back(marker);
    }
    journaled_ += out_.journal.size();
    out_.Clear();
  }

  Input input_;
  FlowHasher hasher_{kKey};
  Controller controller_;
  SwitchAgent switch_;
  std::vector<NfAgent> nfs_;
  TimePoint now_;
  Outbox out_;
  std::vector<uint8_t> octets_;
  NodeId speaker_;  // who was called last
  std::vector<std::pair<NodeId, OutMessage>> said_;
  std::vector<OutMarker> markers_;
  uint64_t journaled_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Machines(Input({data, size})).Run();
  return 0;
}
