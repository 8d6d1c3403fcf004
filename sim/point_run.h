// PointRun: one point, from its spec to its files.
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/record/record.h"
#include "experiments/plan.h"
#include "sim/world.h"

namespace uhaul {

// The second half of a run: from t0 to the end.
Result<RunRecord> FinishRun(World& world, const PointSpec& spec);
// A whole run, warm-up included. What FinishRun gives after a shared warm-up is the same to the bit.
Result<RunRecord> WholeRun(const PointSpec& spec);

// When and how a point was made, for its provenance.
class Stopwatch {
 public:
  Stopwatch();
  const std::string& started() const { return started_; }
  std::string Now() const;
  double CpuSeconds() const;  // of this process, since the stopwatch was made

 private:
  std::string started_;
  double cpu_start_;
};

// Writes the point's files. SIGINT and SIGTERM wait meanwhile, so that no temporary file stays behind.
Status StoreRun(const std::string& out, const PlannedPoint& point, RunRecord record, const Stopwatch& stopwatch,
                const std::string& command);

}  // namespace uhaul
