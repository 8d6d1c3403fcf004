#include "runtime/component_bench.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include "core/base/check.h"
#include "core/node/controller.h"
#include "core/node/machine_set.h"
#include "core/protocol/codec.h"
#include "experiments/run_control.h"
#include "experiments/schema.h"
#include "runtime/transport/channel.h"
#include "runtime/transport/raw_time.h"

namespace uhaul::runtime {
namespace {

constexpr uint32_t kBurstPackets = 32;
constexpr uint32_t kPacketBytes = 1500;
constexpr size_t kHeaderOctets = 70;  // what a held packet's octets and meta take
// Frames between two flushes: what a round of the lcore or the controller makes.
constexpr size_t kFramesPerFlush = 64;

const FlowScope kAll{FlowScope::Kind::kActive, {}, {}};

FiveTuple TupleOf(uint32_t n) {
  FiveTuple tuple;
  tuple.source =
      FiveTuple::Ipv4(10, static_cast<uint8_t>(n >> 16), static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n));
  tuple.destination = FiveTuple::Ipv4(172, 16, 0, 1);
  tuple.source_port = static_cast<uint16_t>(1024 + n % 50000);
  tuple.destination_port = 80;
  return tuple;
}

class Counting final : public FrameHandler {
 public:
  using OnEach = std::function<void(Message&&)>;
  explicit Counting(OnEach each) : each_(std::move(each)) {}
  void OnMessage(TimePoint, Message&& message, std::span<const uint8_t>) override { each_(std::move(message)); }
  void OnAdmin(std::string_view) override {}
  void OnBlob(uint8_t, std::span<const uint8_t>) override {}

 private:
  OnEach each_;
};

// Both ends of a channel, in this thread.
struct Pipe {
  std::optional<Channel> near;
  std::optional<Channel> far;

  static Result<Pipe> Make() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      return Error{std::string("no sockets: ") + std::strerror(errno)};
    }
    Pipe pipe;
    pipe.near.emplace(FileDescriptor(ends[0]), "the near end");
    pipe.far.emplace(FileDescriptor(ends[1]), "the far end");
    return pipe;
  }
};

// Nanoseconds that `work` took, by item.
template <class Work>
double Timed(uint32_t items, Work work) {
  const int64_t begin = RawNanos();
  work();
  return static_cast<double>(RawNanos() - begin) / static_cast<double>(items);
}

// One round of everything, on fresh machines.
class Round {
 public:
  Round(const BenchOptions& options, Pipe* pipe) : options_(options), pipe_(*pipe), spec_(DefaultSpec()) {
    spec_.profile = *FindProfile("native");
    for (uint32_t n = 0; n < options.flows; ++n) {
      Packet packet;
      packet.flow = FlowHasher(HashKeyOf(spec_)).Key(TupleOf(n));
      packet.bytes = kPacketBytes;
      packet.tcp_flags = tcp_flag::kAck;
      packets_.push_back(packet);
    }
  }

  Status Run(std::map<std::string, std::vector<double>>* out) {
    Result<NfAgent> src = MakeNf(spec_, kSourceNf);
    Result<NfAgent> dst = MakeNf(spec_, kDestinationNf);
    if (!src) return src.error();
    if (!dst) return dst.error();
    for (NfAgent* nf : {&*src, &*dst}) nf->SetProfile(spec_.profile);
    for (int i = 0; i < 4; ++i) Burst(*src, i == 3 ? &(*out)["packet"] : nullptr);
    (*out)["detect"].push_back(Timed(options_.flows, [&] {
      src->OnMessage(
          now_,
          {1, 0, msg::GetElephant{{.kind = DetectorSpec::Kind::kProportion, .rho = 0.9, .threshold = Bytes(1)}, {}}},
          outbox_);
      SendAll();
    }));
    Discard();
    Events(*src, out);
    Transfer(*src, *dst, out);
    AtController(out);
    Rules(out);
    return {};
  }

 private:
  void Burst(NfAgent& nf, std::vector<double>* measured) {
    std::array<NfVerdict, kBurstPackets> verdicts;
    const double ns = Timed(options_.flows, [&] {
      for (size_t i = 0; i < packets_.size(); i += kBurstPackets) {
        const size_t n = std::min<size_t>(kBurstPackets, packets_.size() - i);
        nf.OnBurst(now_, {packets_.data() + i, n}, {verdicts.data(), n}, outbox_);
        if (outbox_.messages.size() >= kFramesPerFlush) SendAll();
      }
      SendAll();
    });
    if (measured != nullptr) measured->push_back(ns);
  }

  // A packet of a locked flow, from the NF to the socket, less what it costs where nothing is locked.
  void Events(NfAgent& src, std::map<std::string, std::vector<double>>* out) {
    src.OnMessage(now_, {1, 0, msg::EnableEvents{msg::EventAction::kDrop, kAll, false}}, outbox_);
    SendAll();
    Discard();
    std::vector<double> locked;
    Burst(src, &locked);
    (*out)["nf_event"].push_back(locked.front());
    Discard();
    src.OnMessage(now_, {1, 0, msg::DisableEvents{}}, outbox_);
    SendAll();
    Discard();
  }

