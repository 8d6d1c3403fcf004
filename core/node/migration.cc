#include "core/node/migration.h"

#include <algorithm>

namespace uhaul {
namespace {

// Packets that left the switch for src before its rules changed are still under way for this long at most; until then
// src keeps handing them over. Data links hold far less than this in time.
constexpr Duration kLinger = Duration::Millis(10);
// A marker takes a way of the data links, and waits behind what is on it. One that was lost is sent again.
constexpr Duration kFirstMarkWait = Duration::Millis(10);
constexpr Duration kLastMarkWait = Duration::Seconds(1);

}  // namespace

Migration::Migration(OperationId id, MoveRequest request, std::optional<DetectorSpec> detector)
    : id_(id), request_(std::move(request)), detector_(detector) {
  wildcard_ = !detector_ && request_.limit == 0;
  mark_wait_ = kFirstMarkWait;
}

// ---- select

void Migration::Start(MigrationContext& context) {
  Mark(context, OperationStep::kAccepted);
  if (detector_) {  // U-HAUL 3.2: FilterChannel sends getElephant to the EDM
    SendToSrc(context, msg::GetElephant{*detector_, request_.filter});
  } else if (!wildcard_) {
    const auto kind = request_.scheme.flows == MoveFlows::kTable ? FlowScope::Kind::kTable : FlowScope::Kind::kActive;
    SendToSrc(context, msg::ListFlows{kind, request_.filter, request_.limit});
  } else {
    Mark(context, OperationStep::kSelected);
    Watch(context);
  }
}

void Migration::Handle(MigrationContext& context, const msg::SetFilter& m) {
  if (phase_ != Phase::kSelecting) return;
  std::vector<FiveTuple> flows;
  for (const msg::SelectedFlow& flow : m.flows) flows.push_back(flow.tuple);
  Select(context, flows);
  if (m.more) return;
  Mark(context, OperationStep::kSelected);
  Watch(context);
}

void Migration::Handle(MigrationContext& context, const msg::FlowListing& m) {
  if (phase_ == Phase::kSelecting) {
    Select(context, m.flows);
    if (m.more) return;
    Mark(context, OperationStep::kSelected);
    Watch(context);
  } else if (phase_ == Phase::kListing) {
    for (const FiveTuple& tuple : m.flows) {
      const Flow* flow = flows_.Find(context.hasher.Key(tuple));
      if (flow == nullptr || !flow->selected || flow->to_src) listing_.push_back(tuple);
    }
    if (m.more) return;
    phase_ = Phase::kPinning;
    InstallExact(context, listing_, {msg::RuleAction::Kind::kForward, request_.src, 0});
    RulesComplete(context);
  }
}

void Migration::Select(MigrationContext& context, const std::vector<FiveTuple>& flows) {
  for (const FiveTuple& tuple : flows) {
    const FlowKey key = context.hasher.Key(tuple);
    if (context.busy(context.owner, id_, key)) {
      context.outbox.events.push_back(event::Outcome{id_, tuple, FlowOutcome::kBusy});
      continue;
    }
    Flow& flow = flows_.Get(key);
    if (flow.selected) continue;
    flow.selected = true;
    order_.push_back(tuple);
    context.outbox.events.push_back(event::Selected{id_, tuple});
  }
}

// ---- lock

void Migration::Watch(MigrationContext& context) {
  if (!marked() || aborting_) return Lock(context);
  phase_ = Phase::kWatching;
  SendToDst(context, msg::RelayCommand{msg::RelayVerb::kRemember, request_.filter, 0});
}

void Migration::Lock(MigrationContext& context) {
  if (aborting_) return Finish(context);
  phase_ = Phase::kLocking;
  if (request_.scheme.relay_unknown) SendToSrc(context, msg::StartRelay{request_.filter, request_.dst});
  if (marked()) SendToSrc(context, msg::RelayCommand{msg::RelayVerb::kPass, request_.filter, Nonce(context)});
  if (request_.scheme.guarantee == Guarantee::kNone || request_.scheme.late_lock) return Transfer(context);
  if (wildcard_) {
    SendToSrc(context,
              msg::EnableEvents{msg::EventAction::kDrop, {FlowScope::Kind::kActive, request_.filter, {}}, false});
    return;
  }
  InBatches(order_, [&](std::vector<FiveTuple> batch, bool more) {
    SendToSrc(context,
              msg::EnableEvents{msg::EventAction::kDrop, {FlowScope::Kind::kList, {}, std::move(batch)}, more});
  });
}

void Migration::Handle(MigrationContext& context, const msg::EnableEventsAck&, NodeId from) {
  if (phase_ == Phase::kLocking && from == NfNode(request_.src)) {
    Mark(context, OperationStep::kLocked);
    Transfer(context);
  } else if (phase_ == Phase::kArmingBuffer && from == NfNode(request_.dst)) {
    Divert(context);
  }
}

// ---- transfer

void Migration::Transfer(MigrationContext& context) {
  if (aborting_) return Finish(context);
  phase_ = Phase::kTransferring;
  const bool late = request_.scheme.late_lock && request_.scheme.guarantee != Guarantee::kNone;
  if (wildcard_) {
    const auto kind = request_.scheme.flows == MoveFlows::kTable ? FlowScope::Kind::kTable : FlowScope::Kind::kActive;
    SendToSrc(context, msg::GetPerflow{{kind, request_.filter, {}}, late, false});
    return;
  }
  InBatches(order_, [&](std::vector<FiveTuple> batch, bool more) {
    SendToSrc(context, msg::GetPerflow{{FlowScope::Kind::kList, {}, std::move(batch)}, late, more});
  });
}

void Migration::Handle(MigrationContext& context, const msg::Chunk& m) {
  if (phase_ != Phase::kTransferring) {
    ++strays_;
    return;
  }
  const FlowKey key = context.hasher.Key(m.tuple);
  Flow& flow = flows_.Get(key);
  if (flow.put_sent) return;
  if (wildcard_) {
    flow.selected = true;
    context.outbox.events.push_back(event::Selected{id_, m.tuple});
    order_.push_back(m.tuple);
  }
  if (!first_chunk_) Mark(context, OperationStep::kFirstChunk);
  first_chunk_ = true;
  if (aborting_) return;  // exported too late: its state stays at src
  if (request_.scheme.parallelize) return Put(context, m);
  waiting_.push_back(m);
}

void Migration::Put(MigrationContext& context, msg::Chunk chunk) {
  flows_.Get(context.hasher.Key(chunk.tuple)).put_sent = true;
  ++puts_pending_;
  SendToDst(context, msg::PutPerflow{std::move(chunk)});
}

void Migration::Handle(MigrationContext& context, const msg::GetDone&) {
  if (phase_ != Phase::kTransferring || exported_) return;
  exported_ = true;
  Mark(context, OperationStep::kLastChunk);
  if (!aborting_) {
    for (msg::Chunk& chunk : waiting_) Put(context, std::move(chunk));
  }
  waiting_.clear();
  MaybeTransferred(context);
}

void Migration::Handle(MigrationContext& context, const msg::PutAck& m) {
  const FlowKey key = context.hasher.Key(m.tuple);
  Flow* flow = flows_.Find(key);
  if (flow == nullptr || !flow->put_sent || flow->put_acked) return;
  flow->put_acked = true;
  --puts_pending_;
  Mark(context, OperationStep::kLastPut);
  if (!m.accepted) {
    flow->to_src = true;
    SetOutcome(context, key, *flow, FlowOutcome::kRefused);
  }
  if (request_.scheme.early_release) {
    Release(context, *flow);
    if (!flow->to_src) Delete(context, {m.tuple});
  }
  MaybeTransferred(context);
}

void Migration::MaybeTransferred(MigrationContext& context) {
  if (phase_ == Phase::kTransferring && exported_ && puts_pending_ == 0) Transferred(context);
}

// Every put is acknowledged. What src did not have, dst will see as new; what dst refused stays at src.
void Migration::Transferred(MigrationContext& context) {
  std::vector<FiveTuple> moved;
  for (const FiveTuple& tuple : order_) {
    const FlowKey key = context.hasher.Key(tuple);
    Flow& flow = flows_.Get(key);
    if (flow.put_acked) {
      if (!flow.to_src && !request_.scheme.early_release) moved.push_back(tuple);
    } else if (aborting_) {
      flow.to_src = true;
      SetOutcome(context, key, flow, FlowOutcome::kReturned);
    } else {
      SetOutcome(context, key, flow, FlowOutcome::kNoState);
    }
  }
  Delete(context, std::move(moved));
  if (aborting_) return Finish(context);
  if (request_.scheme.guarantee == Guarantee::kOrderPreserving) return ArmBuffer(context);
  ReleaseAll(context);
  Reroute(context);
}

void Migration::Delete(MigrationContext& context, std::vector<FiveTuple> flows) {
  if (flows.empty()) return;
  InBatches(flows, [&](std::vector<FiveTuple> batch, bool) {
    SendToSrc(context, msg::DelPerflow{batch});
    deletes_.push_back(std::move(batch));
  });
}

void Migration::Handle(MigrationContext& context, const msg::DelAck&) {
  if (deletes_.empty()) {
    ++strays_;
    return;
  }
  for (const FiveTuple& tuple : deletes_.front()) {
    const FlowKey key = context.hasher.Key(tuple);
    SetOutcome(context, key, flows_.Get(key), FlowOutcome::kMoved);
  }
  deletes_.pop_front();
  Mark(context, OperationStep::kLastDelete);
  if (phase_ == Phase::kSettling) Settle(context);
}

// ---- abort

Status Migration::Abort(MigrationContext& context) {
  switch (phase_) {
    case Phase::kSelecting:
    case Phase::kWatching:
    case Phase::kLocking:
      aborting_ = true;
      return {};  // at the next answer
    case Phase::kTransferring:
      if (aborting_) return {};
      aborting_ = true;
      waiting_.clear();
      if (!exported_) SendToSrc(context, msg::CancelGet{});
      return {};
    case Phase::kArmingBuffer:
    case Phase::kDiverting:
    case Phase::kRerouting:
    case Phase::kDraining:
    case Phase::kReleasing:
    case Phase::kListing:
    case Phase::kPinning:
    case Phase::kHolding:
    case Phase::kFlipping:
    case Phase::kStoppingRelay:
    case Phase::kRelayRules:
    case Phase::kAwaitingMarker:
    case Phase::kSettling:
    case Phase::kLingering:
    case Phase::kUnlocking:
    case Phase::kClosed:
      return Error{"operation " + std::to_string(id_) + " has moved its state; it is carried through"};
  }
  return {};
}

// An aborted operation keeps what dst owns by now; the rest of the traffic goes back to src, packet by packet.
void Migration::Finish(MigrationContext& context) {
  Mark(context, OperationStep::kAborted);
  flows_.ForEach([](const FlowKey&, Flow& flow) {
    if (!flow.put_acked) flow.to_src = true;
  });
  ReleaseAll(context);
  phase_ = Phase::kRerouting;
  InstallExact(context, MovedFlows(), {msg::RuleAction::Kind::kForward, request_.dst, 0});
  RulesComplete(context);
}

// ---- settle, linger, close

void Migration::Settle(MigrationContext& context) {
  phase_ = Phase::kSettling;
  while (src_dead_ && !deletes_.empty()) Handle(context, msg::DelAck{});  // it has nothing left to delete
  if (phase_ != Phase::kSettling) return;
  if (!deletes_.empty() || releasing_ > 0) return;
  Mark(context, OperationStep::kDone);
  phase_ = Phase::kLingering;
  deadline_ = context.now + kLinger;
}

void Migration::OnTimer(MigrationContext& context) {
  if (context.now < deadline_) return;
  deadline_ = TimePoint::Never();
  if (phase_ == Phase::kLingering) {
    Unlock(context);
  } else if (phase_ == Phase::kAwaitingMarker) {
    mark_wait_ = std::min(mark_wait_ * 2, kLastMarkWait);
    SendMark(context);
    AwaitMarker(context);
  } else if (phase_ == Phase::kDiverting) {
    Reroute(context);  // no packet came: the flows may have ended
  }
}

void Migration::Handle(MigrationContext& context, const msg::DisableEventsAck&, NodeId from) {
  if (phase_ == Phase::kReleasing && from == NfNode(request_.dst)) {
    AfterReroute(context);
  } else if (phase_ == Phase::kUnlocking && from == NfNode(request_.src)) {
    src_unlocked_ = true;
    MaybeClose(context);
  }
}

void Migration::Unlock(MigrationContext& context) {
  phase_ = Phase::kUnlocking;
  if (!src_dead_) SendToSrc(context, msg::DisableEvents{});
  // Nothing was relayed, or it was not this operation's last word: there was no marker.
  if (marked() && !watch_over_) SendToDst(context, msg::RelayCommand{msg::RelayVerb::kEnd, request_.filter, 0});
  MaybeClose(context);
}

void Migration::MaybeClose(MigrationContext& context) {
  if (phase_ != Phase::kUnlocking || !(src_unlocked_ || src_dead_) || (marked() && !watch_over_)) return;
  phase_ = Phase::kClosed;
  Mark(context, OperationStep::kClosed);
}

void Migration::OnDead(MigrationContext& context, NodeId node) {
  if (closed() || !marked() || node != NfNode(request_.src)) return;
  src_dead_ = true;
  if (phase_ == Phase::kAwaitingMarker) SendMark(context);
  if (phase_ == Phase::kSettling) Settle(context);
  MaybeClose(context);
}

// ---- dispatch and small change

void Migration::OnMessage(MigrationContext& context, NodeId from, const MessageBody& body) {
  std::visit(
      [&](const auto& m) {
        if constexpr (requires { Handle(context, m, from); }) {
          Handle(context, m, from);
        } else if constexpr (requires { Handle(context, m); }) {
          Handle(context, m);
        } else {
          ++strays_;
        }
      },
      body);
}

void Migration::SendToSrc(MigrationContext& context, MessageBody body) const {
  context.outbox.Send(NfNode(request_.src), id_, std::move(body));
}

void Migration::SendToDst(MigrationContext& context, MessageBody body) const {
  context.outbox.Send(NfNode(request_.dst), id_, std::move(body));
}

void Migration::Mark(MigrationContext& context, OperationStep step) const {
  context.outbox.events.push_back(event::Step{id_, step});
}

void Migration::SetOutcome(MigrationContext& context, const FlowKey& key, Flow& flow, FlowOutcome outcome) const {
  if (flow.outcome == outcome || flow.outcome == FlowOutcome::kRuleFailed) return;
  flow.outcome = outcome;
  context.outbox.events.push_back(event::Outcome{id_, key.tuple, outcome});
}

bool Migration::Owns(const FlowKey& key) const {
  if (closed()) return false;
  if (wildcard_ && request_.filter.Matches(key.tuple)) return true;
  const Flow* flow = flows_.Find(key);
  return flow != nullptr && flow->selected;
}

FlowOutcome Migration::OutcomeOf(const FlowKey& key) const {
  const Flow* flow = flows_.Find(key);
  return flow == nullptr ? FlowOutcome::kPending : flow->outcome;
}

void Migration::Hash(StateHash& hash, TimePoint now) const {
  hash.Add((uint64_t{id_} << 8) | static_cast<uint64_t>(phase_));
  hash.Add((aborting_ ? 1U : 0U) | (exported_ ? 2U : 0U) | (released_all_ ? 4U : 0U));
  hash.Add(deadline_ == TimePoint::Never() ? ~uint64_t{0} : static_cast<uint64_t>((deadline_ - now).nanos()));
  hash.Add(puts_pending_);
  hash.Add(deletes_.size());
  hash.Add(releasing_);
  hash.Add(xids_.size());
  hash.Add(packet_ins_);
  hash.Add(diverted_);
  hash.Add(last_packet_in_ ? last_packet_in_->second + 1 : 0);
  for (const FlowKey& key : flows_.SortedKeys()) {
    const Flow& flow = *flows_.Find(key);
    hash.Add(key.id);
    hash.Add((flow.selected ? 1U : 0U) | (flow.put_sent ? 2U : 0U) | (flow.put_acked ? 4U : 0U) |
             (flow.released ? 8U : 0U) | (flow.to_src ? 16U : 0U) | (static_cast<uint64_t>(flow.outcome) << 8));
    held_.ForEach(flow.held, [&](const Packet& packet, uint64_t place) {
      hash.Add(packet.digest);
      hash.Add(place);  // they leave in this order, whatever their flow
    });
    for (uint64_t digest : flow.processed) hash.Add(~digest);
  }
  for (const msg::Chunk& chunk : waiting_) hash.Add(std::span<const uint8_t>(chunk.state));
  hash.Add((watch_over_ ? 1U : 0U) | (holding_ ? 2U : 0U) | (src_dead_ ? 4U : 0U) | (src_unlocked_ ? 8U : 0U) |
           (static_cast<uint64_t>(behind_hold_) << 8) | (static_cast<uint64_t>(mark_wait_.nanos()) << 16));
  hash.Add(relayed_.size());
  hash.Add(listing_.size());
}

}  // namespace uhaul
