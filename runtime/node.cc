#include "runtime/node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <time.h>

#include <atomic>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/base/check.h"
#include "experiments/testbed_config.h"
#include "runtime/eal.h"
#include "runtime/link_captures.h"
#include "runtime/machine_noise.h"
#include "runtime/node_mail.h"
#include "runtime/node_run.h"
#include "runtime/port.h"
#include "runtime/port_spec.h"
#include "runtime/transport/hello.h"
#include "runtime/transport/raw_time.h"
#include "runtime/wire_frame.h"

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;

constexpr Duration kJoinPatience = Duration::Millis(500);
// Between two attempts to join, and between two lines that say the same of them.
constexpr int64_t kRetryNs = 500'000'000;
constexpr int64_t kSayAgainNs = 10'000'000'000;
constexpr int kPings = 16;
// Between runs, how long until the ports are looked at again.
constexpr int kIdleMs = 10;
constexpr int64_t kWatchNs = 200'000'000;

std::atomic<bool> g_stop{false};
void OnSignal(int) { g_stop = true; }

void Say(const std::string& role, const std::string& text) { fmt::print(stderr, "uhaul node {}: {}\n", role, text); }

class Node {
 public:
  explicit Node(const NodeOptions& options) : options_(options) {}
  Status Run();

 private:
  Status OpenPorts();
  Status Serve(Channel& channel, const Rejoin& rejoin);
  Status MeasureOffset(Channel& channel, NodeMail& mail);
  Result<Channel> JoinController(const Address& address);
  Rejoin RejoinOf(const Address& address) const;
  Hello MyHello() const;

  NodeOptions options_;
  TestbedConfig config_;
  PacketStore store_;                                         // outlives the ports, which keep packets in it
  std::map<std::string, std::unique_ptr<Capture>> captures_;  // by port; outlive the ports
  NodeGear gear_;
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
    if (!spec)
      return Error{fmt::format("{}: error: {}.{}: {}", options_.config, options_.role, name, spec.error().message)};
    if (spec->kind == PortKind::kRing) {
      return Error{
          fmt::format("{}: error: {}.{}: a ring does not leave its process", options_.config, options_.role, name)};
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
  std::map<std::string, std::string> files;
  for (const std::string& capture : options_.capture) {
    if (const Status added = AddCapture(capture, &files); !added) return added;
  }
  for (const auto& [name, file] : files) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return Error{
          fmt::format("--capture: '{}' has no port '{}' (it has {})", options_.role, name, fmt::join(names, ", "))};
    }
    Result<std::unique_ptr<Capture>> capture = Capture::Open(file);
    if (!capture) return capture.error();
    captures_[name] = std::move(capture).value();
  }
  for (size_t i = 0; i < names.size(); ++i) {
    const auto captured = captures_.find(names[i]);
    Result<std::unique_ptr<EthPort>> port =
        EthPort::Open({.name = names[i],
                       .device = plan->ports[i].device,
                       .connects = plan->ports[i].connects,
                       .queue = Bytes(1'000'000'000),
                       .memory = gear_.memory,
                       .clock = [this] { return gear_.clock == nullptr ? TimePoint() : gear_.clock->Now(); },
                       .say = [this](const std::string& text) { Say(options_.role, text); },
                       .capture = captured == captures_.end() ? nullptr : captured->second.get()});
    if (!port) return port.error();
    gear_.ports[names[i]] = std::move(port).value();
  }
  return {};
}

// The controller's raw clock less ours: the answer that came soonest says it best.
Status Node::MeasureOffset(Channel& channel, NodeMail& mail) {
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
Status Node::Serve(Channel& channel, const Rejoin& rejoin) {
  NodeMail mail;
  // Of no run: one that it was part of, its predecessor took with it.
  if (Status told = channel.QueueAdmin(Json{{"resume", {{"run", 0}}}}.dump()); !told) return told;
  if (Status measured = MeasureOffset(channel, mail); !measured) return measured;
  Say(options_.role,
      fmt::format("joined {} (clock offset {:.1f} us +- {:.1f} us)", config_.controller,
                  static_cast<double>(gear_.offset_ns) * 1e-3, static_cast<double>(gear_.offset_error_ns) * 1e-3));
  int64_t watched = 0;
  while (!g_stop) {
    const Result<std::optional<Json>> next = mail.Next(channel, DropWhatArrives(&gear_) ? 0 : kIdleMs);
    if (!next) return next.error();
    if (const int64_t now = RawNanos(); now - watched >= kWatchNs) {
      watched = now;
      for (const auto& [name, port] : gear_.ports) port->Watch();
    }
    if (!*next) continue;
    const Json& json = **next;
    if (const auto stopped = Integer(json, "stop")) {  // a run that we have dropped already, or never began
      if (Status queued = channel.QueueAdmin(Json{{"stopped", *stopped}}.dump()); !queued) return queued;
      continue;
    }
    const auto setup = json.find("setup");
    if (setup == json.end()) continue;
    const auto run = Integer(*setup, "run");
    if (!run) continue;
    // Two hosts' clocks drift apart by milliseconds within minutes.
    if (Status measured = MeasureOffset(channel, mail); !measured) return measured;
    if (mail.HasStop(*run)) continue;
    if (Status ran = MakeNodeRun(*setup, options_.role, config_.rate_scale, &gear_, channel, rejoin, g_stop); !ran)
      return ran;
  }
  return {};
}

// Nothing where a run does not survive its controller.
Rejoin Node::RejoinOf(const Address& address) const {
  if (config_.journal.empty()) return nullptr;
  return [address, hello = MyHello()] { return Join(address, hello, Duration()); };
}

// Again and again until the controller is there, says why not for longer than we have patience, or we are told to end.
Result<Channel> Node::JoinController(const Address& address) {
  const int64_t since = RawNanos();
  int64_t said_at = 0;
  std::string said;
  while (!g_stop) {
    Result<Channel> channel = Join(address, MyHello(), kJoinPatience);
    if (channel) return channel;
    const int64_t now = RawNanos();
    if (options_.patience_s > 0 && static_cast<double>(now - since) > options_.patience_s * 1e9) return channel.error();
    if (said != channel.error().message || now - said_at >= kSayAgainNs) {
      said = channel.error().message;
      said_at = now;
      Say(options_.role, said + "; trying again");
    }
    // A refusal comes at once.
    for (const int64_t until = now + kRetryNs; !g_stop && RawNanos() < until;) {
      for (const auto& [name, port] : gear_.ports) port->Watch();
      if (DropWhatArrives(&gear_)) continue;
      const timespec nap{0, kIdleMs * 1'000'000};
      nanosleep(&nap, nullptr);
    }
  }
  return Error{"told to end"};
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
  while (!g_stop) {
    Result<Channel> channel = JoinController(*address);
    if (!channel && !g_stop) return channel.error();
    if (!channel) break;
    const Status served = Serve(*channel, RejoinOf(*address));
    if (!served) Say(options_.role, served.error().message + "; joining again");
  }
  for (const auto& [name, capture] : captures_) {
    if (Status closed = capture->Close(); !closed) return closed;
    Say(options_.role, fmt::format("captured {} frames on {}, lost {}", capture->captured(), name, capture->lost()));
  }
  Say(options_.role, "ended");
  return {};
}

}  // namespace

Status RunNode(const NodeOptions& options) { return Node(options).Run(); }

}  // namespace uhaul::runtime
