#include "sim/calendar.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/hash.h"
#include "core/base/random.h"
#include "ns3/event-impl.h"
#include "ns3/object-factory.h"
#include "ns3/simulator.h"
#include "sim/link.h"
#include "sim/sorted_scheduler.h"
#include "sim/timer.h"
#include "sim/train_scheduler.h"

using namespace uhaul;  // NOLINT

namespace {

// An event that is not the calendar's.
class Call final : public ns3::EventImpl {
 public:
  explicit Call(std::function<void()> function) : function_(std::move(function)) {}

 protected:
  void Notify() override { function_(); }

 private:
  std::function<void()> function_;
};

void CallAt(int64_t at_ps, std::function<void()> function) {
  const int64_t delay = at_ps - ns3::Simulator::Now().GetTimeStep();
  REQUIRE(delay >= 0);
  ns3::Simulator::ScheduleWithContext(ns3::Simulator::NO_CONTEXT, ns3::TimeStep(static_cast<uint64_t>(delay)),
                                      new Call(std::move(function)));
}

struct Way {
  Granularity granularity;
  std::string scheduler;
  bool observed = false;
};
const Way kPackets{Granularity::kPacket, "uhaul::SortedScheduler"};
const Way kStock{Granularity::kPacket, "ns3::MapScheduler"};
const Way kTrains{Granularity::kTrain, "uhaul::TrainScheduler"};
const Way kObserved{Granularity::kTrain, "uhaul::TrainScheduler", true};

// Links and timers that feed each other, and events of others among them, as a seed says. Whatever anybody does or sees
// goes into one hash. What is decided depends on what was seen: one action too early or too late, and all is different.
class Network final : private DataReceiver {
 public:
  // `ties`: events of others at the very picosecond of actions, too.
  Network(uint64_t seed, const Way& way, bool ties) : choice_(seed, 1), ties_(ties) {
    SortedScheduler::GetTypeId();
    TrainScheduler::GetTypeId();
    ns3::ObjectFactory factory;
    factory.SetTypeId(way.scheduler);
    ns3::Simulator::SetScheduler(factory);
    calendar_ = std::make_unique<Calendar>(way.granularity);
    if (way.observed) calendar_->SetObserver([] { return true; });
    const int64_t quanta[] = {1, 4, 100, 600, 1200};
    quantum_ = quanta[choice_.Below(std::size(quanta))];
    const uint64_t links = 2 + choice_.Below(5);
    for (uint64_t i = 0; i < links; ++i) {
      links_.push_back(std::make_unique<DataLink>(LinkOptions{.name = "",
                                                              .rank = static_cast<uint16_t>(40 + i),
                                                              .rate = BitRate(8'000'000'000),
                                                              .delay = Quanta(3),
                                                              .queue = Bytes(1'000'000)},
                                                  calendar_.get(), static_cast<DataReceiver*>(this)));
    }
    for (uint16_t i = 0; i < 3; ++i) {
      timers_.push_back(std::make_unique<Timer>(i, calendar_.get(), [this, i](TimePoint now) { OnTimer(now, i); }));
    }
    for (uint32_t i = 0; i < 6; ++i) Feed(TimePoint::FromNanos(static_cast<int64_t>(i) * quantum_), i, 0);
    for (int i = 0; i < 6; ++i) Other(TimePoint());
  }
  ~Network() override {
    calendar_.reset();
    ns3::Simulator::Destroy();
  }

  uint64_t Run() {
    for (int runs = 0; runs == 0 || (stopped_ && runs < 1000); ++runs) {
      stopped_ = false;
      ns3::Simulator::Run();
      See(static_cast<uint64_t>(calendar_->current()));
      if (stopped_) See(static_cast<uint64_t>(ns3::Simulator::Now().GetTimeStep()));
      if (stopped_ && choice_.Below(2) == 0) Feed(TimeOfKey(calendar_->current()), 0, 0);
    }
    See(calendar_->actions());
    return hash_.value();
  }
  uint64_t actions() const { return calendar_->actions(); }
  uint64_t events() const { return calendar_->events(); }
  uint64_t others() const { return others_; }

 private:
  static constexpr uint64_t kMostActions = 600;

  Duration Quanta(uint64_t most) { return Duration::Nanos(quantum_ * static_cast<int64_t>(1 + choice_.Below(most))); }
  void See(uint64_t what) {
    hash_.Add(what);
    choice_ = Random(hash_.value(), 2);
  }
  // One octet takes 1 ns; 64 at least.
  void Feed(TimePoint now, uint32_t flow, uint32_t hop) {
    const uint64_t least = (64 + static_cast<uint64_t>(quantum_) - 1) / static_cast<uint64_t>(quantum_);
    const uint64_t bytes = (least + choice_.Below(3)) * static_cast<uint64_t>(quantum_);
    links_[choice_.Below(links_.size())]->Send(now,
                                               {.flow = flow, .sequence = hop, .bytes = static_cast<uint32_t>(bytes)});
  }
  void Choose(TimePoint now, uint32_t flow, uint32_t hop) {
    if (calendar_->actions() > kMostActions) return;
    for (uint64_t n = choice_.Below(8) == 0 ? 2 : choice_.Below(20) == 0 ? 0 : 1; n > 0; --n) Feed(now, flow, hop + 1);
    if (choice_.Below(4) == 0) {
      Timer& timer = *timers_[choice_.Below(timers_.size())];
      timer.Set(choice_.Below(8) == 0 ? TimePoint::Never() : now + Quanta(20));
    }
    if (choice_.Below(6) == 0) Other(now);
    if (choice_.Below(40) == 0) Stop();
  }
  void Stop() {
    stopped_ = true;
    calendar_->Stop();
  }
  void OnData(TimePoint now, uint16_t rank, const DataItem& item) override {
    See(static_cast<uint64_t>(now.nanos()) * 1000 + rank);
    See((uint64_t{item.flow} << 32) + item.sequence);
    Choose(now, item.flow, item.sequence);
  }
  void OnTimer(TimePoint now, uint16_t rank) {
    See(static_cast<uint64_t>(now.nanos()) * 1000 + rank);
    Choose(now, 100, 0);
  }
  // Somebody else's event, later: it looks, it may feed a link, change it, or have another one follow.
  void Other(TimePoint now) {
    const int64_t digits[] = {0, 41, 999, 500};
    const int64_t digit = ties_ ? digits[choice_.Below(4)] : 300 + static_cast<int64_t>(choice_.Below(100));
    CallAt((now + Quanta(12)).nanos() * 1000 + digit, [this] {
      ++others_;
      const TimePoint at = TimePoint::FromNanos(ns3::Simulator::Now().GetNanoSeconds());
      See(static_cast<uint64_t>(ns3::Simulator::Now().GetTimeStep()));
      See(calendar_->actions());
      See(static_cast<uint64_t>(calendar_->current()));
      if (calendar_->actions() > kMostActions) return;
      if (choice_.Below(3) == 0) Feed(at, 200, 0);
      if (choice_.Below(8) == 0) links_[choice_.Below(links_.size())]->SetDelay(Quanta(4));
      if (choice_.Below(8) == 0) timers_[choice_.Below(timers_.size())]->Set(at + Quanta(6));
      if (choice_.Below(2) == 0) Other(at);
    });
  }

  Random choice_;
  const bool ties_;
  int64_t quantum_ = 1;
  std::unique_ptr<Calendar> calendar_;
  std::vector<std::unique_ptr<DataLink>> links_;
  std::vector<std::unique_ptr<Timer>> timers_;
  StateHash hash_;
  bool stopped_ = false;
  uint64_t others_ = 0;
};

uint64_t Seeds(uint64_t everyday) {
  const char* more = std::getenv("UHAUL_TEST_SEEDS");
  return more == nullptr ? everyday : std::strtoull(more, nullptr, 10);
}

}  // namespace

TEST_CASE("Calendar: trains do what packets do, whatever users schedule, from within and without") {
  uint64_t actions = 0;
  uint64_t events = 0;
  uint64_t others = 0;
  for (uint64_t seed = 1; seed <= Seeds(1000); ++seed) {
    const bool ties = seed % 2 == 0;
    CAPTURE(seed, ties);
    const uint64_t expected = Network(seed, ties ? kPackets : kStock, ties).Run();
    {
      Network trains(seed, kTrains, ties);  // ns-3's simulator is global: one at a time
      REQUIRE(trains.Run() == expected);
      actions += trains.actions();
      events += trains.events();
      others += trains.others();
    }
    REQUIRE(Network(seed, kObserved, ties).Run() == expected);
    if (!ties) REQUIRE(Network(seed, kPackets, ties).Run() == expected);
  }
  // It was worth comparing: trains were cut, and had something to cut.
  CHECK(others > 20 * Seeds(1000));
  CHECK(actions > 2 * events);
}

TEST_CASE("Calendar: while somebody observes, ns-3's time is exact in every action, and otherwise when Run returns") {
  for (const Way& way : {kPackets, kTrains, kObserved}) {
    TrainScheduler::GetTypeId();
    SortedScheduler::GetTypeId();
    ns3::ObjectFactory factory;
    factory.SetTypeId(way.scheduler);
    ns3::Simulator::SetScheduler(factory);
    auto calendar = std::make_unique<Calendar>(way.granularity);
    if (way.observed) calendar->SetObserver([] { return true; });
    std::vector<int64_t> times;
    Timer tick(7, calendar.get(), [&](TimePoint now) {
      times.push_back(ns3::Simulator::Now().GetTimeStep());
      if (times.size() == 3) calendar->Stop();
      tick.Set(now + Duration::Nanos(10));
    });
    tick.Set(TimePoint::FromNanos(5));
    ns3::Simulator::Run();
    CHECK(times.size() == 3);
    CHECK(ns3::Simulator::Now().GetTimeStep() == 25'007);
    if (way.granularity == Granularity::kPacket || way.observed) {
      CHECK(times == std::vector<int64_t>{5'007, 15'007, 25'007});
    } else {
      CHECK(times == std::vector<int64_t>{5'007, 5'007, 5'007});
    }
    calendar.reset();
    ns3::Simulator::Destroy();
  }
}
