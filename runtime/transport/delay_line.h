// DelayLine: what a profile charges a control link, in real time. The receiver holds each message until it would have
// arrived over a link of that rate and delay: sent + transmission + delay. What the sockets in between take counts
// towards it; only a message that took longer comes late. First in, first out, as on a wire.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "core/base/units.h"

namespace uhaul::runtime {

template <class Item>
class DelayLine {
 public:
  // For what is pushed from now on. A rate of zero is a link without limit.
  void Set(BitRate rate, Duration delay) {
    rate_ = rate;
    delay_ = delay;
  }
  // `sent` by the clock that PopDue asks by; in doubt, now.
  void Push(TimePoint sent, Bytes size, Item item) {
    const bool limited = rate_.bits_per_second() > 0;
    TimePoint due = std::max(busy_until_, sent);
    if (limited) due = due + rate_.TransmissionTime(size);
    busy_until_ = due;
    last_due_ = std::max(last_due_, due + delay_);
    items_.push_back({last_due_, std::move(item)});
  }
  TimePoint NextDeadline() const { return items_.empty() ? TimePoint::Never() : items_.front().due; }
  std::optional<Item> PopDue(TimePoint now) {
    if (items_.empty() || items_.front().due > now) return std::nullopt;
    std::optional<Item> item(std::move(items_.front().item));
    items_.pop_front();
    return item;
  }
  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }

 private:
  struct Entry {
    TimePoint due;
    Item item;
  };
  BitRate rate_;
  Duration delay_;
  TimePoint busy_until_;
  TimePoint last_due_;  // a shorter delay lets nothing overtake
  std::deque<Entry> items_;
};

}  // namespace uhaul::runtime
