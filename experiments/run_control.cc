#include "experiments/run_control.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/base/random.h"
#include "core/nf/function_registry.h"
#include "core/node/machine_set.h"
#include "experiments/workload_file.h"
#include "workloads/random_streams.h"

namespace uhaul {
namespace {

// How often a point that waits for a number of states looks, and how long after the trace's last flow it gives up.
constexpr Duration kStatesPoll = Duration::Micros(100);
constexpr Duration kStatesPatience = Duration::Seconds(1);

std::vector<RecorderFlow> RecorderFlowsOf(const PointSpec& spec, const Scenario& scenario) {
  std::vector<RecorderFlow> flows;
  flows.reserve(scenario.trace.flows.size());
  for (const TraceFlow& f : scenario.trace.flows) {
    const uint32_t packets = PacketsOf(spec, scenario, static_cast<uint32_t>(flows.size()));
    flows.push_back({f.tuple, f.arrival.nanos(), f.bytes, packets});
  }
  return flows;
}

}  // namespace

HashKey HashKeyOf(const PointSpec& spec) {
  Random random(spec.trace, kFlowHashStream);
  const uint64_t k0 = random.Next();
  return {k0, random.Next()};
}

Result<NfAgent> MakeNf(const PointSpec& spec, uint8_t instance, uint64_t incarnation, bool restarted) {
  auto function = MakeNetworkFunction(
      spec.nf_function,
      {.timeout = spec.nf_timeout, .hash_key = HashKeyOf(spec), .by_stamp = IsCapture(spec.workload)});
  if (!function) return function.error();
  return NfAgent(NfAgentOptions{.instance = instance,
                                .fit = spec.fit,
                                .profile = {},
                                .hash_key = HashKeyOf(spec),
                                .incarnation = incarnation,
                                .restarted = restarted},
                 std::move(function).value());
}

Result<std::vector<NfAgent>> MakeNfs(const PointSpec& spec, uint64_t incarnation, bool restarted) {
  std::vector<NfAgent> nfs;
  for (uint8_t i = 0; i < kNfCount; ++i) {
    Result<NfAgent> nf = MakeNf(spec, i, incarnation, restarted);
    if (!nf) return nf.error();
    nfs.push_back(std::move(nf).value());
  }
  return nfs;
}

std::vector<AssetRecord> RecordsOf(const NfAgent& source, const NfAgent& destination) {
  const auto* a = dynamic_cast<const AssetMonitor*>(&source.function());
  const auto* b = dynamic_cast<const AssetMonitor*>(&destination.function());
  return a == nullptr || b == nullptr ? std::vector<AssetRecord>() : AssetRecords(*a, *b);
}

SwitchAgent MakeSwitch(const PointSpec& spec, uint64_t incarnation, bool restarted) {
  return SwitchAgent({.profile = {},
                      .hash_key = HashKeyOf(spec),
                      .table_capacity = spec.switch_table,
                      .default_nf = kSourceNf,
                      .incarnation = incarnation,
                      .restarted = restarted});
}

Controller MakeController(const PointSpec& spec) {
  return Controller({.profile = {}, .hash_key = HashKeyOf(spec), .nf_count = kNfCount});
}

Result<OperationId> StartOperation(Controller& controller, TimePoint now, const Operation& operation, Outbox& outbox) {
  if (operation.detector) return controller.MoveElephant(now, operation.request, *operation.detector, outbox);
  return controller.Move(now, operation.request, outbox);
}

RunControl::RunControl(const PointSpec& spec, const Scenario& scenario)
    : spec_(spec),
      scenario_(scenario),
      hasher_(HashKeyOf(spec)),
      source_(MakeSource(spec, scenario)),
      recorder_(RecorderFlowsOf(spec, scenario), {.retransmits = source_.closed_loop(), .source_nf = kSourceNf}) {
  for (uint32_t i = 0; i < scenario.trace.flows.size(); ++i)
    numbers_.Get(hasher_.Key(scenario.trace.flows[i].tuple)) = i;
}

std::optional<uint32_t> RunControl::NumberOf(const FlowKey& flow) const {
  const uint32_t* number = numbers_.Find(flow);
  return number == nullptr ? std::nullopt : std::optional(*number);
}

TimePoint RunControl::FirstLook() const {
  return spec_.migration_states > 0 ? TimePoint::FromNanos(kStatesPoll.nanos()) : StartTime(spec_);
}

bool RunControl::Look(TimePoint now, uint64_t states) {
  if (spec_.migration_states == 0 || states >= spec_.migration_states) return true;
  const TimePoint last = scenario_.trace.flows.empty() ? TimePoint() : scenario_.trace.flows.back().arrival;
  next_look_ = now < last + kStatesPatience ? now + kStatesPoll : TimePoint::Never();
  return false;
}

Error RunControl::NoStart() const {
  return Error{"the trace ended before the source NF held " + std::to_string(spec_.migration_states) +
               " states (migration.states)"};
}

std::optional<Operation> OperationOf(const PointSpec& point, double rho) {
  if (point.scheme.flows == MoveFlows::kNone) return std::nullopt;
  Operation operation{.request = {.src = kSourceNf,
                                  .dst = kDestinationNf,
                                  .scheme = point.scheme,
                                  .filter = point.move_filter,
                                  .limit = point.move_limit},
                      .detector = {}};
  if (point.scheme.flows == MoveFlows::kElephants) {
    operation.detector = {.kind = point.detector, .rho = rho, .threshold = point.threshold};
  }
  return operation;
}

std::optional<Operation> RunControl::Begin(TimePoint t0, const PointSpec& point, const NfAgent& source_nf) {
  AtStart at_start{
      .active = source_nf.fit().Snapshot(t0), .unsent_bytes = {}, .nf_states = source_nf.function().flow_count()};
  for (const ActiveFlow& flow : at_start.active) {
    const std::optional<uint32_t> number = NumberOf(flow.flow);
    UHAUL_CHECK(number.has_value());
    at_start.unsent_bytes.push_back(source_.UnsentBytes(*number));
  }
  return Begin(t0, point, std::move(at_start));
}

std::optional<Operation> RunControl::Begin(TimePoint t0, const PointSpec& point, AtStart at_start) {
  UHAUL_CHECK(!moving_ && !over_);
  std::vector<uint32_t> numbers;
  std::vector<uint64_t> final_bytes;
  for (const ActiveFlow& flow : at_start.active) {
    const std::optional<uint32_t> number = NumberOf(flow.flow);
    UHAUL_CHECK(number.has_value());
    numbers.push_back(*number);
    final_bytes.push_back(scenario_.trace.flows[*number].bytes);
  }
  recorder_.Begin({.at = t0,
                   .active = at_start.active,
                   .numbers = numbers,
                   .unsent_bytes = std::move(at_start.unsent_bytes),
                   .nf_states = at_start.nf_states,
                   .watch = WatchOf(point.profile, at_start.active.size())});
  cap_ = std::max(t0, scenario_.recorded == nullptr ? t0 : scenario_.recorded->packets().back().at) + point.cap;
  rho_ = ProportionOf(point, scenario_, at_start.active, final_bytes);
  if (point.scheme.flows == MoveFlows::kElephants) elephant_threshold_ = point.threshold.count();
  moving_ = true;
  return OperationOf(point, rho_);
}

// U-HAUL's downtime ends with the last delete; what follows (rules, stragglers) belongs to the operation too.
void RunControl::OnOperationOver() {
  UHAUL_CHECK(moving_);
  moving_ = false;
  over_ = true;
  recorder_.OnOperationOver();
}

RunRecord RunControl::Finish(TimePoint now, bool capped, uint64_t fit_full) {
  recorder_.counters().fit_full = fit_full;
  return recorder_.Finish(now, capped, rho_, elephant_threshold_);
}

}  // namespace uhaul
