// Ring<T>: a first-in first-out queue in one block of memory that doubles when full, so that a push in steady state
// allocates nothing (std::deque allocates a block every few dozen pushes).
#pragma once

#include <cstddef>
#include <vector>

#include "core/base/check.h"

namespace uhaul {

template <class T>
class Ring {
 public:
  bool empty() const { return head_ == tail_; }
  size_t size() const { return tail_ - head_; }
  const T& front() const { return slots_[head_ & (slots_.size() - 1)]; }
  void push(const T& value) {
    if (size() == slots_.size()) Grow();
    slots_[tail_++ & (slots_.size() - 1)] = value;
  }
  void pop() {
    UHAUL_CHECK(!empty());
    ++head_;
  }

 private:
  void Grow() {
    std::vector<T> larger(slots_.empty() ? 64 : slots_.size() * 2);
    const size_t count = size();
    for (size_t i = 0; i < count; ++i) larger[i] = slots_[(head_ + i) & (slots_.size() - 1)];
    slots_.swap(larger);
    head_ = 0;
    tail_ = count;
  }

  std::vector<T> slots_;
  size_t head_ = 0;  // counted from the beginning, not wrapped
  size_t tail_ = 0;
};

}  // namespace uhaul
