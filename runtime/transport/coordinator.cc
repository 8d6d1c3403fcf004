#include "runtime/transport/coordinator.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/check.h"
#include "core/node/machine_set.h"
#include "experiments/schema.h"
#include "results/point_store.h"
#include "runtime/transport/raw_time.h"

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;

// Between the last "ready" and the run's beginning, so that every node has heard of it.
constexpr int64_t kHeadStartNs = 100'000'000;
constexpr uint8_t kRecordStream = 1;
// Of times in reports: far beyond any run, and far from where adding two would overflow.
constexpr uint64_t kFarthestNs = uint64_t{1} << 60;

std::optional<uint64_t> Number(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<uint64_t>();
}

// Of the run's clock.
std::optional<TimePoint> Time(const Json& json, const char* key) {
  const auto number = Number(json, key);
  if (!number || *number >= kFarthestNs) return std::nullopt;
  return TimePoint::FromNanos(static_cast<int64_t>(*number));
}

std::string ErrorOf(const Json& json) {
  const auto error = json.find("error");
  return error != json.end() && error->is_string() ? error->get<std::string>() : "it does not say why";
}

// What needs all of a testbed in one place.
Status CheckPoint(const PointSpec& point) {
  if (point.migration_states > 0) return Error{"migration.states needs generator and NF in one process"};
  const bool elephants = point.scheme.flows == MoveFlows::kElephants;
  if (elephants && point.detector == DetectorSpec::Kind::kProportion && point.rho_source == RhoSource::kSnapshot) {
    return Error{"edm.rho: snapshot needs generator and NF in one process; give offline, trace or a number"};
  }
  return {};
}

}  // namespace

struct Coordinator::Run {
  Run(uint64_t run_number, const PointSpec& spec, Scenario traffic)
      : number(run_number), point(spec), scenario(std::move(traffic)), control(spec, scenario) {}
  uint64_t number;
  PointSpec point;
  Scenario scenario;
  RunControl control;
  ServicePeer* driver = nullptr;
  Json call_id;
  enum class Phase : uint8_t { kPreparing, kFilling, kMoving, kReporting };
  Phase phase = Phase::kPreparing;
  std::set<std::string> waiting_for;  // nodes, to be ready or to have reported
  std::set<std::string> lost;         // nodes that have left, and are not back yet
  bool over = false;                  // the operation is closed
  int64_t start_raw_ns = 0;           // of the run's clock
  TimePoint base;                     // the same, by Now()
  TimePoint t0;
  TimePoint end;
  bool capped = false;
  std::map<std::string, FactLog> logs;  // by node; "" is the controller's own
  std::map<std::string, std::string> measurements;
};

Coordinator::Coordinator(const TestbedConfig& config, std::function<void(const std::string&)> log)
    : config_(config), log_(std::move(log)), start_raw_ns_(RawNanos()) {}

Coordinator::~Coordinator() = default;

TimePoint Coordinator::Now() const {
  return TimePoint::FromNanos(
      static_cast<int64_t>(static_cast<double>(RawNanos() - start_raw_ns_) * config_.rate_scale));
}

void Coordinator::Bind(ControllerServiceOptions* options) {
  options->clock = [this] { return Now(); };
  options->shared_clock = false;
  options->greets = false;
  options->on_join = [this](ServicePeer& peer) { OnJoin(peer); };
  options->on_lost = [this](ServicePeer& peer) { OnLost(peer); };
  options->on_admin = [this](ServicePeer& peer, const Json& json) { return OnAdmin(peer, json); };
  options->on_blob = [this](ServicePeer& peer, uint8_t stream, std::span<const uint8_t> octets) {
    OnBlob(peer, stream, octets);
  };
  options->on_event = [this](TimePoint at, const RecordEvent& event) { OnEvent(at, event); };
  options->on_status = [this](Json* status) { OnStatus(status); };
  options->on_drop = [this](TimePoint at, const Packet& packet) {
    if (!run_) return;
    const auto number = run_->control.NumberOf(run_->control.hasher().Key(packet.flow.tuple));
    if (number) run_->logs[""].Add(TimePoint() + (at - run_->base), FactKind::kLost, *number);
  };
}

