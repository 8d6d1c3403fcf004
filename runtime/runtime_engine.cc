#include "runtime/runtime_engine.h"

#include <fmt/format.h>

#include <utility>

#include "core/base/check.h"
#include "runtime/eal.h"
#include "runtime/real_testbed.h"
#include "runtime/virtual_testbed.h"

namespace uhaul {
const BuildInfo& RuntimeBuildInfo();  // made at build time
}  // namespace uhaul

namespace uhaul::runtime {

RuntimeEngine::~RuntimeEngine() {
  testbed_.reset();
  if (pool_ != nullptr) rte_mempool_free(pool_);
}

const BuildInfo& RuntimeEngine::build() const { return RuntimeBuildInfo(); }

Status RuntimeEngine::WarmUp(const PointSpec& spec) {
  UHAUL_CHECK(testbed_ == nullptr);
  Result<Scenario> scenario = LoadScenario(spec);
  if (!scenario) return scenario.error();
  scenario_ = std::move(scenario).value();
  if (const Status eal = StartEal({options_.eal, shares_warm_up()}); !eal) return eal;
  Result<rte_mempool*> pool = MakePool({});
  if (!pool) return pool.error();
  pool_ = *pool;
  if (options_.clock == ClockKind::kTsc) noise_ = MeasureNoise();
  if (!options_.captures.empty()) {
    const int64_t epoch = scenario_.recorded == nullptr ? 0 : scenario_.recorded->totals().start_ns;
    Result<LinkCaptures> captures = LinkCaptures::Open(options_.captures, epoch);
    if (!captures) return captures.error();
    captures_ = std::move(captures).value();
  }
  LinkCaptures* captures = captures_ ? &*captures_ : nullptr;
  Result<std::unique_ptr<Testbed>> testbed =
      options_.clock == ClockKind::kVirtual ? VirtualTestbed::Create(spec, scenario_, pool_, captures)
                                            : RealTestbed::Create(spec, scenario_,
                                                                  {noise_.tsc_hz, options_.rate_scale, options_.lcores,
                                                                   pool_, captures, options_.telemetry()});
  if (!testbed) return testbed.error();
  testbed_ = std::move(testbed).value();
  before_ = ReadHostTime();
  return testbed_->RunToStart();
}

Result<RunRecord> RuntimeEngine::Finish(const PointSpec& point) {
  UHAUL_CHECK(testbed_ != nullptr);
  if (const Status started = testbed_->StartOperation(point); !started) return started.error();
  if (options_.lcores == 1) at_start_ = testbed_->punctuality();  // the second lcore's is its own until it ends
  Result<RunRecord> record = testbed_->RunToEnd();
  after_ = ReadHostTime();
  if (options_.telemetry()) RemoveTelemetrySocket();
  if (captures_) {
    if (const Status closed = captures_->Close(); !closed) return closed.error();
  }
  if (const uint64_t rejected = testbed_->plane().path().parsed().rejected(); rejected > 0) {
    return Error{fmt::format("{} of the generator's own frames were rejected by the parser", rejected)};
  }
  return record;
}

std::vector<AssetRecord> RuntimeEngine::Records() const {
  const MachineSet& machines = testbed_->plane().machines();
  return RecordsOf(machines.nf(kSourceNf), machines.nf(kDestinationNf));
}

std::map<std::string, std::string> RuntimeEngine::Measurements() const {
  std::map<std::string, std::string> values;
  if (captures_) {
    values["captured_frames"] = fmt::format("{}", captures_->captured());
    values["capture_lost_frames"] = fmt::format("{}", captures_->lost());
  }
  if (options_.clock == ClockKind::kVirtual) {
    values["clock"] = "virtual";
    return values;
  }
  values.merge(Describe(noise_));
  const Punctuality& p = testbed_->punctuality();
  values["clock"] = "tsc";
  values["attempt"] = fmt::format("{}", options_.attempt);
  values["lcores"] = fmt::format("{}", options_.lcores);
  values["rate_scale"] = fmt::format("{}", options_.rate_scale);
  values["generator_late_share"] =
      fmt::format("{:.6f}", p.packets == 0 ? 0.0 : static_cast<double>(p.late) / static_cast<double>(p.packets));
  values["generator_late_max_us"] = fmt::format("{:.1f}", static_cast<double>(p.latest_ns) * 1e-3);
  values["kept_rate"] = p.kept_rate() ? "yes" : "no";
  const auto of_elapsed = [&](int64_t ns) {
    return fmt::format("{:.4f}", p.elapsed_ns == 0 ? 0.0 : static_cast<double>(ns) / static_cast<double>(p.elapsed_ns));
  };
  values["busy_share"] = of_elapsed(p.busy_ns);
  values["stalled_share"] = of_elapsed(p.stalled_ns);
  values["host_stolen_share"] = fmt::format("{:.4f}", StolenShare(before_, after_));
  const auto per_packet = [](int64_t ns, uint64_t packets) {
    return fmt::format("{:.1f}", packets == 0 ? 0.0 : static_cast<double>(ns) / static_cast<double>(packets));
  };
  values["busy_ns_per_packet"] = per_packet(p.busy_ns, p.packets);
  if (options_.lcores == 1) {
    values["busy_ns_per_packet_from_t0"] = per_packet(p.busy_ns - at_start_.busy_ns, p.packets - at_start_.packets);
  }
  values["held_packets_peak"] = fmt::format("{}", testbed_->plane().path().store().held_peak());
  return values;
}

}  // namespace uhaul::runtime
