// FlowTable: the flow information table (FIT) of U-HAUL 3.1. Each entry holds a flow's ID, its current size
// and the time of its last packet. Insertion and update on every packet; eviction once per window.
//
// Expiry is logical: with window W, an entry whose last packet came in epoch k (time / W, rounded down) is dead
// from the instant (k + 2) W on: the first multiple of W at which its last packet is older than W. Readers never
// see a dead entry, however late the sweep that frees its slot comes.
//
// An entry is 64 + 64 bits: the keyed flow ID; 37 bits of bytes (saturating), 24 bits of time in units of
// 1.024 us (wrap-safe: compared within 17 s), three flags. The quantised time is the semantics: a packet counts for
// the epoch of its quantised time. The five-tuple lies in a cold parallel array, written on insertion. The flow ID
// alone identifies an entry here, as in the paper; at 64 keyed bits two flows share one with probability n^2 / 2^65.
//
// This is the plain version: linear probing, a full sweep at the epoch boundary. Capacity is fixed; a packet of
// a flow that finds no room is counted in full(), its flow stays unknown to the FIT, nothing stalls.
//
// The table's clock is the time of the last Record, Import or Advance; every pass due at the clock has run. Erase, Pin
// and MarkMoved act at the clock; readers may look ahead of it, never behind. A pinned entry outlives its window: when
// it is read or swept, a last packet that has fallen out of the window is lifted to the window's oldest instant, so
// that an unpinned entry dies at the next pass, however long the pin held (and its 24 bits never wrap).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/units.h"
#include "core/flow/packet.h"

namespace uhaul {

struct FlowTableOptions {
  uint32_t capacity = 16384;  // entries
  Duration window = Duration::Millis(100);
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
  RecordOutcome Record(TimePoint now, const Packet& packet);

  // Runs the eviction passes due up to and including `now`; appends one line per epoch boundary passed since the last
  // call, also for passes that Record and Import ran meanwhile. Bounded: after a long silence the passes that would
  // only repeat zeros (or the number of pinned entries) are left out: the first two are enough to empty the table. Of
  // more than 1,024 lines that nobody fetched, the oldest are dropped. `passes` may be null.
  void Advance(TimePoint now, std::vector<EvictionPass>* passes);
  // The next epoch boundary after the last pass.
  TimePoint NextPass() const { return next_pass_; }

  // Live entries at `now`, in five-tuple order.
  std::vector<ActiveFlow> Snapshot(TimePoint now) const;
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
  struct Entry {
    FlowId id = 0;      // 0: free
    uint64_t word = 0;  // bytes:37 | time:24 | fin | moved | pinned, from the low end
  };
  static constexpr size_t kNone = static_cast<size_t>(-1);

  size_t Locate(FlowId id) const;
  // The slot of `flow`, inserted if absent; kNone if there is no room.
  size_t LocateOrInsert(const FlowKey& flow, bool* inserted);
  void EraseSlot(size_t hole);
  RecordOutcome Touch(TimePoint now, const FlowKey& flow, uint64_t bytes, bool fin);
  void RunPasses(TimePoint now);
  void Sweep(int64_t boundary);
  bool SetFlag(const FlowKey& flow, uint64_t flag, bool on);

  int64_t LastTick(uint64_t word) const;
  int64_t DeadFrom(int64_t tick) const;  // as a boundary: times the window
  std::optional<ActiveFlow> Read(TimePoint now, size_t slot) const;

  FlowTableOptions options_;
  std::vector<Entry> entries_;     // a power of two, at least twice the capacity
  std::vector<FiveTuple> tuples_;  // parallel to entries_
  uint32_t size_ = 0;
  int64_t swept_ = 0;  // the last boundary whose pass has run, in windows
  TimePoint clock_;
  TimePoint next_pass_;
  std::vector<EvictionPass> unfetched_;
  uint64_t full_ = 0;
};

}  // namespace uhaul
