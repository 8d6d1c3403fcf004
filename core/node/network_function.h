// What the author of a network function (NF) writes. The rest (FIT, events, locks, transfer) is the NF agent's.
//
// State is per connection: both directions of a flow share it, and either five-tuple finds it. Export, Import and
// Delete are OpenNF's southbound getPerflow, putPerflow and delPerflow, one flow at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/hash.h"
#include "core/base/result.h"
#include "core/flow/packet.h"

namespace uhaul {

using SchemaId = uint16_t;

class NetworkFunction {
 public:
  virtual ~NetworkFunction() = default;
  virtual std::unique_ptr<NetworkFunction> Clone() const = 0;
  virtual SchemaId schema() const = 0;

  // Processes packets in order, all at `now`. Packets of unknown flows create state. Before a burst of several comes
  // Prefetch: a function whose tables exceed the cache may ask for what it will read.
  virtual void Process(TimePoint now, std::span<const Packet> burst) = 0;
  virtual void Prefetch(std::span<const Packet> /*burst*/) const {}

  // For functions that can take in packets of one flow at even distances faster than one by one: ProcessStreak does
  // what Process would, the first packet being at `now`. Only flows that TakesStreak agrees to are given so, and other
  // flows' packets from the midst of it come before or after: whoever keeps more than state per connection should not
  // agree.
  virtual bool TakesStreak(const FlowKey& /*flow*/) const { return false; }
  virtual void ProcessStreak(TimePoint now, const Streak& streak);

  virtual bool Knows(const FlowKey& flow) const = 0;
  // Every flow with state, as the five-tuple of its first packet, in five-tuple order.
  virtual std::vector<FlowKey> Flows() const = 0;
  virtual size_t flow_count() const = 0;

  // The flow's serialised state; an error if there is none.
  virtual Result<std::vector<uint8_t>> Export(const FlowKey& flow) const = 0;
  // Takes a chunk of the same schema; replaces what was there. A malformed chunk changes nothing.
  virtual Status Import(TimePoint now, const FlowKey& flow, std::span<const uint8_t> chunk) = 0;
  virtual bool Delete(const FlowKey& flow) = 0;
  // Drops state that outlived the NF's own time-out. Called now and then.
  virtual void Expire(TimePoint now) = 0;

  virtual void Hash(StateHash& hash) const = 0;
};

inline void NetworkFunction::ProcessStreak(TimePoint now, const Streak& streak) {
  Packet packet = streak.first;
  for (uint32_t i = 0; i < streak.count; ++i) {
    Process(now, {&packet, 1});
    now = now + streak.every;
    packet.stamp = packet.stamp + streak.every;
    ++packet.digest;
  }
}

}  // namespace uhaul