std::string Coordinator::NodeName(const ServicePeer& peer) const {
  switch (peer.role()) {
    case PeerRole::kNf:
      return fmt::format("nf{}", peer.instance() + 1);
    case PeerRole::kSwitch:
      return "switch";
    case PeerRole::kGenerator:
      return "generator";
    case PeerRole::kStranger:
    case PeerRole::kDriver:
      break;
  }
  return "";
}

void Coordinator::OnJoin(ServicePeer& peer) {
  const std::string name = NodeName(peer);
  if (name.empty()) return;
  nodes_[name] = &peer;
  if (!config_.journal.empty()) silent_.insert(name);
}

// The generator, which is the sink, too, knows what nobody else does.
bool Coordinator::Survives(const std::string& name) const {
  const bool under_way = run_->phase == Run::Phase::kFilling || run_->phase == Run::Phase::kMoving;
  return !config_.journal.empty() && name != "generator" && under_way;
}

void Coordinator::OnLost(ServicePeer& peer) {
  const std::string name = NodeName(peer);
  if (!name.empty()) {
    nodes_.erase(name);
    stopping_.erase(name);
    silent_.erase(name);
    if (run_ && Survives(name)) {
      run_->lost.insert(name);
      log_(fmt::format("run {}: {} left; the run goes on", run_->number, name));
      return;
    }
    if (run_) Fail(fmt::format("{} left during the run", name));
  } else if (run_ && run_->driver == &peer) {
    run_->driver = nullptr;
    Fail("the one who asked for it has gone");
  }
}

std::vector<std::string> Coordinator::Missing() const {
  std::vector<std::string> missing;
  for (const char* role : kTestbedRoles) {
    if (!nodes_.contains(role)) missing.emplace_back(role);
    if (silent_.contains(role)) missing.push_back(std::string(role) + " (joining)");
    if (stopping_.contains(role)) missing.push_back(std::string(role) + " (ending the run before)");
  }
  return missing;
}

void Coordinator::Tell(const Json& json) {
  for (const auto& [name, peer] : nodes_) peer->Send(json);
}

bool Coordinator::OnAdmin(ServicePeer& peer, const Json& json) {
  if (!json.is_object()) return false;
  if (json.contains("ping")) {
    peer.Send({{"pong", json["ping"]}, {"at", RawNanos()}});
    return true;
  }
  if (peer.role() == PeerRole::kDriver) {
    if (json.value("call", Json()) != "run") return false;
    Json answer = StartRun(peer, json);
    if (answer.is_null()) return true;  // later
    answer["reply"] = json.value("id", Json());
    peer.Send(answer);
    return true;
  }
  const std::string name = NodeName(peer);
  if (const auto stopped = Number(json, "stopped")) {
    stopping_.erase(name);
    return true;
  }
  if (const auto resume = json.find("resume"); resume != json.end()) {
    silent_.erase(name);
    OnResume(peer, *resume);
    return true;
  }
  for (const char* key : {"ready", "t0", "ended", "reported", "failed"}) {
    const auto number = Number(json, key);
    if (!number) continue;
    const std::string_view what = key;
    if (!run_ || *number != run_->number) {  // of a run that is over
      if (what == "ready") peer.Send({{"stop", *number}});
      return true;
    }
    if (what == "ready") OnReady(peer, json);
    if (what == "t0" && name == "generator") OnT0(json);
    if (what == "ended" && name == "generator") OnEnded(json);
    if (what == "reported") OnReported(peer, json);
    if (what == "failed") Fail(name + ": " + ErrorOf(json));
    return true;
  }
  return false;
}

