#include "sim/calendar.h"

#include "core/base/check.h"
#include "ns3/nstime.h"
#include "ns3/simulator.h"

namespace uhaul {

// One reusable event per source. A source that changes its mind leaves its old event in ns-3's queue, where it does
// nothing when it comes: cheaper than taking it out, and links never do.
class PacketCalendar::Entry final : public ns3::EventImpl {
 public:
  Entry(PacketCalendar* calendar, Source* source) : calendar_(calendar), source_(source) {}

  void SetHead(Key key) {
    if (key == armed_) return;
    armed_ = key;
    if (key == kNoKey) return;
    // Inside an action ns-3's time is the action's key; ns-3 is asked only outside (set-up, events of users).
    const Key now = calendar_->acting_ ? calendar_->current_ : ns3::Simulator::Now().GetTimeStep();
    Ref();  // ns-3 lets go of it after the event
    ns3::Simulator::ScheduleWithContext(ns3::Simulator::NO_CONTEXT, ns3::TimeStep(static_cast<uint64_t>(key - now)),
                                        this);
  }

 protected:
  void Notify() override {
    const Key key = ns3::Simulator::Now().GetTimeStep();
    if (key != armed_) return;
    armed_ = kNoKey;
    UHAUL_CHECK(key > calendar_->current_);
    calendar_->current_ = key;
    ++calendar_->actions_;
    calendar_->acting_ = true;
    source_->Act(key);
    calendar_->acting_ = false;
  }

 private:
  PacketCalendar* calendar_;
  Source* source_;
  Key armed_ = kNoKey;
};

PacketCalendar::PacketCalendar() : entries_(kKeysPerNano, nullptr) { UsePicoseconds(); }

PacketCalendar::~PacketCalendar() {
  for (Entry* entry : entries_) {
    if (entry != nullptr) entry->Unref();
  }
}

void PacketCalendar::Add(Source& source) {
  UHAUL_CHECK(source.rank() < kKeysPerNano);
  UHAUL_CHECK(entries_[source.rank()] == nullptr);  // no two sources share a key
  entries_[source.rank()] = new Entry(this, &source);
}

void PacketCalendar::SetHead(Source& source, Key key) {
  if (key != kNoKey) {
    UHAUL_CHECK(key > current_);
    UHAUL_CHECK(key % kKeysPerNano == source.rank());
  }
  entries_[source.rank()]->SetHead(key);
}

void UsePicoseconds() {
  if (ns3::Time::GetResolution() != ns3::Time::PS) ns3::Time::SetResolution(ns3::Time::PS);
}

}  // namespace uhaul
