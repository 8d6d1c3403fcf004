// What becomes of a finished run: its two files, by the engine that made it.
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/record/record.h"
#include "experiments/engine.h"
#include "experiments/plan.h"

namespace uhaul {

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

// Writes the point's files; of a capture ID.records.csv, too, what the monitors found. SIGINT and SIGTERM wait
// meanwhile, so that no temporary file stays behind.
Status StoreRun(const std::string& out, const PlannedPoint& point, RunRecord record, const Engine& engine,
                const Stopwatch& stopwatch, const std::string& command);

}  // namespace uhaul
