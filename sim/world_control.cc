// The handlers of a World for what the control plane does: messages, deadlines, packets that machines let go of. They
// take `now`.
#include <utility>

#include "core/base/check.h"
#include "core/protocol/codec.h"
#include "sim/world.h"

namespace uhaul {
namespace {

constexpr uint32_t kMarkerBytes = 64;

}  // namespace

void World::OnMessage(TimePoint now, uint16_t link_rank, const Message& message) {
  const ControlEnds ends = EndsOf(link_rank);
  if (ends.to == kSwitchNode) switch_changed_ = now;
  machines_.OnMessage(now, ends.from, ends.to, message);
  if (ends.to == kControllerNode) CheckOperation(now);
}

void World::OnMachineTimer(TimePoint now, NodeId machine) {
  if (machine == kSwitchNode) switch_changed_ = now;
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
void World::SendMarker(TimePoint now, NodeId at, uint8_t nf, const Marker& marker) {
  UHAUL_CHECK(nf < kNfCount);
  const bool relayed = at != kSwitchNode;
  DataLink& link = relayed ? *nf_to_switch_[at.instance] : *switch_to_nf_[nf];
  const uint32_t flow = run_.NumberOf(marker.flow).value_or(0);
  if (link.Send(now, {.flow = flow, .bytes = kMarkerBytes, .flags = DataItem::kMarker, .nf = nf})) {
    (relayed ? relayed_markers_[at.instance] : markers_[nf]).push_back(marker);
  } else {
    ++run_.recorder().counters().link_drops;
  }
}

void World::PassMarker(TimePoint now, uint8_t from, uint8_t nf) {
  const Marker marker = relayed_markers_[from].front();
  relayed_markers_[from].pop_front();
  SendMarker(now, kSwitchNode, nf, marker);
}

DataItem World::ItemOf(const Packet& packet) const {
  DataItem item;
  item.stamp_ns = packet.stamp.nanos();
  item.flow = static_cast<uint32_t>(packet.handle);
  item.sequence = static_cast<uint32_t>(packet.handle >> 32);
  item.bytes = packet.bytes;
  UHAUL_CHECK(item.flow < packets_.size());
  item.flags = static_cast<uint8_t>(
      (item.sequence == 0 ? DataItem::kFirst : 0) | (item.sequence + 1 == packets_[item.flow] ? DataItem::kLast : 0) |
      (packet.do_not_buffer ? DataItem::kDoNotBuffer : 0) | (packet.relayed ? DataItem::kRelayed : 0));
  return item;
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
    case OutPacket::Fate::kForgotten:
      return;
  }
}

}  // namespace uhaul
