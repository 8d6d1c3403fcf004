#include "experiments/scenario.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/base/random.h"
#include "experiments/workload_file.h"

namespace uhaul {
namespace {

constexpr uint64_t kStartStream = 0x7369'0001;

bool IsTraceFile(const std::string& path) {
  const std::vector<std::string> shipped = SizeDistribution::Shipped();
  if (std::find(shipped.begin(), shipped.end(), path) != shipped.end()) return false;
  std::ifstream in(path);
  char line[16] = {};
  in.read(line, 13);
  return std::string(line) == "# uhaul-trace";
}

Result<Scenario> LoadCapture(const PointSpec& spec) {
  Result<RecordedTraffic> recorded = RecordedTraffic::Load(PathOf(spec.workload), {spec.pace, spec.link_rate});
  if (!recorded) return recorded.error();
  Scenario scenario;
  scenario.trace = recorded->trace();
  scenario.recorded = std::make_shared<const RecordedTraffic>(std::move(recorded).value());
  return scenario;
}

}  // namespace

Result<Scenario> LoadScenario(const PointSpec& spec) {
  if (const Status same = CheckHash(spec.workload); !same) return same.error();
  if (IsCapture(spec.workload)) return LoadCapture(spec);
  const std::string workload = PathOf(spec.workload);
  Scenario scenario;
  if (IsTraceFile(workload)) {
    Result<Trace> trace = ReadTrace(workload);
    if (!trace) return trace.error();
    scenario.trace = std::move(trace).value();
    return scenario;
  }
  if (!workload.starts_with("even:")) {
    Result<SizeDistribution> distribution = SizeDistribution::Load(workload);
    if (!distribution) return distribution.error();
    scenario.distribution = std::move(distribution).value();
  }
  Result<Trace> trace = GenerateTrace(
      {.workload = workload, .load = spec.load, .link = spec.link_rate, .duration = spec.duration, .seed = spec.trace});
  if (!trace) return trace.error();
  scenario.trace = std::move(trace).value();
  return scenario;
}

TimePoint StartTime(const PointSpec& spec) {
  int64_t at = spec.migration_after.nanos();
  const int64_t within = spec.migration_within.nanos();
  if (within > 0) at += static_cast<int64_t>(Random(spec.trace, kStartStream).Below(static_cast<uint64_t>(within)));
  switch (spec.phase) {
    case MigrationPhase::kRandom:
      break;
    case MigrationPhase::kPreEviction: {
      const int64_t window = spec.fit.window.nanos();
      at = (at + window - 1) / window * window - spec.migration_lead.nanos();
      break;
    }
  }
  return TimePoint::FromNanos(std::max<int64_t>(at, 1));
}

SourceOptions SourceOptionsOf(const PointSpec& spec) {
  SourceOptions options;
  switch (spec.senders) {
    case SenderKind::kLimited:
      options.model = SenderModel::kLimited;
      break;
    case SenderKind::kUnlimited:
      options.model = SenderModel::kUnlimited;
      break;
    case SenderKind::kWindow:
      options.model = SenderModel::kWindow;
      break;
  }
  options.limit = spec.sender_limit;
  options.packet_bytes = spec.packet_bytes;
  options.link = spec.link_rate;
  options.on_time = spec.on_time;
  options.off_time = spec.off_time;
  options.window = spec.window_packets;
  options.retransmission_timeout = spec.retransmission_timeout;
  options.seed = spec.trace;
  return options;
}

PacketSource MakeSource(const PointSpec& spec, const Scenario& scenario) {
  return scenario.recorded != nullptr ? PacketSource(*scenario.recorded)
                                      : PacketSource(scenario.trace, SourceOptionsOf(spec));
}

uint32_t PacketsOf(const PointSpec& spec, const Scenario& scenario, uint32_t flow) {
  if (scenario.recorded != nullptr) return scenario.recorded->PacketsOf(flow);
  return static_cast<uint32_t>((scenario.trace.flows[flow].bytes + spec.packet_bytes - 1) / spec.packet_bytes);
}

double ProportionOf(const PointSpec& point, const Scenario& scenario, const std::vector<ActiveFlow>& active,
                    const std::vector<uint64_t>& final_bytes) {
  UHAUL_CHECK(active.size() == final_bytes.size());
  if (point.scheme.flows != MoveFlows::kElephants || point.detector != DetectorSpec::Kind::kProportion) return 0;
  switch (point.rho_source) {
    case RhoSource::kOffline:
      // A trace file has no distribution: its own flows are all the operator could have sampled.
      if (scenario.distribution) return scenario.distribution->ByteShareAbove(point.threshold);
      return ByteShareAbove(scenario.trace, point.threshold);
    case RhoSource::kTrace:
      return ByteShareAbove(scenario.trace, point.threshold);
    case RhoSource::kSnapshot: {
      uint64_t all = 0;
      uint64_t elephants = 0;
      for (const uint64_t bytes : final_bytes) {
        all += bytes;
        if (bytes >= point.threshold.count()) elephants += bytes;
      }
      return all == 0 ? 0 : static_cast<double>(elephants) / static_cast<double>(all);
    }
    case RhoSource::kGiven:
      return point.rho;
  }
  UHAUL_CHECK(false);
}

Duration WatchOf(const Profile& profile, size_t flows) {
  constexpr uint64_t kStateBytes = 512;
  constexpr int64_t kStretchPercent = 115;
  const Bytes state(kStateBytes);
  const Duration each =
      profile.get.Of(1, state) + profile.put.Of(1, state) + profile.del.Of(1, state) + profile.message.Of(4, state);
  const Duration export_all = each * static_cast<int64_t>(flows);
  return Duration::Nanos(export_all.nanos() / 100 * kStretchPercent) + profile.control_delay * 20 + Duration::Millis(5);
}

}  // namespace uhaul
