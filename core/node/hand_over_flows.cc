// One flow of a hand-over: phase x answer. What is not expected in a phase is old news and changes nothing.
#include <algorithm>
#include <utility>

#include "core/node/hand_over.h"

namespace uhaul {

using msg::CustodyStatus;
using msg::CustodyVerb;

// ---- answers

void HandOver::OnStatus(HandOverContext& context, Flow& flow, Link from, Epoch epoch, const msg::FlowStatus& status) {
  uint32_t& dropped = from == Link::kSrc ? flow.dropped_src : flow.dropped_dst;
  if (from != Link::kSwitch) dropped = std::max(dropped, status.dropped);
  if (flow.ended()) return;
  switch (status.status) {
    case CustodyStatus::kPrepared:
    case CustodyStatus::kArmed:
    case CustodyStatus::kCommitted:
    case CustodyStatus::kCancelled:
    case CustodyStatus::kHolding:
    case CustodyStatus::kArmedBack:
      return OnAcknowledged(context, flow, from, epoch, status.status);
    case CustodyStatus::kNotPrepared:
    case CustodyStatus::kNotArmed:
    case CustodyStatus::kNoState:
      return OnRefusal(context, flow, from, status.status);
    case CustodyStatus::kActive:
    case CustodyStatus::kActiveStateLost:
      flow.state_lost = flow.state_lost || status.status == CustodyStatus::kActiveStateLost;
      return OnActive(context, flow, epoch);
    case CustodyStatus::kRefused:
      if (flow.phase == FlowPhase::kPolling) {  // what it refused died with src
        GoOver(context, flow);
      } else if (flow.phase >= FlowPhase::kPreparing && flow.phase <= FlowPhase::kAwaitingActive) {
        Enter(context, flow, FlowPhase::kHolding);
      }
      return;
    case CustodyStatus::kReverted:
    case CustodyStatus::kRevertedInDoubt:
      if (flow.phase != FlowPhase::kReverting) return;
      flow.in_doubt = flow.in_doubt || status.status == CustodyStatus::kRevertedInDoubt;
      return Enter(context, flow, FlowPhase::kInstallingRevert);
    case CustodyStatus::kNothingToRevert:
      if (flow.phase == FlowPhase::kReverting) Finish(context, flow, FlowEnd::kMoved);
      return;
    case CustodyStatus::kStale:
      // It returned so long ago that src has forgotten.
      if (recovered_ && from == Link::kSrc && epoch == back() && flow.phase >= FlowPhase::kInstallingBack &&
          flow.phase <= FlowPhase::kAwaitingReturn) {
        return Finish(context, flow, FlowEnd::kReturned);
      }
      return OnStale(context, flow, from);
    case CustodyStatus::kMisdirected:
      ++misdirected_;
      return;
    case CustodyStatus::kInstalled:
    case CustodyStatus::kNoRoom:  // they go nowhere, but not where they went before
      return OnInstalled(context, flow, epoch);
    case CustodyStatus::kInstallFailed:
      return OnInstallFailed(context, flow);
    case CustodyStatus::kArrived:
      return OnArrived(context, flow, from, epoch);
  }
}

void HandOver::OnAcknowledged(HandOverContext& context, Flow& flow, Link from, Epoch epoch, CustodyStatus status) {
  const bool forwards = epoch == forward();
  const uint8_t bit = from == Link::kSrc ? kSrcBit : kDstBit;
  if (flow.phase == FlowPhase::kPreparing && forwards &&
      (status == CustodyStatus::kArmed || status == CustodyStatus::kPrepared)) {
    Got(context, flow, bit, FlowPhase::kReady);
  } else if (flow.phase == FlowPhase::kPolling && status == CustodyStatus::kPrepared) {
    Enter(context, flow, FlowPhase::kInstallingOver);
  } else if (flow.phase == FlowPhase::kCommitting && forwards && status == CustodyStatus::kCommitted) {
    Finish(context, flow, FlowEnd::kMoved);
  } else if (flow.phase == FlowPhase::kCommittingBack && epoch == back() && status == CustodyStatus::kCommitted) {
    Finish(context, flow, FlowEnd::kReturned);
  } else if (flow.phase == FlowPhase::kCancelling && forwards && status == CustodyStatus::kCancelled) {
    GotCancelled(context, flow, bit);
  } else if (flow.phase == FlowPhase::kHolding && epoch == back() &&
             (status == CustodyStatus::kHolding || status == CustodyStatus::kArmedBack)) {
    Got(context, flow, bit, FlowPhase::kInstallingBack);
  }
}

void HandOver::Got(HandOverContext& context, Flow& flow, uint8_t bit, FlowPhase next) {
  flow.got |= bit;
  if (flow.got == kBoth) Enter(context, flow, next);
}

void HandOver::GotCancelled(HandOverContext& context, Flow& flow, uint8_t bit) {
  flow.got |= bit;
  if (flow.got == kBoth) Finish(context, flow, FlowEnd::kCancelled);
}

// An NF cannot give, or take, the flow.
void HandOver::OnRefusal(HandOverContext& context, Flow& flow, Link from, CustodyStatus status) {
  const FlowOutcome reason = status == CustodyStatus::kNoState    ? FlowOutcome::kNoState
                             : status == CustodyStatus::kNotArmed ? FlowOutcome::kReturned
                                                                  : FlowOutcome::kRefused;
  if (flow.phase == FlowPhase::kPreparing) return Cancel(context, flow, reason);
  const bool polled = flow.phase == FlowPhase::kPolling && from == Link::kDst;
  const bool reverted = flow.phase == FlowPhase::kReverting && from == Link::kSrc;
  if (!polled && !reverted) return;
  flow.reason = reason;
  Finish(context, flow, FlowEnd::kCancelled);
}

void HandOver::OnActive(HandOverContext& context, Flow& flow, Epoch epoch) {
  if (epoch == back()) {
    if (flow.phase < FlowPhase::kHolding || flow.phase > FlowPhase::kAwaitingReturn) return;
    if (flow.phase == FlowPhase::kHolding) {
      // It is back from before; a switch that has restarted since may not know it.
      flow.active = true;
      return Enter(context, flow, FlowPhase::kInstallingBack);
    }
    if (flow.active) return;  // it is the switch's answer that is waited for
    return dst_dead_ ? Finish(context, flow, FlowEnd::kReturned) : Enter(context, flow, FlowPhase::kCommittingBack);
  }
  if (flow.phase == FlowPhase::kFreshening && epoch == EpochOver(flow)) {
    if (!flow.over) return Finish(context, flow, FlowEnd::kFailedOver);
    flow.active = true;
    return Enter(context, flow, FlowPhase::kInstallingOver);
  }
  if (flow.phase == FlowPhase::kInstallingOver) flow.active = true;
  if (epoch != forward()) return;
  if (flow.phase == FlowPhase::kPolling) {
    flow.active = true;
    return Enter(context, flow, FlowPhase::kInstallingOver);
  }
  // A redone operation may learn of its end while it gives up.
  const bool known = flow.phase >= FlowPhase::kPreparing && flow.phase <= FlowPhase::kAwaitingActive;
  if (!known && !(recovered_ && flow.phase == FlowPhase::kCancelling)) return;
  const bool rerouted = flow.phase == FlowPhase::kInstalling || flow.phase == FlowPhase::kAwaitingActive;
  if (rerouted && flow.active) return;  // said before; it is the switch's answer that is waited for
  if (rerouted && !recovered_) window_.OnActive(context.now - flow.installed, context.limits.unnoticed);
  Mark(context, OperationStep::kLastPut);
  flow.active = true;
  if (!any_active_) Mark(context, OperationStep::kFirstChunk);
  any_active_ = true;
  // The switch may have restarted since an earlier controller changed its rule.
  if (recovered_ && !rerouted) return Enter(context, flow, FlowPhase::kInstalling);
  return src_dead_ ? Finish(context, flow, FlowEnd::kMoved) : Enter(context, flow, FlowPhase::kCommitting);
}

// ---- rules

Epoch HandOver::Installs(const Flow& flow) const {
  if (flow.phase == FlowPhase::kInstalling) return forward();
  if (flow.phase == FlowPhase::kInstallingOver) return EpochOver(flow);
  const bool is_back = flow.phase == FlowPhase::kInstallingBack || flow.phase == FlowPhase::kInstallingRevert;
  return is_back ? back() : 0;
}

void HandOver::OnInstalled(HandOverContext& context, Flow& flow, Epoch epoch) {
  if (epoch != Installs(flow) || flow.acknowledged) return;
  if (InForce(context, flow)) return RuleInForce(context, flow);
  if (InWindow(flow)) --installing_;
  flow.acknowledged = true;
  flow.installed = context.now;
  graces_.push_back({context.now + context.limits.grace, static_cast<uint32_t>(&flow - flows_.data())});
}

// The switch has acknowledged the rule: does its data path follow it?
bool HandOver::InForce(const HandOverContext& context, const Flow& flow) const {
  if (!MarksByPacketOut(context)) return true;
  switch (flow.phase) {
    case FlowPhase::kInstalling:
      return flow.active || (flow.arrived & kDstBit) != 0;  // active: a marker has been sent for already
    case FlowPhase::kInstallingBack:
      return flow.active || (flow.arrived & kSrcBit) != 0;
    case FlowPhase::kInstallingOver:
      return !flow.over && (flow.active || (flow.arrived & kDstBit) != 0);
    default:
      return false;
  }
}

void HandOver::OnArrived(HandOverContext& context, Flow& flow, Link from, Epoch epoch) {
  if (epoch == forward() && from == Link::kDst) flow.arrived |= kDstBit;
  if (epoch == back() && from == Link::kSrc) flow.arrived |= kSrcBit;
  if (Installs(flow) == epoch && InForce(context, flow)) RuleInForce(context, flow);
}

void HandOver::OnGraceOver(HandOverContext& context) {
  bool any = false;
  for (; !graces_.empty() && graces_.front().due <= context.now; graces_.pop_front()) {
    Flow& flow = flows_[graces_.front().flow];
    if (!flow.acknowledged || flow.installed + context.limits.grace != graces_.front().due) continue;
    any = true;
    RuleInForce(context, flow);
  }
  if (any) Settle(context);
}

void HandOver::RuleInForce(HandOverContext& context, Flow& flow) {
  if (MarksByPacketOut(context)) flow.installed = context.now;
  if (flow.phase == FlowPhase::kInstalling) {
    Mark(context, OperationStep::kRerouted);
    Enter(context, flow, flow.active ? FlowPhase::kCommitting : FlowPhase::kAwaitingActive);
  } else if (flow.phase == FlowPhase::kInstallingOver) {
    if (flow.active) return Finish(context, flow, FlowEnd::kFailedOver);
    Enter(context, flow, FlowPhase::kFreshening);
  } else if (flow.phase == FlowPhase::kInstallingBack) {
    Enter(context, flow, flow.active ? FlowPhase::kCommittingBack : FlowPhase::kAwaitingReturn);
  } else if (flow.phase == FlowPhase::kInstallingRevert) {
    Finish(context, flow, FlowEnd::kReverted);
  }
}

void HandOver::OnInstallFailed(HandOverContext& context, Flow& flow) {
  if (flow.phase == FlowPhase::kInstalling) {
    if (flow.active) return Enter(context, flow, FlowPhase::kCommitting);  // it cannot be undone
    Cancel(context, flow, FlowOutcome::kNotInstalled);
  } else if (flow.phase == FlowPhase::kInstallingOver) {
    Cancel(context, flow, FlowOutcome::kNotInstalled);
  } else if (flow.phase == FlowPhase::kInstallingRevert) {
    Finish(context, flow, FlowEnd::kReverted);  // no rule of ours: the one before points to src still
  }
}

// A later epoch has come there. In a redone operation it is this one's own.
void HandOver::OnStale(HandOverContext& context, Flow& flow, Link from) {
  if (flow.phase == FlowPhase::kPolling && from == Link::kDst) {
    GoOver(context, flow);
  } else if (flow.phase == FlowPhase::kPreparing && from == Link::kDst && recovered_) {
    // It has returned, or gone over: src has it, or src is dead, and somebody will say so.
    Enter(context, flow, FlowPhase::kInstallingBack);
    Issue(context, flow, Link::kSrc);
  } else if (!recovered_ && (flow.phase == FlowPhase::kPreparing || flow.phase == FlowPhase::kInstalling)) {
    Cancel(context, flow, FlowOutcome::kBusy);
  }
}

// ---- deaths

void HandOver::OnDstDied(HandOverContext& context, Flow& flow) {
  switch (flow.phase) {
    case FlowPhase::kCancelling:
      return GotCancelled(context, flow, kDstBit);
    case FlowPhase::kCommittingBack:
      return Finish(context, flow, FlowEnd::kReturned);
    case FlowPhase::kPolling:
    case FlowPhase::kInstallingOver:
    case FlowPhase::kFreshening:
      return Finish(context, flow, FlowEnd::kLost);
    case FlowPhase::kCommitting:  // it was active: what it had is gone, as with every NF that dies
    case FlowPhase::kReverting:
    case FlowPhase::kInstallingRevert:
      return;
    case FlowPhase::kSelected:
    case FlowPhase::kPreparing:
    case FlowPhase::kReady:
    case FlowPhase::kInstalling:
    case FlowPhase::kAwaitingActive:
    case FlowPhase::kHolding:
    case FlowPhase::kInstallingBack:
    case FlowPhase::kAwaitingReturn:
      return Enter(context, flow, FlowPhase::kReverting);
    case FlowPhase::kEnded:
      return;
  }
}

void HandOver::OnSrcDied(HandOverContext& context, Flow& flow) {
  switch (flow.phase) {
    case FlowPhase::kCancelling:
      return GotCancelled(context, flow, kSrcBit);
    case FlowPhase::kCommitting:
      return Finish(context, flow, FlowEnd::kMoved);
    case FlowPhase::kCommittingBack:  // it had the flow back: what it had is gone, as with every NF that dies
    case FlowPhase::kPolling:
    case FlowPhase::kInstallingOver:
    case FlowPhase::kFreshening:
      return;
    case FlowPhase::kReverting:
    case FlowPhase::kInstallingRevert:
      return Finish(context, flow, FlowEnd::kLost);
    case FlowPhase::kHolding:
    case FlowPhase::kInstallingBack:
    case FlowPhase::kAwaitingReturn:
      return GoOver(context, flow);
    case FlowPhase::kSelected:
    case FlowPhase::kPreparing:
    case FlowPhase::kReady:
    case FlowPhase::kInstalling:
    case FlowPhase::kAwaitingActive:
      return Enter(context, flow, FlowPhase::kPolling);
    case FlowPhase::kEnded:
      return;
  }
}

// ---- what is to be done

// Also after INSTALL failed: then src has seen no marker, and dst no packet.
void HandOver::Cancel(HandOverContext& context, Flow& flow, FlowOutcome reason) {
  flow.reason = reason;
  Enter(context, flow, FlowPhase::kCancelling);
  if (src_dead_) GotCancelled(context, flow, kSrcBit);
  if (dst_dead_ && !flow.ended()) GotCancelled(context, flow, kDstBit);
}

// Back from its return: dst goes on with what it has. It does so before the switch sends packets, for what has returned
// already is not expected there.
void HandOver::GoOver(HandOverContext& context, Flow& flow) {
  flow.over = true;
  Enter(context, flow, FlowPhase::kFreshening);
}

void HandOver::SetPhase(Flow& flow, FlowPhase phase) {
  if (flow.phase == FlowPhase::kPreparing) --preparing_;
  if (InWindow(flow)) --installing_;
  flow.phase = phase;
  flow.acknowledged = false;
  if (phase == FlowPhase::kPreparing) ++preparing_;
  if (InWindow(flow)) ++installing_;
}

// Says what the phase is about. A phase that waits for what the one before asked for says nothing new.
void HandOver::Enter(HandOverContext& context, Flow& flow, FlowPhase phase) {
  SetPhase(flow, phase);
  flow.got = 0;
  flow.issued = context.now;
  switch (phase) {
    case FlowPhase::kReady:
      ready_.push_back(static_cast<uint32_t>(&flow - flows_.data()));
      return;
    case FlowPhase::kAwaitingActive:
      return SendMarker(context, flow, forward());
    case FlowPhase::kAwaitingReturn:
      return SendMarker(context, flow, back());
    case FlowPhase::kInstalling:
      Watch(context, flow, Link::kDst, forward());
      return Issue(context, flow, Link::kSwitch);
    case FlowPhase::kInstallingBack:
      Watch(context, flow, Link::kSrc, back());
      return Issue(context, flow, Link::kSwitch);
    case FlowPhase::kSelected:
    case FlowPhase::kPreparing:
    case FlowPhase::kCommitting:
    case FlowPhase::kCancelling:
    case FlowPhase::kHolding:
    case FlowPhase::kCommittingBack:
    case FlowPhase::kReverting:
    case FlowPhase::kInstallingRevert:
    case FlowPhase::kPolling:
    case FlowPhase::kInstallingOver:
    case FlowPhase::kFreshening:
    case FlowPhase::kEnded:
      for (const Link link : {Link::kSrc, Link::kDst, Link::kSwitch}) Issue(context, flow, link);
      return;
  }
}

void HandOver::TakeTurns(HandOverContext& context) {
  if (preparing_ == 0 && !locked_) {
    locked_ = true;
    Mark(context, OperationStep::kLocked);
  }
  const size_t window = std::min(window_.size(), window_.Fitting(context.buffer, context.limits.flow_rate));
  while (!ready_.empty() && installing_ < window) {
    Flow& flow = flows_[ready_.front()];
    ready_.pop_front();
    if (flow.phase != FlowPhase::kReady) continue;  // cancelled meanwhile, or a node died
    flow.installed = context.now;
    Enter(context, flow, FlowPhase::kInstalling);
  }
}

void HandOver::Finish(HandOverContext& context, Flow& flow, FlowEnd end) {
  SetPhase(flow, FlowPhase::kEnded);
  flow.end = end;
  --open_;
  journal::EndedFlow ended{flow.key.tuple, 0, request_.src};
  switch (end) {
    case FlowEnd::kMoved:
    case FlowEnd::kFailedOver:
      flow.outcome = flow.state_lost ? FlowOutcome::kStateLost : FlowOutcome::kMoved;
      ended.epoch = EpochOver(flow);
      ended.nf = request_.dst;
      Mark(context, OperationStep::kLastDelete);
      break;
    case FlowEnd::kReturned:
      flow.outcome = FlowOutcome::kRefused;
      ended.epoch = back();
      break;
    case FlowEnd::kReverted:
      flow.outcome = flow.in_doubt ? FlowOutcome::kInDoubt : FlowOutcome::kReverted;
      ended.epoch = back();
      break;
    case FlowEnd::kLost:
      flow.outcome = FlowOutcome::kStateLost;
      break;
    case FlowEnd::kCancelled:
      flow.outcome = flow.reason;
      break;
  }
  context.outbox.events.push_back(event::Outcome{id_, flow.key.tuple, flow.outcome});
  if (ended.epoch != 0) context.rules.Get(flow.key) = ended;
  if (ended.epoch != 0 && context.limits.cool_down > Duration()) context.moved.Get(flow.key) = context.now;
  ended_.push_back(ended);
}

}  // namespace uhaul
