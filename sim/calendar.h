// The order of actions. Everything that happens in the simulator is the action of a source (a link, a timer, the
// generator) at a key: nanoseconds * 1000 + the source's rank. ns-3 runs at picosecond resolution and its time IS the
// key, so that simultaneous actions happen in the order of their ranks and ns-3's event uid never decides: timers
// first, then control links, then data links, the generator last. A source's own actions are first in, first out.
//
// A calendar is told when each source acts next, and runs the sources in key order. PacketCalendar makes every action
// an event of ns-3. Another calendar may merge actions in one event: no source or handler needs to know which one runs.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "core/base/units.h"
#include "ns3/event-impl.h"
#include "ns3/ptr.h"

namespace uhaul {

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

  // The action that was due at `key`. The source says when the next one is due.
  virtual void Act(Key key) = 0;

 private:
  const uint16_t rank_;  // below kKeysPerNano, unique in a calendar
};

class Calendar {
 public:
  virtual ~Calendar() = default;
  virtual void Add(Source& source) = 0;
  // The source acts next at `key` (kNoKey: not until told otherwise), whatever was said before. A key must lie above
  // the current action's, and its last digits must be the source's rank: both are checked, always.
  virtual void SetHead(Source& source, Key key) = 0;
  // The key of the action under way or, between actions, of the last one.
  virtual Key current() const = 0;
  virtual uint64_t actions() const = 0;
};

// Every action is one event of ns-3: the reference.
class PacketCalendar final : public Calendar {
 public:
  PacketCalendar();
  ~PacketCalendar() override;
  void Add(Source& source) override;
  void SetHead(Source& source, Key key) override;
  Key current() const override { return current_; }
  uint64_t actions() const override { return actions_; }

 private:
  class Entry;
  std::vector<Entry*> entries_;  // by rank; each holds one reference of its own
  Key current_ = -1;
  bool acting_ = false;
  uint64_t actions_ = 0;
};

// Makes ns-3 count picoseconds. Must come before anything else of ns-3 has used a time; may be called again.
void UsePicoseconds();

}  // namespace uhaul
