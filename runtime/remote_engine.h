// RemoteEngine: a testbed of several processes or hosts as the runner sees it. It asks the testbed's controller for each
// run and is handed the record (transport/coordinator.h).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "experiments/engine.h"
#include "experiments/testbed_config.h"

namespace uhaul::runtime {

class RemoteEngine final : public Engine {
 public:
  explicit RemoteEngine(TestbedConfig config) : config_(std::move(config)) {}
  const BuildInfo& build() const override;
  Status WarmUp(const PointSpec&) override { return {}; }
  Result<RunRecord> Finish(const PointSpec& point) override;
  bool shares_warm_up() const override { return false; }
  std::map<std::string, std::string> Measurements() const override { return measurements_; }

 private:
  TestbedConfig config_;
  std::map<std::string, std::string> measurements_;
};

}  // namespace uhaul::runtime
