// A plan's file, all of it at once.
#pragma once

#include <string>
#include <utility>

#include "experiments/plan_file.h"

namespace uhaul {

inline Result<Plan> ReadPlan(const std::string& path) {
  const Result<std::unique_ptr<PlanFile>> file = PlanFile::Open(path);
  if (!file.ok()) return file.error();
  Plan plan{.out = (*file)->out(), .groups = {}};
  for (size_t i = 0; i < (*file)->groups(); ++i) {
    Result<std::vector<PlannedPoint>> group = (*file)->Group(i);
    if (!group.ok()) return group.error();
    plan.groups.push_back(*std::move(group));
  }
  return plan;
}

}  // namespace uhaul
