#include "core/flow/flow_table.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/base/check.h"
#include "core/base/hash.h"

namespace uhaul {
namespace {

constexpr uint32_t kMaxCapacity = 1U << 28;
constexpr size_t kMaxUnfetched = 1024;
constexpr uint64_t kTombstone = 1;  // a word without an ID
// A dead entry is swept before the window after its death is over: three windows must be told apart in 24 bits.
constexpr Duration kMinWindow = Duration::Micros(10);
constexpr Duration kMaxWindow = Duration::Seconds(5);
// A sweep is made in so many slices.
constexpr int64_t kSlices = 512;
// A sweep begins every so many windows and takes half of them: to look at all places once in each window would cost ten
// times what there is to free, and the places of the dead are taken by new flows meanwhile.
constexpr int64_t kMostWindowsPerSweep = 8;

// What dies just after a sweep has passed its place is swept by the next one, and must not look young by then.
int64_t WindowsPerSweep(Duration window, int64_t wraps_after) {
  return std::clamp((wraps_after / window.nanos() - 2) / 2, int64_t{1}, kMostWindowsPerSweep);
}

}  // namespace

FlowTable::FlowTable(FlowTableOptions options)
    : options_(options), next_pass_(TimePoint() + options.window), next_work_(next_pass_) {
  UHAUL_CHECK(options.capacity > 0);
  UHAUL_CHECK(options.capacity <= kMaxCapacity);
  UHAUL_CHECK(options.window >= kMinWindow);
  UHAUL_CHECK(options.window <= kMaxWindow);
  // At least kReach buckets: no way from a home leads over the same bucket twice.
  buckets_.resize(std::max(std::bit_ceil(size_t{2} * options.capacity) / kWays, kReach));
  mask_ = buckets_.size() - 1;
  swept_ = buckets_.size();
  tuples_.resize((buckets_.size() * kWays + kTupleChunk - 1) / kTupleChunk);
}

RecordOutcome FlowTable::Import(TimePoint now, const FlowKey& flow, Bytes bytes, bool fin) {
  return Touch(now, flow, bytes.count(), fin);
}

RecordOutcome FlowTable::Touch(TimePoint now, const FlowKey& flow, uint64_t bytes, bool fin) {
  UHAUL_CHECK(flow.id != 0);
  RunDue(now);
  const int64_t tick = TickOf(now);
  Place place = Locate(flow.id);
  const bool known = place && Live(buckets_[place.bucket].word[place.way], MostAge(boundary_));
  if (!known) {
    // The flow's own dead entry if there is one, or it would be there twice.
    const bool room = LiveCount() < options_.capacity;
    if (!place && room) place = Vacancy(flow.id);
    if (!place || !room) {
      ++full_;
      return RecordOutcome::kFull;
    }
    Occupy(place, flow, tick);
  }
  uint64_t& word = buckets_[place.bucket].word[place.way];
  const bool pinned = (word & kPinned) != 0;
  if (!pinned && known) --CountOf(word);
  word = WithPacket(word, tick, bytes, fin);
  if (!pinned) ++CountOf(word);
  return known ? RecordOutcome::kUpdated : RecordOutcome::kInserted;
}

void FlowTable::RecordStreak(TimePoint last, const Streak& streak) {
  UHAUL_CHECK(last < next_work_ && Current(streak.first.flow.id));
  UHAUL_CHECK((streak.first.tcp_flags & (tcp_flag::kFin | tcp_flag::kRst)) == 0);
  const Place place = Locate(streak.first.flow.id);
  uint64_t& word = buckets_[place.bucket].word[place.way];
  word = WithPacket(word, TickOf(last), uint64_t{streak.first.bytes} * streak.count, false);
  clock_ = std::max(clock_, last);
}

void FlowTable::Advance(TimePoint now, std::vector<EvictionPass>* passes) {
  RunDue(now);
  if (passes != nullptr) passes->insert(passes->end(), unfetched_.begin(), unfetched_.end());
  unfetched_.clear();
}

// ---- time

void FlowTable::RunDue(TimePoint now) {
  UHAUL_CHECK(now >= clock_);
  if (now < next_work_) {
    clock_ = now;
    return;
  }
  const int64_t window = options_.window.nanos();
  const int64_t period = WindowsPerSweep(options_.window, kTickNanos << kTimeBits);
  if (now >= next_pass_) {
    const int64_t due = now.nanos() / window;
    // The last sweep is through before the next one begins, by the old clock, which tells ages right.
    if (due / period > boundary_ / period) Sweep(buckets_.size());
    // Nothing was recorded after boundary_ + 1, so the pass at boundary_ + 2 leaves pinned entries only.
    const int64_t told = std::min(due, boundary_ + 2);
    while (boundary_ < told) Pass(boundary_ + 1, true);
    if (due > told) Pass(due, false);  // lifts the pinned ones
    next_pass_ = TimePoint::FromNanos((due + 1) * window);
    // A silence of more than a window is not counted in slices.
    if (now.nanos() - clock_.nanos() > window) {
      swept_ = 0;
      Sweep(buckets_.size());
    }
  }
  // In step with time.
  if (swept_ < buckets_.size()) {
    const int64_t began = boundary_ / period * period * window;
    const int64_t slice = std::max<int64_t>(window * period / 2 / kSlices, 1);
    const int64_t slices = (now.nanos() - began) / slice;
    const auto through = std::min<uint64_t>(static_cast<uint64_t>(slices) * buckets_.size() / kSlices, buckets_.size());
    Sweep(through);
    next_work_ = std::min(next_pass_, TimePoint::FromNanos(began + (slices + 1) * slice));
  }
  if (swept_ == buckets_.size()) next_work_ = next_pass_;
  clock_ = now;
}

// Only counters: what was last seen in the epoch before the last one dies now, except for pinned entries.
void FlowTable::Pass(int64_t boundary, bool told) {
  const uint32_t before = LiveCount();
  garbage_ += last_epoch_;
  last_epoch_ = this_epoch_;
  this_epoch_ = 0;
  boundary_ = boundary;
  epoch_tick_ = OldestTick(boundary + 1);
  if (boundary % WindowsPerSweep(options_.window, kTickNanos << kTimeBits) == 0) swept_ = 0;
  if (!told) return;
  if (unfetched_.size() == kMaxUnfetched) unfetched_.erase(unfetched_.begin());
  unfetched_.push_back({TimePoint::FromNanos(boundary * options_.window.nanos()), before, LiveCount()});
}

// Whether a place of the bucket is a tombstone's, a dead entry's, or that of a pinned one to be lifted. Without a
// branch and in words of one size, which compilers make vectors of: nearly every bucket is looked at in vain.
bool FlowTable::WantsSweep(const Bucket& bucket, int64_t most_age) const {
  constexpr int kTop = 63;
  const auto some = [](uint64_t x) { return x | (0 - x); };  // its top bit: x is not 0
  const uint64_t now = static_cast<uint64_t>(TickOf(clock_)) << kTimeShift;
  const uint64_t most = static_cast<uint64_t>(most_age) << kTimeShift;
  uint64_t wants = 0;
  for (size_t way = 0; way < kWays; ++way) {
    const uint64_t id = bucket.id[way];
    const uint64_t word = bucket.word[way];
    const uint64_t old = most - ((now - (word & kTimeMask)) & kTimeMask);  // its top bit: older than `most`
    wants |= (some(id) & old) | (~some(id) & some(word));
  }
  return (wants >> kTop) != 0;
}

// Frees the places of the dead below `end`, lifts what is pinned there.
void FlowTable::Sweep(size_t end) {
  if (garbage_ == 0 && pinned_ == 0) end = swept_ = buckets_.size();
  const int64_t most_age = std::max<int64_t>(MostAge(boundary_), -1);  // below 0 after a silence: all are dead
  const int64_t now = TickOf(clock_);
  for (size_t at = std::exchange(swept_, std::max(swept_, end)); at < end; ++at) {
    Bucket& bucket = buckets_[at];
    if (!WantsSweep(bucket, most_age)) continue;
    // Nothing passed over a bucket with a free place: its dead go at once, without a branch on who they are.
    uint64_t words = 0;
    bool open = false;
    std::array<uint64_t, kWays> kept{};
    for (size_t way = 0; way < kWays; ++way) {
      const bool old = AgeAt(now, bucket.word[way]) > most_age;
      words |= bucket.word[way];
      open |= bucket.Free(way);
      kept[way] = uint64_t{old || bucket.id[way] == 0} - 1;
    }
    if (open && (words & kPinned) == 0) [[likely]] {
      for (size_t way = 0; way < kWays; ++way) {
        garbage_ -= uint64_t{!bucket.Free(way)} & ~kept[way];
        bucket.id[way] &= kept[way];
        bucket.word[way] &= kept[way];
      }
      continue;
    }
    for (size_t way = 0; way < kWays; ++way) {
      uint64_t& word = bucket.word[way];
      // A freed place may take an entry from further on, which is looked at in turn.
      while (!bucket.Free(way) && (bucket.id[way] == 0 || !Live(word, most_age))) Free(at, way);
      if ((word & kPinned) != 0 && AgeAt(now, word) > most_age) word = WithTick(word, OldestTick(boundary_));
    }
  }
}

// Makes the place free, and closes the gap in the way of the entries that passed over its bucket when it was full.
void FlowTable::Free(size_t bucket, size_t way) {
  --garbage_;
  for (;;) {
    Bucket& hole = buckets_[bucket];
    hole.id[way] = 0;
    hole.word[way] = 0;
    for (size_t other = 0; other < kWays; ++other) {
      if (other != way && hole.Free(other)) return;  // it had a free place before: nothing passed over it
    }
    Place found;
    for (size_t ahead = 1; ahead < kReach && !found; ++ahead) {
      const size_t at = (bucket + ahead) & mask_;
      bool open = false;
      for (size_t i = 0; i < kWays && !found; ++i) {
        const FlowId id = buckets_[at].id[i];
        if (id != 0 && ((at - HomeOf(id)) & mask_) >= ahead) found = {at, i};
        open = open || buckets_[at].Free(i);
      }
      if (open && !found) return;
    }
    if (!found) return;
    hole.id[way] = buckets_[found.bucket].id[found.way];
    hole.word[way] = buckets_[found.bucket].word[found.way];
    SetTuple({bucket, way}, FiveTuple(TupleAt(found)));
    bucket = found.bucket;
    way = found.way;
  }
}

int64_t FlowTable::OldestTick(int64_t boundary) const {
  return ((boundary - 1) * options_.window.nanos() + kTickNanos - 1) / kTickNanos;
}

uint32_t& FlowTable::CountOf(uint64_t word) {
  const int64_t now = TickOf(clock_);
  return AgeAt(now, word) <= now - epoch_tick_ ? this_epoch_ : last_epoch_;
}

// ---- places

FlowTable::Place FlowTable::Locate(FlowId id) const {
  if (id == 0) return {};
  for (size_t ahead = 0; ahead < kReach; ++ahead) {
    const size_t at = (HomeOf(id) + ahead) & mask_;
    bool open = false;
    for (size_t way = 0; way < kWays; ++way) {
      if (buckets_[at].id[way] == id) return {at, way};
      open = open || buckets_[at].Free(way);
    }
    if (open) return {};
  }
  return {};
}

FlowTable::Place FlowTable::LocateLive(FlowId id) const {
  const Place place = Locate(id);
  return place && Live(buckets_[place.bucket].word[place.way], MostAge(boundary_)) ? place : Place{};
}

FlowTable::Place FlowTable::Vacancy(FlowId id) const {
  const int64_t most_age = MostAge(boundary_);
  for (size_t ahead = 0; ahead < kReach; ++ahead) {
    const size_t at = (HomeOf(id) + ahead) & mask_;
    for (size_t way = 0; way < kWays; ++way) {
      if (buckets_[at].id[way] == 0 || !Live(buckets_[at].word[way], most_age)) return {at, way};
    }
  }
  return {};
}

void FlowTable::Occupy(Place place, const FlowKey& flow, int64_t tick) {
  Bucket& bucket = buckets_[place.bucket];
  if (!bucket.Free(place.way)) --garbage_;
  bucket.id[place.way] = flow.id;
  bucket.word[place.way] = WithTick(0, tick);
  SetTuple(place, flow.tuple);
}

bool FlowTable::Erase(const FlowKey& flow) {
  const Place place = LocateLive(flow.id);
  if (!place) return false;
  Bucket& bucket = buckets_[place.bucket];
  --((bucket.word[place.way] & kPinned) != 0 ? pinned_ : CountOf(bucket.word[place.way]));
  bucket.id[place.way] = 0;
  bucket.word[place.way] = kTombstone;
  ++garbage_;
  return true;
}

bool FlowTable::Pin(const FlowKey& flow, bool pinned) {
  const Place place = LocateLive(flow.id);
  if (!place) return false;
  uint64_t& word = buckets_[place.bucket].word[place.way];
  if (((word & kPinned) != 0) == pinned) return true;
  if (pinned) {
    --CountOf(word);
    ++pinned_;
    word |= kPinned;
  } else {
    if (AgeAt(TickOf(clock_), word) > MostAge(boundary_)) word = WithTick(word, OldestTick(boundary_));
    word &= ~kPinned;
    --pinned_;
    ++CountOf(word);
  }
  return true;
}

bool FlowTable::MarkMoved(const FlowKey& flow) {
  const Place place = LocateLive(flow.id);
  if (place) buckets_[place.bucket].word[place.way] |= kMoved;
  return static_cast<bool>(place);
}

// ---- readers

ActiveFlow FlowTable::Read(Place place, int64_t boundary) const {
  const uint64_t word = buckets_[place.bucket].word[place.way];
  const int64_t now = TickOf(clock_);
  ActiveFlow flow;
  flow.flow = {TupleAt(place), buckets_[place.bucket].id[place.way]};
  flow.bytes = Bytes(word & kBytesMask);
  // What is live and older than the window is pinned.
  flow.last_packet = TimePoint::FromNanos(std::max(now - AgeAt(now, word), OldestTick(boundary)) * kTickNanos);
  flow.fin = (word & kFin) != 0;
  flow.moved = (word & kMoved) != 0;
  return flow;
}

std::vector<ActiveFlow> FlowTable::Unsorted(TimePoint now) const {
  std::vector<ActiveFlow> flows;
  flows.reserve(size(now));
  const int64_t boundary = now.nanos() / options_.window.nanos();
  const int64_t most_age = MostAge(boundary);
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    for (size_t way = 0; way < kWays; ++way) {
      if (buckets_[bucket].id[way] == 0 || !Live(buckets_[bucket].word[way], most_age)) continue;
      flows.push_back(Read({bucket, way}, boundary));
    }
  }
  return flows;
}

