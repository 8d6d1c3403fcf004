// What a hand-over says about its flows, phase by phase, many flows in one message.
#include <utility>

#include "core/base/little_endian.h"
#include "core/node/hand_over.h"

namespace uhaul {

using msg::CustodyVerb;

// What the flow's phase has to say on a link: at its beginning, after a while without an answer, and whenever the
// connection opens anew, whatever was acknowledged on the one before. A node that has not answered who it is is told
// nothing: it may be another one than this was begun with.
void HandOver::Issue(HandOverContext& context, Flow& flow, Link link) {
  if (Dead(link) || !context.sessions.up(NodeOf(link))) return;
  const bool src = link == Link::kSrc, dst = link == Link::kDst, forwarding = link == Link::kSwitch;
  switch (flow.phase) {
    case FlowPhase::kPreparing:
      if (src) Command(context, flow, link, CustodyVerb::kArm, forward());
      if (dst) Command(context, flow, link, CustodyVerb::kPrepare, forward());
      return;
    case FlowPhase::kReady:
      if (dst) Command(context, flow, link, CustodyVerb::kPrepare, forward());
      return;
    case FlowPhase::kInstalling:
      if (dst) Command(context, flow, link, CustodyVerb::kPrepare, forward());
      if (dst) Watch(context, flow, link, forward());
      if (forwarding) Install(context, flow, forward());
      return;
    case FlowPhase::kAwaitingActive:
      if (dst) Command(context, flow, link, CustodyVerb::kPrepare, forward());
      if (forwarding) Install(context, flow, forward());
      if (forwarding) SendMarker(context, flow, forward());
      return;
    case FlowPhase::kCommitting:
      if (src) Command(context, flow, link, CustodyVerb::kCommit, forward());
      return;
    case FlowPhase::kCancelling:
      if (src && (flow.got & kSrcBit) == 0) Command(context, flow, link, CustodyVerb::kCancel, forward());
      if (dst && (flow.got & kDstBit) == 0) Command(context, flow, link, CustodyVerb::kCancel, forward());
      return;
    case FlowPhase::kHolding:
      if (src) Command(context, flow, link, CustodyVerb::kHold, back());
      if (dst) Command(context, flow, link, CustodyVerb::kArmBack, back());
      return;
    case FlowPhase::kInstallingBack:
      if (src) Command(context, flow, link, CustodyVerb::kHold, back());
      if (src) Watch(context, flow, link, back());
      if (forwarding) Install(context, flow, back());
      return;
    case FlowPhase::kAwaitingReturn:
      if (src) Command(context, flow, link, CustodyVerb::kHold, back());
      if (forwarding) Install(context, flow, back());
      if (forwarding) SendMarker(context, flow, back());
      return;
    case FlowPhase::kCommittingBack:
      if (dst) Command(context, flow, link, CustodyVerb::kCommit, back());
      return;
    case FlowPhase::kReverting:
      if (src) Command(context, flow, link, CustodyVerb::kRevert, back());
      return;
    case FlowPhase::kInstallingRevert:
      if (forwarding) Install(context, flow, back());
      return;
    case FlowPhase::kPolling:
      if (dst) Command(context, flow, link, CustodyVerb::kPrepare, forward());
      return;
    case FlowPhase::kInstallingOver:
      if (dst && !flow.over) Watch(context, flow, link, forward());
      if (forwarding) Install(context, flow, EpochOver(flow));
      return;
    case FlowPhase::kFreshening:
      if (dst) Command(context, flow, link, CustodyVerb::kFresh, EpochOver(flow));
      return;
    case FlowPhase::kSelected:
    case FlowPhase::kEnded:
      return;
  }
}

// A switch that restarted has forgotten also the rule that a phase has behind it.
void HandOver::Reinstall(HandOverContext& context, Flow& flow) {
  if (flow.phase == FlowPhase::kCommitting || flow.phase == FlowPhase::kHolding) Install(context, flow, forward());
  if (flow.phase == FlowPhase::kCommittingBack) Install(context, flow, back());
  if (flow.phase == FlowPhase::kFreshening && !flow.over) Install(context, flow, EpochOver(flow));
}

void HandOver::Command(HandOverContext& context, Flow& flow, Link link, CustodyVerb verb, Epoch epoch) {
  flow.issued = context.now;
  BatchFor(NodeOf(link), verb, epoch).push_back(flow.key.tuple);
}

void HandOver::Watch(HandOverContext& context, Flow& flow, Link link, Epoch epoch) {
  if (!MarksByPacketOut(context) || Dead(link) || !context.sessions.up(NodeOf(link))) return;
  Command(context, flow, link, CustodyVerb::kWatch, epoch);
}

// Of a switch that does not do so by itself.
void HandOver::SendMarker(HandOverContext& context, Flow& flow, Epoch epoch) {
  if (!MarksByPacketOut(context) || !context.sessions.up(kSwitchNode)) return;
  BatchFor(kSwitchNode, std::nullopt, epoch, true).push_back(flow.key.tuple);
}

void HandOver::Install(HandOverContext& context, Flow& flow, Epoch epoch) {
  flow.issued = context.now;
  BatchFor(kSwitchNode, std::nullopt, epoch).push_back(flow.key.tuple);
}

std::vector<FiveTuple>& HandOver::BatchFor(NodeId to, std::optional<CustodyVerb> verb, Epoch epoch, bool markers) {
  for (Batch& batch : batches_) {
    if (batch.to == to && batch.verb == verb && batch.epoch == epoch && batch.markers == markers) return batch.flows;
  }
  batches_.push_back({to, verb, epoch, markers, {}});
  return batches_.back().flows;
}

NodeId HandOver::NodeOf(Link link) const {
  switch (link) {
    case Link::kSrc:
      return NfNode(request_.src);
    case Link::kDst:
      return NfNode(request_.dst);
    case Link::kSwitch:
      return kSwitchNode;
  }
  return kSwitchNode;
}

uint64_t HandOver::Nonce(const HandOverContext& context, Epoch epoch) const {
  std::vector<uint8_t> what;
  AppendLittle(epoch, &what);
  return SipHash24(context.secret, what);
}

// What gathered in this call, many flows in one message.
void HandOver::Flush(HandOverContext& context) {
  for (const Batch& batch : batches_) {
    InBatches(batch.flows, [&](std::vector<FiveTuple> flows, bool) {
      const bool back_to_src = batch.epoch == back();
      if (batch.markers) {
        const uint8_t from = back_to_src ? request_.dst : request_.src;
        context.outbox.Send(batch.to, id_,
                            msg::SendMarkers{batch.epoch, from, Nonce(context, batch.epoch), std::move(flows)});
        return;
      }
      if (!batch.verb) {
        context.outbox.Send(
            batch.to, id_,
            msg::Install{batch.epoch, back_to_src ? request_.src : request_.dst,
                         back_to_src ? request_.dst : request_.src, Nonce(context, batch.epoch), std::move(flows)});
        return;
      }
      const bool to_src = batch.to == NfNode(request_.src);
      context.outbox.Send(batch.to, id_,
                          msg::CustodyCommand{*batch.verb, batch.epoch, to_src ? request_.dst : request_.src,
                                              to_src ? dst_incarnation_ : src_incarnation_, Nonce(context, batch.epoch),
                                              std::move(flows)});
    });
  }
  batches_.clear();
  if (context.journal && !ended_.empty()) {
    InBatches(ended_, [&](std::vector<journal::EndedFlow> flows, bool) {
      context.outbox.journal.push_back(journal::End{id_, std::move(flows)});
      ++context.journaled;
    });
  }
  ended_.clear();
}

}  // namespace uhaul
