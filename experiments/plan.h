// The plan: what `uhaul` hands to an engine (DECISIONS 14). A JSON file:
//
//   {"plan": 1, "out": "DIR", "groups": [[POINT, ...], ...]}      POINT = {"id": "...", "spec": {key: value, ...}}
//
// with canonical SI values. All points of a group share one warm-up. The engine is called as
//   uhaul-sim --plan FILE [--jobs N] [--progress-fd FD]
// and writes DIR/ID.json and DIR/ID.prov.json for each point, each by temporary file, fsync and rename. On the progress
// descriptor it writes JSON lines: {"done": "ID"} or {"failed": "ID", "error": "..."}.
// Exit: 0 all points written, 1 some failed, 65 bad plan, 70 internal, 130 interrupted (finished points stay).
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/point_spec.h"

namespace uhaul {

struct PlannedPoint {
  std::string id;
  PointSpec spec;
};

struct Plan {
  std::string out;
  std::vector<std::vector<PlannedPoint>> groups;
};

// Groups by trace, in a fixed order; duplicates (equal identity) once.
Plan MakePlan(const std::vector<PointSpec>& points, std::string out);
Status WritePlan(const Plan& plan, const std::string& path);

}  // namespace uhaul
