// HeldPackets: what waits at the controller, in order of arrival, and chained flow by flow: one flow's packets can be
// let go early, all others leave in the order in which they came. A move of everything holds hundreds of thousands:
// they are stored once, and whatever goes frees its memory as it goes.
#pragma once

#include <cstdint>
#include <deque>

#include "core/base/check.h"
#include "core/flow/packet.h"

namespace uhaul {

class HeldPackets {
 public:
  // One flow's packets, by their numbers. The flow keeps it; TakeAll leaves it as good as empty.
  struct Chain {
    uint64_t first = kNone;
    uint64_t last = kNone;
  };

  void Add(Chain& chain, const Packet& packet) {
    const uint64_t number = base_ + queue_.size();
    queue_.push_back({packet, kNone});
    if (Empty(chain)) {
      chain.first = number;
    } else {
      At(chain.last).next = number;
    }
    chain.last = number;
  }

  // f(packet) of each of the flow's packets, oldest first; they are held no more.
  template <class Function>
  void Take(Chain& chain, Function f) {
    for (uint64_t number = Empty(chain) ? kNone : chain.first; number != kNone;) {
      Held& held = At(number);
      number = held.next;
      held.next = kTaken;
      f(held.packet);
    }
    chain = {};
    while (!queue_.empty() && queue_.front().next == kTaken) PopFront();
  }

  // f(packet) of every packet, in order of arrival; none is held any more.
  template <class Function>
  void TakeAll(Function f) {
    for (; !queue_.empty(); PopFront()) {
      if (queue_.front().next != kTaken) f(queue_.front().packet);
    }
  }

  // f(packet, place) of each of the flow's packets: how many came since, itself included.
  template <class Function>
  void ForEach(const Chain& chain, Function f) const {
    for (uint64_t number = Empty(chain) ? kNone : chain.first; number != kNone;) {
      const Held& held = queue_[number - base_];
      f(held.packet, base_ + queue_.size() - number);
      number = held.next;
    }
  }

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};
  static constexpr uint64_t kTaken = kNone - 1;
  struct Held {
    Packet packet;
    uint64_t next;  // the flow's next packet; kTaken: this one has left
  };

  bool Empty(const Chain& chain) const { return chain.first == kNone || chain.first < base_; }
  Held& At(uint64_t number) {
    UHAUL_CHECK(number - base_ < queue_.size());
    return queue_[number - base_];
  }
  void PopFront() {
    queue_.pop_front();
    ++base_;
  }

  std::deque<Held> queue_;
  uint64_t base_ = 0;  // the number of the oldest
};

}  // namespace uhaul
