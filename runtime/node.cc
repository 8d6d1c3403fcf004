#include "runtime/node.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/base/check.h"
#include "experiments/testbed_config.h"
#include "runtime/eal.h"
#include "runtime/machine_noise.h"
#include "runtime/node_run.h"
#include "runtime/port.h"
#include "runtime/port_spec.h"
#include "runtime/wire_frame.h"
#include "runtime/transport/hello.h"
#include "runtime/transport/raw_time.h"

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;

constexpr Duration kJoinPatience = Duration::Seconds(2);
constexpr Duration kLinkPatience = Duration::Seconds(3600);
constexpr int kPings = 16;

std::atomic<bool> g_stop{false};
void OnSignal(int) { g_stop = true; }

void Say(const std::string& role, const std::string& text) { fmt::print(stderr, "uhaul node {}: {}\n", role, text); }

// Frames from the controller, kept until they are asked for.
class Mailbox final : public FrameHandler {
 public:
  void OnMessage(TimePoint, Message&&, std::span<const uint8_t>) override {}  // of a run that is over
  void OnAdmin(std::string_view text) override {
    if (Result<Json> json = ParseAdmin(text)) mail_.push_back(std::move(json).value());
  }
  void OnBlob(uint8_t, std::span<const uint8_t>) override {}

  // The next one; nothing if none comes in that time. An error: the controller has gone.
  Result<std::optional<Json>> Next(Channel& channel, int wait_ms) {
    if (mail_.empty()) {
      if (Status fetched = Fetch(channel, wait_ms); !fetched) return fetched.error();
    }
    if (mail_.empty()) return std::optional<Json>();
    std::optional<Json> first(std::move(mail_.front()));
    mail_.pop_front();
    return first;
  }
  // The controller's clock in the answer to ping `number`; what else comes meanwhile stays.
  Result<std::optional<int64_t>> AwaitPong(Channel& channel, int number, int wait_ms) {
    for (const int64_t until = RawNanos() + int64_t{wait_ms} * 1'000'000; RawNanos() < until;) {
      if (Status fetched = Fetch(channel, wait_ms); !fetched) return fetched.error();
      const auto pong = std::find_if(mail_.begin(), mail_.end(), [&](const Json& json) {
        return json.is_object() && json.value("pong", Json()) == number && json.value("at", Json()).is_number_integer();
      });
      if (pong == mail_.end()) continue;
      const int64_t at = (*pong)["at"].get<int64_t>();
      mail_.erase(pong);
      return std::optional(at);
    }
    return std::optional<int64_t>();
  }

 private:
  Status Fetch(Channel& channel, int wait_ms) {
    if (Status flushed = channel.Flush(); !flushed) return flushed;
    pollfd poll_for{channel.fd(), POLLIN, 0};
    if (poll(&poll_for, 1, wait_ms) <= 0) return {};
    const Result<Channel::Received> received = channel.Receive(*this);
    if (!received) return received.error();
    return received->closed ? Status(Error{"the controller has gone"}) : Status();
  }
  std::deque<Json> mail_;
};

class Node {
 public:
  explicit Node(const NodeOptions& options) : options_(options) {}
  Status Run();

 private:
  Status OpenPorts();
  Status Serve(Channel& channel);
  Status MeasureOffset(Channel& channel, Mailbox& mail);
  Hello MyHello() const;

  NodeOptions options_;
  TestbedConfig config_;
  NodeGear gear_;
  PacketStore store_;
};

Hello Node::MyHello() const {
  if (options_.role == "generator") return {PeerRole::kGenerator, 0, ""};
  if (options_.role == "switch") return {PeerRole::kSwitch, 0, ""};
  return {PeerRole::kNf, static_cast<uint8_t>(options_.role == "nf1" ? 0 : 1), ""};
}

