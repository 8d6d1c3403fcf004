#include "tests/core/flow/plain_flow_table.h"

#include <algorithm>
#include <bit>

#include "core/base/check.h"
#include "core/base/hash.h"

namespace uhaul::testing {
namespace {

constexpr int64_t kTickNanos = 1024;
constexpr int kTimeShift = 37;
constexpr int kTimeBits = 24;
constexpr uint64_t kBytesMask = (1ULL << kTimeShift) - 1;
constexpr uint64_t kTickMask = (1ULL << kTimeBits) - 1;
constexpr uint64_t kTimeMask = kTickMask << kTimeShift;
constexpr uint64_t kFin = 1ULL << 61;
constexpr uint64_t kMoved = 1ULL << 62;
constexpr uint64_t kPinned = 1ULL << 63;

constexpr uint32_t kMaxCapacity = 1U << 28;
constexpr size_t kMaxUnfetched = 1024;
// A live entry is younger than two windows, and its 24-bit time is read against the clock: 17.18 s must hold them.
constexpr Duration kMinWindow = Duration::Micros(10);
constexpr Duration kMaxWindow = Duration::Seconds(8);

// Of times that are not negative.
int64_t TickOf(TimePoint now) { return static_cast<int64_t>(static_cast<uint64_t>(now.nanos()) / kTickNanos); }

uint64_t WithTick(uint64_t word, int64_t tick) {
  return (word & ~kTimeMask) | ((static_cast<uint64_t>(tick) & kTickMask) << kTimeShift);
}

// After one more packet at `tick`.
uint64_t WithPacket(uint64_t word, int64_t tick, uint64_t bytes, bool fin) {
  const uint64_t seen = word & kBytesMask;
  const uint64_t sum = bytes > kBytesMask - seen ? kBytesMask : seen + bytes;
  return WithTick((word & ~kBytesMask) | sum, tick) | (fin ? kFin : 0);
}

// The oldest tick that survives the pass at `boundary`: the first one of the epoch before it.
int64_t OldestTick(int64_t boundary, Duration window) {
  return ((boundary - 1) * window.nanos() + kTickNanos - 1) / kTickNanos;
}

}  // namespace

PlainFlowTable::PlainFlowTable(FlowTableOptions options) : options_(options), next_pass_(TimePoint() + options.window) {
  UHAUL_CHECK(options.capacity > 0);
  UHAUL_CHECK(options.capacity <= kMaxCapacity);
  UHAUL_CHECK(options.window >= kMinWindow);
  UHAUL_CHECK(options.window <= kMaxWindow);
  entries_.resize(std::bit_ceil(size_t{2} * options.capacity));
}

RecordOutcome PlainFlowTable::Record(TimePoint now, const Packet& packet) {
  const bool fin = (packet.tcp_flags & (tcp_flag::kFin | tcp_flag::kRst)) != 0;
  // Nearly always the flow is in its home slot, and no pass is due.
  Entry& home = entries_[packet.flow.id & (entries_.size() - 1)];
  if (home.id != packet.flow.id || now >= next_pass_ || now < clock_ || home.id == 0) [[unlikely]] {
    return Touch(now, packet.flow, packet.bytes, fin);
  }
  clock_ = now;
  home.word = WithPacket(home.word, TickOf(now), packet.bytes, fin);
  return RecordOutcome::kUpdated;
}

RecordOutcome PlainFlowTable::Import(TimePoint now, const FlowKey& flow, Bytes bytes, bool fin) {
  return Touch(now, flow, bytes.count(), fin);
}

RecordOutcome PlainFlowTable::Touch(TimePoint now, const FlowKey& flow, uint64_t bytes, bool fin) {
  RunPasses(now);
  bool inserted = false;
  const size_t slot = LocateOrInsert(flow, &inserted);
  if (slot == kNone) {
    ++full_;
    return RecordOutcome::kFull;
  }
  uint64_t& word = entries_[slot].word;
  word = WithPacket(word, TickOf(now), bytes, fin);
  return inserted ? RecordOutcome::kInserted : RecordOutcome::kUpdated;
}

void PlainFlowTable::Advance(TimePoint now, std::vector<EvictionPass>* passes) {
  RunPasses(now);
  if (passes != nullptr) passes->insert(passes->end(), unfetched_.begin(), unfetched_.end());
  unfetched_.clear();
}

void PlainFlowTable::RunPasses(TimePoint now) {
  UHAUL_CHECK(now >= clock_);
  if (now >= next_pass_) {
    const int64_t window = options_.window.nanos();
    const int64_t due = now.nanos() / window;
    // Nothing was recorded after boundary swept_ + 1, so the pass at swept_ + 2 leaves pinned entries only.
    const int64_t told = std::min(due, swept_ + 2);
    for (int64_t boundary = swept_ + 1; boundary <= told; ++boundary) {
      const uint32_t before = size_;
      Sweep(boundary);
      if (unfetched_.size() == kMaxUnfetched) unfetched_.erase(unfetched_.begin());
      unfetched_.push_back({TimePoint::FromNanos(boundary * window), before, size_});
    }
    if (due > told) Sweep(due);  // lifts the pinned ones
    swept_ = due;
    next_pass_ = TimePoint::FromNanos((due + 1) * window);
  }
  clock_ = now;
}

void PlainFlowTable::Sweep(int64_t boundary) {
  if (size_ == 0) return;
  const size_t mask = entries_.size() - 1;
  // From a free slot all the way round: no entry is then shifted back from what is still to come to what has been seen.
  size_t start = 0;
  while (entries_[start].id != 0) ++start;
  const int64_t oldest = OldestTick(boundary, options_.window);
  for (size_t step = 1; step <= mask; ++step) {
    const size_t slot = (start + step) & mask;
    while (entries_[slot].id != 0) {
      uint64_t& word = entries_[slot].word;
      const int64_t tick = LastTick(word);
      if (DeadFrom(tick) > boundary) break;
      if ((word & kPinned) != 0) {
        word = WithTick(word, oldest);
        break;
      }
      EraseSlot(slot);  // may shift the next entry here
    }
  }
}

std::vector<ActiveFlow> PlainFlowTable::Snapshot(TimePoint now) const {
  std::vector<ActiveFlow> flows;
  flows.reserve(size_);
  for (size_t slot = 0; slot < entries_.size(); ++slot) {
    if (const auto flow = Read(now, slot)) flows.push_back(*flow);
  }
  std::sort(flows.begin(), flows.end(), [](const ActiveFlow& a, const ActiveFlow& b) {
    return a.flow.tuple != b.flow.tuple ? a.flow.tuple < b.flow.tuple : a.flow.id < b.flow.id;
  });
  return flows;
}

std::optional<ActiveFlow> PlainFlowTable::Find(TimePoint now, const FlowKey& flow) const {
  const size_t slot = Locate(flow.id);
  if (slot == kNone) return std::nullopt;
  return Read(now, slot);
}

uint32_t PlainFlowTable::size(TimePoint now) const {
  UHAUL_CHECK(now >= clock_);
  if (now < next_pass_) return size_;
  uint32_t count = 0;
  for (size_t slot = 0; slot < entries_.size(); ++slot) count += Read(now, slot).has_value() ? 1 : 0;
  return count;
}

bool PlainFlowTable::Erase(const FlowKey& flow) {
  const size_t slot = Locate(flow.id);
  if (slot == kNone) return false;
  EraseSlot(slot);
  return true;
}

bool PlainFlowTable::Pin(const FlowKey& flow, bool pinned) { return SetFlag(flow, kPinned, pinned); }

bool PlainFlowTable::MarkMoved(const FlowKey& flow) { return SetFlag(flow, kMoved, true); }

bool PlainFlowTable::SetFlag(const FlowKey& flow, uint64_t flag, bool on) {
  const size_t slot = Locate(flow.id);
  if (slot == kNone) return false;
  uint64_t& word = entries_[slot].word;
  word = on ? word | flag : word & ~flag;
  return true;
}

// Ages and the phase within the window, not instants: two tables that will behave alike from `now` on hash alike.
void PlainFlowTable::Hash(StateHash& hash, TimePoint now) const {
  hash.Add(static_cast<uint64_t>(now.nanos() % options_.window.nanos()));
  hash.Add(full_);
  for (const ActiveFlow& flow : Snapshot(now)) {
    const size_t slot = Locate(flow.flow.id);
    hash.Add(flow.flow.id);
    hash.Add(flow.bytes.count());
    hash.Add(static_cast<uint64_t>((now - flow.last_packet).nanos()));
    hash.Add(entries_[slot].word & (kFin | kMoved | kPinned));
  }
}

int64_t PlainFlowTable::LastTick(uint64_t word) const {
  const int64_t now = TickOf(clock_);
  const uint64_t age = (static_cast<uint64_t>(now) - (word >> kTimeShift)) & kTickMask;
  return now - static_cast<int64_t>(age);
}

int64_t PlainFlowTable::DeadFrom(int64_t tick) const { return tick * kTickNanos / options_.window.nanos() + 2; }

std::optional<ActiveFlow> PlainFlowTable::Read(TimePoint now, size_t slot) const {
  UHAUL_CHECK(now >= clock_);
  const auto& [id, word] = entries_[slot];
  if (id == 0) return std::nullopt;
  int64_t tick = LastTick(word);
  const int64_t boundary = now.nanos() / options_.window.nanos();
  if (DeadFrom(tick) <= boundary) {
    if ((word & kPinned) == 0) return std::nullopt;
    tick = OldestTick(boundary, options_.window);
  }
  ActiveFlow flow;
  flow.flow = {tuples_[slot], id};
  flow.bytes = Bytes(word & kBytesMask);
  flow.last_packet = TimePoint::FromNanos(tick * kTickNanos);
  flow.fin = (word & kFin) != 0;
  flow.moved = (word & kMoved) != 0;
  return flow;
}

size_t PlainFlowTable::Locate(FlowId id) const {
  if (id == 0) return kNone;
  const size_t mask = entries_.size() - 1;
  for (size_t slot = id & mask; entries_[slot].id != 0; slot = (slot + 1) & mask) {
    if (entries_[slot].id == id) return slot;
  }
  return kNone;
}

size_t PlainFlowTable::LocateOrInsert(const FlowKey& flow, bool* inserted) {
  UHAUL_CHECK(flow.id != 0);
  const size_t mask = entries_.size() - 1;
  size_t slot = flow.id & mask;
  for (; entries_[slot].id != 0; slot = (slot + 1) & mask) {
    if (entries_[slot].id == flow.id) return slot;
  }
  if (size_ == options_.capacity) return kNone;
  if (tuples_.empty()) tuples_.resize(entries_.size());  // a table that nobody uses stays small
  entries_[slot] = {flow.id, 0};
  tuples_[slot] = flow.tuple;
  ++size_;
  *inserted = true;
  return slot;
}

void PlainFlowTable::EraseSlot(size_t hole) {
  const size_t mask = entries_.size() - 1;
  entries_[hole] = {};
  --size_;
  for (size_t slot = (hole + 1) & mask; entries_[slot].id != 0; slot = (slot + 1) & mask) {
    // An entry may move back to the hole unless its home lies after it, cyclically.
    const size_t home = entries_[slot].id & mask;
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
    entries_[hole] = entries_[slot];
    tuples_[hole] = tuples_[slot];
    entries_[slot] = {};
    hole = slot;
  }
}

}  // namespace uhaul::testing
