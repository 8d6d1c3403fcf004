// The packets that a migration holds, and OpenNF's way of preserving their order.
//
// Loss-free: packets of locked flows come as events and wait until their state is at dst; then they go out as
// packet-outs marked do-not-buffer, and later ones at once. Packets that the new rule sends straight to dst overtake
// those that still come by the controller: loss-free does not preserve order.
//
// Order-preserving (OpenNF, section 5.1.2 of its paper, with the switch's counter): dst buffers what is not marked; the
// switch sends the flows' packets to src and to the controller both; after the first packet-in, rules to dst. The
// switch's counter says how many packet-ins there are; when all are in and dst has reported the last of them as
// processed, dst lets its buffer go. (The released controller waits for neither the counter nor the rules, only for a
// report of the last packet-in so far: SchemeOptions::count_diverted.) It tells packets apart by their contents
// (digest), as OpenNF does: two identical packets of a flow fool it.
#include <algorithm>

#include "core/node/migration.h"

namespace uhaul {

namespace {

// What comes over a wire has no flow ID.
FlowKey KeyOf(const MigrationContext& context, const Packet& packet) {
  return packet.flow.id != 0 ? packet.flow : context.hasher.Key(packet.flow.tuple);
}

}  // namespace

Migration::Flow& Migration::FlowOf(const MigrationContext& context, const Packet& packet) {
  return flows_.Get(KeyOf(context, packet));
}

void Migration::Handle(MigrationContext& context, const msg::PacketEvent& m) {
  if (closed()) {  // nobody is left to send it on
    ++strays_;
    context.outbox.packets.push_back({OutPacket::Fate::kDropped, request_.src, m.packet});
    return;
  }
  Flow& flow = FlowOf(context, m.packet);
  if (released_all_ || flow.released) return SendOut(context, flow, m.packet, false);
  const Bytes size(m.packet.bytes);
  if (context.held + size > context.profile.controller_buffer) {
    ++dropped_;
    context.outbox.packets.push_back({OutPacket::Fate::kDropped, request_.src, m.packet});
    context.outbox.events.push_back(event::BufferOverflow{BufferPlace::kController, size});
    return;
  }
  context.held += size;
  held_.Add(flow.held, m.packet);
  context.outbox.events.push_back(event::Buffered{BufferPlace::kController, context.held, size});
}

// Packets leave the controller one after the other, at its rate; one that has to wait for that is held, too.
void Migration::SendOut(MigrationContext& context, const Flow& flow, const Packet& packet, bool held) {
  const Bytes size(packet.bytes);
  const bool waits = !context.release.empty() || context.release.busy_until() > context.now;
  if (!held && waits) {
    context.held += size;
    context.outbox.events.push_back(event::Buffered{BufferPlace::kController, context.held, size});
  }
  // After an abort a flow that has not reached dst stays at src, also one that nobody had heard of.
  const bool to_src = flow.to_src || (aborting_ && !flow.put_acked);
  msg::PacketOut out{packet, to_src ? request_.src : request_.dst};
  out.packet.do_not_buffer = true;
  ++releasing_;
  context.release.Submit(context.now, context.profile.packet_out.Of(1, size), {id_, std::move(out), held || waits});
}

void Migration::OnReleased(MigrationContext& context) {
  --releasing_;
  if (phase_ == Phase::kSettling) Settle(context);
}

// Early release: one flow's packets.
void Migration::Release(MigrationContext& context, Flow& flow) {
  flow.released = true;
  held_.Take(flow.held, [&](const Packet& packet) { SendOut(context, flow, packet, true); });
}

// Everything that is still held, in order of arrival.
void Migration::ReleaseAll(MigrationContext& context) {
  released_all_ = true;
  held_.TakeAll([&](const Packet& packet) { SendOut(context, FlowOf(context, packet), packet, true); });
}

// ---- order preservation

void Migration::ArmBuffer(MigrationContext& context) {
  phase_ = Phase::kArmingBuffer;
  if (wildcard_) {
    SendToDst(context,
              msg::EnableEvents{msg::EventAction::kBuffer, {FlowScope::Kind::kActive, request_.filter, {}}, false});
    return;
  }
  for (size_t i = 0; i == 0 || i < order_.size(); i += kMaxFlowsPerMessage) {
    const size_t n = std::min(kMaxFlowsPerMessage, order_.size() - i);
    const auto begin = order_.begin() + static_cast<std::ptrdiff_t>(i);
    SendToDst(context, msg::EnableEvents{msg::EventAction::kBuffer,
                                         {FlowScope::Kind::kList, {}, {begin, begin + static_cast<std::ptrdiff_t>(n)}},
                                         i + n < order_.size()});
  }
}

bool Migration::OnPacketIn(MigrationContext& context, const Packet& packet) {
  const FlowKey key = KeyOf(context, packet);
  if (request_.scheme.guarantee != Guarantee::kOrderPreserving || !Owns(key)) return false;
  if (phase_ != Phase::kDiverting && phase_ != Phase::kRerouting && phase_ != Phase::kDraining) return false;
  ++packet_ins_;
  const Flow* flow = flows_.Find(key);
  if (flow == nullptr || !flow->to_src) last_packet_in_ = {key, packet.digest};  // dst never sees what stays at src
  if (phase_ == Phase::kDiverting) {
    deadline_ = TimePoint::Never();
    Reroute(context);
  } else {
    MaybeDrained(context);
  }
  return true;
}

void Migration::Handle(MigrationContext& context, const msg::ProcessedEvent& m) {
  if (phase_ != Phase::kDiverting && phase_ != Phase::kRerouting && phase_ != Phase::kDraining) return;
  const FlowKey key = context.hasher.Key(m.tuple);
  flows_.Get(key).processed.push_back(m.digest);
  if (request_.scheme.count_diverted) return MaybeDrained(context);
  if (phase_ != Phase::kDiverting && last_packet_in_ == std::pair{key, m.digest}) ReleaseBuffer(context);
}

void Migration::MaybeDrained(MigrationContext& context) {
  if (phase_ != Phase::kDraining || packet_ins_ < diverted_ || !request_.scheme.count_diverted) return;
  if (last_packet_in_) {
    const std::vector<uint64_t>& processed = flows_.Get(last_packet_in_->first).processed;
    if (std::find(processed.begin(), processed.end(), last_packet_in_->second) == processed.end()) return;
  }
  ReleaseBuffer(context);
}

void Migration::ReleaseBuffer(MigrationContext& context) {
  phase_ = Phase::kReleasing;
  SendToDst(context, msg::DisableEvents{});
}

}  // namespace uhaul
