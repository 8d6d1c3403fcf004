#include "sim/calendar.h"

#include <algorithm>

#include "ns3/nstime.h"
#include "ns3/simulator.h"
#include "sim/sorted_scheduler.h"
#include "sim/train_scheduler.h"

namespace uhaul {
namespace {

constexpr int64_t kPicosPerNano = 1000;

constexpr int64_t PicosOfKey(Key key) { return key / kKeysPerNano * kPicosPerNano + key % kKeysPerNano; }
constexpr Key KeyOfPicos(int64_t ps) { return ps / kPicosPerNano * kKeysPerNano + ps % kPicosPerNano; }

int64_t NowPicos() { return ns3::Simulator::Now().GetTimeStep(); }

// ns-3 takes one reference, and lets go of it after the event.
void ScheduleEvent(ns3::EventImpl* event, int64_t at_ps, int64_t now_ps) {
  UHAUL_CHECK(at_ps >= now_ps);  // ns-3 would run backwards, and say nothing
  event->Ref();
  ns3::Simulator::ScheduleWithContext(ns3::Simulator::NO_CONTEXT, ns3::TimeStep(static_cast<uint64_t>(at_ps - now_ps)),
                                      event);
}

}  // namespace

// A reusable event: of a source or, without one, the train's wake-up.
class Calendar::Event final : public PlaneEvent {
 public:
  Event(Calendar* calendar, Source* source) : calendar_(calendar), source_(source) {}

 protected:
  void Notify() override {
    if (source_ == nullptr) return calendar_->RunTrain();
    calendar_->RunEvent(*source_);
  }

 private:
  Calendar* calendar_;
  Source* source_;
};

Calendar::Calendar(Granularity granularity) : granularity_(granularity) {
  keys_[0] = kNoKey;
  UsePicoseconds();
  if (granularity == Granularity::kPacket) return;
  scheduler_ = TrainScheduler::Current();
  UHAUL_CHECK(scheduler_ != nullptr);  // ns3::Simulator::SetScheduler comes first
  wake_ = new Event(this, nullptr);
  scheduler_->Bind(wake_,
                   [this](uint64_t at_ps) { bound_ = std::min(bound_, KeyOfPicos(static_cast<int64_t>(at_ps))); });
}

Calendar::~Calendar() {
  for (Event* event : events_of_) {
    if (event != nullptr) event->Unref();
  }
  if (wake_ != nullptr) wake_->Unref();
}

void Calendar::Add(Source& source) {
  UHAUL_CHECK(source.rank() <= Source::kMaxRank);
  UHAUL_CHECK(sources_[source.rank()] == nullptr);  // no two sources share a key
  UHAUL_CHECK(++sources_count_ <= kMostSources);
  sources_[source.rank()] = &source;
  if (granularity_ == Granularity::kPacket) events_of_[source.rank()] = new Event(this, &source);
}

void Calendar::Stop() {
  if (!acting_) return;
  if (granularity_ == Granularity::kPacket) {
    ns3::Simulator::Stop();
  } else {
    stopping_ = true;
    bound_ = 0;
  }
}

Key Calendar::NextBeside(const std::bitset<Source::kMaxRank + 1>& ranks) const {
  if (granularity_ == Granularity::kPacket || !acting_) return current_;
  size_t i = count_ - 1;
  while (i > 0 && ranks[RankOfKey(keys_[i])]) --i;
  return std::min(bound_, keys_[i]);
}

// ---- Packet

// A source that changes its mind leaves its old event in ns-3's queue, where it does nothing when it comes: cheaper
// than taking it out, and links never do.
void Calendar::Schedule(Source& source, Key key) {
  // Inside an action ns-3's time is the action's key; ns-3 is asked only outside (set-up, events of users).
  ScheduleEvent(events_of_[source.rank()], PicosOfKey(key), acting_ ? PicosOfKey(current_) : NowPicos());
}

void Calendar::RunEvent(Source& source) {
  ++events_;
  const Key key = KeyOfPicos(NowPicos());
  if (key != source.head_) return;
  source.head_ = kNoKey;
  Begin(key);
  acting_ = true;
  source.Act(TimeOfKey(key));
  acting_ = false;
}

// ---- Train

void Calendar::DropHead(Source& source) {
  const Key key = source.head_;
  source.head_ = kNoKey;
  if (granularity_ == Granularity::kPacket) return;
  Key* const end = keys_.data() + count_;
  Key* const at = std::find(keys_.data() + 1, end, key);
  UHAUL_CHECK(at != end);
  std::copy(at + 1, end, at);
  --count_;
  if (!acting_) Arm();
}

// The wake-up stands at the earliest key or, where a Run is to end, at the last action's: ns-3's time is right then.
void Calendar::Arm() {
  if (count_ == 1 && !stopping_) return;  // if it is armed still, it will find nothing to do
  scheduler_->SetFirst(stopping_);
  const int64_t at_ps = PicosOfKey(stopping_ ? current_ : keys_[count_ - 1]);
  const int64_t now_ps = NowPicos();
  if (!scheduler_->armed()) return ScheduleEvent(wake_, at_ps, now_ps);
  UHAUL_CHECK(at_ps >= now_ps);
  scheduler_->Move(static_cast<uint64_t>(at_ps));
}

void Calendar::RunTrain() {
  ++events_;
  if (stopping_) {
    stopping_ = false;
    Arm();
    return ns3::Simulator::Stop();
  }
  const uint64_t other = scheduler_->NextOther();
  bound_ = other == TrainScheduler::kNever ? kNoKey : KeyOfPicos(static_cast<int64_t>(other));
  if (observed_ && observed_() && keys_[count_ - 1] != kNoKey) bound_ = std::min(bound_, keys_[count_ - 1] + 1);
  acting_ = true;
  for (Key key = keys_[count_ - 1]; key < bound_; key = keys_[count_ - 1]) {
    --count_;
    Source& source = *sources_[RankOfKey(key)];
    source.head_ = kNoKey;
    Begin(key);
    source.Act(TimeOfKey(key));
  }
  acting_ = false;
  Arm();
}

void UsePicoseconds() {
  if (ns3::Time::GetResolution() != ns3::Time::PS) ns3::Time::SetResolution(ns3::Time::PS);
}

}  // namespace uhaul
