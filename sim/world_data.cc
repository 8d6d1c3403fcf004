// The handlers of a World for the data plane: what happens when a packet comes. They take `now`.
#include <utility>

#include "core/base/check.h"
#include "sim/world.h"
#include "sim/world_packets.h"

namespace uhaul {
namespace {

constexpr uint32_t kAcknowledgementBytes = 64;

}  // namespace

void World::SendTo(DataLink& link, TimePoint now, const DataItem& item) { Offer(link, now, item); }

void World::OnLinkDrop(TimePoint now, const DataItem& item) {
  ++run_.recorder().counters().link_drops;
  if (item.flags & DataItem::kAcknowledgement) return;
  if (run_.recorder().OnLost(item.flow)) CheckEnd(now);
}

void World::Emit(TimePoint now) { Offer(*to_switch_, now, NextItem(now)); }

void World::Steer(TimePoint now, DataItem item) {
  Stamp(now, &item);
  const Packet packet = PacketOf(item);
  uint8_t nf = 0;
  machines_.forwarding().OnBurst(now, {&packet, 1}, {&nf, 1}, machines_.outbox(kSwitchNode));
  UHAUL_CHECK(nf < kNfCount);
  Offer(*switch_to_nf_[nf], now, item);
}

void World::Process(TimePoint now, uint8_t nf, const DataItem& item) {
  const Packet packet = PacketOf(item);
  NfVerdict verdict = NfVerdict::kConsumed;
  machines_.nf(nf).OnBurst(now, {&packet, 1}, {&verdict, 1}, machines_.outbox(NfNode(nf)));
  switch (verdict) {
    case NfVerdict::kForward:
      run_.recorder().OnProcessed(now, item.flow, packet.stamp);
      return Offer(*nf_to_sink_[nf], now, item);
    case NfVerdict::kConsumed:
      return;
    case NfVerdict::kRelay:
      return Release(now, NfNode(nf), {OutPacket::Fate::kRelay, machines_.nf(nf).relay_target(), packet});
  }
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
      if (item.flags & DataItem::kMarker) {
        return PassMarker(now, static_cast<uint8_t>(link_rank - rank::kNfToSwitch), item.nf);
      }
      return SendTo(*switch_to_nf_[item.nf], now, item);
    }
    case rank::kAcknowledgements:
      run_.source().OnDelivered(now, item.flow, item.sequence);
      return ArmGenerator();
    default:
      UHAUL_CHECK(link_rank == rank::kToSwitch);
  }
}

void World::OnGenerator(TimePoint now) {
  Emit(now);
  if (MayGlide(now)) Glide(now);
  ArmGenerator();
}

void World::ArmGenerator() { generator_->Set(run_.source().NextTime()); }

void World::AtSwitch(TimePoint now, const DataItem& item) {
  Steer(now, item);
  machines_.Settle(now, kSwitchNode);
}

void World::AtNf(TimePoint now, uint8_t nf, const DataItem& item) {
  if (item.flags & DataItem::kMarker) [[unlikely]] {
    const Marker marker = markers_[nf].front();
    markers_[nf].pop_front();
    return machines_.OnMarker(now, nf, marker);
  }
  Process(now, nf, item);
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

}  // namespace uhaul
