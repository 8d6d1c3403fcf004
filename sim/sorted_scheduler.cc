#include "sim/sorted_scheduler.h"

#include "core/base/check.h"

namespace uhaul {

NS_OBJECT_ENSURE_REGISTERED(SortedScheduler);

ns3::TypeId SortedScheduler::GetTypeId() {
  static ns3::TypeId id = ns3::TypeId("uhaul::SortedScheduler")
                              .SetParent<ns3::Scheduler>()
                              .SetGroupName("Uhaul")
                              .AddConstructor<SortedScheduler>();
  return id;
}

namespace {
bool IsPlanes(const ns3::Scheduler::Event& event) { return dynamic_cast<const PlaneEvent*>(event.impl) != nullptr; }

bool Before(const ns3::Scheduler::Event& a, const ns3::Scheduler::Event& b) {
  if (a.key.m_ts != b.key.m_ts) [[likely]] {
    return a.key.m_ts < b.key.m_ts;
  }
  const bool planes = IsPlanes(a);
  return planes == IsPlanes(b) ? a.key.m_uid < b.key.m_uid : !planes;
}
}  // namespace

void SortedScheduler::Insert(const Event& event) {
  auto at = events_.end();
  while (at != events_.begin() && Before(*(at - 1), event)) --at;
  events_.insert(at, event);
}

void SortedScheduler::Remove(const Event& event) {
  for (auto it = events_.begin(); it != events_.end(); ++it) {
    if (it->key.m_uid != event.key.m_uid) continue;
    events_.erase(it);
    return;
  }
  UHAUL_CHECK(events_.empty());  // only a queued event may be removed
}

}  // namespace uhaul
