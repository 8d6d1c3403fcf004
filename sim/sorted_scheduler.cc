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

void SortedScheduler::Insert(const Event& event) {
  auto at = events_.end();
  while (at != events_.begin() && (at - 1)->key < event.key) --at;
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
