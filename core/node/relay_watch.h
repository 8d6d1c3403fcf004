// RelayWatch: how the destination of relayed flows (U-HAUL 3) keeps their packets in order when the rules begin to send
// them straight here. On their way by src, packets take longer: what comes directly would overtake them.
//
//   remember   before src relays anything: which flows come relayed
//   hold       before the rules change: what comes directly of these flows, and of flows that nobody here knows, waits
//   the end    behind the rules the switch sends a marker to src, behind the last packet on the old path; src passes it
//              on, behind the last that it relays. When it is here, nothing older can come: what waits goes on
//
// Flows that were here before, or have moved here, are not held. The controller has the marker sent again while it does
// not hear of it: behind more packets it says the same. Where packets of one flow may overtake those of another between
// switch and NF (several queues), a marker of no flow proves nothing.
//
// It holds no packets itself: its owner does, and says when one of them found no room.
#pragma once

#include <cstdint>

#include "core/base/hash.h"
#include "core/flow/flow_map.h"
#include "core/flow/packet.h"
#include "core/protocol/message.h"

namespace uhaul {

class RelayWatch {
 public:
  RelayWatch(OperationId operation, const FlowFilter& filter) : operation_(operation), filter_(filter) {}

  void Hold(uint64_t nonce) {
    holding_ = true;
    nonce_ = nonce;
  }
  // Of a packet that is to be processed here; `known`: there is state of its flow. True: it has to wait.
  bool Holds(const Packet& packet, bool known) {
    if (packet.do_not_buffer || !filter_.Matches(packet.flow.tuple)) return false;
    if (packet.relayed) {
      Remember(packet.flow);
      return false;
    }
    if (!holding_ || (known && !all_ && !flows_.Contains(packet.flow))) return false;
    Remember(packet.flow);  // whatever becomes of it: nothing of it overtakes what waits
    return true;
  }
  void Dropped() { ++dropped_; }
  bool EndsAt(const Marker& marker) const { return holding_ && marker.nonce == nonce_; }

  OperationId operation() const { return operation_; }
  uint32_t dropped() const { return dropped_; }
  void Hash(StateHash& hash) const {
    hash.Add((uint64_t{operation_} << 2) | (holding_ ? 1U : 0U) | (all_ ? 2U : 0U));
    hash.Add(nonce_);
    hash.Add(dropped_);
    for (const FlowKey& flow : flows_.SortedKeys()) hash.Add(flow.id);
  }

 private:
  static constexpr size_t kMostFlows = 1 << 17;
  // Of more flows it is not remembered which they are: then everything waits that comes directly.
  void Remember(const FlowKey& flow) {
    if (flows_.size() < kMostFlows) {
      flows_.Get(flow) = true;
    } else if (!flows_.Contains(flow)) {
      all_ = true;
    }
  }

  OperationId operation_;
  FlowFilter filter_;
  uint64_t nonce_ = 0;
  bool holding_ = false;
  bool all_ = false;
  uint32_t dropped_ = 0;
  FlowMap<bool> flows_;
};

}  // namespace uhaul
