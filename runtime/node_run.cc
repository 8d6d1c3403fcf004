#include "runtime/node_run.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "experiments/schema.h"
#include "runtime/generator_side.h"
#include "runtime/node_mail.h"
#include "runtime/transport/hello.h"
#include "runtime/transport/raw_time.h"

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;

// Processes of a testbed on one machine may be more than its processors: who finds nothing to do lets others run.
constexpr int kIdleRounds = 16;
constexpr long kNapNs = 20'000;
constexpr int kRoundsPerWatch = 4096;
// Between two attempts to find a controller again.
constexpr int64_t kRejoinNs = 20'000'000;
// What an earlier run left on its way is gone when nothing came for so long.
constexpr int64_t kQuietNs = 20'000'000;
// For a link to come, and for the ports to become quiet, before a run is refused.
constexpr int64_t kSetupPatienceNs = 10'000'000'000;
// Of times from the controller: further away than any run.
constexpr int64_t kFarthestNs = int64_t{1} << 60;

class NodeRun {
 public:
  NodeRun(std::string role, double rate_scale, NodeGear* gear, Channel& channel, Rejoin rejoin,
          const std::atomic<bool>& stop)
      : role_(std::move(role)),
        gear_(gear),
        channel_(channel),
        rejoin_(std::move(rejoin)),
        stop_(stop),
        clock_(gear->noise.tsc_hz, rate_scale) {}
  ~NodeRun() { gear_->clock = nullptr; }

  Status Make(const Json& setup);

 private:
  enum class Phase : uint8_t { kReady, kRunning, kReporting, kOver };

  Status Prepare(const Json& setup);
  void Connect();
  Status AwaitLinks();
  Status Drain();
  Status Loop();
  Status TryRejoin();
  void OnAdmin(std::string_view text);
  void Start(int64_t at_raw_ns);
  void Begin(TimePoint t0);
  void Generator(TimePoint now);
  Status Report();
  Status SendFacts(const FactLog& log, bool flush);
  std::optional<NodeId> Machine() const;
  std::map<std::string, std::string> Measurements() const;
  Status Tell(const Json& json) { return connected_ ? channel_.QueueAdmin(json.dump()) : Status(); }
  bool generates() const { return role_ == "generator"; }

