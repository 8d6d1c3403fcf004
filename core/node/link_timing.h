// When a packet or message that is offered to a link arrives at its far end.
#pragma once

#include <cstdint>

#include "core/base/units.h"

namespace uhaul {

inline constexpr uint32_t kMinFrameBytes = 64;

class LinkTiming {
 public:
  LinkTiming(BitRate rate, Duration delay) : rate_(rate), delay_(delay) {}
  void SetRate(BitRate rate) {
    rate_ = rate;
    cached_bytes_ = 0;
  }
  void SetDelay(Duration delay) { delay_ = delay; }
  BitRate rate() const { return rate_; }
  Duration delay() const { return delay_; }

  // At least 1 ns; a rate of zero stands for a link without limit.
  Duration TransmissionTime(uint32_t bytes) {
    if (bytes != cached_bytes_) [[unlikely]] {
      Cache(bytes);
    }
    return cached_time_;
  }
  // Time until everything offered so far is on the wire.
  Duration Backlog(TimePoint now) const { return busy_until_ > now ? busy_until_ - now : Duration(); }
  // Takes the link for `time`; the arrival.
  TimePoint Occupy(TimePoint now, Duration time) {
    busy_until_ = (busy_until_ > now ? busy_until_ : now) + time;
    return busy_until_ + delay_;
  }

 private:
  [[gnu::noinline]] void Cache(uint32_t bytes) {
    cached_bytes_ = bytes;
    cached_time_ = rate_.bits_per_second() == 0 ? Duration::Nanos(1) : rate_.TransmissionTime(Bytes(bytes));
    if (cached_time_ < Duration::Nanos(1)) cached_time_ = Duration::Nanos(1);
  }

  BitRate rate_;
  Duration delay_;
  TimePoint busy_until_;
  uint32_t cached_bytes_ = 0;
  Duration cached_time_;
};

}  // namespace uhaul
