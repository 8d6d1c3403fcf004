// FactLog: what one process of a testbed saw, to be merged with what the others saw. Each process keeps its facts by the
// run's clock; after the run they go to the controller's process, which replays all of them, in order of time, into one
// recorder: every field of the record means the same as in a run of one process.
//
// A fact is 32 octets, little-endian; flows go by their number in the trace.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "experiments/run_control.h"

namespace uhaul::runtime {

enum class FactKind : uint8_t {
  kSent = 0,       // flow; a: 1 for a retransmission
  kProcessed = 1,  // flow; a: when it left the switch
  kDelivered = 2,  // flow; a: the packet's number
  kLost = 3,       // flow
  kActive = 4,     // at t0, source NF: flow; a: its bytes
  kStates = 5,     // at t0, source NF: a: flows with state
  kStep = 6,       // a: OperationStep
  kSelected = 7,   // flow
  kOutcome = 8,    // flow; a: FlowOutcome
  kEviction = 9,   // flow: the NF; a: entries before, b: after; its time is the pass's
  kBuffered = 10,  // flow: the place; a: held, b: added
  kOverflow = 11,  // flow: the place; a: bytes
  kRules = 12,     // a: installed, b: table entries
  kCounter = 13,   // flow: which (CounterName); a: the value
};
inline constexpr uint8_t kFactKinds = 14;

// Counters of a process that are summed over all.
enum class CounterName : uint32_t {
  kLinkDrops,
  kRelayed,
  kFitFull,
  kControlMessages,
  kControlBytes,
  kEvents,
  kPacketIns,
  kPacketOuts,
  kLateNs,  // the generator's; the largest counts
};

struct Fact {
  int64_t at_ns = 0;
  uint64_t a = 0;
  uint64_t b = 0;
  uint32_t flow = 0;
  FactKind kind = FactKind::kSent;
  uint8_t reserved[3] = {};
};
static_assert(sizeof(Fact) == 32);

class FactLog {
 public:
  static constexpr size_t kMostFacts = size_t{1} << 26;  // 2 GiB

  void Add(TimePoint at, FactKind kind, uint32_t flow, uint64_t a = 0, uint64_t b = 0) {
    facts_.push_back({at.nanos(), a, b, flow, kind, {}});
  }
  void AddEvent(TimePoint at, const RecordEvent& event, const RunControl& run);
  // The source NF at t0; `now`: not before t0.
  void AddAtStart(TimePoint t0, TimePoint now, const NfAgent& source_nf, const RunControl& run);
  void AddCounters(TimePoint at, const RunCounters& counters);

  const std::vector<Fact>& facts() const { return facts_; }
  // Whole facts, as they are sent. Unpack checks kinds and the number of octets; flows are checked by Merge.
  std::span<const uint8_t> Octets() const;
  Status Unpack(std::span<const uint8_t> octets);
  void Clear() { facts_.clear(); }

 private:
  std::vector<Fact> facts_;
};

// Replays the facts of all processes. `run` is fresh; t0 and the end are by the run's clock.
Result<RunRecord> Merge(std::vector<FactLog> logs, const PointSpec& point, TimePoint t0, TimePoint end, bool capped,
                        RunControl* run);

}  // namespace uhaul::runtime
