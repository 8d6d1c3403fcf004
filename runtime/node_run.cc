#include "runtime/node_run.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "experiments/schema.h"
#include "runtime/generator_side.h"
#include "runtime/transport/hello.h"
#include "runtime/transport/raw_time.h"

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;

// Processes of a testbed on one machine may be more than its processors: who finds nothing to do lets others run.
constexpr int kIdleRounds = 16;
constexpr long kNapNs = 20'000;
constexpr int kRoundsPerWatch = 4096;
// What an earlier run left on its way is gone when nothing came for so long.
constexpr int64_t kQuietNs = 20'000'000;

class NodeRun {
 public:
  NodeRun(std::string role, double rate_scale, NodeGear* gear, Channel& channel, const std::atomic<bool>& stop)
      : role_(std::move(role)), gear_(gear), channel_(channel), stop_(stop), clock_(gear->noise.tsc_hz, rate_scale) {}
  ~NodeRun() { gear_->clock = nullptr; }

  Status Make(const Json& setup);

 private:
  enum class Phase : uint8_t { kReady, kRunning, kReporting, kOver };

  Status Prepare(const Json& setup);
  void Connect();
  void Drain();
  Status Loop();
  void OnAdmin(std::string_view text);
  void Start(int64_t at_raw_ns);
  void Begin(TimePoint t0);
  void Generator(TimePoint now);
  Status Report();
  std::optional<NodeId> Machine() const;
  std::map<std::string, std::string> Measurements() const;
  Status Tell(const Json& json) { return channel_.QueueAdmin(json.dump()); }
  bool generates() const { return role_ == "generator"; }

  const std::string role_;
  NodeGear* gear_;
  Channel& channel_;
  const std::atomic<bool>& stop_;
  TscClock clock_;
  uint64_t number_ = 0;
  PointSpec point_;
  Scenario scenario_;
  FactLog log_;
  std::unique_ptr<RunControl> run_;
  std::unique_ptr<GeneratorSide> generator_;
  std::unique_ptr<RealNode> node_;
  Phase phase_ = Phase::kReady;
  int64_t start_raw_ns_ = 0;  // ours
  bool began_ = false;
  bool over_ = false;
  Status fault_;
};

std::optional<NodeId> NodeRun::Machine() const {
  if (role_ == "switch") return kSwitchNode;
  if (role_ == "nf1") return NfNode(0);
  if (role_ == "nf2") return NfNode(1);
  return std::nullopt;
}

Status NodeRun::Prepare(const Json& setup) {
  const Result<PointSpec> point = FromCanonical(Texts(setup.value("spec", Json())));
  if (!point) return point.error();
  point_ = *point;
  Result<Scenario> scenario = LoadScenario(point_);
  if (!scenario) return scenario.error();
  scenario_ = std::move(scenario).value();
  run_ = std::make_unique<RunControl>(point_, scenario_);
  generator_ = std::make_unique<GeneratorSide>(run_.get());
  Result<std::unique_ptr<RealNode>> node = RealNode::Create(run_.get(), &clock_, gear_->memory, &log_);
  if (!node) return node.error();
  node_ = std::move(node).value();
  Connect();
  node_->Attach(Machine(), &channel_, [this](std::string_view text) { OnAdmin(text); });
  node_->SetProfile(point_.profile, false);
  return {};
}

// Which ranks leave and arrive at which of our ports.
void NodeRun::Connect() {
  const auto port = [this](const std::string& name) { return gear_->ports.at(name).get(); };
  std::map<uint16_t, DataLink*> out;
  std::vector<std::pair<uint16_t, DataLink*>> in;
  if (role_ == "generator") {
    out = {{rank::kToSwitch, port("switch")}};
    in = {{rank::kNfToSink, port("nf1")}, {rank::kNfToSink + 1, port("nf2")}};
  } else if (role_ == "switch") {
    out = {{rank::kSwitchToNf, port("nf1")}, {rank::kSwitchToNf + 1, port("nf2")}};
    in = {{rank::kToSwitch, port("generator")}, {rank::kNfToSwitch, port("nf1")}, {rank::kNfToSwitch + 1, port("nf2")}};
  } else {
    const uint16_t instance = role_ == "nf1" ? 0 : 1;
    out = {{static_cast<uint16_t>(rank::kNfToSink + instance), port("sink")},
           {static_cast<uint16_t>(rank::kNfToSwitch + instance), port("switch")}};
    in = {{static_cast<uint16_t>(rank::kSwitchToNf + instance), port("switch")}};
  }
  node_->MakeLinks([&](uint16_t link_rank, const LinkOptions& options) -> std::unique_ptr<DataLink> {
    if (const auto found = out.find(link_rank); found != out.end()) return std::make_unique<BorrowedLink>(found->second);
    // Acknowledgements stay in the generator's process: it is the sink, too.
    if (link_rank == rank::kAcknowledgements && generates() && run_->source().closed_loop()) {
      return std::make_unique<RingLink>(options, gear_->memory);
    }
    return nullptr;
  });
  for (const auto& [link_rank, link] : in) node_->AddInput(link_rank, link);
  if (DataLink* acknowledgements = node_->plane().link(rank::kAcknowledgements); acknowledgements != nullptr) {
    node_->AddInput(rank::kAcknowledgements, acknowledgements);
  }
}

// What an earlier run left on the ports.
void NodeRun::Drain() {
  int64_t last = RawNanos();
  while (RawNanos() - last < kQuietNs) {
    for (const auto& [name, port] : gear_->ports) {
      std::array<rte_mbuf*, kBurst> burst;
      const size_t received = port->Receive(burst);
      if (received > 0) last = RawNanos();
      for (size_t i = 0; i < received; ++i) rte_pktmbuf_free(burst[i]);
    }
  }
}

