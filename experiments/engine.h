// Engine: what the executable of an engine offers to the runner that makes a plan's points (engine_runner.h). A run has
// two halves, so that the points of a trace group can share the first.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/nf/asset_text.h"
#include "core/record/record.h"
#include "experiments/build_info.h"
#include "experiments/point_spec.h"

namespace uhaul {

class Engine {
 public:
  virtual ~Engine() = default;
  virtual const BuildInfo& build() const = 0;

  // Up to t0. Of `spec` only what determines the warm-up counts. Once per process.
  virtual Status WarmUp(const PointSpec& spec) = 0;
  // From t0 to the end; after WarmUp.
  virtual Result<RunRecord> Finish(const PointSpec& point) = 0;
  // Whether the process may be forked between the two, to finish differently in each child. If not, every point is a
  // whole run in a process of its own.
  virtual bool shares_warm_up() const { return true; }
  // What the monitors found in a capture's traffic, after Finish; nothing for other workloads.
  virtual std::vector<AssetRecord> Records() const { return {}; }
  // What was measured beside the record, for the provenance of the point that was just finished.
  virtual std::map<std::string, std::string> Measurements() const { return {}; }
};

}  // namespace uhaul
