// TrainScheduler: ns-3's queue of events, a priority queue, with a place of its own for one event: the wake-up of the
// plane (Calendar). The wake-up may be moved in place, is never in its own way when the plane asks for the next event
// of anybody else's, and comes after an event of the same picosecond. Whoever is next, time never runs backwards:
// checked for every event, as Debian's ns-3 comes without its assertions.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>

#include "ns3/priority-queue-scheduler.h"

namespace uhaul {

class TrainScheduler final : public ns3::PriorityQueueScheduler {
 public:
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

  static ns3::TypeId GetTypeId();
  TrainScheduler();
  ~TrainScheduler() override;

  // The one that ns-3 uses, if it uses one.
  static TrainScheduler* Current();
  // `other`: told the time of every event of others as it is inserted.
  void Bind(const ns3::EventImpl* wake, std::function<void(uint64_t)> other);
  bool armed() const { return armed_; }
  void Move(uint64_t at_ps) { wake_event_.key.m_ts = at_ps; }
  // Whether the wake-up comes before the events of others at its picosecond, instead of after.
  void SetFirst(bool first) { first_ = first; }
  uint64_t NextOther() const { return PriorityQueueScheduler::IsEmpty() ? kNever : Others().key.m_ts; }

  void Insert(const Event& event) override;
  bool IsEmpty() const override { return !armed_ && PriorityQueueScheduler::IsEmpty(); }
  Event PeekNext() const override { return WakeIsFirst() ? wake_event_ : Others(); }
  Event RemoveNext() override;
  void Remove(const Event& event) override;

 private:
  Event Others() const { return PriorityQueueScheduler::PeekNext(); }
  bool WakeIsFirst() const {
    if (!armed_) return false;
    const uint64_t other = NextOther();
    return wake_event_.key.m_ts < other || (first_ && wake_event_.key.m_ts == other);
  }

  const ns3::EventImpl* wake_ = nullptr;
  std::function<void(uint64_t)> other_;
  bool armed_ = false;
  bool first_ = false;
  Event wake_event_{};
  uint64_t last_ps_ = 0;
};

}  // namespace uhaul
