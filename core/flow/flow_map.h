// FlowMap<T>: a hash map from flow to T for everything that is kept per flow beside the FIT: NF state, rules,
// locks, the controller's queues. The entries lie one after the other; an index of 8 octets a slot finds them (open
// addressing with linear probing and backward-shift deletion). The flow ID is the index, the five-tuple decides. It
// grows by doubling, so an insertion may allocate, and moves entries: callers bound size(), and keep no pointers.
//
// Iteration order depends on what was inserted and erased when: whoever prints or sends must sort (SortedKeys).
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/flow/five_tuple.h"

namespace uhaul {

template <class T>
class FlowMap {
 public:
  using Entry = std::pair<FlowKey, T>;

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

  T* Find(const FlowKey& key) {
    Entry* entry = FindEntry(key);
    return entry == nullptr ? nullptr : &entry->second;
  }
  const T* Find(const FlowKey& key) const {
    const Entry* entry = FindEntry(key);
    return entry == nullptr ? nullptr : &entry->second;
  }
  // The key as it was inserted, and its value. The key must stay as it is.
  Entry* FindEntry(const FlowKey& key) {
    const size_t slot = Locate(key);
    return slot == kNone ? nullptr : &entries_[slots_[slot].entry];
  }
  const Entry* FindEntry(const FlowKey& key) const {
    const size_t slot = Locate(key);
    return slot == kNone ? nullptr : &entries_[slots_[slot].entry];
  }
  bool Contains(const FlowKey& key) const { return Locate(key) != kNone; }

  // The value of `key`, default-constructed if it was absent (then *inserted is true).
  T& Get(const FlowKey& key, bool* inserted = nullptr) {
    if ((size() + 1) * 2 > slots_.size()) Grow();
    size_t i = Home(key.id);
    while (slots_[i].entry != kFree && !Holds(i, key)) i = Next(i);
    if (inserted != nullptr) *inserted = slots_[i].entry == kFree;
    if (slots_[i].entry == kFree) {
      UHAUL_CHECK(size() < kFree);
      slots_[i] = {Tag(key.id), static_cast<uint32_t>(size())};
      entries_.emplace_back(key, T{});
    }
    return entries_[slots_[i].entry].second;
  }

  bool Erase(const FlowKey& key) {
    const size_t slot = Locate(key);
    if (slot == kNone) return false;
    const uint32_t hole = slots_[slot].entry;
    EraseSlot(slot);
    const auto last = static_cast<uint32_t>(size() - 1);
    if (hole != last) {  // the last entry takes the place of the erased one
      slots_[SlotOf(last)].entry = hole;
      entries_[hole] = std::move(entries_[last]);
    }
    entries_.pop_back();
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
    entries_.clear();
  }

  template <class Function>
  void ForEach(Function function) const {
    for (const Entry& entry : entries_) function(entry.first, entry.second);
  }
  template <class Function>
  void ForEach(Function function) {
    for (Entry& entry : entries_) function(std::as_const(entry.first), entry.second);
  }

  // Keys in five-tuple order: the same on every machine, whatever the hash key.
  std::vector<FlowKey> SortedKeys() const {
    std::vector<FlowKey> keys;
    keys.reserve(size());
    ForEach([&](const FlowKey& key, const T&) { keys.push_back(key); });
    std::sort(keys.begin(), keys.end(), [](const FlowKey& a, const FlowKey& b) { return a.tuple < b.tuple; });
    return keys;
  }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);
  static constexpr uint32_t kFree = 0xffffffff;
  struct Slot {
    uint32_t tag = 0;  // the upper half of the flow ID: few entries are looked at in vain
    uint32_t entry = kFree;
  };

  static uint32_t Tag(FlowId id) { return static_cast<uint32_t>(id >> 32); }
  size_t Home(FlowId id) const { return static_cast<size_t>(id) & (slots_.size() - 1); }
  size_t Next(size_t i) const { return (i + 1) & (slots_.size() - 1); }
  bool Holds(size_t i, const FlowKey& key) const {
    return slots_[i].tag == Tag(key.id) && entries_[slots_[i].entry].first == key;
  }

  size_t Locate(const FlowKey& key) const {
    if (entries_.empty()) return kNone;
    for (size_t i = Home(key.id); slots_[i].entry != kFree; i = Next(i)) {
      if (Holds(i, key)) return i;
    }
    return kNone;
  }

  size_t SlotOf(uint32_t entry) const {
    size_t i = Home(entries_[entry].first.id);
    while (slots_[i].entry != entry) i = Next(i);
    return i;
  }

  void EraseSlot(size_t hole) {
    slots_[hole] = {};
    for (size_t i = Next(hole); slots_[i].entry != kFree; i = Next(i)) {
      // Move an entry back only if its home does not lie cyclically in (hole, i].
      const size_t home = Home(entries_[slots_[i].entry].first.id);
      const bool stays = hole <= i ? (hole < home && home <= i) : (hole < home || home <= i);
      if (stays) continue;
      slots_[hole] = slots_[i];
      slots_[i] = {};
      hole = i;
    }
  }

  void Grow() {
    std::vector<Slot>(slots_.empty() ? 16 : slots_.size() * 2).swap(slots_);
    for (uint32_t entry = 0; entry < size(); ++entry) {
      const FlowId id = entries_[entry].first.id;
      size_t i = Home(id);
      while (slots_[i].entry != kFree) i = Next(i);
      slots_[i] = {Tag(id), entry};
    }
  }

  std::vector<Slot> slots_;  // a power of two, at least twice the entries
  std::vector<Entry> entries_;
};

}  // namespace uhaul
