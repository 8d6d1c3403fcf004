// PlainFlowTable: the FIT written the plain way (linear probing, one entry a slot, a full sweep at each boundary): what
// core/flow/flow_table.h promises, and the oracle it is tested against. Both are equal until the first "full" that
// comes from a short reach and not from the capacity.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/units.h"
#include "core/flow/flow_table.h"

namespace uhaul::testing {

class PlainFlowTable {
 public:
  explicit PlainFlowTable(FlowTableOptions options);

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

}  // namespace uhaul::testing
