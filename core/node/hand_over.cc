#include "core/node/hand_over.h"

#include <algorithm>
#include <utility>

namespace uhaul {
namespace {

// What has not been answered for so long is said again, after twice as long once more, and so on: what waits may be on
// its way still, behind all that was said before. It never means more than that.
constexpr Duration kRetry = Duration::Millis(50);
constexpr int kDoublings = 5;  // and then no less often

// Times that something has been said again, that was said so long ago.
int64_t RetriesAfter(Duration waited) {
  int64_t times = 0;
  Duration at = kRetry;
  for (; times < kDoublings && at <= waited; ++times) at = at + at;
  return at > waited ? times : times + 1 + (waited - at).nanos() / at.nanos();
}

}  // namespace

HandOver::HandOver(OperationId id, MoveRequest request, std::optional<DetectorSpec> detector)
    : id_(id), request_(std::move(request)), detector_(detector) {}

// ---- recovery

HandOver::HandOver(const journal::Begin& begin, const FlowHasher& hasher)
    : id_(begin.operation),
      phase_(Phase::kMoving),
      recovered_(true),
      src_incarnation_(begin.src_incarnation),
      dst_incarnation_(begin.dst_incarnation) {
  request_.src = begin.src;
  request_.dst = begin.dst;
  request_.scheme.name = "recovered";
  Add(begin, hasher);
}

void HandOver::Add(const journal::Begin& begin, const FlowHasher& hasher) {
  for (const FiveTuple& tuple : begin.flows) {
    const FlowKey key = hasher.Key(tuple);
    bool inserted = false;
    uint32_t& index = index_.Get(key, &inserted);
    if (!inserted) continue;
    index = static_cast<uint32_t>(flows_.size());
    flows_.push_back({.key = key, .phase = FlowPhase::kPreparing});
    ++open_;
    ++preparing_;
  }
}

void HandOver::Ended(const journal::End& end, const FlowHasher& hasher) {
  for (const journal::EndedFlow& ended : end.flows) {
    const uint32_t* index = index_.Find(hasher.Key(ended.tuple));
    if (index == nullptr || flows_[*index].ended()) continue;
    const bool moved = ended.epoch != 0 && ended.nf == request_.dst;
    flows_[*index].outcome = moved ? FlowOutcome::kMoved : FlowOutcome::kReturned;
    flows_[*index].phase = FlowPhase::kEnded;
    flows_[*index].end = moved ? FlowEnd::kMoved : FlowEnd::kReturned;
    --open_;
    --preparing_;
  }
  if (open_ == 0) phase_ = Phase::kClosed;
}

// ---- greet, select

void HandOver::Start(HandOverContext& context) {
  Mark(context, OperationStep::kAccepted);
  Greet(context);
}

void HandOver::Greet(HandOverContext& context) {
  bool all = true;
  for (const NodeId node : {kSwitchNode, NfNode(request_.src), NfNode(request_.dst)}) {
    if (context.sessions.up(node)) continue;
    all = false;
    context.outbox.Send(node, 0, msg::Hello{});
  }
  deadline_ = context.now + kRetry;
  if (!all) return;
  src_incarnation_ = context.sessions.incarnation(NfNode(request_.src));
  dst_incarnation_ = context.sessions.incarnation(NfNode(request_.dst));
  phase_ = Phase::kSelecting;
  RequestSelection(context);
}

void HandOver::RequestSelection(HandOverContext& context) {
  deadline_ = TimePoint::Never();  // the connection carries it, or breaks and is greeted again
  if (detector_) {
    context.outbox.Send(NfNode(request_.src), id_, msg::GetElephant{*detector_, request_.filter});
  } else {
    const auto kind = request_.scheme.flows == MoveFlows::kTable ? FlowScope::Kind::kTable : FlowScope::Kind::kActive;
    context.outbox.Send(NfNode(request_.src), id_, msg::ListFlows{kind, request_.filter, request_.limit});
  }
}

void HandOver::Handle(HandOverContext& context, NodeId from, const msg::SetFilter& m) {
  if (phase_ != Phase::kSelecting || from != NfNode(request_.src)) return;
  for (const msg::SelectedFlow& flow : m.flows) Select(context, flow.tuple);
  if (!m.more) Selected(context);
}

void HandOver::Handle(HandOverContext& context, NodeId from, const msg::FlowListing& m) {
  if (phase_ != Phase::kSelecting || from != NfNode(request_.src)) return;
  for (const FiveTuple& tuple : m.flows) Select(context, tuple);
  if (!m.more) Selected(context);
}

void HandOver::Select(HandOverContext& context, const FiveTuple& tuple) {
  const FlowKey key = context.hasher.Key(tuple);
  const TimePoint* moved = context.moved.Find(key);
  FlowOutcome refusal = FlowOutcome::kPending;
  if (context.busy(context.owner, id_, key)) refusal = FlowOutcome::kBusy;
  if (flows_.size() >= context.limits.flows) refusal = FlowOutcome::kBusy;
  if (moved != nullptr && context.now - *moved < context.limits.cool_down) refusal = FlowOutcome::kBusy;
  if (refusal != FlowOutcome::kPending) {
    context.outbox.events.push_back(event::Outcome{id_, tuple, refusal});
    return;
  }
  bool inserted = false;
  uint32_t& index = index_.Get(key, &inserted);
  if (!inserted) return;
  index = static_cast<uint32_t>(flows_.size());
  flows_.push_back({.key = key});
  ++open_;
  context.outbox.events.push_back(event::Selected{id_, tuple});
}

void HandOver::Selected(HandOverContext& context) {
  Mark(context, OperationStep::kSelected);
  if (!context.journal || flows_.empty()) return Move(context);
  phase_ = Phase::kJournaling;
  std::vector<FiveTuple> tuples;
  for (const Flow& flow : flows_) tuples.push_back(flow.key.tuple);
  InBatches(tuples, [&](std::vector<FiveTuple> batch, bool) {
    context.outbox.journal.push_back(
        journal::Begin{id_, request_.src, request_.dst, src_incarnation_, dst_incarnation_, std::move(batch)});
    begun_at_ = ++context.journaled;
  });
}

void HandOver::OnDurable(HandOverContext& context, uint64_t records) {
  if (phase_ == Phase::kJournaling && records >= begun_at_) Move(context);
}

// ---- move

void HandOver::Move(HandOverContext& context) {
  phase_ = Phase::kMoving;
  preparing_ = flows_.size();
  for (Flow& flow : flows_) {
    flow.phase = FlowPhase::kPreparing;
    Enter(context, flow, FlowPhase::kPreparing);
  }
  deadline_ = context.now + kRetry;
  Settle(context);
}

void HandOver::Handle(HandOverContext& context, NodeId from, const msg::CustodyReport& m) {
  if (phase_ != Phase::kMoving) {
    ++strays_;
    return;
  }
  Link link = Link::kSwitch;
  if (from == NfNode(request_.src)) link = Link::kSrc;
  if (from == NfNode(request_.dst)) link = Link::kDst;
  for (const msg::FlowStatus& status : m.flows) {
    const uint32_t* index = index_.Find(context.hasher.Key(status.tuple));
    if (index == nullptr) {
      ++strays_;
      continue;
    }
    OnStatus(context, flows_[*index], link, m.epoch, status);
  }
  Settle(context);
}

// After each call: those whose turn has come, what gathered goes out, and perhaps it is over.
void HandOver::Settle(HandOverContext& context) {
  if (phase_ != Phase::kMoving) return;
  while (!graces_.empty() && !flows_[graces_.front().flow].acknowledged) graces_.pop_front();
  TakeTurns(context);
  Flush(context);
  if (open_ == 0) Close(context);
}

void HandOver::Close(HandOverContext& context) {
  Mark(context, OperationStep::kDone);
  phase_ = Phase::kClosed;
  deadline_ = TimePoint::Never();
  Mark(context, OperationStep::kClosed);
}

Status HandOver::Abort(HandOverContext& context) {
  if (closed()) return Error{"operation " + std::to_string(id_) + " is over"};
  if (recovered_) {
    return Error{"operation " + std::to_string(id_) + " was begun by an earlier controller; it is carried through"};
  }
  if (phase_ != Phase::kMoving) {
    aborting_ = true;
    Mark(context, OperationStep::kAborted);
    for (Flow& flow : flows_) Finish(context, flow, FlowEnd::kCancelled);
    Flush(context);
    Close(context);
    return {};
  }
  bool any = false;
  for (Flow& flow : flows_) {
    if (flow.phase != FlowPhase::kPreparing && flow.phase != FlowPhase::kReady) continue;
    any = true;
    Cancel(context, flow, FlowOutcome::kReturned);
  }
  if (!any) return Error{"operation " + std::to_string(id_) + " has rerouted its flows; it is carried through"};
  aborting_ = true;
  Mark(context, OperationStep::kAborted);
  Settle(context);
  return {};
}

// ---- nodes come and go

void HandOver::OnSession(HandOverContext& context, NodeId node) {
  switch (phase_) {
    case Phase::kGreeting:
      return Greet(context);
    case Phase::kSelecting:
    case Phase::kJournaling:
    case Phase::kMoving:
      break;
    case Phase::kClosed:
      return;
  }
  const uint64_t incarnation = context.sessions.incarnation(node);
  if (node == NfNode(request_.src) && incarnation != src_incarnation_) OnDead(context, node);
  if (node == NfNode(request_.dst) && incarnation != dst_incarnation_) OnDead(context, node);
  if (phase_ == Phase::kSelecting && node == NfNode(request_.src)) return RequestSelection(context);
  if (phase_ != Phase::kMoving) return;
  if (deadline_ == TimePoint::Never()) deadline_ = context.now + kRetry;
  Link link = Link::kSwitch;
  if (node == NfNode(request_.src)) link = Link::kSrc;
  if (node == NfNode(request_.dst)) link = Link::kDst;
  for (Flow& flow : flows_) {
    Issue(context, flow, link);
    if (link == Link::kSwitch) Reinstall(context, flow);
  }
  Settle(context);
}

void HandOver::OnDead(HandOverContext& context, NodeId node) {
  const bool src = node == NfNode(request_.src) && !src_dead_;
  const bool dst = node == NfNode(request_.dst) && !dst_dead_;
  if (closed() || (!src && !dst)) return;
  if (phase_ != Phase::kMoving) {  // nothing has been said about any flow
    (void)Abort(context).ok();
    return;
  }
  src_dead_ = src_dead_ || src;
  dst_dead_ = dst_dead_ || dst;
  for (Flow& flow : flows_) {
    if (flow.ended()) continue;
    if (src) OnSrcDied(context, flow);
    if (dst) OnDstDied(context, flow);
  }
  Settle(context);
}

bool HandOver::RulesKnown() const {
  if (phase_ != Phase::kMoving) return true;
  return std::none_of(flows_.begin(), flows_.end(), [&](const Flow& flow) {
    switch (flow.phase) {
      case FlowPhase::kPreparing:
      case FlowPhase::kReady:
      case FlowPhase::kCancelling:
        return recovered_;  // an earlier controller may have changed it
      case FlowPhase::kHolding:
      case FlowPhase::kReverting:
      case FlowPhase::kPolling:
        return true;
      case FlowPhase::kFreshening:
        return flow.over;
      case FlowPhase::kSelected:
      case FlowPhase::kInstalling:
      case FlowPhase::kAwaitingActive:
      case FlowPhase::kCommitting:
      case FlowPhase::kInstallingBack:
      case FlowPhase::kAwaitingReturn:
      case FlowPhase::kCommittingBack:
      case FlowPhase::kInstallingRevert:
      case FlowPhase::kInstallingOver:
      case FlowPhase::kEnded:
        return false;
    }
    return false;
  });
}

bool HandOver::MissesDead(NodeId node) const { return Dead(node) && !closed(); }

void HandOver::FenceSuccessor(HandOverContext& context, NodeId node) const {
  if (!Dead(node)) return;
  std::vector<FiveTuple> flows;
  for (const Flow& flow : flows_) {
    const journal::EndedFlow* rule = context.rules.Find(flow.key);  // of this or of a later one
    const uint8_t owner = rule == nullptr ? request_.src : rule->nf;
    const bool lost = flow.ended() && flow.end == FlowEnd::kLost;  // nobody has it: whoever gets its packets
    if (!lost && node != NfNode(owner)) flows.push_back(flow.key.tuple);
  }
  InBatches(flows, [&](std::vector<FiveTuple> batch, bool) {
    context.outbox.Send(node, id_, msg::CustodyCommand{msg::CustodyVerb::kCancel, after(), 0, 0, 0, std::move(batch)});
  });
}

void HandOver::OnTimer(HandOverContext& context) {
  OnGraceOver(context);
  if (context.now < deadline_) return;
  const TimePoint last = deadline_ - kRetry;  // when this was called last, or said first
  deadline_ = context.now + kRetry;
  switch (phase_) {
    case Phase::kGreeting:
      return Greet(context);
    case Phase::kMoving:
      for (Flow& flow : flows_) {
        const TimePoint issued = flow.issued;
        const int64_t said = issued < last ? RetriesAfter(last - issued) : 0;
        if (flow.phase == FlowPhase::kReady || RetriesAfter(context.now - issued) == said) continue;
        for (const Link link : {Link::kSrc, Link::kDst, Link::kSwitch}) Issue(context, flow, link);
        flow.issued = issued;
      }
      return Settle(context);
    case Phase::kSelecting:
    case Phase::kJournaling:
    case Phase::kClosed:
      deadline_ = TimePoint::Never();
      return;
  }
}

// ---- dispatch and small change

void HandOver::OnMessage(HandOverContext& context, NodeId from, const MessageBody& body) {
  std::visit(
      [&](const auto& m) {
        if constexpr (requires { Handle(context, from, m); }) {
          Handle(context, from, m);
        } else {
          ++strays_;
        }
      },
      body);
}

void HandOver::Forward(HandOverContext& context, NodeId from, MessageBody body) const {
  const bool from_src = from == NfNode(request_.src);
  if (!from_src && from != NfNode(request_.dst)) {
    const auto* returned = std::get_if<msg::ReturnedPacket>(&body);
    if (returned != nullptr) context.outbox.packets.push_back({OutPacket::Fate::kForgotten, 0, returned->packet});
    return;
  }
  context.outbox.Send(NfNode(from_src ? request_.dst : request_.src), id_, std::move(body));
}

void HandOver::Mark(HandOverContext& context, OperationStep step) const {
  context.outbox.events.push_back(event::Step{id_, step});
}

bool HandOver::Owns(const FlowKey& flow) const {
  const uint32_t* index = closed() ? nullptr : index_.Find(flow);
  return index != nullptr && !flows_[*index].ended();
}

std::optional<HandOver::FlowPhase> HandOver::PhaseOf(const FlowKey& flow) const {
  const uint32_t* index = index_.Find(flow);
  if (index == nullptr) return std::nullopt;
  return flows_[*index].phase;
}

FlowOutcome HandOver::OutcomeOf(const FlowKey& flow) const {
  const uint32_t* index = index_.Find(flow);
  return index == nullptr ? FlowOutcome::kPending : flows_[*index].outcome;
}

uint64_t HandOver::dropped_packets() const {
  uint64_t dropped = 0;
  for (const Flow& flow : flows_) dropped += uint64_t{flow.dropped_src} + flow.dropped_dst;
  return dropped;
}

void HandOver::Hash(StateHash& hash, TimePoint now) const {
  hash.Add((uint64_t{id_} << 8) | static_cast<uint64_t>(phase_));
  hash.Add((aborting_ ? 1U : 0U) | (recovered_ ? 2U : 0U) | (src_dead_ ? 4U : 0U) | (dst_dead_ ? 8U : 0U) |
           (any_active_ ? 16U : 0U));
  hash.Add(src_incarnation_);
  hash.Add(dst_incarnation_);
  hash.Add(deadline_ == TimePoint::Never() ? ~uint64_t{0} : static_cast<uint64_t>((deadline_ - now).nanos()));
  hash.Add(begun_at_);
  for (const Flow& flow : flows_) {
    hash.Add(flow.key.id);
    hash.Add(flow.ended() ? static_cast<uint64_t>(flow.end) : 0);
    hash.Add(static_cast<uint64_t>(flow.phase) | (static_cast<uint64_t>(flow.reason) << 8) |
             (static_cast<uint64_t>(flow.outcome) << 16) | (uint64_t{flow.got} << 24) | (flow.active ? 1ULL << 32 : 0) |
             (flow.over ? 2ULL << 32 : 0) | (flow.in_doubt ? 4ULL << 32 : 0) | (flow.state_lost ? 8ULL << 32 : 0) |
             (flow.acknowledged ? 16ULL << 32 : 0) | (uint64_t{flow.arrived} << 40));
    hash.Add((uint64_t{flow.dropped_src} << 32) | flow.dropped_dst);
    hash.Add(flow.ended() ? 0 : static_cast<uint64_t>((now - flow.issued).nanos()));
    // The window will learn it, or the grace time runs from it.
    hash.Add(InWindow(flow) || flow.acknowledged ? static_cast<uint64_t>((now - flow.installed).nanos()) : 0);
  }
  for (const uint32_t index : ready_) hash.Add(index);
  window_.Hash(hash);
}

}  // namespace uhaul
