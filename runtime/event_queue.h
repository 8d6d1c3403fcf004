// The order of actions. Whatever is not a burst of packets in real time is the action of a source (a timer, a control
// link; with the virtual clock also a data link and the generator) at a key: nanoseconds * 1000 + the source's rank.
// Sources at the same nanosecond act in the order of their ranks; two sources never share a key.
//
// With the virtual clock the queue is the clock: RunNext() runs the earliest action at exactly its time. In real time
// RunDue(now, most) runs, in key order, what is due, with the time that it really is, and not more than `most`, so that
// a controller that has much to do does not stop the packets.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>

#include "core/base/check.h"
#include "core/base/units.h"

namespace uhaul::runtime {

using Key = int64_t;
inline constexpr Key kKeysPerNano = 1000;
inline constexpr Key kNoKey = std::numeric_limits<Key>::max();

constexpr TimePoint TimeOfKey(Key key) { return TimePoint::FromNanos(key / kKeysPerNano); }
constexpr Key MakeKey(TimePoint at, uint16_t rank) { return at.nanos() * kKeysPerNano + rank; }

class Source {
 public:
  explicit Source(uint16_t rank) : rank_(rank) {}
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  uint16_t rank() const { return rank_; }
  // The action that was due. The source says when the next one is (EventQueue::SetHead).
  virtual void Act(TimePoint now) = 0;

 private:
  const uint16_t rank_;  // below EventQueue::kRanks, unique in a queue
};

class EventQueue {
 public:
  static constexpr size_t kRanks = 128;
  static constexpr size_t kMostSources = 32;

  explicit EventQueue(bool exact) : exact_(exact) {
    heads_.fill(kNoKey);
    slot_of_rank_.fill(kMostSources);
  }

  void Add(Source& source) {
    UHAUL_CHECK(source.rank() < kRanks);
    UHAUL_CHECK(slot_of_rank_[source.rank()] == kMostSources);
    UHAUL_CHECK(count_ < kMostSources);
    slot_of_rank_[source.rank()] = static_cast<uint8_t>(count_);
    sources_[count_++] = &source;
  }
  // The source acts next at `at` (Never: not until told otherwise), whatever was said before.
  void SetHead(const Source& source, TimePoint at) {
    SetHead(source, at == TimePoint::Never() ? kNoKey : MakeKey(at, source.rank()));
  }
  void SetHead(const Source& source, Key key) {
    if (exact_ && key != kNoKey) UHAUL_CHECK(key > current_);  // time never runs backwards
    heads_[slot_of_rank_[source.rank()]] = key;
  }

  // False if nothing is to come.
  bool RunNext() {
    const Key key = Earliest();
    if (key == kNoKey) return false;
    Run(key, TimeOfKey(key));
    return true;
  }
  void RunDue(TimePoint now, int most) {
    const Key bound = MakeKey(now, kKeysPerNano - 1);
    for (Key key = Earliest(); key <= bound && most > 0; key = Earliest(), --most) Run(key, now);
  }

  TimePoint current() const { return TimeOfKey(current_); }
  uint64_t actions() const { return actions_; }

 private:
  Key Earliest() const {
    Key earliest = heads_[0];
    for (size_t i = 1; i < count_; ++i) earliest = std::min(earliest, heads_[i]);
    return earliest;
  }
  void Run(Key key, TimePoint now) {
    const uint8_t slot = slot_of_rank_[static_cast<size_t>(key % kKeysPerNano)];
    heads_[slot] = kNoKey;
    current_ = key;
    ++actions_;
    sources_[slot]->Act(now);
  }

  const bool exact_;  // keys must rise
  std::array<Key, kMostSources> heads_;
  std::array<Source*, kMostSources> sources_{};
  std::array<uint8_t, kRanks> slot_of_rank_;
  size_t count_ = 0;
  Key current_ = -1;
  uint64_t actions_ = 0;
};

// Calls a function at a time that may be moved at will.
class Timer final : public Source {
 public:
  Timer(uint16_t rank, EventQueue* queue, std::function<void(TimePoint)> function)
      : Source(rank), queue_(queue), function_(std::move(function)) {
    queue_->Add(*this);
  }
  void Set(TimePoint at) {
    if (at == at_) return;
    at_ = at;
    queue_->SetHead(*this, at);
  }
  void Act(TimePoint now) override {
    at_ = TimePoint::Never();
    function_(now);
  }

 private:
  EventQueue* queue_;
  std::function<void(TimePoint)> function_;
  TimePoint at_ = TimePoint::Never();
};

}  // namespace uhaul::runtime
