// RuntimeEngine: the DPDK engine as the runner sees it (experiments/engine.h). The EAL is started in the process that
// makes the run, never before a fork that only the runner wants.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "experiments/engine.h"
#include "runtime/link_captures.h"
#include "runtime/machine_noise.h"
#include "runtime/testbed.h"

namespace uhaul::runtime {

struct RuntimeOptions {
  ClockKind clock = ClockKind::kTsc;
  int lcores = 1;                                 // kTsc: 2: generator and sink have one of their own
  int attempt = 1;                                // kTsc: to keep the rate; goes to the provenance
  double rate_scale = 1;                          // kTsc: how fast the run's time passes
  std::vector<std::string> eal{};                 // the user's arguments for the EAL
  std::map<std::string, std::string> captures{};  // link -> file (link_captures.h); of a plan of one point
  // In real time: whether figures can be asked for while a run goes on (telemetry.h).
  bool telemetry() const { return std::find(eal.begin(), eal.end(), "--telemetry") != eal.end(); }
};

class RuntimeEngine final : public Engine {
 public:
  explicit RuntimeEngine(RuntimeOptions options) : options_(std::move(options)) {}
  ~RuntimeEngine() override;
  const BuildInfo& build() const override;
  Status WarmUp(const PointSpec& spec) override;
  Result<RunRecord> Finish(const PointSpec& point) override;
  // In real time a fork would stop the clock's watchers for a millisecond, and the children would share processors.
  // A capture's writer is a thread: it would not be in the child.
  bool shares_warm_up() const override { return options_.clock == ClockKind::kVirtual && options_.captures.empty(); }
  std::map<std::string, std::string> Measurements() const override;
  std::vector<AssetRecord> Records() const override;

 private:
  const RuntimeOptions options_;
  MachineNoise noise_;
  Punctuality at_start_;  // when the operation began
  HostTime before_;       // the run
  HostTime after_;
  Scenario scenario_;
  rte_mempool* pool_ = nullptr;
  std::optional<LinkCaptures> captures_;
  std::unique_ptr<Testbed> testbed_;
};

}  // namespace uhaul::runtime
