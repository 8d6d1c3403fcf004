// libFuzzer on the machines: any message that decodes, in any state, at any time. Whatever comes from a wire may be
// nonsense, but may never stop a machine.
//
// The input is a list of steps. Each is an octet that says what, and what that takes: a message is an octet for its
// type, one for its operation, one for how long its body is, and the body.
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
      : input_(input), controller_({*FindProfile("ideal"), kKey, 2}), switch_({*FindProfile("ideal"), kKey, 8, 0}) {
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
    switch (what % 8) {
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
    }
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
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Machines(Input({data, size})).Run();
  return 0;
}