const char* Coordinator::PhaseName() const {
  switch (run_->phase) {
    case Run::Phase::kPreparing:
      return "preparing";
    case Run::Phase::kFilling:
      return "before t0";
    case Run::Phase::kMoving:
      return "moving";
    case Run::Phase::kReporting:
      return "reporting";
  }
  UHAUL_CHECK(false);
}

void Coordinator::OnStatus(Json* status) const {
  Json nodes = Json::object();
  for (const char* role : kTestbedRoles) {
    const bool joined = nodes_.contains(role);
    nodes[role] = !joined ? "not joined" : stopping_.contains(role) ? "ending the run before" : "joined";
  }
  Json testbed = {{"nodes", std::move(nodes)}, {"run", nullptr}, {"runs_done", done_}, {"runs_failed", failed_}};
  if (run_) {
    testbed["run"] = {{"number", run_->number},
                      {"workload", run_->point.workload},
                      {"scheme", run_->point.scheme.name},
                      {"phase", PhaseName()}};
    if (!run_->waiting_for.empty()) testbed["run"]["waiting_for"] = run_->waiting_for;
  }
  (*status)["testbed"] = std::move(testbed);
}

// Null: the answer comes when the run is over.
Json Coordinator::StartRun(ServicePeer& driver, const Json& call) {
  const Result<PointSpec> point = FromCanonical(Texts(call.value("spec", Json())));
  if (run_ && run_->driver == nullptr && point && CanonicalSpec(*point) == CanonicalSpec(run_->point)) {
    run_->driver = &driver;
    run_->call_id = call.value("id", Json());
    return nullptr;
  }
  if (run_) return {{"error", "another run is under way"}};
  if (const std::vector<std::string> missing = Missing(); !missing.empty()) return {{"missing", missing}};
  if (!point) return {{"error", point.error().message}};
  if (const Status possible = CheckPoint(*point); !possible) return {{"error", possible.error().message}};
  Result<Scenario> scenario = LoadScenario(*point);
  if (!scenario) return {{"error", scenario.error().message}};
  run_ = std::make_unique<Run>(next_run_++, *point, std::move(scenario).value());
  run_->driver = &driver;
  run_->call_id = call.value("id", Json());
  for (const char* role : kTestbedRoles) run_->waiting_for.insert(role);
  const Status reset =
      service_->Reset({.profile = point->profile, .hash_key = HashKeyOf(*point), .nf_count = kNfCount});
  if (!reset) {
    run_.reset();
    return {{"error", reset.error().message}};
  }
  log_(fmt::format("run {}: {} by {}", run_->number, point->workload, point->scheme.name));
  Tell({{"setup", {{"run", run_->number}, {"spec", CanonicalSpec(*point)}}}});
  return nullptr;
}

void Coordinator::OnReady(ServicePeer& peer, const Json& json) {
  if (run_->lost.contains(NodeName(peer))) return TakeIn(peer);
  if (run_->phase != Run::Phase::kPreparing) return;
  Heard(peer, json);
  if (!run_->waiting_for.empty()) return;
  run_->phase = Run::Phase::kFilling;
  StartAt(RawNanos() + kHeadStartNs);
  Tell({{"start", {{"run", run_->number}, {"at_ns", run_->start_raw_ns}}}});
  if (config_.journal.empty()) return;
  for (const auto& [name, node] : nodes_) service_->Greet(*node);  // so that it knows them if they come again
}

void Coordinator::StartAt(int64_t raw_ns) {
  run_->start_raw_ns = raw_ns;
  run_->base =
      TimePoint::FromNanos(static_cast<int64_t>(static_cast<double>(raw_ns - start_raw_ns_) * config_.rate_scale));
}

// ---- a run survives

