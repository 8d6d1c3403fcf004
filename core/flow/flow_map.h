// FlowMap<T>: a hash map from flow to T for everything that is kept per flow beside the FIT: NF state, rules,
// locks, the controller's queues. The entries lie one after the other, in chunks; an index of 8 octets a slot finds
// them (open addressing with linear probing and backward-shift deletion). The flow ID is the index, the five-tuple
// decides. An insertion may allocate and an erasure moves an entry: callers bound size(), and keep no pointers.
//
// Growth doubles the index, and looks at no entry: where entries were in the slots, a table of 32,000 connections held
// up its packets for 7 ms each time it grew.
//
// Iteration order depends on what was inserted and erased when: whoever prints or sends must sort (SortedKeys).
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/chunked_vector.h"
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

  // For who looks up many keys: first the index of each, then the entry of each, then Find.
  void PrefetchIndex(FlowId id) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[Home(Tag(id))]);
  }
  void PrefetchEntry(FlowId id) const {
    if (slots_.empty()) return;
    size_t i = Home(Tag(id));
    while (slots_[i].entry != kFree && slots_[i].tag != Tag(id)) i = Next(i);
    if (slots_[i].entry == kFree) return;
    const char* entry = reinterpret_cast<const char*>(&entries_[slots_[i].entry]);
    for (size_t at = 0; at < sizeof(Entry); at += kCacheLine) __builtin_prefetch(entry + at, 1);
    __builtin_prefetch(entry + sizeof(Entry) - 1, 1);
  }

  // The value of `key`, default-constructed if it was absent (then *inserted is true).
  T& Get(const FlowKey& key, bool* inserted = nullptr) {
    if ((size() + 1) * 2 > slots_.size()) Grow();
    size_t i = Home(Tag(key.id));
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
    entries_.ForEach([&](const Entry& entry) { function(entry.first, entry.second); });
  }
  template <class Function>
  void ForEach(Function function) {
    entries_.ForEach([&](Entry& entry) { function(std::as_const(entry.first), entry.second); });
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
  static constexpr size_t kCacheLine = 64;
  static constexpr size_t kNone = static_cast<size_t>(-1);
  static constexpr uint32_t kFree = 0xffffffff;
  struct Slot {
    uint32_t tag = 0;  // the lower half of the flow ID: where the slot belongs; few entries are looked at in vain
    uint32_t entry = kFree;
  };

  static uint32_t Tag(FlowId id) { return static_cast<uint32_t>(id); }
  size_t Home(uint32_t tag) const { return tag & (slots_.size() - 1); }
  size_t Next(size_t i) const { return (i + 1) & (slots_.size() - 1); }
  bool Holds(size_t i, const FlowKey& key) const {
    return slots_[i].tag == Tag(key.id) && entries_[slots_[i].entry].first == key;
  }

  size_t Locate(const FlowKey& key) const {
    if (entries_.empty()) return kNone;
    for (size_t i = Home(Tag(key.id)); slots_[i].entry != kFree; i = Next(i)) {
      if (Holds(i, key)) return i;
    }
    return kNone;
  }

  size_t SlotOf(uint32_t entry) const {
    size_t i = Home(Tag(entries_[entry].first.id));
    while (slots_[i].entry != entry) i = Next(i);
    return i;
  }

  void EraseSlot(size_t hole) {
    slots_[hole] = {};
    for (size_t i = Next(hole); slots_[i].entry != kFree; i = Next(i)) {
      // Move an entry back only if its home does not lie cyclically in (hole, i].
      const size_t home = Home(slots_[i].tag);
      const bool stays = hole <= i ? (hole < home && home <= i) : (hole < home || home <= i);
      if (stays) continue;
      slots_[hole] = slots_[i];
      slots_[i] = {};
      hole = i;
    }
  }

  void Grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.entry == kFree) continue;
      size_t i = Home(slot.tag);
      while (slots_[i].entry != kFree) i = Next(i);
      slots_[i] = slot;
    }
  }

  std::vector<Slot> slots_;  // a power of two, at least twice the entries
  ChunkedVector<Entry> entries_;
};

}  // namespace uhaul
