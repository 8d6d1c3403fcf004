// Runner: makes the points of a plan with an engine.
//
// One process per trace group makes the warm-up once; at t0 it forks a child per point, which runs on, writes its
// own files and exits (an engine that cannot share a warm-up makes a whole run in each child). Groups run side by side,
// as many as there are jobs; within a group one child after another, or several if there are fewer groups than jobs. No
// threads. Each process ends when its parent does.
//
// A child that dies leaves ID.failed with the end of its log, and the others go on. On SIGINT or SIGTERM nothing new is
// started, own children are ended, and the points that are finished stay.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "experiments/engine.h"
#include "experiments/plan_file.h"

namespace uhaul {

// An engine that has done nothing yet; cheap.
using MakeEngine = std::function<std::unique_ptr<Engine>()>;

struct RunnerOptions {
  int jobs = 1;
  int progress_fd = -1;  // JSON lines: {"done":"ID"} or {"failed":"ID","error":"..."}
  bool fork = true;      // false: every point is a whole run, in this process
  std::string command;   // for the provenance
};

// 0 all points written, 1 some failed, 65 the output directory cannot be made, 130 interrupted.
int RunPlan(const PlanSource& plan, const RunnerOptions& options, const MakeEngine& make_engine);

}  // namespace uhaul
