// SheetQueue<T>: what one thread has to say to another, in order. The writer fills a sheet of its own and hands it over
// when it is full or when it has nothing more to say for now (Send); the reader asks in every round, which costs it
// one load of a word that nobody writes meanwhile. Neither waits for the other for longer than a sheet changes hands,
// and sheets are used again: where every record took the lock, both threads fought for it a million times a second, and
// a vector of all that the reader had not come to yet doubled under it.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace uhaul::runtime {

template <class T>
class SheetQueue {
 public:
  // ---- the writer's

  void Put(T record) {
    writing_.push_back(std::move(record));
    if (writing_.size() == kSheet) Send();
  }
  void Send() {
    if (writing_.empty()) return;
    const std::lock_guard lock(mutex_);
    sent_.push_back(std::move(writing_));
    sheets_.store(sent_.size(), std::memory_order_release);
    writing_ = {};
    if (spare_.empty()) return writing_.reserve(kSheet);
    writing_ = std::move(spare_.back());
    spare_.pop_back();
  }

  // ---- the reader's

  // f(record) of at most `most` that were sent; whether some are left.
  template <class Function>
  bool Take(size_t most, Function f) {
    for (; most > 0; --most) {
      if (next_ == reading_.size() && !Turn()) return false;
      f(std::as_const(reading_[next_]));
      ++next_;
    }
    return next_ < reading_.size() || sheets_.load(std::memory_order_acquire) > 0;
  }

 private:
  static constexpr size_t kSheet = 256;
  static constexpr size_t kSpare = 64;

  bool Turn() {
    if (sheets_.load(std::memory_order_acquire) == 0) return false;
    reading_.clear();
    next_ = 0;
    const std::lock_guard lock(mutex_);
    if (spare_.size() < kSpare && reading_.capacity() > 0) spare_.push_back(std::move(reading_));
    reading_ = std::move(sent_.front());
    sent_.pop_front();
    sheets_.store(sent_.size(), std::memory_order_release);
    return true;
  }

  std::vector<T> writing_;
  std::vector<T> reading_;
  size_t next_ = 0;  // of reading_
  std::mutex mutex_;
  std::deque<std::vector<T>> sent_;    // under the lock
  std::vector<std::vector<T>> spare_;  // under the lock
  std::atomic<size_t> sheets_ = 0;     // in sent_
};

}  // namespace uhaul::runtime
