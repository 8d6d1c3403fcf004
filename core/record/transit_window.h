// TransitWindow: the transit times of the packets of the last so many milliseconds, for their exact median. A deque:
// what grew by moving everything held up the packets for two milliseconds each time it doubled.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "core/base/units.h"

namespace uhaul {

class TransitWindow {
 public:
  explicit TransitWindow(Duration length) : length_(length) {}

  void Add(TimePoint now, int64_t transit_ns) {
    const int64_t oldest = now.nanos() - length_.nanos();
    while (!samples_.empty() && samples_.front().at_ns < oldest) samples_.pop_front();
    samples_.push_back({now.nanos(), transit_ns});
  }

  // Of the packets in [now - length, now]; the lower of the two middle ones; 0 if there are none.
  int64_t Median(TimePoint now) const {
    std::vector<int64_t> times;
    for (const Sample& s : samples_) {
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

  Duration length_;
  std::deque<Sample> samples_;
};

}  // namespace uhaul
