// FlowTable: the flow information table (FIT) of U-HAUL 3.1. Each entry holds a flow's ID, its current size
// and the time of its last packet. Insertion and update on every packet; eviction once per window.
//
// Expiry is logical: with window W, an entry whose last packet came in epoch k (time / W, rounded down) is dead
// from the instant (k + 2) W on: the first multiple of W at which its last packet is older than W. Readers never
// see a dead entry, however late the sweep that frees its place comes.
//
// An entry is 64 + 64 bits: the keyed flow ID; 37 bits of bytes (saturating), 24 bits of time in units of
// 1.024 us (wrap-safe: compared within 17 s), three flags. The quantised time is the semantics: a packet counts for
// the epoch of its quantised time. The five-tuple lies in a cold parallel array, written on insertion. The flow ID
// alone identifies an entry here, as in the paper; at 64 keyed bits two flows share one with probability n^2 / 2^65.
//
// How it is fast: four entries share a cache line, the bucket. A flow's home is one bucket; nearly every packet finds
// its flow there, last seen in this epoch, and changes one word (Record, inline). A full bucket overflows into the next
// ones, kReach of them at most: what finds no room there is counted in full() and stays unknown to the FIT, nothing
// stalls; so does a flow beyond the fixed capacity. No entry lies beyond a bucket with a free place, so that a search
// ends there. How many entries die at the next boundary is counted packet by packet, which makes the pass itself a
// matter of counters; every few windows a sweep frees the places of the dead that no new flow took, slice by slice.
//
// The table's clock is the time of the last Record, Import or Advance; every pass due at the clock has run. Erase, Pin
// and MarkMoved act at the clock; readers may look ahead of it, never behind. A pinned entry outlives its window: when
// it is read or swept, a last packet that has fallen out of the window is lifted to the window's oldest instant, so
// that an unpinned entry dies at the next pass, however long the pin held (and its 24 bits never wrap).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/units.h"
#include "core/flow/packet.h"

namespace uhaul {

struct FlowTableOptions {
  uint32_t capacity = 16384;                // entries
  Duration window = Duration::Millis(100);  // 10 us to 5 s
};

// What a reader sees of one entry.
struct ActiveFlow {
  FlowKey flow;
  Bytes bytes;            // current size: bytes seen so far
  TimePoint last_packet;  // rounded down to 1.024 us
  bool fin = false;       // FIN or RST seen
  bool moved = false;
};

// The count of entries around one eviction pass (Table 8).
struct EvictionPass {
  TimePoint at;  // the epoch boundary
  uint32_t before = 0;
  uint32_t after = 0;
};

enum class RecordOutcome { kInserted, kUpdated, kFull };

class FlowTable {
 public:
  explicit FlowTable(FlowTableOptions options);

  // Counts a packet at `now`, after the passes due until then. Time may not run backwards, nor below zero.
  RecordOutcome Record(TimePoint now, const Packet& packet) {
    const bool fin = (packet.tcp_flags & (tcp_flag::kFin | tcp_flag::kRst)) != 0;
    if (RecordAtHome(now, packet.flow.id, packet.bytes, fin)) [[likely]]
      return RecordOutcome::kUpdated;
    return Touch(now, packet.flow, packet.bytes, fin);
  }
  // For streaks. Record, packet by packet, would find the flow here with a packet in this epoch, and until NextWork()
  // nothing is due but such packets: then RecordStreak does as much, the last packet being at `last`, before that.
  // Streaks of several flows may overlap in time.
  bool Current(FlowId id) const {
    const Place place = Locate(id);
    const int64_t tick = TickOf(clock_);
    return place && AgeAt(tick, buckets_[place.bucket].word[place.way]) <= tick - epoch_tick_;
  }
  TimePoint NextWork() const { return next_work_; }
  void RecordStreak(TimePoint last, const Streak& streak);

  // Brings the flow's home into the cache: worth its while some packets ahead of Record.
  void Prefetch(FlowId id) const { __builtin_prefetch(&buckets_[HomeOf(id)], 1); }

