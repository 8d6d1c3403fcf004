// What captures of somebody else's testbed say of a run, as the tables of flows and counters that import_run.h reads:
// what the generator sent, what reached each NF, what came out at the sink.
//
//   five_tuple, bytes, first sent   at the generator
//   active, t0_bytes, t0_last       at NF 1: the flow's last packet before t0 is no older than the window
//   selected, moved                 active, and some of it reached NF 2, all of that after t0. Which flows were chosen
//                                   but failed, packets do not tell
//   finished, lost, repeated, reordered   at the sink, packet by packet (workloads/capture_points.h)
//
// Every capture's clock must be known: `accepted` (t0) has to be found in each.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/base/result.h"
#include "core/base/units.h"

namespace uhaul {

// Of a run; each names its file and is the host of its clock. What was not captured is empty, but the generator and
// NF 1 are needed.
inline constexpr const char* kCapturePoints[] = {"generator", "nf1", "nf2", "sink"};

struct CaptureImport {
  std::map<std::string, std::string> files;  // by point
  std::string steps;                         // as of ImportRequest
  std::map<std::string, int64_t> offsets_ns;
  Duration window;  // of the source's table
};

struct CaptureTables {
  std::string flows;     // CSV
  std::string counters;  // CSV
  int64_t start_ns = 0;  // the generator's first packet, on the clock of `accepted`
};

Result<CaptureTables> TablesOf(const CaptureImport& import);

}  // namespace uhaul
