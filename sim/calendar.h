// The order of actions. Everything that happens in the simulator is the action of a source (a link, a timer, the
// generator) at a key: a nanosecond and the source's rank. Simultaneous actions happen in the order of their ranks:
// timers first, then control links, then data links, the generator last. A source's own actions are first in, first
// out. So no two actions have the same key, and ns-3's event uid never decides. ns-3 runs at picosecond resolution, and
// shows the rank as the picoseconds.
//
// A calendar is told when each source acts next, and runs the sources in key order. There are two ways, and no source
// or handler needs to know which:
//
//   Packet   every action is an event of ns-3, in any of its schedulers: the reference
//   Train    all sources are merged inside one event of ns-3, which runs action after action until the next event of
//            anybody else's (TrainScheduler): ns-3 holds what users schedule, and one wake-up
//
// Both do the same at the same simulated times (tests/sim/train_test.cc). Inside a train ns3::Simulator::Now() stands
// still, hence handlers take `now`. Whoever looks from inside ns-3 sees the exact time all the same: events of users
// cut a train, a train during which somebody is observing (SetObserver) is one action long, and when
// ns3::Simulator::Run returns after Stop(), ns-3's time is that of the last action.
//
// A user's event at the very picosecond of an action goes first (in ns-3's other schedulers, by uid).
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <limits>

#include "core/base/check.h"
#include "core/base/units.h"
#include "ns3/event-impl.h"

namespace uhaul {

// A nanosecond * 1,024 + a rank: keys compare like ns-3's picoseconds, and come apart without a division.
using Key = int64_t;
inline constexpr Key kKeysPerNano = 1024;
inline constexpr Key kNoKey = std::numeric_limits<Key>::max();

// Of keys that are not negative.
constexpr TimePoint TimeOfKey(Key key) {
  return TimePoint::FromNanos(static_cast<int64_t>(static_cast<uint64_t>(key) / kKeysPerNano));
}
constexpr uint16_t RankOfKey(Key key) { return static_cast<uint16_t>(static_cast<uint64_t>(key) % kKeysPerNano); }
constexpr Key MakeKey(TimePoint at, uint16_t rank) { return at.nanos() * kKeysPerNano + rank; }

enum class Granularity : uint8_t { kPacket = 0, kTrain = 1 };

class Source {
 public:
  static constexpr uint16_t kMaxRank = 127;
  explicit Source(uint16_t rank) : rank_(rank) {}
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  uint16_t rank() const { return rank_; }

  // The action that was due. The source says when the next one is due.
  virtual void Act(TimePoint now) = 0;

 private:
  friend class Calendar;
  const uint16_t rank_;  // unique in a calendar
  Key head_ = kNoKey;
};

class TrainScheduler;

class Calendar {
 public:
  explicit Calendar(Granularity granularity);
  ~Calendar();
  Calendar(const Calendar&) = delete;
  Calendar& operator=(const Calendar&) = delete;

  void Add(Source& source);
  // The source acts next at `key` (kNoKey: not until told otherwise), whatever was said before. A key must lie above
  // the current action's, and its rank must be the source's: both are checked, always.
  void SetHead(Source& source, Key key) {
    if (key == source.head_) return;
    if (source.head_ != kNoKey) DropHead(source);
    if (key != kNoKey) Announce(source, key);
  }
  // The same, of a source that has no head: it acts right now, or waits.
  void Announce(Source& source, Key key) {
    UHAUL_CHECK(key > current_);
    UHAUL_CHECK(RankOfKey(key) == source.rank_);
    source.head_ = key;
    if (granularity_ == Granularity::kPacket) return Schedule(source, key);
    Insert(key);
    if (!acting_) Arm();
  }

  // The action under way is the last one of this ns3::Simulator::Run. Nothing if there is none.
  void Stop();
  // Asked as a train begins: is anybody looking at single actions?
  void SetObserver(std::function<bool()> observed) { observed_ = std::move(observed); }

  // For an action that carries others out itself, in whatever order comes to the same (World::Glide): the earliest key
  // at which anybody acts whose rank is not in `ranks`, or something of ns-3's own happens. Right now if every action
  // is an event of its own.
  Key NextBeside(const std::bitset<Source::kMaxRank + 1>& ranks) const;
  // So many actions have been carried out, the last of them at `key`.
  void Passed(Key key, uint64_t actions) {
    UHAUL_CHECK(key >= current_);
    current_ = key;
    actions_ += actions;
  }

  Granularity granularity() const { return granularity_; }
  // The key of the action under way or, between actions, of the last one.
  Key current() const { return current_; }
  uint64_t actions() const { return actions_; }
  uint64_t events() const { return events_; }  // of ns-3, for all the actions

 private:
  class Event;
  static constexpr size_t kMostSources = 64;

  void Begin(Key key) {
    UHAUL_CHECK(key > current_);
    current_ = key;
    ++actions_;
  }
  // The earliest key stands last, kNoKey first. A source's next key is mostly among the latest of the few that are
  // near, and everything further off (timers) is not touched.
  void Insert(Key key) {
    size_t i = count_++;
    for (; keys_[i - 1] < key; --i) keys_[i] = keys_[i - 1];
    keys_[i] = key;
  }
  void DropHead(Source& source);

  // Packet
  void Schedule(Source& source, Key key);
  void RunEvent(Source& source);
  // Train
  void Arm();
  void RunTrain();

  const Granularity granularity_;
  std::array<Source*, Source::kMaxRank + 1> sources_{};   // by rank
  std::array<Event*, Source::kMaxRank + 1> events_of_{};  // by rank; each holds one reference of its own
  size_t sources_count_ = 0;
  Key current_ = -1;
  bool acting_ = false;
  uint64_t actions_ = 0;
  uint64_t events_ = 0;

  // Train
  std::array<Key, kMostSources + 1> keys_;  // kNoKey, then those of the sources that have a head, falling
  size_t count_ = 1;
  Key bound_ = kNoKey;  // of the train: the next event that is not ours
  bool stopping_ = false;
  Event* wake_ = nullptr;
  TrainScheduler* scheduler_ = nullptr;
  std::function<bool()> observed_;
};

// Makes ns-3 count picoseconds. Must come before anything else of ns-3 has used a time; may be called again.
void UsePicoseconds();

}  // namespace uhaul
