#include "sim/train_scheduler.h"

#include <utility>

#include "core/base/check.h"

namespace uhaul {

NS_OBJECT_ENSURE_REGISTERED(TrainScheduler);

namespace {
TrainScheduler* current = nullptr;  // ns-3's simulator is global, and makes its scheduler itself
}

ns3::TypeId TrainScheduler::GetTypeId() {
  static ns3::TypeId id = ns3::TypeId("uhaul::TrainScheduler")
                              .SetParent<ns3::PriorityQueueScheduler>()
                              .SetGroupName("Uhaul")
                              .AddConstructor<TrainScheduler>();
  return id;
}

TrainScheduler::TrainScheduler() { current = this; }

TrainScheduler::~TrainScheduler() {
  if (current == this) current = nullptr;
}

TrainScheduler* TrainScheduler::Current() { return current; }

void TrainScheduler::Bind(const ns3::EventImpl* wake, std::function<void(uint64_t)> other) {
  UHAUL_CHECK(!armed_);
  wake_ = wake;
  other_ = std::move(other);
}

void TrainScheduler::Insert(const Event& event) {
  if (event.impl == wake_) {
    UHAUL_CHECK(!armed_);
    wake_event_ = event;
    armed_ = true;
    return;
  }
  PriorityQueueScheduler::Insert(event);
  if (other_) other_(event.key.m_ts);
}

ns3::Scheduler::Event TrainScheduler::RemoveNext() {
  const bool wake = WakeIsFirst();
  const Event next = wake ? wake_event_ : PriorityQueueScheduler::RemoveNext();
  if (wake) armed_ = false;
  UHAUL_CHECK(next.key.m_ts >= last_ps_);
  last_ps_ = next.key.m_ts;
  return next;
}

void TrainScheduler::Remove(const Event& event) {
  if (armed_ && event.impl == wake_) {
    armed_ = false;
    return;
  }
  PriorityQueueScheduler::Remove(event);
}

}  // namespace uhaul
