// What a World does for every packet, wherever it is handled: parts of its handlers that are compiled in line.
#pragma once

#include "core/base/check.h"
#include "sim/world.h"

namespace uhaul {

[[gnu::always_inline]] inline void World::Offer(DataLink& link, TimePoint now, const DataItem& item) {
  if (!link.Send(now, item)) [[unlikely]]
    OnLinkDrop(now, item);
}

// What the generator sends now.
inline DataItem World::NextItem(TimePoint now) {
  const SourcePacket p = run_.source().Pop();
  UHAUL_CHECK(p.at == now);
  run_.recorder().OnSent(now, p.flow, p.retransmission);
  const uint8_t flags = static_cast<uint8_t>((p.first ? DataItem::kFirst : 0) | (p.last ? DataItem::kLast : 0));
  return {.flow = p.flow, .sequence = p.sequence, .bytes = p.bytes, .flags = flags};
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
  packet.relayed = (item.flags & DataItem::kRelayed) != 0;
  packet.digest = item.sequence;
  packet.handle = (static_cast<uint64_t>(item.sequence) << 32) | item.flow;
  packet.stamp = TimePoint::FromNanos(item.stamp_ns);
  return packet;
}

inline void World::Stamp(TimePoint now, DataItem* item) const {
  const RecordedTraffic* recorded = run_.scenario().recorded.get();
  item->stamp_ns = (recorded == nullptr ? now : recorded->Of(item->flow, item->sequence).stamp).nanos();
}

}  // namespace uhaul
