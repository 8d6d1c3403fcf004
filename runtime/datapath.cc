#include "runtime/datapath.h"

#include <cstring>

#include "core/base/check.h"

namespace uhaul::runtime {

// All are parsed before the first is hashed: what was just written in small pieces is slow to read in large ones.
void Datapath::Parse(std::span<rte_mbuf* const> burst) {
  std::array<rte_mbuf*, kBurst> parsed;
  size_t count = 0;
  for (rte_mbuf* mbuf : burst) {
    const FrameMeta& meta = FrameField::Of(mbuf);
    if ((meta.flags & FrameMeta::kRead) != 0) continue;
    const uint32_t here = rte_pktmbuf_data_len(mbuf);
    ParsedFrame& frame = frames_[count];
    const ParseOutcome outcome =
        ParseFrame({rte_pktmbuf_mtod(mbuf, const uint8_t*), here}, WireOctets(meta, here), &frame);
    parsed_.Count(outcome, frame);
    if (outcome == ParseOutcome::kOk) parsed[count++] = mbuf;
  }
  for (size_t i = 0; i < count; ++i) {
    FrameMeta& meta = FrameField::Of(parsed[i]);
    FrameReading& reading = FrameField::ReadingOf(parsed[i]);
    const ParsedFrame& frame = frames_[i];
    reading.flow.tuple = frame.tuple;
    reading.flow.id = hasher_.Id(frame.tuple);
    reading.sequence = frame.sequence;
    reading.flow_number = NumberBySignature(frame.acknowledgement, frame.tuple);
    reading.tcp_flags = frame.tcp_flags;
    reading.reverse = false;
    if (recorded_ == nullptr || NameRecorded(&meta, &reading)) meta.flags |= FrameMeta::kRead;
  }
}

Outgoing Datapath::ReadBurst(std::span<rte_mbuf* const> burst) {
  Parse(burst);
  Outgoing read;
  for (rte_mbuf* mbuf : burst) {
    if ((FrameField::Of(mbuf).flags & FrameMeta::kRead) != 0) [[likely]] {
      read.Add(mbuf);
    } else {
      rte_pktmbuf_free(mbuf);
    }
  }
  return read;
}

void Datapath::Describe(const Outgoing& read, std::span<Packet> packets) {
  for (size_t i = 0; i < read.count; ++i) {
    const FrameMeta& meta = FrameField::Of(read.mbufs[i]);
    const FrameReading& reading = FrameField::ReadingOf(read.mbufs[i]);
    packets[i] = {.flow = reading.flow,
                  .bytes = meta.bytes,
                  .tcp_flags = reading.tcp_flags,
                  .do_not_buffer = (meta.flags & FrameMeta::kDoNotBuffer) != 0,
                  .relayed = (meta.flags & FrameMeta::kRelayed) != 0,
                  .reverse = reading.reverse,
                  .digest = reading.sequence,
                  .handle = kNoHandle,
                  .stamp = TimePoint::FromNanos(meta.stamp_ns)};
  }
}

bool Datapath::NameRecorded(FrameMeta* meta, FrameReading* reading) {
  const RunControl& run = facts_->run();
  std::optional<uint32_t> flow = run.NumberOf(reading->flow);
  if (!flow) {
    reading->flow = hasher_.Key(reading->flow.tuple.Reversed());
    reading->reverse = true;
    flow = run.NumberOf(reading->flow);
  }
  // In one process every frame is one of ours; a port may bring others.
  if (!flow || (meta->flags & FrameMeta::kNumbered) == 0 || meta->number >= recorded_->PacketsOf(*flow)) {
    facts_->Strange();
    return false;
  }
  reading->sequence = meta->number;
  reading->flow_number = *flow;
  meta->stamp_ns = recorded_->Of(*flow, meta->number).stamp.nanos();
  return true;
}

void Datapath::NumberBurst(std::span<rte_mbuf* const> burst) {
  const RunControl& run = facts_->run();
  for (rte_mbuf* mbuf : burst) {
    FrameReading& reading = FrameField::ReadingOf(mbuf);
    if (reading.flow_number == FrameReading::kNotLookedUp) [[unlikely]] {
      reading.flow_number = run.NumberOf(reading.flow).value_or(FrameReading::kStrange);
    }
    run.recorder().Prefetch(reading.flow_number);
  }
}

void Datapath::Build(const FrameContents& contents, rte_mbuf* mbuf) {
  UHAUL_CHECK(rte_pktmbuf_tailroom(mbuf) >= kMaxBuiltOctets);
  auto* data = rte_pktmbuf_mtod(mbuf, uint8_t*);
  const size_t length = BuildFrame(contents, std::span<uint8_t, kMaxBuiltOctets>(data, kMaxBuiltOctets));
  mbuf->data_len = static_cast<uint16_t>(length);
  mbuf->pkt_len = static_cast<uint32_t>(length);
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
    if (counts) Parse(burst.first(1));
    if ((FrameField::Of(burst.front()).flags & FrameMeta::kRead) != 0) {
      facts_->Lost(now, FrameField::ReadingOf(burst.front()).flow);
    }
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