Status Node::OpenPorts() {
  const auto role = config_.roles.find(options_.role);
  if (role == config_.roles.end()) {
    return Error{fmt::format("{}: error: the section 'testbed' has no role '{}'", options_.config, options_.role)};
  }
  std::vector<std::string> names;
  std::vector<PortSpec> specs;
  for (const auto& [name, text] : role->second) {
    Result<PortSpec> spec = ParsePortSpec(text);
    if (!spec) return Error{fmt::format("{}: error: {}.{}: {}", options_.config, options_.role, name, spec.error().message)};
    if (spec->kind == PortKind::kRing) {
      return Error{fmt::format("{}: error: {}.{}: a ring does not leave its process", options_.config, options_.role, name)};
    }
    names.push_back(name);
    specs.push_back(std::move(spec).value());
  }
  const Result<PortPlan> plan = PlanPorts(specs);
  if (!plan) return plan.error();
  if (Status prepared = PrepareSockets(specs); !prepared) return prepared;
  std::vector<std::string> eal = plan->arguments;
  eal.insert(eal.end(), options_.eal.begin(), options_.eal.end());
  if (Status started = StartEal({.extra = eal, .private_memory = false}); !started) return started;
  Result<rte_mempool*> pool = MakePool({.mbufs = 16383, .data_octets = kPortDataOctets});
  if (!pool) return pool.error();
  gear_.memory = {*pool, &store_};
  for (size_t i = 0; i < names.size(); ++i) {
    Result<std::unique_ptr<EthPort>> port =
        EthPort::Open({.name = names[i],
                       .device = plan->ports[i].device,
                       .connects = plan->ports[i].connects,
                       .queue = Bytes(1'000'000'000),
                       .memory = gear_.memory,
                       .clock = [this] { return gear_.clock == nullptr ? TimePoint() : gear_.clock->Now(); },
                       .say = [this](const std::string& text) { Say(options_.role, text); }});
    if (!port) return port.error();
    gear_.ports[names[i]] = std::move(port).value();
  }
  for (const auto& [name, port] : gear_.ports) {
    const int64_t until = RawNanos() + kLinkPatience.nanos();
    while (!g_stop && RawNanos() < until) {
      if (port->AwaitLink(Duration::Millis(500))) break;
    }
  }
  return {};
}

// The controller's raw clock less ours: the answer that came soonest says it best.
Status Node::MeasureOffset(Channel& channel, Mailbox& mail) {
  int64_t best = std::numeric_limits<int64_t>::max();
  for (int i = 0; i < kPings; ++i) {
    const int64_t sent = RawNanos();
    if (Status queued = channel.QueueAdmin(Json{{"ping", i}}.dump()); !queued) return queued;
    const Result<std::optional<int64_t>> at = mail.AwaitPong(channel, i, 1000);
    if (!at) return at.error();
    const int64_t now = RawNanos();
    if (!*at || now - sent >= best) continue;
    best = now - sent;
    gear_.offset_ns = **at - (sent + (now - sent) / 2);
  }
  if (best == std::numeric_limits<int64_t>::max()) return Error{"the controller does not answer"};
  gear_.offset_error_ns = best / 2;
  // One host has one raw clock.
  if (std::abs(gear_.offset_ns) <= gear_.offset_error_ns) gear_.offset_ns = 0;
  return {};
}

// Runs, one after the other, until the controller goes or we are told to end.
Status Node::Serve(Channel& channel) {
  Mailbox mail;
  if (Status measured = MeasureOffset(channel, mail); !measured) return measured;
  Say(options_.role, fmt::format("joined {} (clock offset {:.1f} us +- {:.1f} us)", config_.controller,
                                 static_cast<double>(gear_.offset_ns) * 1e-3,
                                 static_cast<double>(gear_.offset_error_ns) * 1e-3));
  while (!g_stop) {
    const Result<std::optional<Json>> next = mail.Next(channel, 200);
    if (!next) return next.error();
    for (const auto& [name, port] : gear_.ports) port->Watch();
    if (!*next) continue;
    const Json& json = **next;
    if (json.contains("stop")) {  // a run that we have dropped already, or never began
      if (Status queued = channel.QueueAdmin(Json{{"stopped", json["stop"]}}.dump()); !queued) return queued;
      continue;
    }
    if (!json.contains("setup")) continue;
    if (Status ran = MakeNodeRun(json["setup"], options_.role, config_.rate_scale, &gear_, channel, g_stop); !ran) {
      return ran;
    }
  }
  return {};
}

Status Node::Run() {
  Result<TestbedConfig> config = LoadTestbed(options_.config);
  if (!config) return config.error();
  config_ = std::move(config).value();
  const Result<Address> address = Address::Parse(config_.controller);
  if (!address) return Error{options_.config + ": error: controller: " + address.error().message};
  struct sigaction action {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  if (Status opened = OpenPorts(); !opened) return opened;
  gear_.noise = MeasureNoise();
  int64_t waiting_since = RawNanos();
  while (!g_stop) {
    Result<Channel> channel = Join(*address, MyHello(), kJoinPatience);
    if (!channel) {
      const int64_t waited = RawNanos() - waiting_since;
      if (options_.patience_s > 0 && static_cast<double>(waited) > options_.patience_s * 1e9) return channel.error();
      Say(options_.role, channel.error().message + "; trying again");
      continue;
    }
    const Status served = Serve(*channel);
    if (!served) Say(options_.role, served.error().message + "; joining again");
    waiting_since = RawNanos();
  }
  Say(options_.role, "ended");
  return {};
}

}  // namespace

Status RunNode(const NodeOptions& options) { return Node(options).Run(); }

}  // namespace uhaul::runtime