  const std::string role_;
  NodeGear* gear_;
  Channel& channel_;
  const Rejoin rejoin_;
  const std::atomic<bool>& stop_;
  TscClock clock_;
  int64_t number_ = 0;
  PointSpec point_;
  Scenario scenario_;
  FactLog log_;
  std::unique_ptr<RunControl> run_;
  std::unique_ptr<GeneratorSide> generator_;
  std::unique_ptr<RealNode> node_;
  Phase phase_ = Phase::kReady;
  bool restarted_ = false;  // takes the place of a process that died in this run
  bool connected_ = true;
  int64_t tried_ns_ = 0;  // to join again
  int64_t start_ns_ = 0;  // by the controller's raw clock
  std::optional<TimePoint> t0_;
  std::vector<Json> told_;  // by the generator, of the run: a new controller has not heard it
  bool began_ = false;
  bool over_ = false;
  std::map<std::string, PortCounters> before_;  // what the ports had counted when the run began
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
  Result<std::unique_ptr<RealNode>> node = RealNode::Create(run_.get(), &clock_, gear_->memory, &log_, restarted_);
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
    if (const auto found = out.find(link_rank); found != out.end())
      return std::make_unique<BorrowedLink>(found->second);
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

Status NodeRun::AwaitLinks() {
  const int64_t until = RawNanos() + kSetupPatienceNs;
  for (const auto& [name, port] : gear_->ports) {
    while (!port->AwaitLink(Duration::Millis(50))) {
      if (stop_) return Error{"it was told to end"};
      if (RawNanos() < until) continue;
      return Error{fmt::format("its port {} has no link (waited {} s): is the cable in, does the other end run?", name,
                               kSetupPatienceNs / 1'000'000'000)};
    }
  }
  return {};
}

// What an earlier run left on the ports, until nothing comes and nothing waits.
Status NodeRun::Drain() {
  const int64_t until = RawNanos() + kSetupPatienceNs;
  for (int64_t last = RawNanos(); RawNanos() - last < kQuietNs;) {
    if (DropWhatArrives(gear_)) last = RawNanos();
    if (stop_) return Error{"it was told to end"};
    if (last > until) return Error{"its ports do not become quiet: does anybody else send there?"};
  }
  return {};
}

void NodeRun::OnAdmin(std::string_view text) {
  const Result<Json> parsed = ParseAdmin(text);
  if (!parsed) return;
  const Json& json = *parsed;
  const auto of_mine = [&](const char* key) -> std::optional<int64_t> {  // the time in it
    const auto found = json.find(key);
    if (found == json.end() || Integer(*found, "run") != number_) return std::nullopt;
    const auto at = Integer(*found, key == std::string_view("start") ? "at_ns" : "t0_ns");
    return at && std::abs(*at) < kFarthestNs ? at : std::nullopt;
  };
  if (const auto stopped = Integer(json, "stop")) {
    if (const Status told = Tell({{"stopped", *stopped}}); !told) fault_ = told;
    phase_ = Phase::kOver;
  } else if (const auto start = of_mine("start")) {
    Start(*start - gear_->offset_ns);
  } else if (const auto begin = of_mine("begin")) {
    Begin(TimePoint::FromNanos(*begin));
  } else if (const auto peer = Integer(json, "path"); peer && *peer >= 0 && *peer < kNfCount) {
    node_->OnPath(static_cast<uint8_t>(*peer));
  } else if (Integer(json, "over") == number_) {
    over_ = true;
  } else if (Integer(json, "report") == number_) {
    phase_ = Phase::kReporting;
  }
}

void NodeRun::Start(int64_t at_raw_ns) {
  if (phase_ != Phase::kReady) return;
  start_ns_ = at_raw_ns + gear_->offset_ns;
  for (const auto& [name, port] : gear_->ports) before_[name] = port->counters();
  while (RawNanos() < at_raw_ns && !stop_) {
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
  if (began_ || phase_ != Phase::kRunning) return;
  began_ = true;
  t0_ = t0;
  if (role_ == "nf1") {
    FactLog at_start;
    (rejoin_ ? at_start : log_).AddAtStart(t0, clock_.Now(), node_->plane().machines().nf(kSourceNf), *run_);
    if (rejoin_) fault_ = SendFacts(at_start, false);  // it may not live to report them
  }
  if (generates()) generator_->Begin(t0, point_);
}

void NodeRun::Generator(TimePoint now) {
  const auto tell = [this](Json json) {
    fault_ = Tell(json);
    told_.push_back(std::move(json));
  };
  if (generator_->TakeStart(now)) tell({{"t0", number_}, {"at_ns", now.nanos()}});
  if (over_) generator_->OnOver();
  if (const auto end = generator_->Ended(now)) {
    tell({{"ended", number_}, {"at_ns", end->at.nanos()}, {"capped", end->capped}});
  }
}

// The controller has gone: what it and this node had on the way is lost, the packets go on. A new one hears where the
// run is.
Status NodeRun::TryRejoin() {
  if (const int64_t now = RawNanos(); now - tried_ns_ < kRejoinNs) {
    return {};
  } else {
    tried_ns_ = now;
  }
  Result<Channel> channel = rejoin_();
  if (!channel) return {};
  channel_ = std::move(channel).value();
  connected_ = true;
  node_->Reconnect();
  Json resume = {{"run", number_}, {"at_ns", start_ns_}, {"spec", CanonicalSpec(point_)}};
  if (t0_) resume["t0_ns"] = t0_->nanos();
  if (Status told = Tell({{"resume", std::move(resume)}}); !told) return told;
  for (const Json& json : told_) {
    if (Status told = Tell(json); !told) return told;
  }
  return {};
}

Status NodeRun::Loop() {
  int idle = 0;
  for (uint64_t rounds = 0; phase_ == Phase::kReady || phase_ == Phase::kRunning; ++rounds) {
    if (stop_) {
      phase_ = Phase::kOver;
      return Tell({{"failed", number_}, {"error", "it was told to end"}});
    }
    const Result<bool> busy = node_->Round();
    if (!busy) {
      if (!rejoin_ || phase_ != Phase::kRunning) return busy.error();
      fmt::print(stderr, "uhaul node {}: {}; run {} goes on without\n", role_, busy.error().message, number_);
      node_->Disconnect();
      connected_ = false;
      continue;
    }
    if (!connected_) {
      if (Status tried = TryRejoin(); !tried) return tried;
    }
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
  values["malformed_packets"] = fmt::to_string(node_->plane().path().parsed().rejected());
  if (generates()) {
    const Punctuality& p = node_->punctuality();
    values["generator_late_share"] =
        fmt::format("{:.6f}", p.packets == 0 ? 0.0 : static_cast<double>(p.late) / static_cast<double>(p.packets));
    values["kept_rate"] = p.kept_rate() ? "yes" : "no";
  }
  for (const auto& [name, port] : gear_->ports) {
    const PortCounters now = port->counters();
    const auto found = before_.find(name);
    const PortCounters before = found == before_.end() ? PortCounters() : found->second;
    const auto tell = [&, prefix = "port_" + name + "_"](const char* what, uint64_t PortCounters::*counter) {
      values[prefix + what] = fmt::to_string(now.*counter - before.*counter);
    };
    tell("missed", &PortCounters::missed);
    tell("no_mbuf", &PortCounters::no_mbuf);
    tell("receive_errors", &PortCounters::receive_errors);
    tell("send_errors", &PortCounters::send_errors);
    tell("foreign", &PortCounters::foreign);
    tell("cut", &PortCounters::cut);
    tell("too_large", &PortCounters::too_large);
    tell("link_losses", &PortCounters::link_losses);
  }
  return values;
}

Status NodeRun::Report() {
  RunCounters counters = run_->recorder().counters();
  counters.fit_full = node_->plane().fit_full();
  counters.generator_late_ns = static_cast<uint64_t>(node_->punctuality().latest_ns);
  log_.AddCounters(clock_.Now(), counters);
  if (Status sent = SendFacts(log_, true); !sent) return sent;
  return Tell({{"reported", number_}, {"measurements", Measurements()}});
}

// `flush`: as it goes; there may be very many. Not in a call from the channel.
Status NodeRun::SendFacts(const FactLog& log, bool flush) {
  const std::span<const uint8_t> octets = log.Octets();
  for (size_t i = 0; i < octets.size(); i += kMaxBlobOctets) {
    if (Status queued = channel_.QueueBlob(0, octets.subspan(i, std::min(kMaxBlobOctets, octets.size() - i)));
        !queued) {
      return queued;
    }
    while (flush && channel_.wants_write()) {
      if (stop_) return {};
      if (Status flushed = channel_.Flush(); !flushed) return flushed;
      const timespec nap{0, kNapNs};
      if (channel_.wants_write()) nanosleep(&nap, nullptr);
    }
  }
  return {};
}

Status NodeRun::Make(const Json& setup) {
  number_ = Integer(setup, "run").value_or(0);
  const auto since = Integer(setup, "restarted");
  restarted_ = since.has_value();
  Status prepared = AwaitLinks();
  if (prepared && !restarted_) prepared = Drain();  // the others are sending
  if (prepared) prepared = Prepare(setup);
  if (!prepared) {
    if (Status told = Tell({{"failed", number_}, {"error", prepared.error().message}}); !told) return told;
    return channel_.Flush();
  }
  // Packets come already: they and what the controller says must find the run's time.
  if (restarted_) Start(std::clamp(*since, -kFarthestNs, kFarthestNs) - gear_->offset_ns);
  if (Status told = Tell({{"ready", number_}}); !told) return told;
  if (Status looped = Loop(); !looped) return looped;
  if (phase_ == Phase::kReporting) {
    if (Status reported = Report(); !reported) return reported;
  }
  return channel_.Flush();
}

}  // namespace

bool DropWhatArrives(NodeGear* gear) {
  bool any = false;
  for (const auto& [name, port] : gear->ports) {
    const size_t waiting = port->in_flight();
    std::array<rte_mbuf*, kBurst> burst;
    const size_t received = port->Receive(burst);
    for (size_t i = 0; i < received; ++i) rte_pktmbuf_free(burst[i]);
    any |= received > 0 || port->in_flight() < waiting;
  }
  return any;
}

Status MakeNodeRun(const Json& setup, const std::string& role, double rate_scale, NodeGear* gear, Channel& channel,
                   const Rejoin& rejoin, const std::atomic<bool>& stop) {
  return NodeRun(role, rate_scale, gear, channel, rejoin, stop).Make(setup);
}

}  // namespace uhaul::runtime
