#include "sim/point_run.h"

#include <utility>

#include "core/base/check.h"

namespace uhaul {

Result<RunRecord> FinishRun(World& world, const PointSpec& spec) {
  if (const Status started = world.StartOperation(spec); !started) return started.error();
  return world.RunToEnd();
}

Result<RunRecord> WholeRun(const PointSpec& spec) {
  const Result<Scenario> scenario = LoadScenario(spec);
  if (!scenario) return scenario.error();
  Result<std::unique_ptr<World>> world = World::Create(spec, *scenario);
  if (!world) return world.error();
  if (const Status warm = (*world)->RunToStart(); !warm) return warm.error();
  return FinishRun(**world, spec);
}

const BuildInfo& SimEngine::build() const { return SimBuildInfo(); }

Status SimEngine::WarmUp(const PointSpec& spec) {
  UHAUL_CHECK(world_ == nullptr);
  Result<Scenario> scenario = LoadScenario(spec);
  if (!scenario) return scenario.error();
  scenario_ = std::move(scenario).value();
  Result<std::unique_ptr<World>> world = World::Create(spec, scenario_);
  if (!world) return world.error();
  world_ = std::move(world).value();
  return world_->RunToStart();
}

Result<RunRecord> SimEngine::Finish(const PointSpec& point) {
  UHAUL_CHECK(world_ != nullptr);
  return FinishRun(*world_, point);
}

}  // namespace uhaul
