// Replay: a trace's packets, as its senders send them, through one FlowTable up to an instant. This is what `uhaul
// detect` looks at: the flows the FIT would hold at that time, with the true final size of each, which only the trace
// knows.
//
// The table stands at the generator's link: a packet counts when it begins to leave. (The engines' tables stand a few
// microseconds behind it.) Closed-loop senders are acknowledged `round_trip` after a packet has left.
#pragma once

#include <cstdint>
#include <vector>

#include "core/flow/flow_table.h"
#include "workloads/packet_source.h"

namespace uhaul {

struct ReplayOptions {
  SourceOptions source;
  FlowTableOptions table;
  TimePoint at;       // packets up to and including this instant
  uint64_t seed = 1;  // of the flow IDs' key
  Duration round_trip = Duration::Micros(10);
};

struct Replay {
  std::vector<ActiveFlow> active;  // live entries at `at`, in five-tuple order
  // The same order, one per entry of `active`:
  std::vector<uint32_t> flows;       // numbers in the trace
  std::vector<Bytes> final_bytes;    // sizes when they will have ended
  std::vector<Bytes> unsent_bytes;   // of these, not yet sent at `at`; 0: the flow has ended
  std::vector<EvictionPass> passes;  // every pass up to `at`
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t full = 0;     // packets of flows that found no room in the table
  uint64_t waiting = 0;  // flows that have arrived but not sent
};

Replay ReplayTrace(const Trace& trace, const ReplayOptions& options);

}  // namespace uhaul
