// Scenario: what the points of a group share beside their parameters: the trace, its size distribution, and when the
// migration starts. Both engines take these from here, so that both mean the same by a point.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/flow/flow_table.h"
#include "experiments/point_spec.h"
#include "workloads/distribution.h"
#include "workloads/packet_source.h"
#include "workloads/recorded_traffic.h"
#include "workloads/trace.h"

namespace uhaul {

struct Scenario {
  Trace trace;
  std::optional<SizeDistribution> distribution;  // none if the workload is a trace file or a capture
  // If the workload is a capture: its packets. The trace then is that of its connections.
  std::shared_ptr<const RecordedTraffic> recorded;
};

// Makes or reads the trace of a point's group. An error, too: the workload's file has changed since it was named.
Result<Scenario> LoadScenario(const PointSpec& spec);
PacketSource MakeSource(const PointSpec& spec, const Scenario& scenario);
uint32_t PacketsOf(const PointSpec& spec, const Scenario& scenario, uint32_t flow);

// t0 by the clock: migration_after and a uniform share of migration_within, from the trace's own stream; before the
// next eviction pass, if the phase says so (DECISIONS 1). Not for points that wait for a number of states.
TimePoint StartTime(const PointSpec& spec);

SourceOptions SourceOptionsOf(const PointSpec& spec);

// The proportion that the operator gives to the EDM (U-HAUL 3.1), 0 where none is used. `active`: A.
double ProportionOf(const PointSpec& point, const Scenario& scenario, const std::vector<ActiveFlow>& active,
                    const std::vector<uint64_t>& final_bytes);

// As long as a move of all `flows` may take under this profile, so that a fast scheme's record can be joined with a
// slow one's (FCT ratios over the flows that arrive during OpenNF's downtime). Export alone does not decide that
// downtime: events, messages and releases stretched it by up to a tenth in the paper's settings. The watch changes
// which rows there are and how long the run goes on, nothing else.
Duration WatchOf(const Profile& profile, size_t flows);

}  // namespace uhaul