void NodeRun::OnAdmin(std::string_view text) {
  const Result<Json> parsed = ParseAdmin(text);
  if (!parsed || !parsed->is_object()) return;
  const Json& json = *parsed;
  const auto mine = [&](const Json& number) { return number == number_; };
  if (json.contains("stop")) {
    if (const Status told = Tell({{"stopped", json["stop"]}}); !told) fault_ = told;
    phase_ = Phase::kOver;
  } else if (json.contains("start") && mine(json["start"].value("run", Json()))) {
    Start(json["start"].value("at_ns", int64_t{0}) - gear_->offset_ns);
  } else if (json.contains("begin") && mine(json["begin"].value("run", Json()))) {
    Begin(TimePoint::FromNanos(json["begin"].value("t0_ns", int64_t{0})));
  } else if (json.contains("over") && mine(json["over"])) {
    over_ = true;
  } else if (json.contains("report") && mine(json["report"])) {
    phase_ = Phase::kReporting;
  }
}

void NodeRun::Start(int64_t at_raw_ns) {
  if (phase_ != Phase::kReady) return;
  while (RawNanos() < at_raw_ns) {
    const timespec nap{0, std::min<long>(1'000'000, std::max<long>(1'000, (at_raw_ns - RawNanos()) / 2))};
    nanosleep(&nap, nullptr);
  }
  clock_.StartedAgo(Duration::Nanos(RawNanos() - at_raw_ns));
  gear_->clock = &clock_;
  node_->Generate(generates());
  node_->Start();
  phase_ = Phase::kRunning;
}

void NodeRun::Begin(TimePoint t0) {
  if (began_) return;
  began_ = true;
  if (role_ == "nf1") {
    log_.AddAtStart(t0, clock_.Now(), node_->plane().machines().nf(kSourceNf), *run_);
  }
  if (generates()) generator_->Begin(t0, point_);
}

void NodeRun::Generator(TimePoint now) {
  if (generator_->TakeStart(now)) fault_ = Tell({{"t0", number_}, {"at_ns", now.nanos()}});
  if (over_) generator_->OnOver();
  if (const auto end = generator_->Ended(now)) {
    fault_ = Tell({{"ended", number_}, {"at_ns", end->at.nanos()}, {"capped", end->capped}});
  }
}

Status NodeRun::Loop() {
  int idle = 0;
  for (uint64_t rounds = 0; phase_ == Phase::kReady || phase_ == Phase::kRunning; ++rounds) {
    if (stop_) return Tell({{"failed", number_}, {"error", "it was told to end"}});
    const Result<bool> busy = node_->Round();
    if (!busy) return busy.error();
    if (phase_ == Phase::kRunning && generates()) Generator(node_->now());
    if (!fault_) return fault_;
    if (rounds % kRoundsPerWatch == 0) {
      for (const auto& [name, port] : gear_->ports) port->Watch();
    }
    idle = *busy ? 0 : idle + 1;
    if (idle < kIdleRounds) continue;
    const timespec nap{0, kNapNs};
    nanosleep(&nap, nullptr);
  }
  return {};
}

std::map<std::string, std::string> NodeRun::Measurements() const {
  std::map<std::string, std::string> values = Describe(gear_->noise);
  values["clock_offset_ns"] = fmt::to_string(gear_->offset_ns);
  values["clock_error_ns"] = fmt::to_string(gear_->offset_error_ns);
  values["strange_packets"] = fmt::to_string(node_->plane().facts().strange());
  if (generates()) {
    const Punctuality& p = node_->punctuality();
    values["generator_late_share"] =
        fmt::format("{:.6f}", p.packets == 0 ? 0.0 : static_cast<double>(p.late) / static_cast<double>(p.packets));
    values["kept_rate"] = p.kept_rate() ? "yes" : "no";
  }
  for (const auto& [name, port] : gear_->ports) {
    const PortCounters counters = port->counters();
    values["port_" + name + "_missed"] = fmt::to_string(counters.missed);
    values["port_" + name + "_foreign"] = fmt::to_string(counters.foreign);
  }
  return values;
}

Status NodeRun::Report() {
  RunCounters counters = run_->recorder().counters();
  counters.fit_full = node_->plane().fit_full();
  counters.generator_late_ns = static_cast<uint64_t>(node_->punctuality().latest_ns);
  log_.AddCounters(clock_.Now(), counters);
  const std::span<const uint8_t> octets = log_.Octets();
  for (size_t i = 0; i < octets.size(); i += kMaxBlobOctets) {
    if (Status queued = channel_.QueueBlob(0, octets.subspan(i, std::min(kMaxBlobOctets, octets.size() - i))); !queued) {
      return queued;
    }
    while (channel_.wants_write()) {
      if (Status flushed = channel_.Flush(); !flushed) return flushed;
      const timespec nap{0, kNapNs};
      if (channel_.wants_write()) nanosleep(&nap, nullptr);
    }
  }
  return Tell({{"reported", number_}, {"measurements", Measurements()}});
}

Status NodeRun::Make(const Json& setup) {
  number_ = setup.value("run", uint64_t{0});
  Drain();
  if (const Status prepared = Prepare(setup); !prepared) {
    return Tell({{"failed", number_}, {"error", prepared.error().message}});
  }
  if (Status told = Tell({{"ready", number_}}); !told) return told;
  if (Status looped = Loop(); !looped) return looped;
  if (phase_ == Phase::kReporting) return Report();
  return channel_.Flush();
}

}  // namespace

Status MakeNodeRun(const Json& setup, const std::string& role, double rate_scale, NodeGear* gear, Channel& channel,
                   const std::atomic<bool>& stop) {
  return NodeRun(role, rate_scale, gear, channel, stop).Make(setup);
}

}  // namespace uhaul::runtime
