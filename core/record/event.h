// What machines tell the record of a run, through the outbox. Both engines hand these to the same recorder
// (core/record/record.h); metrics are computed from the record only, in results/.
#pragma once

#include <cstdint>
#include <variant>

#include "core/base/units.h"
#include "core/flow/flow_table.h"

namespace uhaul {

// The steps of an operation, in the order in which they normally come.
enum class OperationStep : uint8_t {
  kAccepted,  // move / moveElephant accepted: t0
  kSelected,  // the last SetFilter is in
  kLocked,    // events enabled at src
  kFirstChunk,
  kLastChunk,   // GetDone
  kLastPut,     // the last PutAck
  kRerouted,    // rules to dst acknowledged
  kLastDelete,  // the last delPerflow completed: downtime T ends (U-HAUL 4.3)
  kDone,        // rules in place, every buffer empty: T_done
  kClosed,      // events and relay ended at src; nothing of the operation is left
  kAborted,
};
inline constexpr int kOperationSteps = 11;

enum class BufferPlace : uint8_t { kController = 0, kDestination = 1 };
inline constexpr int kBufferPlaces = 2;

enum class FlowOutcome : uint8_t {
  kPending = 0,
  kMoved,       // state at dst, deleted at src
  kRefused,     // dst refused the chunk; stays at src
  kNoState,     // nothing to move at src
  kReturned,    // aborted before its put; stays at src
  kRuleFailed,  // state at dst, but the switch had no room for its rule: its packets go on by the controller
  kBusy,        // in another operation already, or over a limit
  // of a hand-over only
  kNotInstalled,  // the switch had no room for its rule; stays at src
  kReverted,      // dst died; stays at src, nothing is lost but what dst held
  kInDoubt,       // the same, but dst may have processed packets that src's state does not know
  kStateLost,     // the state died with src: dst goes on without it (or both have died)
};

namespace event {

struct Step {
  uint32_t operation = 0;
  OperationStep step = OperationStep::kAccepted;
};
struct Selected {  // one flow of the operation
  uint32_t operation = 0;
  FiveTuple tuple;
};
struct Outcome {
  uint32_t operation = 0;
  FiveTuple tuple;
  FlowOutcome outcome = FlowOutcome::kPending;
};
struct Eviction {
  uint8_t nf = 0;
  EvictionPass pass;
};
struct Buffered {  // the bytes held at a place have changed
  BufferPlace place = BufferPlace::kController;
  Bytes held;
  Bytes added;  // by this change; 0 when packets left
};
struct BufferOverflow {  // a packet was dropped because a buffer was full: "loss-free" is broken
  BufferPlace place = BufferPlace::kController;
  Bytes bytes;
};
struct RulesInstalled {
  uint32_t installed = 0;
  uint32_t table_entries = 0;
};

}  // namespace event

using RecordEvent = std::variant<event::Step, event::Selected, event::Outcome, event::Eviction, event::Buffered,
                                 event::BufferOverflow, event::RulesInstalled>;

}  // namespace uhaul
