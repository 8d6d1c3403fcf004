// A plan on a Slurm cluster: its trace groups in chunks, each a task of a job array that runs the engine as it would
// run here. The results folder and the engine must be where every node finds them under the same path.
//
// Points are files, and a file says which build made it: whatever happens to a task (a node dies, a time limit ends it,
// somebody cancels it), the answer is to submit what is missing once more. Slurm itself requeues nothing. A round after
// which nothing more was there is a strike; after three the rest is given up.
//
//   RESULTS/slurm/plan-ROUND-TASK.json, log-ROUND-TASK    until all is made; the logs stay where something is missing
//
// SIGINT, SIGTERM and SIGHUP cancel the jobs and wait until they have gone; a second one does not wait. Jobs bear the
// name of their results folder, so that a second `uhaul run` on a folder sees those of the first.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/engine_process.h"
#include "experiments/plan.h"

namespace uhaul {

struct SlurmRun {
  std::string engine;
  std::vector<std::string> extra;    // further arguments of the engine
  std::string folder;                // of the results
  unsigned jobs = 1;                 // processes of a task, and the CPUs that it asks for
  unsigned chunks = 0;               // tasks of an array; 0: about ten points each
  std::vector<std::string> options;  // for sbatch: "--partition=long"
};

// What of a plan is still to be made: neither there nor failed.
using StillMissing = std::function<Plan(const Plan&)>;
// How many points are still missing; called about once a second or as often as looking for them is cheap.
using OnMissing = std::function<void(size_t points)>;

// Errors: Slurm is not there, does not answer for an hour or refuses the jobs (with what it said); jobs of this folder
// are in the queue already.
Result<EngineEnd> RunOnSlurm(const SlurmRun& run, const Plan& plan, const StillMissing& still_missing,
                             const OnMissing& on_missing);

// The plan's groups in at most `chunks` plans (0: about ten points each) and at most `most` (Slurm's MaxArraySize), of
// about equal numbers of points; groups stay whole, in the plan's order.
std::vector<Plan> Chunks(const Plan& plan, unsigned chunks, size_t most);
// "MaxArraySize = 1001" of `scontrol show config`; 1001, Slurm's default, where it is not said.
size_t MaxArraySizeIn(const std::string& config);
// The batch script of a task.
std::string TaskScript(const SlurmRun& run, const std::string& plans);

}  // namespace uhaul
