// FlowMap<T>: a hash map from flow to T for everything that is kept per flow beside the FIT: NF state, rules,
// locks, the controller's queues. Open addressing with linear probing and backward-shift deletion; the flow ID
// is the index, the five-tuple decides. It grows by doubling, so an insertion may allocate: callers bound size().
//
// Iteration order depends on the key of the hash: whoever prints or sends must sort (SortedKeys).
#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/flow/five_tuple.h"

namespace uhaul {

template <class T>
class FlowMap {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  T* Find(const FlowKey& key) {
    const size_t i = Locate(key);
    return i == kNone ? nullptr : &slots_[i]->second;
  }
  const T* Find(const FlowKey& key) const {
    const size_t i = Locate(key);
    return i == kNone ? nullptr : &slots_[i]->second;
  }
  bool Contains(const FlowKey& key) const { return Locate(key) != kNone; }

  // The value of `key`, default-constructed if it was absent (then *inserted is true).
  T& Get(const FlowKey& key, bool* inserted = nullptr) {
    if ((size_ + 1) * 2 > slots_.size()) Grow();
    size_t i = Home(key.id);
    while (slots_[i] && !(slots_[i]->first == key)) i = Next(i);
    if (inserted != nullptr) *inserted = !slots_[i].has_value();
    if (!slots_[i]) {
      slots_[i].emplace(key, T{});
      ++size_;
    }
    return slots_[i]->second;
  }

  bool Erase(const FlowKey& key) {
    const size_t i = Locate(key);
    if (i == kNone) return false;
    EraseSlot(i);
    return true;
  }

  // Removes every entry for which `predicate(key, value)` holds; returns how many.
  template <class Predicate>
  size_t EraseIf(Predicate predicate) {
    std::vector<FlowKey> doomed;
    ForEach([&](const FlowKey& key, const T& value) {
      if (predicate(key, value)) doomed.push_back(key);
    });
    for (const FlowKey& key : doomed) Erase(key);
    return doomed.size();
  }

  void Clear() {
    slots_.clear();
    size_ = 0;
  }

  template <class Function>
  void ForEach(Function function) const {
    for (const auto& slot : slots_) {
      if (slot) function(slot->first, slot->second);
    }
  }
  template <class Function>
  void ForEach(Function function) {
    for (auto& slot : slots_) {
      if (slot) function(slot->first, slot->second);
    }
  }

  // Keys in five-tuple order: the same on every machine, whatever the hash key.
  std::vector<FlowKey> SortedKeys() const {
    std::vector<FlowKey> keys;
    keys.reserve(size_);
    ForEach([&](const FlowKey& key, const T&) { keys.push_back(key); });
    std::sort(keys.begin(), keys.end(), [](const FlowKey& a, const FlowKey& b) { return a.tuple < b.tuple; });
    return keys;
  }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);
  size_t Home(FlowId id) const { return static_cast<size_t>(id) & (slots_.size() - 1); }
  size_t Next(size_t i) const { return (i + 1) & (slots_.size() - 1); }

  size_t Locate(const FlowKey& key) const {
    if (size_ == 0) return kNone;
    for (size_t i = Home(key.id); slots_[i]; i = Next(i)) {
      if (slots_[i]->first == key) return i;
    }
    return kNone;
  }

  void EraseSlot(size_t hole) {
    slots_[hole].reset();
    --size_;
    for (size_t i = Next(hole); slots_[i]; i = Next(i)) {
      // Move an entry back only if its home does not lie cyclically in (hole, i].
      const size_t home = Home(slots_[i]->first.id);
      const bool stays = hole <= i ? (hole < home && home <= i) : (hole < home || home <= i);
      if (stays) continue;
      slots_[hole] = std::move(slots_[i]);
      slots_[i].reset();
      hole = i;
    }
  }

  void Grow() {
    std::vector<std::optional<std::pair<FlowKey, T>>> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    for (auto& slot : old) {
      if (!slot) continue;
      size_t i = Home(slot->first.id);
      while (slots_[i]) i = Next(i);
      slots_[i] = std::move(slot);
    }
  }

  std::vector<std::optional<std::pair<FlowKey, T>>> slots_;
  size_t size_ = 0;
};

}  // namespace uhaul
