// CostServer: charges the time that work takes, by deadlines, never by waiting. First in, first out, one item at a
// time: an item that takes `cost` is due when everything before it is done and `cost` has passed. Work that costs
// nothing is due at once, so that a profile of zeros adds no delay and no order of its own.
#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "core/base/hash.h"
#include "core/base/units.h"

namespace uhaul {

template <class Task>
class CostServer {
 public:
  // Queues a task; it is due at the returned time (== now if it is free and nothing is ahead of it).
  TimePoint Submit(TimePoint now, Duration cost, Task task) {
    const TimePoint start = busy_until_ > now ? busy_until_ : now;
    busy_until_ = start + cost;
    queue_.push_back({busy_until_, std::move(task)});
    return busy_until_;
  }
  // Adds work that nobody waits for: what is queued later starts later; what is queued already keeps its time.
  void Charge(TimePoint now, Duration cost) {
    const TimePoint start = busy_until_ > now ? busy_until_ : now;
    busy_until_ = start + cost;
  }

  TimePoint NextDeadline() const { return queue_.empty() ? TimePoint::Never() : queue_.front().due; }
  // The next task that is due at `now`, if any.
  std::optional<Task> PopDue(TimePoint now) {
    if (queue_.empty() || queue_.front().due > now) return std::nullopt;
    Task task = std::move(queue_.front().task);
    queue_.pop_front();
    return task;
  }
  bool empty() const { return queue_.empty(); }
  size_t size() const { return queue_.size(); }
  template <class Function>
  void ForEach(Function function) const {
    for (const Item& item : queue_) function(item.due, item.task);
  }
  // Removes the tasks for which the predicate holds; the time they were charged stays charged.
  template <class Predicate>
  void RemoveIf(Predicate predicate) {
    std::erase_if(queue_, [&](const Item& item) { return predicate(item.task); });
  }
  TimePoint busy_until() const { return busy_until_; }

 private:
  struct Item {
    TimePoint due;
    Task task;
  };
  std::deque<Item> queue_;
  TimePoint busy_until_;
};

}  // namespace uhaul