  // Work that an NF does when its timer says so; what it says goes out after every slice.
  void Settle(NfAgent& nf) {
    SendAll();
    while (nf.NextDeadline() <= now_) {
      nf.OnTimer(now_, outbox_);
      SendAll();
    }
  }

  void Transfer(NfAgent& src, NfAgent& dst, std::map<std::string, std::vector<double>>* out) {
    (*out)["get"].push_back(Timed(options_.flows, [&] {
      src.OnMessage(now_, {1, 0, msg::GetPerflow{kAll, false, false}}, outbox_);
      Settle(src);
    }));
    chunks_.clear();
    Counting keep([&](Message&& message) {
      if (auto* chunk = std::get_if<msg::Chunk>(&message.body)) chunks_.push_back(std::move(*chunk));
    });
    Drain(*pipe_.far, keep);
    UHAUL_CHECK(chunks_.size() == options_.flows);
    for (const msg::Chunk& chunk : chunks_) Queue(*pipe_.far, {1, 0, msg::PutPerflow{chunk}});
    (*out)["put"].push_back(Timed(options_.flows, [&] { Receive(dst); }));
    Discard();
    for (const msg::Chunk& chunk : chunks_) Queue(*pipe_.far, {1, 0, msg::DelPerflow{{chunk.tuple}}});
    (*out)["del"].push_back(Timed(options_.flows, [&] { Receive(src); }));
    Discard();
  }

  void Receive(NfAgent& nf) {
    Counting take([&](Message&& message) {
      nf.OnMessage(now_, message, outbox_);
      if (outbox_.messages.size() >= kFramesPerFlush) SendAll();
    });
    Drain(*pipe_.near, take);
    Settle(nf);
  }

  // The controller's side: a move of these flows, played to it message by message.
  void AtController(std::map<std::string, std::vector<double>>* out) {
    Controller controller(MakeController(spec_));
    controller.SetProfile(spec_.profile);
    const auto move = controller.Move(now_, {.scheme = *FindScheme("opennf-lf-pl-er"), .filter = {}}, outbox_);
    UHAUL_CHECK(move.ok());
    controller.OnMessage(now_, NfNode(kSourceNf), {*move, 0, msg::EnableEventsAck{}}, outbox_);
    SendAll();
    Discard();
    const auto play = [&](uint32_t items, NodeId from) {
      return Timed(items, [&] {
        Counting take([&](Message&& message) {
          controller.OnMessage(now_, from, message, outbox_);
          if (outbox_.messages.size() >= kFramesPerFlush) SendAll();
        });
        Drain(*pipe_.near, take);
        while (controller.NextDeadline() <= now_) {
          controller.OnTimer(now_, outbox_);
          SendAll();
        }
        SendAll();
      });
    };
    const auto events = [&] {
      for (const Packet& packet : packets_) Queue(*pipe_.far, {*move, 0, msg::PacketEvent{packet}});
      const double ns = play(options_.flows, NfNode(kSourceNf));
      Discard();
      return ns;
    };
    const double held = events();
    (*out)["event"].push_back(held);
    for (const msg::Chunk& chunk : chunks_) Queue(*pipe_.far, {*move, 0, chunk});
    const double chunk_ns = play(options_.flows, NfNode(kSourceNf));
    Discard();
    for (const msg::Chunk& chunk : chunks_) Queue(*pipe_.far, {*move, 0, msg::PutAck{chunk.tuple, true}});
    play(options_.flows, NfNode(kDestinationNf));  // releases what is held, too: not a message alone
    Discard();
    for (size_t i = 0; i < chunks_.size(); ++i) Queue(*pipe_.far, {*move, 0, msg::DelAck{1}});
    const double ack_ns = play(options_.flows, NfNode(kSourceNf));
    Discard();
    // Of a flow's messages one carries its state, two acknowledge.
    (*out)["message"].push_back((chunk_ns + 2 * ack_ns) / 3);
    (*out)["packet_out"].push_back(std::max(1.0, events() - held));  // released by now: in and out at once
  }

  void Rules(std::map<std::string, std::vector<double>>* out) {
    SwitchAgent agent = MakeSwitch(spec_);
    agent.SetProfile(spec_.profile);
    msg::InstallRules rules{1, 0, true, {}, {}, {}, msg::kNoNf};
    const size_t n = std::min<size_t>(packets_.size(), kMaxFlowsPerMessage);
    for (size_t i = 0; i < n; ++i) rules.flows.push_back(packets_[i].flow.tuple);
    (*out)["rule"].push_back(Timed(static_cast<uint32_t>(n), [&] {
      agent.OnMessage(now_, {1, 0, rules}, outbox_);
      SendAll();
    }));
    Discard();
  }

