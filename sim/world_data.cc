// The handlers of a World: what happens when a packet, a message or a deadline comes. They take `now`.
#include <utility>

#include "core/base/check.h"
#include "core/protocol/codec.h"
#include "sim/world.h"

namespace uhaul {
namespace {

constexpr uint32_t kAcknowledgementBytes = 64;
constexpr uint32_t kMarkerBytes = 64;

}  // namespace

// ---- data

inline void World::SendTo(DataLink& link, TimePoint now, const DataItem& item) {
  if (link.Send(now, item)) [[likely]] {
    return;
  }
  ++run_.recorder().counters().link_drops;
  if (item.flags & DataItem::kAcknowledgement) return;
  if (run_.recorder().OnLost(item.flow)) CheckEnd(now);
}

inline Packet World::PacketOf(const DataItem& item) const {
  Packet packet;
  packet.flow = keys_[item.flow];
  packet.bytes = item.bytes;
  if (const RecordedTraffic* recorded = run_.scenario().recorded.get(); recorded != nullptr) {
    const RecordedPacket& captured = recorded->Of(item.flow, item.sequence);
    packet.tcp_flags = captured.tcp_flags;
    packet.reverse = captured.reverse;
  } else if (packet.flow.tuple.protocol == kProtocolTcp) {
    packet.tcp_flags = static_cast<uint8_t>((item.flags & DataItem::kFirst ? tcp_flag::kSyn : tcp_flag::kAck) |
                                            (item.flags & DataItem::kLast ? tcp_flag::kFin : 0));
  }
  packet.do_not_buffer = (item.flags & DataItem::kDoNotBuffer) != 0;
  packet.digest = item.sequence;
  packet.handle = (static_cast<uint64_t>(item.sequence) << 32) | item.flow;
  packet.stamp = TimePoint::FromNanos(item.stamp_ns);
  return packet;
}

void World::ArmGenerator() { generator_->Set(run_.source().NextTime()); }

void World::OnGenerator(TimePoint now) {
  const SourcePacket p = run_.source().Pop();
  UHAUL_CHECK(p.at == now);
  run_.recorder().OnSent(now, p.flow, p.retransmission);
  const uint8_t flags = static_cast<uint8_t>((p.first ? DataItem::kFirst : 0) | (p.last ? DataItem::kLast : 0));
  SendTo(*to_switch_, now, {.flow = p.flow, .sequence = p.sequence, .bytes = p.bytes, .flags = flags});
  ArmGenerator();
}

void World::OnData(TimePoint now, uint16_t link_rank, const DataItem& item) {
  switch (link_rank) {
    case rank::kToSwitch:
      return AtSwitch(now, item);
    case rank::kSwitchToNf:
    case rank::kSwitchToNf + 1:
      return AtNf(now, static_cast<uint8_t>(link_rank - rank::kSwitchToNf), item);
    case rank::kNfToSink:
    case rank::kNfToSink + 1:
      return AtSink(now, item);
    case rank::kNfToSwitch:
    case rank::kNfToSwitch + 1: {  // relayed: no rule is asked
      UHAUL_CHECK(item.nf < kNfCount);
      return SendTo(*switch_to_nf_[item.nf], now, item);
    }
    case rank::kAcknowledgements:
      run_.source().OnDelivered(now, item.flow, item.sequence);
      return ArmGenerator();
    default:
      UHAUL_CHECK(link_rank == rank::kToSwitch);
  }
}

DataItem World::ItemOf(const Packet& packet) const {
  DataItem item;
  item.stamp_ns = packet.stamp.nanos();
  item.flow = static_cast<uint32_t>(packet.handle);
  item.sequence = static_cast<uint32_t>(packet.handle >> 32);
  item.bytes = packet.bytes;
  UHAUL_CHECK(item.flow < packets_.size());
  item.flags = static_cast<uint8_t>((item.sequence == 0 ? DataItem::kFirst : 0) |
                                    (item.sequence + 1 == packets_[item.flow] ? DataItem::kLast : 0) |
                                    (packet.do_not_buffer ? DataItem::kDoNotBuffer : 0));
  return item;
}

void World::AtSwitch(TimePoint now, const DataItem& arrived) {
  DataItem item = arrived;
  const RecordedTraffic* recorded = run_.scenario().recorded.get();
  item.stamp_ns = (recorded == nullptr ? now : recorded->Of(item.flow, item.sequence).stamp).nanos();
  const Packet packet = PacketOf(item);
  uint8_t nf = 0;
  machines_.forwarding().OnBurst(now, {&packet, 1}, {&nf, 1}, machines_.outbox(kSwitchNode));
  UHAUL_CHECK(nf < kNfCount);
  SendTo(*switch_to_nf_[nf], now, item);
  machines_.Settle(now, kSwitchNode);
}

void World::AtNf(TimePoint now, uint8_t nf, const DataItem& item) {
  if (item.flags & DataItem::kMarker) [[unlikely]] {
    const Marker marker = markers_[nf].front();
    markers_[nf].pop_front();
    return machines_.OnMarker(now, nf, marker);
  }
  const Packet packet = PacketOf(item);
  NfVerdict verdict = NfVerdict::kConsumed;
  machines_.nf(nf).OnBurst(now, {&packet, 1}, {&verdict, 1}, machines_.outbox(NfNode(nf)));
  switch (verdict) {
    case NfVerdict::kForward:
      run_.recorder().OnProcessed(now, item.flow, packet.stamp);
      SendTo(*nf_to_sink_[nf], now, item);
      break;
    case NfVerdict::kConsumed:
      break;
    case NfVerdict::kRelay:
      Release(now, NfNode(nf), {OutPacket::Fate::kRelay, machines_.nf(nf).relay_target(), packet});
      break;
  }
  machines_.Settle(now, NfNode(nf));
}

void World::AtSink(TimePoint now, const DataItem& item) {
  const bool ended = run_.recorder().OnDelivered(now, item.flow, item.sequence);
  if (run_.source().closed_loop()) {
    SendTo(*acknowledgements_, now,
           {.flow = item.flow,
            .sequence = item.sequence,
            .bytes = kAcknowledgementBytes,
            .flags = DataItem::kAcknowledgement});
  }
  if (ended) CheckEnd(now);
}

// ---- control

void World::OnMessage(TimePoint now, uint16_t link_rank, const Message& message) {
  const ControlEnds ends = EndsOf(link_rank);
  machines_.OnMessage(now, ends.from, ends.to, message);
  if (ends.to == kControllerNode) CheckOperation(now);
}

void World::OnMachineTimer(TimePoint now, NodeId machine) {
  machines_.OnTimer(now, machine);
  if (machine == kControllerNode) CheckOperation(now);
}

void World::Send(TimePoint now, NodeId from, NodeId to, Message message) {
  const Bytes size = WireSize(message);
  CountMessage(message, size, &run_.recorder().counters());
  ControlLink* link = nullptr;
  if (from.role == NodeId::Role::kNf && to.role == NodeId::Role::kNf) {
    link = peer_[from.instance].get();
  } else if (from == kControllerNode) {
    link = to == kSwitchNode ? control_to_switch_.get() : control_to_nf_[to.instance].get();
  } else {
    link = from == kSwitchNode ? control_from_switch_.get() : control_from_nf_[from.instance].get();
  }
  link->Send(now, std::move(message), size);
}

// An item like any other. One that finds the queue full is lost; the controller will ask for another.
void World::SendMarker(TimePoint now, uint8_t nf, const Marker& marker) {
  UHAUL_CHECK(nf < kNfCount);
  const uint32_t flow = run_.NumberOf(marker.flow).value_or(0);
  if (switch_to_nf_[nf]->Send(now, {.flow = flow, .bytes = kMarkerBytes, .flags = DataItem::kMarker})) {
    markers_[nf].push_back(marker);
  } else {
    ++run_.recorder().counters().link_drops;
  }
}

void World::Release(TimePoint now, NodeId at, const OutPacket& out) {
  DataItem item = ItemOf(out.packet);
  switch (out.fate) {
    case OutPacket::Fate::kToSink:
      run_.recorder().OnProcessed(now, item.flow, out.packet.stamp);
      return SendTo(*nf_to_sink_[at.instance], now, item);
    case OutPacket::Fate::kToNf:
      UHAUL_CHECK(out.nf < kNfCount);
      return SendTo(*switch_to_nf_[out.nf], now, item);
    case OutPacket::Fate::kRelay:
      ++run_.recorder().counters().relayed;
      item.nf = out.nf;
      item.flags |= DataItem::kRelayed;
      return SendTo(*nf_to_switch_[at.instance], now, item);
    case OutPacket::Fate::kDropped:
      if (run_.recorder().OnLost(item.flow)) CheckEnd(now);
      return;
  }
}

}  // namespace uhaul
