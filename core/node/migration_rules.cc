// The rules of a migration: to dst for what has moved, and what follows the move for what has not (DECISIONS 6, 7).
#include <algorithm>

#include "core/base/little_endian.h"
#include "core/node/migration.h"

namespace uhaul {
namespace {

constexpr uint16_t kDefaultPriority = 1;  // the default that `after: flip | share` sets
constexpr uint16_t kMovePriority = 10;    // a wildcard move; the newest of equals wins

}  // namespace

// Flows whose state is at dst, or that had none anywhere.
std::vector<FiveTuple> Migration::MovedFlows() const {
  std::vector<FiveTuple> moved;
  flows_.ForEach([&](const FlowKey& key, const Flow& flow) {
    if (flow.selected && !flow.to_src) moved.push_back(key.tuple);
  });
  std::sort(moved.begin(), moved.end());
  return moved;
}

void Migration::InstallExact(MigrationContext& context, const std::vector<FiveTuple>& flows, msg::RuleAction action) {
  for (size_t i = 0; i < flows.size(); i += kMaxFlowsPerMessage) {
    const auto begin = flows.begin() + static_cast<std::ptrdiff_t>(i);
    const auto n = static_cast<std::ptrdiff_t>(std::min(kMaxFlowsPerMessage, flows.size() - i));
    const uint32_t xid = context.next_xid++;
    xids_.insert(xid);
    context.outbox.Send(kSwitchNode, id_, msg::InstallRules{xid, 0, true, {begin, begin + n}, {}, action, msg::kNoNf});
  }
}

void Migration::InstallWildcard(MigrationContext& context, uint16_t priority, msg::RuleAction action,
                                uint8_t supersedes) {
  const uint32_t xid = context.next_xid++;
  xids_.insert(xid);
  context.outbox.Send(kSwitchNode, id_,
                      msg::InstallRules{xid, priority, false, {}, request_.filter, action, supersedes});
}

// dst buffers: flush what is held, then let the switch copy the flows' packets to the controller.
void Migration::Divert(MigrationContext& context) {
  ReleaseAll(context);
  phase_ = Phase::kDiverting;
  if (request_.scheme.idle_timeout_us > 0) {
    deadline_ = context.now + Duration::Micros(request_.scheme.idle_timeout_us);
  }
  const msg::RuleAction both{msg::RuleAction::Kind::kForwardAndController, request_.src, 0};
  if (wildcard_) {
    InstallWildcard(context, kMovePriority, both, request_.src);
  } else {
    InstallExact(context, MovedFlows(), both);
    if (xids_.empty()) Reroute(context);  // nothing to divert
  }
}

void Migration::Reroute(MigrationContext& context) {
  phase_ = Phase::kRerouting;
  reroute_xid_ = context.next_xid;
  const msg::RuleAction to_dst{msg::RuleAction::Kind::kForward, request_.dst, 0};
  if (wildcard_) {
    std::vector<FiveTuple> stay;  // refused flows keep their path: their rules come before the wildcard
    for (const FiveTuple& tuple : order_) {
      if (flows_.Get(context.hasher.Key(tuple)).to_src) stay.push_back(tuple);
    }
    InstallExact(context, stay, {msg::RuleAction::Kind::kForward, request_.src, 0});
    InstallWildcard(context, kMovePriority, to_dst, request_.src);
  } else {
    InstallExact(context, MovedFlows(), to_dst);
  }
  RulesComplete(context);
}

void Migration::Handle(MigrationContext& context, const msg::RulesAck& m) {
  if (xids_.erase(m.xid) == 0) {
    ++strays_;
    return;
  }
  if (reroute_xid_ != 0 && m.xid >= reroute_xid_) diverted_ += m.diverted;
  for (const FiveTuple& tuple : m.failed) {
    const FlowKey key = context.hasher.Key(tuple);
    Flow* flow = flows_.Find(key);
    if (flow != nullptr && flow->selected) SetOutcome(context, key, *flow, FlowOutcome::kRuleFailed);
  }
  RulesComplete(context);
}

// Every rule of this phase is acknowledged: on to the next.
void Migration::RulesComplete(MigrationContext& context) {
  if (!xids_.empty()) return;
  switch (phase_) {
    case Phase::kRerouting:
      Mark(context, OperationStep::kRerouted);
      if (request_.scheme.guarantee == Guarantee::kOrderPreserving && !aborting_) {
        phase_ = Phase::kDraining;
        MaybeDrained(context);
      } else {
        AfterReroute(context);
      }
      break;
    case Phase::kPinning:
      if (marked()) {
        Hold(context, Phase::kFlipping);
      } else {
        Flip(context);
      }
      break;
    case Phase::kFlipping:
      if (marked() && flips()) {
        AwaitMarker(context);
      } else {
        StopRelaying(context);
      }
      break;
    case Phase::kRelayRules:
      if (marked()) {
        AwaitMarker(context);
      } else {
        Settle(context);
      }
      break;
    case Phase::kSelecting:
    case Phase::kWatching:
    case Phase::kLocking:
    case Phase::kTransferring:
    case Phase::kArmingBuffer:
    case Phase::kDiverting:
    case Phase::kDraining:
    case Phase::kReleasing:
    case Phase::kListing:
    case Phase::kHolding:
    case Phase::kStoppingRelay:
    case Phase::kAwaitingMarker:
    case Phase::kSettling:
    case Phase::kLingering:
    case Phase::kUnlocking:
    case Phase::kClosed:
      break;
  }
}

void Migration::AfterReroute(MigrationContext& context) {
  if (request_.scheme.after != AfterMove::kKeep && !wildcard_ && !aborting_) {
    phase_ = Phase::kListing;
    SendToSrc(context, msg::ListFlows{FlowScope::Kind::kTable, request_.filter, 0});
    return;
  }
  StopRelaying(context);
}

void Migration::Flip(MigrationContext& context) {
  phase_ = Phase::kFlipping;
  const bool share = request_.scheme.after == AfterMove::kShare;
  InstallWildcard(context, kDefaultPriority,
                  share ? msg::RuleAction{msg::RuleAction::Kind::kSplit, request_.src, request_.dst}
                        : msg::RuleAction{msg::RuleAction::Kind::kForward, request_.dst, 0},
                  msg::kNoNf);
  if (marked() && !share) SendMark(context);  // share: what is relayed ends with the relayed flows' own rules
}

// ---- the end of relaying

// Once the default points to dst every new flow belongs there: what is still on its way to src is relayed until events
// end there.
void Migration::StopRelaying(MigrationContext& context) {
  if (!request_.scheme.relay_unknown || flips()) return Settle(context);
  phase_ = Phase::kStoppingRelay;
  SendToSrc(context, msg::StopRelay{});
}

void Migration::Handle(MigrationContext&, const msg::NewFlow& m) { relayed_.push_back(m.tuple); }

// The relayed flows have their state at dst: rules to dst.
void Migration::Handle(MigrationContext& context, const msg::StopRelayAck&) {
  if (phase_ != Phase::kStoppingRelay) return;
  if (!marked() || holding_) return InstallRelayRules(context);
  if (relayed_.empty()) return Settle(context);
  Hold(context, Phase::kRelayRules);
}

void Migration::InstallRelayRules(MigrationContext& context) {
  phase_ = Phase::kRelayRules;
  InstallExact(context, relayed_, {msg::RuleAction::Kind::kForward, request_.dst, 0});
  if (marked()) SendMark(context);
  RulesComplete(context);
}

// `next` are the rules behind it.
void Migration::Hold(MigrationContext& context, Phase next) {
  phase_ = Phase::kHolding;
  behind_hold_ = next;
  SendToDst(context, msg::RelayCommand{msg::RelayVerb::kHold, request_.filter, Nonce(context)});
}

void Migration::Handle(MigrationContext& context, const msg::RelayReport& m) {
  switch (m.verb) {
    case msg::RelayVerb::kPass:
      break;
    case msg::RelayVerb::kRemember:
      if (phase_ == Phase::kWatching) Lock(context);
      break;
    case msg::RelayVerb::kHold:
      if (phase_ != Phase::kHolding) break;
      holding_ = true;
      if (behind_hold_ == Phase::kFlipping) {
        Flip(context);
      } else {
        InstallRelayRules(context);
      }
      break;
    case msg::RelayVerb::kEnd:
      if (watch_over_) break;
      watch_over_ = true;
      dropped_ += m.dropped;
      if (phase_ == Phase::kAwaitingMarker) Settle(context);
      MaybeClose(context);
      break;
  }
}

// Behind the rules that the switch has been sent. By src, if that lives; otherwise nothing is relayed any more but what
// the switch has passed on already.
void Migration::SendMark(MigrationContext& context) const {
  context.outbox.Send(kSwitchNode, id_, msg::Mark{src_dead_ ? request_.dst : request_.src, Nonce(context)});
}

// It can be lost like any packet: another one says the same.
void Migration::AwaitMarker(MigrationContext& context) {
  if (watch_over_) return Settle(context);
  phase_ = Phase::kAwaitingMarker;
  deadline_ = context.now + mark_wait_;
}

// Hand-overs' come from small numbers.
uint64_t Migration::Nonce(const MigrationContext& context) const {
  std::vector<uint8_t> what;
  AppendLittle(~uint64_t{id_}, &what);
  return std::max<uint64_t>(SipHash24(context.secret, what), 1);
}

}  // namespace uhaul
