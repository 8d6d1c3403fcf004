// Command x state. Each function is one column of the table: what a flow in each state makes of the command, and what
// it answers. A command is answered again when it comes again; one of a lower epoch than the flow's is stale.
#include <algorithm>
#include <utility>

#include "core/node/flow_custody.h"

namespace uhaul {

using msg::CustodyStatus;
using msg::CustodyVerb;

void FlowCustody::OnCommand(CustodyContext& context, OperationId operation, const msg::CustodyCommand& command) {
  std::vector<FiveTuple> committed;
  for (const FiveTuple& tuple : command.flows) {
    const FlowKey flow = context.hasher.Key(tuple);
    if (command.verb == CustodyVerb::kWatch) {
      Watch(flow, command.epoch);
      continue;
    }
    const auto status = Answer(context, operation, flow, command);
    if (!status) {
      Defer(operation, flow, command);
    } else if (*status == CustodyStatus::kCommitted) {
      committed.push_back(tuple);  // said when the deletion is done
    } else {
      const Entry* entry = flows_.Find(flow);
      reports_.push_back({operation, command.epoch, {tuple, *status, entry == nullptr ? 0 : entry->dropped}});
    }
  }
  if (!committed.empty()) {
    context.work.push_back({CustodyTask::Kind::kCommitted, operation, command.epoch, {}, std::move(committed)});
  }
}

std::optional<CustodyStatus> FlowCustody::Answer(CustodyContext& context, OperationId operation, const FlowKey& flow,
                                                 const msg::CustodyCommand& command) {
  Entry* entry = flows_.Find(flow);
  switch (command.verb) {
    case CustodyVerb::kPrepare:
      return Prepare(context, flow, Enter(context, flow), command, operation);
    case CustodyVerb::kArm:
      if (entry == nullptr && !context.function.Knows(flow)) return CustodyStatus::kNoState;
      return Arm(context, flow, Enter(context, flow), command, operation);
    case CustodyVerb::kCommit:
      return Commit(context, flow, entry, command.epoch);
    case CustodyVerb::kCancel:
      return Cancel(context, flow, Enter(context, flow), command, operation);
    case CustodyVerb::kRevert:
      if (StreamOpen(command)) return std::nullopt;
      return Revert(context, flow, Enter(context, flow), command, operation);
    case CustodyVerb::kFresh:
      if (StreamOpen(command) || (entry != nullptr && entry->state == Custody::kImporting)) return std::nullopt;
      return entry == nullptr ? CustodyStatus::kStale : Fresh(context, flow, *entry, command);
    case CustodyVerb::kHold:
      return entry == nullptr ? CustodyStatus::kStale : HoldBack(*entry, command);
    case CustodyVerb::kArmBack:
      return entry == nullptr ? CustodyStatus::kStale : ArmBack(*entry, command);
    case CustodyVerb::kWatch:
      break;  // answered by what happens
  }
  return std::nullopt;
}

// ---- there

CustodyStatus FlowCustody::Prepare(CustodyContext& context, const FlowKey& flow, Entry& entry,
                                   const msg::CustodyCommand& command, OperationId operation) {
  const bool returning = entry.state == Custody::kReturnArmed || entry.state == Custody::kReturnSent;
  if (command.epoch < entry.epoch) return returning ? CustodyStatus::kRefused : CustodyStatus::kStale;
  if (command.epoch == entry.epoch) {
    if (entry.cancelled) return CustodyStatus::kNotPrepared;
    switch (entry.state) {
      case Custody::kWait:
      case Custody::kImporting:
        return CustodyStatus::kPrepared;
      case Custody::kOwn:
        return entry.state_lost ? CustodyStatus::kActiveStateLost : CustodyStatus::kActive;
      case Custody::kRefused:
        return CustodyStatus::kRefused;
      case Custody::kNone:
      case Custody::kArmed:
      case Custody::kExporting:
      case Custody::kSent:
      case Custody::kReturnArmed:
      case Custody::kReturnSent:
      case Custody::kHold:
        return CustodyStatus::kStale;
    }
  }
  if (entry.state != Custody::kNone && entry.state != Custody::kSent) return CustodyStatus::kNotPrepared;
  if (Fenced(entry) && context.now - entry.settled < options_.quiet) return CustodyStatus::kNotPrepared;
  if (entry.state == Custody::kSent)
    Delete(context, flow);  // given away; that hand-over is over, or this would not come
  Begin(entry, command, operation);
  SetState(entry, Custody::kWait);
  return CustodyStatus::kPrepared;
}

CustodyStatus FlowCustody::Arm(CustodyContext& context, const FlowKey& flow, Entry& entry,
                               const msg::CustodyCommand& command, OperationId operation) {
  if (command.epoch < entry.epoch) return CustodyStatus::kStale;
  if (command.epoch == entry.epoch) return entry.cancelled ? CustodyStatus::kNotArmed : CustodyStatus::kArmed;
  if (entry.state != Custody::kOwn) return CustodyStatus::kNotArmed;
  if (!context.function.Knows(flow)) return CustodyStatus::kNoState;  // it timed out
  Begin(entry, command, operation);
  SetState(entry, Custody::kArmed);
  context.fit.Pin(flow, true);
  return CustodyStatus::kArmed;
}

CustodyStatus FlowCustody::Commit(CustodyContext& context, const FlowKey& flow, Entry* entry, Epoch epoch) {
  if (entry == nullptr || entry->epoch != epoch) return CustodyStatus::kCommitted;
  if (entry->state == Custody::kSent) {
    Delete(context, flow);
    Settle(context, flow, *entry, Custody::kNone, true);
  } else if (entry->state == Custody::kReturnSent) {
    Release(context, *entry, OutPacket::Fate::kForgotten);  // the peer has them
    Settle(context, flow, *entry, Custody::kNone, true);
  }
  return CustodyStatus::kCommitted;
}

// Also a fence: PREPARE or ARM of this epoch that comes later finds it cancelled.
CustodyStatus FlowCustody::Cancel(CustodyContext& context, const FlowKey& flow, Entry& entry,
                                  const msg::CustodyCommand& command, OperationId operation) {
  if (entry.epoch < command.epoch && (entry.state == Custody::kOwn || entry.state == Custody::kNone)) {
    Begin(entry, command, operation);
    entry.cancelled = true;
    if (context.restarted && entry.state == Custody::kNone) Settle(context, flow, entry, Custody::kNone, true);
  } else if (entry.epoch == command.epoch && entry.state == Custody::kArmed) {
    entry.cancelled = true;
    Own(context, flow, entry);
  } else if (entry.epoch == command.epoch && entry.state == Custody::kWait) {
    entry.cancelled = true;
    Release(context, entry, OutPacket::Fate::kDropped);  // none: the switch was never told to send any here
    Settle(context, flow, entry, Custody::kNone);
  }
  return CustodyStatus::kCancelled;
}

// ---- a peer died

CustodyStatus FlowCustody::Revert(CustodyContext& context, const FlowKey& flow, Entry& entry,
                                  const msg::CustodyCommand& command, OperationId operation) {
  if (entry.epoch > command.epoch) return CustodyStatus::kStale;
  if (entry.epoch == command.epoch && entry.state == Custody::kOwn) {
    return entry.in_doubt ? CustodyStatus::kRevertedInDoubt : CustodyStatus::kReverted;
  }
  switch (entry.state) {
    case Custody::kNone:
      // Of the epoch before, it was committed: dst had become active before it died.
      return entry.epoch + 1 == command.epoch && !entry.cancelled ? CustodyStatus::kNothingToRevert
                                                                  : CustodyStatus::kNoState;
    case Custody::kWait:
    case Custody::kImporting:
    case Custody::kRefused:
    case Custody::kReturnArmed:
    case Custody::kReturnSent:
      return CustodyStatus::kStale;  // not the giving side
    case Custody::kOwn:
    case Custody::kArmed:
    case Custody::kExporting:
    case Custody::kSent:
    case Custody::kHold:
      break;
  }
  return Reverted(context, flow, entry, command, operation);
}

CustodyStatus FlowCustody::Reverted(CustodyContext& context, const FlowKey& flow, Entry& entry,
                                    const msg::CustodyCommand& command, OperationId operation) {
  const bool in_doubt = entry.state == Custody::kSent || entry.state == Custody::kHold;
  const uint32_t dropped = entry.dropped;
  Begin(entry, command, operation);
  entry.in_doubt = in_doubt;
  entry.dropped = dropped;
  Own(context, flow, entry);
  return in_doubt ? CustodyStatus::kRevertedInDoubt : CustodyStatus::kReverted;
}

CustodyStatus FlowCustody::Fresh(CustodyContext& context, const FlowKey& flow, Entry& entry,
                                 const msg::CustodyCommand& command) {
  if (command.epoch < entry.epoch) return CustodyStatus::kStale;
  switch (entry.state) {
    case Custody::kOwn:
      if (command.epoch > entry.epoch + 2) return CustodyStatus::kStale;
      entry.epoch = command.epoch;  // over, of the hand-over in which it became the owner already
      return entry.state_lost ? CustodyStatus::kActiveStateLost : CustodyStatus::kActive;
    case Custody::kNone:  // returned and committed, and then src died
      if (!entry.gone || entry.epoch + 1 != command.epoch) return CustodyStatus::kStale;
      break;
    case Custody::kArmed:
    case Custody::kExporting:
    case Custody::kSent:
    case Custody::kImporting:
    case Custody::kHold:
      return CustodyStatus::kStale;
    case Custody::kReturnSent:
      // They went to the one that died, which may have processed them. Again would be worse than not at all.
      Release(context, entry, OutPacket::Fate::kDropped);
      break;
    case Custody::kWait:
    case Custody::kRefused:
    case Custody::kReturnArmed:
      break;
  }
  entry.epoch = command.epoch;
  entry.state_lost = true;
  Own(context, flow, entry);
  return CustodyStatus::kActiveStateLost;
}

// ---- and back

CustodyStatus FlowCustody::HoldBack(Entry& entry, const msg::CustodyCommand& command) {
  if (entry.epoch < command.epoch && entry.state == Custody::kSent) {
    entry.epoch = command.epoch;
    entry.returned_count = 0;
    SetState(entry, Custody::kHold);
  }
  if (entry.epoch != command.epoch) return CustodyStatus::kStale;
  if (entry.state == Custody::kHold) return CustodyStatus::kHolding;
  return entry.state == Custody::kOwn ? CustodyStatus::kActive : CustodyStatus::kStale;
}

CustodyStatus FlowCustody::ArmBack(Entry& entry, const msg::CustodyCommand& command) {
  if (entry.epoch < command.epoch && entry.state == Custody::kRefused) {
    entry.epoch = command.epoch;
    entry.nonce = command.nonce;
    SetState(entry, Custody::kReturnArmed);
  }
  return entry.epoch == command.epoch ? CustodyStatus::kArmedBack : CustodyStatus::kStale;
}

// What waits for its state knows by its first packet that the switch's data path follows the rule.
void FlowCustody::Watch(const FlowKey& flow, Epoch epoch) {
  Entry* entry = flows_.Find(flow);
  if (entry == nullptr || entry->epoch != epoch) return;
  if (entry->state != Custody::kWait && entry->state != Custody::kHold) return;
  entry->watched = entry->held.empty();
  if (!entry->watched) Tell(flow, *entry, CustodyStatus::kArrived);
}

// ---- commands that wait

bool FlowCustody::StreamOpen(const msg::CustodyCommand& command) const {
  const auto stream = streams_.find(command.peer);
  return stream != streams_.end() && stream->second == command.peer_incarnation;
}

void FlowCustody::Defer(OperationId operation, const FlowKey& flow, const msg::CustodyCommand& command) {
  const bool there = std::any_of(deferred_.begin(), deferred_.end(), [&](const Deferred& d) {
    return d.flow == flow && d.command.verb == command.verb && d.command.epoch == command.epoch;
  });
  if (there) return;
  Deferred deferred{operation, flow, command};
  deferred.command.flows = {flow.tuple};
  deferred_.push_back(std::move(deferred));
}

void FlowCustody::RetryDeferred(CustodyContext& context) {
  std::vector<Deferred> waiting;
  waiting.swap(deferred_);
  for (const Deferred& deferred : waiting) OnCommand(context, deferred.operation, deferred.command);
}

void FlowCustody::Delete(CustodyContext& context, const FlowKey& flow) {
  context.function.Delete(flow);
  context.fit.Erase(flow);
}

}  // namespace uhaul
