// TransitWindow: the transit times of the packets of the last so many milliseconds, for their exact median. A ring that
// grows to what the window holds, and stays.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/units.h"

namespace uhaul {

class TransitWindow {
 public:
  explicit TransitWindow(Duration length) : length_(length), ring_(1024), mask_(ring_.size() - 1) {}

  void Add(TimePoint now, int64_t transit_ns) {
    const int64_t oldest = now.nanos() - length_.nanos();
    while (count_ > 0 && ring_[head_].at_ns < oldest) {
      head_ = (head_ + 1) & mask_;
      --count_;
    }
    if (count_ > mask_) [[unlikely]] {
      Grow();
    }
    ring_[(head_ + count_++) & mask_] = {now.nanos(), transit_ns};
  }

  // Of the packets in [now - length, now]; the lower of the two middle ones; 0 if there are none.
  int64_t Median(TimePoint now) const {
    std::vector<int64_t> times;
    for (size_t i = 0; i < count_; ++i) {
      const Sample& s = ring_[(head_ + i) & mask_];
      if (s.at_ns >= now.nanos() - length_.nanos()) times.push_back(s.transit_ns);
    }
    if (times.empty()) return 0;
    const auto middle = times.begin() + static_cast<ptrdiff_t>((times.size() - 1) / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
  }

 private:
  struct Sample {
    int64_t at_ns = 0;
    int64_t transit_ns = 0;
  };
  void Grow() {
    std::vector<Sample> larger(ring_.size() * 2);
    for (size_t i = 0; i < count_; ++i) larger[i] = ring_[(head_ + i) & mask_];
    ring_.swap(larger);
    mask_ = ring_.size() - 1;
    head_ = 0;
  }

  Duration length_;
  std::vector<Sample> ring_;  // a power of two
  size_t mask_;
  size_t head_ = 0;
  size_t count_ = 0;
};

}  // namespace uhaul
