// PointRun: one point on ns-3, in one piece or in the two halves that the runner asks for.
#pragma once

#include <memory>

#include "core/base/result.h"
#include "core/record/record.h"
#include "experiments/engine.h"
#include "sim/world.h"

namespace uhaul {

const BuildInfo& SimBuildInfo();

// The second half of a run: from t0 to the end.
Result<RunRecord> FinishRun(World& world, const PointSpec& spec);
// A whole run, warm-up included. What FinishRun gives after a shared warm-up is the same to the bit.
Result<RunRecord> WholeRun(const PointSpec& spec);

class SimEngine final : public Engine {
 public:
  const BuildInfo& build() const override;
  Status WarmUp(const PointSpec& spec) override;
  Result<RunRecord> Finish(const PointSpec& point) override;
  std::vector<AssetRecord> Records() const override { return RecordsOf(world_->nf(0), world_->nf(1)); }

 private:
  Scenario scenario_;
  std::unique_ptr<World> world_;
};

}  // namespace uhaul
