// ConnectionMap<T>: per-connection state, found by the five-tuple of either direction and kept under that of its first
// packet. It forgets what has been idle for longer than a time-out, and does so without looking at every entry when
// nothing can have expired: no entry is older than `oldest_`, a bound that each full look makes exact.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/units.h"
#include "core/flow/flow_map.h"
#include "core/flow/packet.h"

namespace uhaul::nf {

template <class T>
class ConnectionMap {
 public:
  ConnectionMap(Duration timeout, HashKey key, size_t capacity)
      : timeout_(timeout), hasher_(key), capacity_(capacity) {}

  // One direction's view of an entry.
  template <class Value>
  struct View {
    Value* state = nullptr;         // null: absent
    const FlowKey* flow = nullptr;  // the five-tuple of the connection's first packet
    bool reversed = false;          // looked up by the other direction
  };

  View<T> Find(const FlowKey& flow) { return Look<T>(*this, flow); }
  View<const T> Find(const FlowKey& flow) const { return Look<const T>(*this, flow); }

  // For bursts, in this order and with other work in between: what Find will read of connections in this direction.
  void PrefetchIndex(std::span<const Packet> burst) const {
    for (const Packet& packet : burst) states_.PrefetchIndex(packet.flow.id);
  }
  void PrefetchEntries(std::span<const Packet> burst) const {
    for (const Packet& packet : burst) states_.PrefetchEntry(packet.flow.id);
  }

  // A new entry under `flow`, which must be absent; null if there is no room.
  T* Insert(const FlowKey& flow) { return states_.size() < capacity_ ? &states_.Get(flow) : nullptr; }
  bool Erase(const FlowKey& flow) {
    const auto view = Find(flow);
    return view.state != nullptr && states_.Erase(FlowKey(*view.flow));
  }

  // An entry's last packet came at `last`: to be told of insertions and imports; later packets only make it younger.
  void Touched(TimePoint last) { oldest_ = std::min(oldest_, last); }

  // Erases what is older than the time-out, by `last(state)`; `forget(state)` hears of each.
  template <class Last, class Forget>
  void Expire(TimePoint now, Last last, Forget forget) {
    if (states_.empty() || oldest_ >= now || now - oldest_ <= timeout_) return;
    TimePoint oldest = TimePoint::Never();
    states_.EraseIf([&](const FlowKey&, const T& state) {
      const TimePoint at = last(state);
      if (at < now && now - at > timeout_) {
        forget(state);
        return true;
      }
      oldest = std::min(oldest, at);
      return false;
    });
    oldest_ = oldest;
  }

  FlowKey KeyOf(const FiveTuple& tuple) const { return hasher_.Key(tuple); }
  std::vector<FlowKey> Flows() const { return states_.SortedKeys(); }
  const T* At(const FlowKey& flow) const { return states_.Find(flow); }
  size_t size() const { return states_.size(); }
  size_t capacity() const { return capacity_; }
  template <class Function>
  void ForEach(Function function) const {
    states_.ForEach(function);
  }

 private:
  template <class Value, class Self>
  static View<Value> Look(Self& self, const FlowKey& flow) {
    if (auto* entry = self.states_.FindEntry(flow)) return {&entry->second, &entry->first, false};
    if (auto* entry = self.states_.FindEntry(self.hasher_.Key(flow.tuple.Reversed()))) {
      return {&entry->second, &entry->first, true};
    }
    return {};
  }

  Duration timeout_;
  FlowHasher hasher_;
  size_t capacity_;
  FlowMap<T> states_;
  TimePoint oldest_ = TimePoint::Never();
};

}  // namespace uhaul::nf
