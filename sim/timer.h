// Timer: a source that calls a function at a time that may be moved at will.
#pragma once

#include <functional>
#include <utility>

#include "sim/calendar.h"

namespace uhaul {

class Timer final : public Source {
 public:
  Timer(uint16_t rank, Calendar* calendar, std::function<void(TimePoint)> function)
      : Source(rank), calendar_(calendar), function_(std::move(function)) {
    calendar_->Add(*this);
  }

  // Calls at `at`, or never. A time that has passed in the order of keys is the programmer's error.
  void Set(TimePoint at) {
    if (at == at_) return;
    at_ = at;
    calendar_->SetHead(*this, at == TimePoint::Never() ? kNoKey : MakeKey(at, rank()));
  }
  TimePoint at() const { return at_; }

  void Act(TimePoint now) override {
    at_ = TimePoint::Never();
    function_(now);
  }

 private:
  Calendar* calendar_;
  std::function<void(TimePoint)> function_;
  TimePoint at_ = TimePoint::Never();
};

}  // namespace uhaul