void Coordinator::OnResume(ServicePeer& peer, const Json& resume) {
  const auto number = Number(resume, "run");
  if (!number) return;
  const std::string name = NodeName(peer);
  if (*number == 0) {
    if (!run_ || !run_->lost.contains(name)) return;
    if (name == "generator") return Fail("generator is another one: what was sent and what came is gone");
    return peer.Send(
        {{"setup", {{"run", run_->number}, {"spec", CanonicalSpec(run_->point)}, {"restarted", run_->start_raw_ns}}}});
  }
  if (!run_ && *number >= next_run_) {  // none that this controller has made
    if (const Status taken = TakeUp(resume, *number); !taken) {
      log_(fmt::format("run {}: cannot be taken up: {}", *number, taken.error().message));
    }
  }
  if (!run_ || run_->number != *number) {
    stopping_.insert(name);
    return peer.Send({{"stop", *number}});
  }
  if (const auto t0 = Time(resume, "t0_ns"); t0 && run_->phase == Run::Phase::kFilling) {
    run_->phase = Run::Phase::kMoving;
    run_->t0 = *t0;
  }
  run_->lost.erase(name);
  log_(fmt::format("run {}: {} is back", run_->number, name));
  service_->Greet(peer);
  // What was begun, the controllers before this one have ended.
  if (run_->phase == Run::Phase::kMoving && service_->controller().idle()) run_->over = true;
  if (run_->over) peer.Send({{"over", run_->number}});
}

// The controller that made this run has died. What it had heard of it has gone with it; what its journal holds, this
// one carries through.
Status Coordinator::TakeUp(const Json& resume, uint64_t number) {
  const auto at = resume.find("at_ns");
  if (at == resume.end() || !at->is_number_integer() || std::abs(at->get<int64_t>()) >= int64_t{kFarthestNs}) {
    return Error{"it does not say when it began"};
  }
  const Result<PointSpec> point = FromCanonical(Texts(resume.value("spec", Json())));
  if (!point) return point.error();
  Result<Scenario> scenario = LoadScenario(*point);
  if (!scenario) return scenario.error();
  run_ = std::make_unique<Run>(number, *point, std::move(scenario).value());
  next_run_ = std::max(next_run_, number + 1);
  run_->phase = Run::Phase::kFilling;
  for (const char* role : kTestbedRoles) run_->lost.insert(role);
  StartAt(at->get<int64_t>());
  log_(fmt::format("run {}: taken up", number));
  return {};
}

// It has a machine again, which knows nothing, and drops until it is told to go on.
void Coordinator::TakeIn(ServicePeer& peer) {
  const std::string name = NodeName(peer);
  if (run_->phase == Run::Phase::kReporting) {
    stopping_.insert(name);
    return peer.Send({{"stop", run_->number}});
  }
  run_->lost.erase(name);
  service_->Greet(peer);
  log_(fmt::format("run {}: {} is back, restarted", run_->number, name));
}

// ---- the operation

void Coordinator::OnT0(const Json& json) {
  if (run_->phase != Run::Phase::kFilling) return;
  const auto at = Time(json, "at_ns");
  if (!at) return Fail("generator: it does not say when t0 was");
  run_->phase = Run::Phase::kMoving;
  run_->t0 = *at;
  log_(fmt::format("run {}: t0 at {:.3f} s", run_->number, static_cast<double>(run_->t0.nanos()) * 1e-9));
  Tell({{"begin", {{"run", run_->number}, {"t0_ns", at->nanos()}}}});
  const double rho = ProportionOf(run_->point, run_->scenario, {}, {});
  const std::optional<Operation> operation = OperationOf(run_->point, rho);
  if (!operation) return Tell({{"over", run_->number}});
  const Result<OperationId> moved =
      service_->Move({operation->request, operation->detector, run_->point.profile}, nullptr);
  if (!moved) Fail(moved.error().message);
}

void Coordinator::OnEvent(TimePoint at, const RecordEvent& event) {
  if (!run_) return;
  run_->logs[""].AddEvent(TimePoint() + (at - run_->base), event, run_->control);
  const auto* step = std::get_if<event::Step>(&event);
  if (step != nullptr && step->step == OperationStep::kFirstChunk)
    log_(fmt::format("run {}: first state", run_->number));
  if (step == nullptr || step->step != OperationStep::kClosed) return;
  run_->over = true;
  log_(fmt::format("run {}: closed at {:.3f} s", run_->number, static_cast<double>((at - run_->base).nanos()) * 1e-9));
  Tell({{"over", run_->number}});
}