std::vector<ActiveFlow> FlowTable::Snapshot(TimePoint now) const {
  std::vector<ActiveFlow> flows = Unsorted(now);
  std::sort(flows.begin(), flows.end(), [](const ActiveFlow& a, const ActiveFlow& b) {
    return a.flow.tuple != b.flow.tuple ? a.flow.tuple < b.flow.tuple : a.flow.id < b.flow.id;
  });
  return flows;
}

std::optional<ActiveFlow> FlowTable::Find(TimePoint now, const FlowKey& flow) const {
  UHAUL_CHECK(now >= clock_);
  const Place place = Locate(flow.id);
  const int64_t boundary = now.nanos() / options_.window.nanos();
  if (!place || !Live(buckets_[place.bucket].word[place.way], MostAge(boundary))) return std::nullopt;
  return Read(place, boundary);
}

uint32_t FlowTable::size(TimePoint now) const {
  UHAUL_CHECK(now >= clock_);
  const int64_t ahead = now.nanos() / options_.window.nanos() - boundary_;
  return pinned_ + (ahead < 1 ? last_epoch_ : 0) + (ahead < 2 ? this_epoch_ : 0);
}

// Ages and the phase within the window, not instants: two tables that will behave alike from `now` on hash alike.
void FlowTable::Hash(StateHash& hash, TimePoint now) const {
  hash.Add(static_cast<uint64_t>(now.nanos() % options_.window.nanos()));
  hash.Add(full_);
  for (const ActiveFlow& flow : Snapshot(now)) {
    const Place place = Locate(flow.flow.id);
    hash.Add(flow.flow.id);
    hash.Add(flow.bytes.count());
    hash.Add(static_cast<uint64_t>((now - flow.last_packet).nanos()));
    hash.Add(buckets_[place.bucket].word[place.way] & (kFin | kMoved | kPinned));
  }
}

}  // namespace uhaul
