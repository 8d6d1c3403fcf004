#include "runtime/datapath.h"

#include <cstring>

#include "core/base/check.h"

namespace uhaul::runtime {

bool Datapath::Parse(rte_mbuf* mbuf, Packet* packet) {
  const FrameMeta& meta = FrameField::Of(mbuf);
  const uint32_t here = rte_pktmbuf_data_len(mbuf);
  ParsedFrame frame;
  const ParseOutcome outcome =
      ParseFrame({rte_pktmbuf_mtod(mbuf, const uint8_t*), here}, WireOctets(meta, here), &frame);
  parsed_.Count(outcome, frame);
  if (outcome != ParseOutcome::kOk) [[unlikely]] {
    return false;
  }
  packet->flow.tuple = frame.tuple;
  // As a card hashes a packet once for all who look at it.
  if ((meta.flags & FrameMeta::kHashed) == 0) FrameField::SetHash(mbuf, hasher_.Id(frame.tuple));
  packet->flow.id = FrameField::HashOf(mbuf);
  packet->bytes = meta.bytes;
  packet->tcp_flags = frame.tcp_flags;
  packet->do_not_buffer = (meta.flags & FrameMeta::kDoNotBuffer) != 0;
  packet->relayed = (meta.flags & FrameMeta::kRelayed) != 0;
  packet->reverse = false;
  packet->digest = frame.sequence;
  packet->handle = kNoHandle;
  packet->stamp = TimePoint::FromNanos(meta.stamp_ns);
  return recorded_ == nullptr || NameRecorded(meta, packet);
}

bool Datapath::NameRecorded(const FrameMeta& meta, Packet* packet) {
  const RunControl& run = facts_->run();
  std::optional<uint32_t> flow = run.NumberOf(packet->flow);
  if (!flow) {
    packet->flow = hasher_.Key(packet->flow.tuple.Reversed());
    packet->reverse = true;
    flow = run.NumberOf(packet->flow);
  }
  // In one process every frame is one of ours; a port may bring others.
  if (!flow || (meta.flags & FrameMeta::kNumbered) == 0 || meta.number >= recorded_->PacketsOf(*flow)) {
    facts_->Strange();
    return false;
  }
  packet->digest = meta.number;
  packet->stamp = recorded_->Of(*flow, meta.number).stamp;
  return true;
}

Outgoing Datapath::ParseBurst(std::span<rte_mbuf* const> burst, std::span<Packet> packets) {
  Outgoing accepted;
  for (rte_mbuf* mbuf : burst) {
    if (Parse(mbuf, &packets[accepted.count])) {
      accepted.Add(mbuf);
    } else {
      rte_pktmbuf_free(mbuf);
    }
  }
  return accepted;
}

void Datapath::Build(const FrameContents& contents, rte_mbuf* mbuf) {
  auto* data = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(mbuf, kMaxBuiltOctets));
  UHAUL_CHECK(data != nullptr);
  const size_t length = BuildFrame(contents, std::span<uint8_t, kMaxBuiltOctets>(data, kMaxBuiltOctets));
  UHAUL_CHECK(rte_pktmbuf_trim(mbuf, static_cast<uint16_t>(kMaxBuiltOctets - length)) == 0);
  FrameField::Of(mbuf) = {.bytes = contents.bytes};
}

void Datapath::Copy(const RecordedPacket& packet, rte_mbuf* mbuf) const {
  static_assert(RecordedTraffic::kFrameOctets <= PacketStore::kKeptOctets);
  const std::span<const uint8_t> octets = recorded_->OctetsOf(packet);
  char* data = rte_pktmbuf_append(mbuf, static_cast<uint16_t>(octets.size()));
  UHAUL_CHECK(data != nullptr);
  std::memcpy(data, octets.data(), octets.size());
  FrameField::Of(mbuf) = {
      .bytes = packet.bytes, .number = packet.number, .flags = FrameMeta::kNumbered, .link_octets = packet.link_octets};
}

void Datapath::Send(DataLink& link, TimePoint now, std::span<rte_mbuf* const> burst, bool counts) {
  while (!burst.empty()) {
    burst = burst.subspan(link.Send(now, burst));
    if (burst.empty()) [[likely]] {
      return;
    }
    ++facts_->counters().link_drops;
    Packet packet;
    if (counts && Parse(burst.front(), &packet)) facts_->Lost(now, packet.flow);
    rte_pktmbuf_free(burst.front());
    burst = burst.subspan(1);
  }
}

void Datapath::SendHeld(DataLink& link, TimePoint now, const Packet& packet) {
  FrameMeta& meta = store().MetaOf(packet.handle);
  meta.stamp_ns = packet.stamp.nanos();
  meta.flags &= static_cast<uint8_t>(~(FrameMeta::kDoNotBuffer | FrameMeta::kRelayed));
  meta.flags |= static_cast<uint8_t>((packet.do_not_buffer ? FrameMeta::kDoNotBuffer : 0) |
                                     (packet.relayed ? FrameMeta::kRelayed : 0));
  if (link.SendHeld(now, packet.handle)) return;
  ++facts_->counters().link_drops;
  Drop(now, packet);
}

void Datapath::Drop(TimePoint now, const Packet& packet) {
  store().Drop(packet.handle);
  facts_->Lost(now, packet.flow);
}

}  // namespace uhaul::runtime