void Coordinator::OnEnded(const Json& json) {
  if (run_->phase != Run::Phase::kMoving) return;
  const auto at = Time(json, "at_ns");
  if (!at || *at < run_->t0) return Fail("generator: it does not say when the run ended");
  run_->end = *at;
  run_->capped = json.value("capped", Json(false)) == true;
  log_(fmt::format("run {}: ended at {:.3f} s{}", run_->number, static_cast<double>(run_->end.nanos()) * 1e-9,
                   run_->capped ? " (cap)" : ""));
  run_->phase = Run::Phase::kReporting;
  for (const auto& [name, node] : nodes_) {
    if (!run_->lost.contains(name)) run_->waiting_for.insert(name);
  }
  for (const std::string& name : run_->lost) run_->measurements[name + ".lost"] = "yes";
  Tell({{"report", run_->number}});
}

void Coordinator::OnBlob(ServicePeer& peer, uint8_t, std::span<const uint8_t> octets) {
  if (!run_) return;
  const std::string name = NodeName(peer);
  const bool reports = run_->phase == Run::Phase::kReporting && run_->waiting_for.contains(name);
  const bool ahead = run_->phase == Run::Phase::kMoving && !config_.journal.empty();  // how things stood at t0
  if (!reports && !ahead) return;
  if (const Status taken = run_->logs[name].Unpack(octets); !taken) Fail(name + ": " + taken.error().message);
}

void Coordinator::OnReported(ServicePeer& peer, const Json& json) {
  if (run_->phase != Run::Phase::kReporting) return;
  Heard(peer, json);
  if (run_->waiting_for.empty()) Finish();
}

void Coordinator::Heard(const ServicePeer& peer, const Json& json) {
  const std::string name = NodeName(peer);
  for (const auto& [key, value] : Texts(json.value("measurements", Json()))) {
    run_->measurements[name + "." + key] = value;
  }
  run_->waiting_for.erase(name);
}

void Coordinator::Finish() {
  const std::unique_ptr<Run> run = std::move(run_);
  if (run->driver == nullptr) return log_(fmt::format("run {}: ended, and nobody asks for it", run->number));
  std::vector<FactLog> logs;
  for (auto& [name, facts] : run->logs) logs.push_back(std::move(facts));
  Result<RunRecord> record = Merge(std::move(logs), run->point, run->t0, run->end, run->capped, &run->control);
  if (!record) {
    ++failed_;
    log_(fmt::format("run {}: {}", run->number, record.error().message));
    return run->driver->Send({{"reply", run->call_id}, {"error", record.error().message}});
  }
  const std::string text = EncodePoint({.id = PointId(run->point),
                                        .engine = "runtime",
                                        .build = "testbed",
                                        .spec = CanonicalSpec(run->point),
                                        .record = std::move(record).value()});
  const std::span<const uint8_t> octets(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  for (size_t i = 0; i < octets.size(); i += kMaxBlobOctets) {
    run->driver->SendBlob(kRecordStream, octets.subspan(i, std::min(kMaxBlobOctets, octets.size() - i)));
  }
  run->driver->Send({{"reply", run->call_id}, {"octets", octets.size()}, {"measurements", run->measurements}});
  ++done_;
  log_(fmt::format("run {}: done", run->number));
}

void Coordinator::Fail(const std::string& why) {
  if (!run_) return;
  const std::unique_ptr<Run> run = std::move(run_);
  ++failed_;
  log_(fmt::format("run {}: {}", run->number, why));
  for (const auto& [name, peer] : nodes_) stopping_.insert(name);
  Tell({{"stop", run->number}});
  if (run->driver != nullptr) run->driver->Send({{"reply", run->call_id}, {"error", why}});
}

}  // namespace uhaul::runtime
