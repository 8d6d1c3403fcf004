// The record of one point: what happened, in one form for both engines (DECISIONS 13). Plain values, no metrics:
// those are computed in results/. Times are nanoseconds since the start of the trace; kNever where nothing happened.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/record/event.h"

namespace uhaul {

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::min();

// A flow of A (in src's FIT at t0), or one whose first packet left the generator after t0, for as long as the longest
// operation on this trace may take: a point's flows must be found again in the points of other schemes, whose T is
// longer.
struct FlowRow {
  FiveTuple tuple;
  int64_t arrival_ns = 0;              // in the trace
  int64_t first_sent_ns = kNever;      // first packet left the generator: FCT starts here
  int64_t last_processed_ns = kNever;  // last packet processed by an NF
  int64_t finished_ns = kNever;        // last byte at the sink; kNever if the run ended before
  uint64_t final_bytes = 0;            // size in the trace
  uint64_t t0_bytes = 0;               // current size in the FIT at t0 (0 for flows that came later)
  int64_t t0_last_packet_ns = kNever;  // last packet before t0, as the NF saw it (exact, not quantised)
  bool active = false;                 // in A
  bool selected = false;               // by the EDM (or, when all are moved, by the scope)
  FlowOutcome outcome = FlowOutcome::kPending;
  int64_t pause_ns = 0;  // max over its packets of (processed at NF - left the switch), less the median before t0; >= 0
  int64_t t0_unsent_bytes = 0;  // bytes still to be sent at t0
};

struct BufferSample {
  int64_t at_ns = 0;
  uint64_t bytes = 0;
};

struct BufferUse {
  uint64_t peak_bytes = 0;    // most held at once
  uint64_t volume_bytes = 0;  // all packets ever held
  uint64_t dropped_bytes = 0;
  uint64_t dropped_packets = 0;
  std::vector<BufferSample> series;  // at most one per 100 us, the largest of its interval
};

struct EvictionRow {
  int64_t at_ns = 0;
  uint32_t before = 0;
  uint32_t after = 0;
};

struct RunCounters {
  uint64_t packets_sent = 0;       // by the generator, from the start of the run
  uint64_t packets_delivered = 0;  // at the sink
  uint64_t packets_lost = 0;       // sent, never delivered, counted at the end of a drained run
  uint64_t packets_reordered = 0;  // arrived at the sink after a later packet of their flow
  uint64_t packets_duplicated = 0;
  uint64_t link_drops = 0;  // at full data-link buffers
  uint64_t fit_full = 0;
  uint64_t events = 0;  // packets handed to the controller by NFs
  uint64_t packet_ins = 0;
  uint64_t packet_outs = 0;
  uint64_t relayed = 0;           // packets of unknown flows that src relayed
  uint64_t control_messages = 0;  // all messages on control links, both directions
  uint64_t control_bytes = 0;
  uint64_t flows_moved = 0;  // with or without a row: state at dst, deleted at src
  uint64_t rules_installed = 0;
  uint64_t rules_peak = 0;         // most entries in the switch's table
  uint64_t generator_late_ns = 0;  // runtime: how far the generator fell behind (0 in simulation)
};

struct RunRecord {
  int64_t t0_ns = kNever;
  std::array<int64_t, kOperationSteps> steps_ns{};  // by OperationStep; kNever where it did not happen
  double rho = 0;                                   // the proportion that the EDM used (0 if none)
  uint64_t elephant_bytes_threshold = 0;
  uint64_t nf_states_at_t0 = 0;        // flows with state at src at t0
  int64_t transit_median_ns = 0;       // switch to NF, the last 100 ms before t0
  int64_t ended_ns = 0;                // when the run ended
  bool capped = false;                 // ended by the cap, not because every flow of interest had ended
  std::vector<FlowRow> flows;          // A first, then the arrivals of [t0, t0 + T]; each part in five-tuple order
  std::vector<EvictionRow> evictions;  // src's FIT, from t = 0
  std::array<BufferUse, kBufferPlaces> buffers;
  RunCounters counters;
  // What nobody measured, of a run that was brought in from elsewhere ("evictions", "counters.events",
  // "flows.pause_ns", ...): those fields are zero and mean nothing. In order, each once; empty for our engines' runs.
  std::vector<std::string> unmeasured;

  RunRecord() { steps_ns.fill(kNever); }
  int64_t step_ns(OperationStep step) const { return steps_ns[static_cast<size_t>(step)]; }
  bool Lacks(std::string_view field) const { return std::binary_search(unmeasured.begin(), unmeasured.end(), field); }
};

}  // namespace uhaul
