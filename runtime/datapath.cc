#include "runtime/datapath.h"

#include <cstring>

#include "core/base/check.h"
#include "workloads/plain_frame.h"

namespace uhaul::runtime {

// What the headers say, but for the flow's ID; whose flow_number then is the frame's signature.
bool Datapath::ParseHeaders(rte_mbuf* mbuf) {
  const uint32_t here = rte_pktmbuf_data_len(mbuf);
  const std::span<const uint8_t> octets(rte_pktmbuf_mtod(mbuf, const uint8_t*), here);
  const uint32_t wire_octets = WireOctets(FrameField::Of(mbuf), here);
  FrameReading& reading = FrameField::ReadingOf(mbuf);
  reading.reverse = false;
  if (TcpFields tcp; ParsePlain(octets, wire_octets, &reading.flow.tuple, &tcp)) [[likely]] {
    ++parsed_.by_outcome[static_cast<size_t>(ParseOutcome::kOk)];
    reading.sequence = tcp.sequence;
    reading.flow_number = tcp.acknowledgement;
    reading.tcp_flags = tcp.flags;
    return true;
  }
  ParsedFrame frame;
  const ParseOutcome outcome = ParseFrame(octets, wire_octets, &frame);
  parsed_.Count(outcome, frame);
  if (outcome != ParseOutcome::kOk) return false;
  reading.flow.tuple = frame.tuple;
  reading.sequence = frame.sequence;
  reading.flow_number = frame.acknowledgement;
  reading.tcp_flags = frame.tcp_flags;
  return true;
}

// All are parsed before the first is hashed: what was just written in small pieces is slow to read in large ones.
void Datapath::Parse(std::span<rte_mbuf* const> burst) {
  std::array<rte_mbuf*, kBurst> parsed;
  size_t count = 0;
  for (rte_mbuf* mbuf : burst) {
    if ((FrameField::Of(mbuf).flags & FrameMeta::kRead) == 0 && ParseHeaders(mbuf)) parsed[count++] = mbuf;
  }
  for (size_t i = 0; i < count; ++i) {
    FrameMeta& meta = FrameField::Of(parsed[i]);
    FrameReading& reading = FrameField::ReadingOf(parsed[i]);
    reading.flow.id = hasher_.Id(reading.flow.tuple);
    if (!frames_.IsOf(reading.flow_number, reading.flow.id)) reading.flow_number = FrameReading::kNotLookedUp;
    if (recorded_ == nullptr || NameRecorded(&meta, &reading)) meta.flags |= FrameMeta::kRead;
  }
}

Outgoing Datapath::ReadBurst(std::span<rte_mbuf* const> burst) {
  Outgoing read;
  uint8_t in_all = FrameMeta::kRead;
  for (rte_mbuf* mbuf : burst) {
    in_all &= FrameField::Of(mbuf).flags;
    read.Add(mbuf);
  }
  if (in_all != 0) return read;
  Parse(burst);
  read.count = 0;
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

void Datapath::Copy(const RecordedPacket& packet, rte_mbuf* mbuf) const {
  static_assert(RecordedTraffic::kFrameOctets <= PacketStore::kKeptOctets);
  const std::span<const uint8_t> octets = recorded_->OctetsOf(packet);
  char* data = rte_pktmbuf_append(mbuf, static_cast<uint16_t>(octets.size()));
  UHAUL_CHECK(data != nullptr);
  std::memcpy(data, octets.data(), octets.size());
  FrameField::Of(mbuf) = {
      .bytes = packet.bytes, .number = packet.number, .flags = FrameMeta::kNumbered, .link_octets = packet.link_octets};
}

// As rte_pktmbuf_free does, whose bulk form asks more of each mbuf than ours can answer: they are whole, and of one
// pool.
void Datapath::Free(std::span<rte_mbuf* const> burst) {
  std::array<void*, kBurst> whole;
  size_t count = 0;
  UHAUL_CHECK(burst.size() <= kBurst);
  for (rte_mbuf* mbuf : burst) {
    if (mbuf->pool != memory_.pool || mbuf->nb_segs != 1) [[unlikely]] {
      rte_pktmbuf_free(mbuf);
    } else if (rte_mbuf* free = rte_pktmbuf_prefree_seg(mbuf); free != nullptr) {
      whole[count++] = free;
    }
  }
  if (count > 0) rte_mempool_put_bulk(memory_.pool, whole.data(), static_cast<unsigned>(count));
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
