// A World's glides: packets carried ahead of the calendar.
//
// Most of the time nothing happens but packets going their way: from generator to switch, NF, sink, and no place hears
// of what another one farther on does. Then it is all the same whether every place's actions are merged in the order of
// their keys or carried out place by place, as long as they all lie before the next thing of any other kind: a message,
// a deadline, t0, the cap, an event of ns-3's. That is a glide. It takes half the instructions of merging.
//
// If, moreover, all that is under way goes where the switch would send it now, then the packets of a flow have one path
// from the generator to the sink, on which none overtakes another, and what a place knows of a flow it hears in order
// even if every packet is carried from end to end before the next one starts. That leaves out the links' queues, but
// for what is still under way when the glide ends.
//
// And as long as no flow begins, ends or comes back, an open loop's few senders take turns, packet after packet of one
// size: then where each will be, and when, is known without a look at any. That is a leap: places are told of a
// streak of packets per flow, and what they make of it is by contract what they make of its packets one by one.
#include <algorithm>
#include <bitset>

#include "core/base/check.h"
#include "sim/world.h"
#include "sim/world_packets.h"

namespace uhaul {
namespace {

// Packets that leave the generator before the other places have their turn: what is under way stays in the cache.
constexpr uint32_t kBatch = 64;
// A glide that would be shorter is not begun; nor is one tried more often.
constexpr Duration kWorthwhile = Duration::Micros(10);

// Packets that make a leap worthwhile, and that are carried one by one before the next one is tried.
constexpr int64_t kWorthALeap = 16;
constexpr uint32_t kBetweenLeaps = 8;

using Ranks = std::bitset<Source::kMaxRank + 1>;
const Ranks kDataRanks = [] {
  Ranks ranks;
  for (const uint16_t r : {rank::kSwitchToNf, rank::kNfToSink}) ranks.set(r).set(r + 1U);
  return ranks.set(rank::kToSwitch).set(rank::kGenerator);
}();

}  // namespace

// Whether from here on, for some time, every packet just goes its way, and the run goes on.
bool World::MayGlide(TimePoint now) {
  if (now < next_glide_ || run_.moving() || run_.source().closed_loop()) return false;
  next_glide_ = now + kWorthwhile;
  for (uint8_t i = 0; i < kNfCount; ++i) {
    if (machines_.nf(i).intercepting() || !markers_[i].empty() || nf_to_switch_[i]->in_flight() > 0) return false;
  }
  return GoesOnUntil(now, MakeKey(now, 0) + BatchKeys());
}

// How long the generator takes for a batch, if it does not pause.
Key World::BatchKeys() const {
  return spec_.link_rate.TransmissionTime(Bytes(spec_.packet_bytes)).nanos() * kBatch * kKeysPerNano;
}

// Whether the run cannot end of itself before `bound`, if the generator sends a batch at most until then.
bool World::GoesOnUntil(TimePoint now, Key bound) {
  uint64_t most = kBatch + to_switch_->in_flight();
  for (uint8_t i = 0; i < kNfCount; ++i) {
    most += switch_to_nf_[i]->ArrivingBefore(bound) + nf_to_sink_[i]->in_flight();
  }
  return run_.recorder().PacketsLeft(now, most) > most;
}

// How many packets at least will leave the generator, or fail to, before the run can end of itself.
uint64_t World::PacketsLeft(TimePoint now, uint64_t enough) {
  const uint64_t under_way = packets_on_links();
  const uint64_t left = run_.recorder().PacketsLeft(now, under_way + enough);
  return left > under_way ? left - under_way : 0;
}

// Whether what is under way behind the switch left it since it last changed. (A capture's packets have stamps of their
// own.) Schemes keep their operations open until that is so, and then nothing glides; this does not rely on it.
bool World::OnOnePath() const {
  if (run_.scenario().recorded != nullptr) return false;
  const auto since = [this](const DataLink& link) {
    return link.in_flight() == 0 || link.head().stamp_ns > switch_changed_.nanos();
  };
  return since(*switch_to_nf_[0]) && since(*switch_to_nf_[1]) && since(*nf_to_sink_[0]) && since(*nf_to_sink_[1]);
}

// One packet, as far as it comes before `bound`.
inline void World::Carry(TimePoint now, bool no_rules, Key bound, Glided* glided) {
  DataItem item = NextItem(now);
  const auto over = [&](DataLink & link) __attribute__((always_inline)) {
    const Key key = link.Pass(now, item, bound);
    if (key >= bound) [[unlikely]] {
      if (key == kNoKey) OnLinkDrop(now, item);
      return false;
    }
    glided->Add(key);
    now = TimeOfKey(key);
    return true;
  };
  if (!over(*to_switch_)) return;
  Stamp(now, &item);
  const Packet packet = PacketOf(item);
  uint8_t nf = kSourceNf;
  if (!no_rules) {
    machines_.forwarding().OnBurst(now, {&packet, 1}, {&nf, 1}, machines_.outbox(kSwitchNode));
    UHAUL_CHECK(nf < kNfCount);
  }
  if (!over(*switch_to_nf_[nf])) return;
  NfVerdict verdict = NfVerdict::kConsumed;
  machines_.nf(nf).OnBurst(now, {&packet, 1}, {&verdict, 1}, machines_.outbox(NfNode(nf)));
  UHAUL_CHECK(verdict == NfVerdict::kForward);
  run_.recorder().OnProcessed(now, item.flow, packet.stamp);
  if (over(*nf_to_sink_[nf]) && run_.recorder().OnDelivered(now, item.flow, item.sequence)) CheckEnd(now);
}

// Rounds of the senders at once, as far as they come to their ends before `bound`. False, and nothing done, if it is
// not so simple, or they are too few.
bool World::Leap(Key bound, Glided* glided) {
  PacketSource& source = run_.source();
  const TimePoint first = source.NextTime();
  source.Look(TimeOfKey(bound), &rounds_);
  const uint32_t bytes = rounds_.bytes;
  const Duration every = rounds_.packet_time;
  const size_t senders = rounds_.line.size();
  if (rounds_.count * senders < kWorthALeap || !to_switch_->PassesEvenly(first, bytes, every)) return false;
  const Duration to_switch = to_switch_->TimeToPass(bytes);
  leap_paths_.clear();
  TimePoint before = TimePoint::Never();
  for (const Turn& turn : rounds_.line) {
    const Packet packet = PacketOf({.flow = turn.flow, .sequence = turn.sequence, .bytes = bytes});
    const std::optional<uint8_t> nf = machines_.forwarding().Forwards(packet);
    if (!nf || !machines_.nf(*nf).TakesStreak(packet.flow)) return false;
    DataLink& in = *switch_to_nf_[*nf];
    DataLink& out = *nf_to_sink_[*nf];
    const Duration to_nf = to_switch + in.TimeToPass(bytes);
    if (!in.PassesEvenly(first + to_switch, bytes, every) || !out.PassesEvenly(first + to_nf, bytes, every))
      return false;
    before = std::min(
        {before, machines_.nf(*nf).StreaksBefore() - to_nf, TimeOfKey(bound) - (to_nf + out.TimeToPass(bytes))});
    leap_paths_.push_back({packet, *nf, to_nf});
  }
  const int64_t packets = ((before - first).nanos() - 1) / every.nanos() + 1;
  if (before <= first || packets < kWorthALeap) return false;
  rounds_.count = std::min(rounds_.count, static_cast<uint32_t>(packets / static_cast<int64_t>(senders)));
  if (rounds_.count == 0) return false;
  source.Skip(rounds_);
  TimePoint at = first;
  for (size_t i = 0; i < senders; ++i, at = at + every) {
    const LeapPath& path = leap_paths_[i];
    const Turn& turn = rounds_.line[i];
    Streak streak{path.first, rounds_.count, every * static_cast<int64_t>(senders)};
    streak.first.stamp = at + to_switch;
    const Duration transit = path.to_nf - to_switch;
    const TimePoint last = at + streak.length();
    to_switch_->PassEvenly(last, bytes, streak.count);
    switch_to_nf_[path.nf]->PassEvenly(last + to_switch, bytes, streak.count);
    machines_.nf(path.nf).OnStreak(at + path.to_nf, streak);
    run_.recorder().OnTransits(at + path.to_nf, streak.every, streak.count, transit);
    run_.recorder().OnStreak(last + path.to_nf, turn.flow, turn.sequence, streak.count, transit);
    glided->last = std::max(glided->last, nf_to_sink_[path.nf]->PassEvenly(last + path.to_nf, bytes, streak.count));
  }
  const uint64_t actions = 4 * uint64_t{rounds_.count} * senders;  // at the generator and at three links' ends
  glided->actions += actions;
  leapt_ += actions;
  return true;
}

// All packets that leave the generator before `bound`, from end to end.
void World::CarryAll(Key bound, Glided* glided) {
  const bool no_rules = machines_.forwarding().table_entries() == 0;  // then the switch looks at no packet
  uint32_t until_leap = 0;
  for (TimePoint at = run_.source().NextTime(); at != TimePoint::Never(); at = run_.source().NextTime()) {
    const Key generator = MakeKey(at, rank::kGenerator);
    if (generator >= bound) return;
    if (until_leap == 0) {
      until_leap = kBetweenLeaps;
      if (Leap(bound, glided)) continue;
    }
    --until_leap;
    glided->Add(generator);
    Carry(at, no_rules, bound, glided);
  }
}

void World::Glide(TimePoint now) {
  const Key horizon = calendar_->NextBeside(kDataRanks);
  if (horizon < MakeKey(now + kWorthwhile, 0)) return;
  const std::array<DataLink*, 1 + 2 * kNfCount> links = {
      to_switch_.get(), switch_to_nf_[0].get(), switch_to_nf_[1].get(), nf_to_sink_[0].get(), nf_to_sink_[1].get()};
  for (DataLink* link : links) link->Leave();
  Glided glided{.last = calendar_->current()};
  const auto next = [this] {
    const TimePoint at = run_.source().NextTime();
    return at == TimePoint::Never() ? kNoKey : MakeKey(at, rank::kGenerator);
  };
  // How long the generator takes for a packet, at least.
  const int64_t shortest = std::max<int64_t>(1, spec_.link_rate.TransmissionTime(Bytes(kMinFrameBytes)).nanos());
  const uint64_t worthwhile = static_cast<uint64_t>(kWorthwhile.nanos() / shortest);
  for (Key generator = next(); generator < horizon; generator = next()) {
    const uint64_t left = OnOnePath() ? PacketsLeft(TimeOfKey(glided.last), worthwhile) : 0;
    if (left > worthwhile) {
      const auto most = static_cast<uint64_t>((horizon - generator) / (shortest * kKeysPerNano));
      const Key bound = left > most ? horizon : generator + static_cast<int64_t>(left) * shortest * kKeysPerNano;
      GlideTo(bound, &glided);
      CarryAll(bound, &glided);
      continue;
    }
    const Key bound = std::min(horizon, generator + BatchKeys());
    if (!GoesOnUntil(TimeOfKey(glided.last), bound)) break;
    for (uint32_t i = 0; i < kBatch && generator < bound; ++i, generator = next()) {
      Emit(TimeOfKey(generator));
      glided.Add(generator);
    }
    GlideTo(std::min(generator, bound), &glided);
  }
  UHAUL_CHECK(!stopped_ && machines_.outbox(kSwitchNode).empty());
  for (uint8_t i = 0; i < kNfCount; ++i) UHAUL_CHECK(machines_.outbox(NfNode(i)).empty());
  calendar_->Passed(glided.last, glided.actions);
  glided_ += glided.actions;
  for (DataLink* link : links) link->Return();
}

// What happens before `bound` behind the generator, place by place. Where two links lead to a place, or two places tell
// the record of a flow, they take turns in the order of keys.
void World::GlideTo(Key bound, Glided* glided) {
  const bool no_rules = machines_.forwarding().table_entries() == 0;
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
}

}  // namespace uhaul
