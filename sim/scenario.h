// Scenario: what the points of a group share beside their parameters: the trace, its size distribution, and when the
// migration starts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/flow/flow_table.h"
#include "experiments/point_spec.h"
#include "workloads/distribution.h"
#include "workloads/packet_source.h"
#include "workloads/trace.h"

namespace uhaul {

struct Scenario {
  Trace trace;
  std::optional<SizeDistribution> distribution;  // none if the workload is a trace file
};

// Makes or reads the trace of a point's group.
Result<Scenario> LoadScenario(const PointSpec& spec);

// t0 by the clock: migration_after and a uniform share of migration_within, from the trace's own stream; before the
// next eviction pass, if the phase says so (DECISIONS 1). Not for points that wait for a number of states.
TimePoint StartTime(const PointSpec& spec);

SourceOptions SourceOptionsOf(const PointSpec& spec);

// The proportion that the operator gives to the EDM (U-HAUL 3.1), 0 where none is used. `active`: A.
double ProportionOf(const PointSpec& point, const Scenario& scenario, const std::vector<ActiveFlow>& active,
                    const std::vector<uint64_t>& final_bytes);

}  // namespace uhaul
