// A packet as the machines see it. The octets stay with the engine, behind `handle`.
#pragma once

#include <cstdint>

#include "core/base/units.h"
#include "core/flow/five_tuple.h"

namespace uhaul {

namespace tcp_flag {
inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kSyn = 0x02;
inline constexpr uint8_t kRst = 0x04;
inline constexpr uint8_t kPsh = 0x08;
inline constexpr uint8_t kAck = 0x10;
}  // namespace tcp_flag

// Locks, rules and the FIT go by `flow` alone, an NF's state is one per connection: an engine whose traffic goes both
// ways must name a connection's packets alike (the initiator's five-tuple and `reverse`), or a move of one direction
// would take the state from under the other.
struct Packet {
  FlowKey flow;
  uint32_t bytes = 0;          // on the wire, headers included
  uint8_t tcp_flags = 0;       // as in the TCP header; 0 for other protocols
  bool do_not_buffer = false;  // OpenNF's mark on packet-outs: a buffering destination processes it at once
  bool relayed = false;        // came by way of an NF that passed it on unprocessed (U-HAUL 3); set by the engine
  bool reverse = false;        // travels from the responder to the initiator, whose five-tuple `flow` then is
  uint64_t digest = 0;         // identifies the packet by its contents (in simulation: its number in the flow)
  uint64_t handle = 0;         // the engine's
  TimePoint stamp;             // when it first left the switch; set by the engine, carried along

  bool operator==(const Packet&) const = default;
};

// Packets of one flow that differ in number and time alone: the i-th is `first` with i more in its digest, stamped and
// coming i * `every` later. What they have in `handle` is not looked at.
struct Streak {
  Packet first;
  uint32_t count = 0;  // at least 1
  Duration every;

  Duration length() const { return every * (count - 1); }  // from the first to the last
};

}  // namespace uhaul
