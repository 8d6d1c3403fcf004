// A run that somebody else made, on a testbed that never saw our code, from CSV files (results/README.md has the
// schema): its record, and its flows as a trace to simulate.
//
// Clocks: a time belongs to the clock of its column's @HOST, else of its row's `host`, else to the one clock of all
// files. Everything is put on the clock of the step `accepted`: a host's offset is what its clock shows more than that
// one. Times of a host without a known offset are left out, and what they would give is unmeasured, never zero; only a
// duration between two times of the same host remains (FCT).
#pragma once

#include <map>
#include <string>

#include "core/base/result.h"
#include "core/record/record.h"
#include "workloads/trace.h"

namespace uhaul {

struct ImportRequest {
  std::string flows;
  std::string steps;
  std::string counters;                       // optional: counters and buffers
  std::string fit;                            // optional: passes of the FIT
  std::map<std::string, int64_t> offsets_ns;  // by host
  int64_t start_ns = 0;                       // of the run, on the clock of `accepted`; times count from here
};

struct ImportedRun {
  RunRecord record;  // without rho and threshold
  Trace trace;       // empty if arrivals are not known
};

Result<ImportedRun> ImportRun(const ImportRequest& request);

// Of a file of steps: t0, as its clock shows it.
struct AcceptedStep {
  std::string host;  // "": the one clock of all files
  int64_t time_ns = 0;
};
Result<AcceptedStep> FindAccepted(const std::string& steps);

}  // namespace uhaul