  void Queue(Channel& channel, const Message& message) {
    const std::array<uint8_t, kHeaderOctets> octets{};
    const bool carries = CarriedPacket(message.body) != nullptr;
    const Status queued =
        channel.QueueMessage(now_, message, carries ? std::span<const uint8_t>(octets) : std::span<const uint8_t>());
    UHAUL_CHECK(queued.ok());
  }
  // The outbox to the socket, as the engine sends it.
  void SendAll() {
    for (const OutMessage& out : outbox_.messages) Queue(*pipe_.near, out.message);
    outbox_.Clear();
    const Status flushed = pipe_.near->Flush();
    UHAUL_CHECK(flushed.ok());
  }
  // Everything that the other end has queued or will get.
  void Drain(Channel& channel, FrameHandler& handler) {
    Channel& other = &channel == &*pipe_.near ? *pipe_.far : *pipe_.near;
    for (;;) {
      const Status flushed = other.Flush();
      UHAUL_CHECK(flushed.ok());
      const auto received = channel.Receive(handler);
      UHAUL_CHECK(received.ok());
      if (received->frames == 0 && !received->more && !other.wants_write()) return;
    }
  }
  void Discard() {
    Counting ignore([](Message&&) {});
    Drain(*pipe_.far, ignore);
  }

  const BenchOptions& options_;
  Pipe& pipe_;
  PointSpec spec_;
  const TimePoint now_ = TimePoint::FromNanos(1'000'000);
  std::vector<Packet> packets_;
  std::vector<msg::Chunk> chunks_;
  Outbox outbox_;
};

// Half of a round trip of a small message between a thread that polls, as the lcore does, and one that sleeps in
// poll(), as the controller does.
Result<std::vector<double>> MeasureDelay(int rounds) {
  Result<Pipe> pipe = Pipe::Make();
  if (!pipe) return pipe.error();
  std::atomic<bool> stop = false;
  std::thread controller([&] {
    Channel& channel = *pipe->far;
    Counting echo([&](Message&& message) {
      const Status queued = channel.QueueMessage(TimePoint(), message);
      UHAUL_CHECK(queued.ok());
    });
    while (!stop) {
      pollfd wait = {channel.fd(), POLLIN, 0};
      ::poll(&wait, 1, 10);
      const auto received = channel.Receive(echo);
      const Status flushed = channel.Flush();
      if (!received || !flushed) return;
    }
  });
  std::vector<double> ns;
  for (int i = 0; i < rounds; ++i) {
    bool back = false;
    Counting take([&](Message&&) { back = true; });
    const int64_t begin = RawNanos();
    Status sent = pipe->near->QueueMessage(TimePoint(), {1, 0, msg::EnableEventsAck{}});
    if (sent) sent = pipe->near->Flush();
    while (sent.ok() && !back) {
      if (const auto received = pipe->near->Receive(take); !received) sent = received.error();
    }
    if (!sent) {
      stop = true;
      controller.join();
      return sent.error();
    }
    ns.push_back(static_cast<double>(RawNanos() - begin) / 2);
  }
  stop = true;
  controller.join();
  return ns;
}

const char* HowOf(const std::string& name) {
  static const std::map<std::string, const char*> kHow = {
      {"packet", "NF, per packet in bursts of 32: FIT and function; no cost of a profile, for comparison"},
      {"get", "export, encode, send"},
      {"put", "receive, decode, import, acknowledge"},
      {"del", "receive, decode, delete, acknowledge"},
      {"nf_event", "a packet of a locked flow: encode, send"},
      {"detect", "the EDM, per active flow, with its answer"},
      {"message", "receive, decode, act, answer: (a chunk + 2 acknowledgements) / 3"},
      {"event", "receive, decode, hold"},
      {"packet_out", "an event that goes out at once, less one that is held"},
      {"rule", "exact rules in one message"}};
  return kHow.at(name);
}

}  // namespace

ComponentCost Summed(std::string name, std::vector<double> ns, std::string how) {
  UHAUL_CHECK(!ns.empty());
  std::sort(ns.begin(), ns.end());
  const auto at = [&](double share) {
    return ns[static_cast<size_t>(share * static_cast<double>(ns.size() - 1) + 0.5)];
  };
  return {std::move(name), at(0.5), at(0.75) - at(0.25), std::move(how)};
}

Result<std::vector<ComponentCost>> MeasureComponents(const BenchOptions& options) {
  UHAUL_CHECK(options.rounds >= 7 && options.flows > 0);
  Result<Pipe> pipe = Pipe::Make();
  if (!pipe) return pipe.error();
  std::map<std::string, std::vector<double>> measured;
  for (int i = 0; i <= options.rounds; ++i) {
    if (i == 1) measured.clear();  // the first warms caches and memory
    Round round(options, &*pipe);
    if (const Status ran = round.Run(&measured); !ran) return ran.error();
  }
  const Result<std::vector<double>> delay = MeasureDelay(options.rounds * 20);
  if (!delay) return delay.error();
  std::vector<ComponentCost> costs;
  for (const char* name :
       {"packet", "get", "put", "del", "nf_event", "detect", "message", "event", "packet_out", "rule"}) {
    costs.push_back(Summed(name, measured.at(name), HowOf(name)));
  }
  costs.push_back(Summed("control_delay", *delay, "half a round trip, polling lcore to sleeping controller"));
  return costs;
}

}  // namespace uhaul::runtime
