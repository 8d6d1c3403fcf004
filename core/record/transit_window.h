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

  void Add(TimePoint now, int64_t transit_ns) { Add(now, Duration(), 1, transit_ns); }
  // Of so many packets at even distances, the first at `first`.
  void Add(TimePoint first, Duration every, uint32_t count, int64_t transit_ns) {
    const TimePoint oldest = first + every * (count - 1) - length_;
    while (!samples_.empty() && samples_.front().Last() < oldest) samples_.pop_front();
    samples_.push_back({first, every, count, transit_ns});
  }

  // Of the packets in [now - length, now]; the lower of the two middle ones; 0 if there are none.
  int64_t Median(TimePoint now) const {
    std::vector<int64_t> times;
    const TimePoint oldest = now - length_;
    for (const Sample& s : samples_) {
      if (s.Last() < oldest) continue;
      const int64_t late = s.first < oldest ? (s.Last() - oldest).nanos() / s.every.nanos() + 1 : s.count;
      times.insert(times.end(), static_cast<size_t>(late), s.transit_ns);
    }
    if (times.empty()) return 0;
    const auto middle = times.begin() + static_cast<ptrdiff_t>((times.size() - 1) / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
  }

 private:
  struct Sample {
    TimePoint first;
    Duration every;
    uint32_t count = 0;
    int64_t transit_ns = 0;
    TimePoint Last() const { return first + every * (count - 1); }
  };

  Duration length_;
  std::deque<Sample> samples_;
};

}  // namespace uhaul
