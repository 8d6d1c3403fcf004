// ComponentBench: what each component of a profile costs on this machine, measured by itself: the real machines, NF and
// codec, in this thread, in bursts as the engine does it. Messages go through a real channel where the role would send
// or receive them.
//
// What happens beside it in a run (packets on the same lcore, polling, cold caches) is not in these figures: cost_fit.h
// has what real moves say of that.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/node/profile.h"

namespace uhaul::runtime {

struct ComponentCost {
  std::string name;      // of the profile's component; "packet" and "control_delay" are no Cost
  double ns = 0;         // per item: the median of the rounds
  double spread_ns = 0;  // their interquartile range
  std::string how;
};

struct BenchOptions {
  int rounds = 15;  // at least 7
  uint32_t flows = 1000;
};

Result<std::vector<ComponentCost>> MeasureComponents(const BenchOptions& options);

// Median and interquartile range of what was measured, not empty.
ComponentCost Summed(std::string name, std::vector<double> ns, std::string how);

}  // namespace uhaul::runtime
