// The handlers of a World for the data plane: what happens when a packet comes. They take `now`.
#include <algorithm>
#include <bitset>
#include <utility>

#include "core/base/check.h"
#include "sim/world.h"

namespace uhaul {
namespace {

constexpr uint32_t kAcknowledgementBytes = 64;
// Packets that leave the generator before the other places have their turn: what is under way stays in the cache.
constexpr int kBatch = 64;
// A glide that would be shorter is not begun; nor is one tried more often.
constexpr Duration kWorthwhile = Duration::Micros(10);

using Ranks = std::bitset<Source::kMaxRank + 1>;
const Ranks kDataRanks = [] {
  Ranks ranks;
  for (const uint16_t r : {rank::kSwitchToNf, rank::kNfToSink}) ranks.set(r).set(r + 1U);
  return ranks.set(rank::kToSwitch).set(rank::kGenerator);
}();

}  // namespace

[[gnu::always_inline]] inline void World::Offer(DataLink& link, TimePoint now, const DataItem& item) {
  if (!link.Send(now, item)) [[unlikely]]
    OnLinkDrop(now, item);
}

void World::SendTo(DataLink& link, TimePoint now, const DataItem& item) { Offer(link, now, item); }

void World::OnLinkDrop(TimePoint now, const DataItem& item) {
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

inline void World::Emit(TimePoint now) {
  const SourcePacket p = run_.source().Pop();
  UHAUL_CHECK(p.at == now);
  run_.recorder().OnSent(now, p.flow, p.retransmission);
  const uint8_t flags = static_cast<uint8_t>((p.first ? DataItem::kFirst : 0) | (p.last ? DataItem::kLast : 0));
  Offer(*to_switch_, now, {.flow = p.flow, .sequence = p.sequence, .bytes = p.bytes, .flags = flags});
}

inline void World::Steer(TimePoint now, DataItem item) {
  Stamp(now, &item);
  const Packet packet = PacketOf(item);
  uint8_t nf = 0;
  machines_.forwarding().OnBurst(now, {&packet, 1}, {&nf, 1}, machines_.outbox(kSwitchNode));
  UHAUL_CHECK(nf < kNfCount);
  Offer(*switch_to_nf_[nf], now, item);
}

inline void World::Process(TimePoint now, uint8_t nf, const DataItem& item) {
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

// ---- ahead of the calendar
//
// Most of the time nothing happens but packets going their way: from generator to switch, NF, sink, and no place hears
// of what another one farther on does. Then it is all the same whether every place's actions are merged in the order of
// their keys or carried out place by place, as long as they all lie before the next thing of any other kind: a message,
// a deadline, t0, the cap, an event of ns-3's. That is a glide. It takes half the instructions of merging.

// Whether from here on, for some time, every packet just goes its way, and the run goes on.
bool World::MayGlide(TimePoint now) {
  if (now < next_glide_ || run_.moving() || run_.source().closed_loop()) return false;
  next_glide_ = now + kWorthwhile;
  for (uint8_t i = 0; i < kNfCount; ++i) {
    if (machines_.nf(i).intercepting() || !markers_[i].empty() || nf_to_switch_[i]->in_flight() > 0) return false;
  }
  return Lasts(now);
}

// Whether neither what is under way nor another batch can be the end of the run.
bool World::Lasts(TimePoint now) { return run_.recorder().Outlasts(now, packets_on_links() + kBatch); }

void World::Glide(TimePoint now) {
  const Key horizon = calendar_->NextBeside(kDataRanks);
  if (horizon < MakeKey(now + kWorthwhile, 0)) return;
  const std::array<DataLink*, 1 + 2 * kNfCount> links = {
      to_switch_.get(), switch_to_nf_[0].get(), switch_to_nf_[1].get(), nf_to_sink_[0].get(), nf_to_sink_[1].get()};
  for (DataLink* link : links) link->Leave();
  const auto next = [this] {
    const TimePoint at = run_.source().NextTime();
    return at == TimePoint::Never() ? kNoKey : MakeKey(at, rank::kGenerator);
  };
  Glided glided{.last = calendar_->current()};
  Key generator = next();
  do {
    for (int i = 0; i < kBatch && generator < horizon; ++i, generator = next()) {
      Emit(TimeOfKey(generator));
      glided.Add(generator);
    }
    GlideTo(std::min(generator, horizon), &glided);
  } while (generator < horizon && Lasts(TimeOfKey(glided.last)));
  calendar_->Passed(glided.last, glided.actions);
  glided_ += glided.actions;
  for (DataLink* link : links) link->Return();
}

// What happens before `bound` behind the generator, place by place. Where two links lead to a place, or two places tell
// the record of a flow, they take turns in the order of keys.
void World::GlideTo(Key bound, Glided* glided) {
  const bool no_rules = machines_.forwarding().table_entries() == 0;  // then the switch looks at no packet
  for (Key key = to_switch_->head_key(); key < bound; key = to_switch_->head_key()) {
    DataItem item = to_switch_->Take();
    if (no_rules) {
      Stamp(TimeOfKey(key), &item);
      Offer(*switch_to_nf_[kSourceNf], TimeOfKey(key), item);
    } else {
      Steer(TimeOfKey(key), item);
    }
    glided->Add(key);
  }
  const auto take_turns = [&](auto& links, auto handle) {
    for (;;) {
      const uint8_t i = links[0]->head_key() < links[1]->head_key() ? 0 : 1;
      const Key key = links[i]->head_key();
      if (key >= bound) return;
      handle(TimeOfKey(key), i, links[i]->Take());
      glided->Add(key);
    }
  };
  take_turns(switch_to_nf_, [this](TimePoint now, uint8_t i, const DataItem& item) { Process(now, i, item); });
  take_turns(nf_to_sink_, [this](TimePoint now, uint8_t, const DataItem& item) { AtSink(now, item); });
  UHAUL_CHECK(!stopped_ && machines_.outbox(kSwitchNode).empty());
  for (uint8_t i = 0; i < kNfCount; ++i) UHAUL_CHECK(machines_.outbox(NfNode(i)).empty());
}

}  // namespace uhaul