  // Runs the eviction passes due up to and including `now`; appends one line per epoch boundary passed since the last
  // call, also for passes that Record and Import ran meanwhile. Bounded: after a long silence the passes that would
  // only repeat zeros (or the number of pinned entries) are left out: the first two are enough to empty the table. Of
  // more than 1,024 lines that nobody fetched, the oldest are dropped. `passes` may be null.
  void Advance(TimePoint now, std::vector<EvictionPass>* passes);
  // The next epoch boundary after the last pass.
  TimePoint NextPass() const { return next_pass_; }

  // Live entries at `now`, in five-tuple order; and in no order, for who sorts by something else.
  std::vector<ActiveFlow> Snapshot(TimePoint now) const;
  std::vector<ActiveFlow> Unsorted(TimePoint now) const;
  std::optional<ActiveFlow> Find(TimePoint now, const FlowKey& flow) const;
  uint32_t size(TimePoint now) const;

  // A migrated flow's record: its bytes arrive with its state (added to what this table already saw), and leave with
  // it. It counts as a packet at `now`; pinned and moved are this table's own and stay as they are (off in a new
  // entry).
  RecordOutcome Import(TimePoint now, const FlowKey& flow, Bytes bytes, bool fin);
  bool Erase(const FlowKey& flow);
  // A pinned entry survives eviction until it is unpinned (a flow in the middle of a move).
  bool Pin(const FlowKey& flow, bool pinned);
  bool MarkMoved(const FlowKey& flow);

  uint64_t full() const { return full_; }
  Duration window() const { return options_.window; }
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  static constexpr size_t kWays = 4;
  static constexpr size_t kReach = 8;  // buckets from the home on in which a flow may lie
  static constexpr int64_t kTickNanos = 1024;
  static constexpr int kTimeShift = 37;
  static constexpr int kTimeBits = 24;
  static constexpr uint64_t kBytesMask = (1ULL << kTimeShift) - 1;
  static constexpr uint64_t kTickMask = (1ULL << kTimeBits) - 1;
  static constexpr uint64_t kTimeMask = kTickMask << kTimeShift;
  static constexpr uint64_t kFin = 1ULL << 61;
  static constexpr uint64_t kMoved = 1ULL << 62;
  static constexpr uint64_t kPinned = 1ULL << 63;

  // One cache line. A place is free (both words 0), a tombstone (ID 0, word 1: erased, not yet swept) or an entry.
  struct alignas(64) Bucket {
    std::array<FlowId, kWays> id{};
    std::array<uint64_t, kWays> word{};  // bytes:37 | time:24 | fin | moved | pinned, from the low end
    bool Free(size_t way) const { return id[way] == 0 && word[way] == 0; }
    // Where `wanted` is if it is here. Without a branch: which way it is cannot be predicted.
    size_t WayOf(FlowId wanted) const {
      return size_t{id[1] == wanted} + 2 * size_t{id[2] == wanted} + 3 * size_t{id[3] == wanted};
    }
  };
  struct Place {
    size_t bucket = 0;
    size_t way = kWays;  // kWays: none
    explicit operator bool() const { return way < kWays; }
  };

  // Times are not negative.
  static int64_t TickOf(TimePoint now) {
    return static_cast<int64_t>(static_cast<uint64_t>(now.nanos()) / static_cast<uint64_t>(kTickNanos));
  }
  static uint64_t WithTick(uint64_t word, int64_t tick) {
    return (word & ~kTimeMask) | ((static_cast<uint64_t>(tick) & kTickMask) << kTimeShift);
  }
  static uint64_t WithPacket(uint64_t word, int64_t tick, uint64_t bytes, bool fin) {
    const uint64_t seen = word & kBytesMask;
    const uint64_t sum = bytes > kBytesMask - seen ? kBytesMask : seen + bytes;
    return WithTick((word & ~kBytesMask) | sum, tick) | (fin ? kFin : 0);
  }
  // How long before `tick` the word's last packet came; right within 17 s.
  static int64_t AgeAt(int64_t tick, uint64_t word) {
    return static_cast<int64_t>((static_cast<uint64_t>(tick) - (word >> kTimeShift)) & kTickMask);
  }
  size_t HomeOf(FlowId id) const { return id & mask_; }

