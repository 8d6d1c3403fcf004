// What the controller must not forget when it dies: which hand-overs have begun, how they ended, and whose every moved
// flow is. The controller writes records into its outbox; whoever runs it makes them durable, in order, and says so
// (Controller::OnDurable). Replayed in order they are all that Controller::Recover needs.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "core/protocol/message.h"

namespace uhaul {

namespace journal {

// A controller has started: it is the `generation`-th, and no operation below `next_operation` is its own.
struct Generation {
  uint32_t generation = 0;
  OperationId next_operation = 1;
  bool operator==(const Generation&) const = default;
};
// Flows of an operation, before the first message about them. An operation of many flows writes several.
struct Begin {
  OperationId operation = 0;
  uint8_t src = 0;
  uint8_t dst = 0;
  uint64_t src_incarnation = 0;  // another one later means: it died
  uint64_t dst_incarnation = 0;
  std::vector<FiveTuple> flows;  // at most kMaxFlowsPerMessage
  bool operator==(const Begin&) const = default;
};
struct EndedFlow {
  FiveTuple tuple;
  Epoch epoch = 0;  // of the rule that the switch has for it; 0: the operation left the rules as they were
  uint8_t nf = 0;   // where that rule points
  bool operator==(const EndedFlow&) const = default;
};
// They are over: nothing of them will be done again.
struct End {
  OperationId operation = 0;
  std::vector<EndedFlow> flows;  // at most kMaxFlowsPerMessage
  bool operator==(const End&) const = default;
};

}  // namespace journal

using JournalRecord = std::variant<journal::Generation, journal::Begin, journal::End>;

}  // namespace uhaul