  // The common case: the flow is in its home, had a packet in this epoch already, and neither a pass nor a slice of
  // the sweep is due. Its last epoch stays what it is, so no counter changes. Otherwise nothing is done.
  bool RecordAtHome(TimePoint now, FlowId id, uint32_t bytes, bool fin) {
    if (now >= next_work_ || now < clock_ || id == 0) [[unlikely]]
      return false;
    Bucket& home = buckets_[HomeOf(id)];
    const size_t way = home.WayOf(id);
    if (home.id[way] != id) return false;
    const int64_t tick = TickOf(now);
    if (AgeAt(tick, home.word[way]) > tick - epoch_tick_) return false;
    clock_ = now;
    home.word[way] = WithPacket(home.word[way], tick, bytes, fin);
    return true;
  }

  RecordOutcome Touch(TimePoint now, const FlowKey& flow, uint64_t bytes, bool fin);
  Place Locate(FlowId id) const;  // live or dead
  Place LocateLive(FlowId id) const;
  Place Vacancy(FlowId id) const;  // where an entry may be put: the first place on its way that is not a live entry's
  void Occupy(Place place, const FlowKey& flow, int64_t tick);
  bool SetFlag(const FlowKey& flow, uint64_t flag, bool on);

  // Everything time brings with it until `now`, then sets the clock.
  void RunDue(TimePoint now);
  void Pass(int64_t boundary, bool told);
  void Sweep(size_t end);
  bool WantsSweep(const Bucket& bucket, int64_t most_age) const;
  void Free(size_t bucket, size_t way);

  // The oldest tick that is alive after the pass at `boundary`.
  int64_t OldestTick(int64_t boundary) const;
  bool Live(uint64_t word, int64_t most_age) const {
    return (word & kPinned) != 0 || AgeAt(TickOf(clock_), word) <= most_age;
  }
  int64_t MostAge(int64_t boundary) const { return TickOf(clock_) - OldestTick(boundary); }
  uint32_t& CountOf(uint64_t word);  // of the entries that die at the same boundary as this one; it is not pinned
  uint32_t LiveCount() const { return pinned_ + last_epoch_ + this_epoch_; }
  ActiveFlow Read(Place place, int64_t boundary) const;
  const FiveTuple& TupleAt(Place place) const {
    const size_t i = place.bucket * kWays + place.way;
    return tuples_[i / kTupleChunk][i % kTupleChunk];
  }
  void SetTuple(Place place, const FiveTuple& tuple) {
    const size_t i = place.bucket * kWays + place.way;
    std::vector<FiveTuple>& chunk = tuples_[i / kTupleChunk];
    if (chunk.empty()) chunk.resize(kTupleChunk);
    chunk[i % kTupleChunk] = tuple;
  }

  FlowTableOptions options_;
  size_t mask_ = 0;              // buckets - 1
  std::vector<Bucket> buckets_;  // a power of two, with places for twice the capacity
  // One per place, in chunks that are made with their first entry: a table that nobody uses stays small, and the first
  // packet does not wait for all of it.
  static constexpr size_t kTupleChunk = 256;
  std::vector<std::vector<FiveTuple>> tuples_;

  TimePoint clock_;
  int64_t boundary_ = 0;    // the last one whose pass has run, in windows
  int64_t epoch_tick_ = 0;  // the first tick of the epoch that began there
  TimePoint next_pass_;
  TimePoint next_work_;  // a pass, or the next slice of a sweep
  // Live entries, by when they die: never (pinned), at the next boundary, at the one after it.
  uint32_t pinned_ = 0;
  uint32_t last_epoch_ = 0;
  uint32_t this_epoch_ = 0;
  uint64_t garbage_ = 0;  // dead entries and tombstones
  size_t swept_ = 0;      // buckets below it are through since the last sweep began
  std::vector<EvictionPass> unfetched_;
  uint64_t full_ = 0;
};

}  // namespace uhaul
