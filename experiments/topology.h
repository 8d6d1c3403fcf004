// Who is connected to whom, and in which order simultaneous actions happen: the same in every engine, so that runs by
// a schedule agree to the nanosecond.
//
//   generator --> switch <--> NF 1 --> sink          controller <--> switch, NF 1, NF 2
//      ^            |  \----> NF 2 --> sink
//      +------------------------------- sink: acknowledgements, closed loop only
//
// The way from an NF back to the switch carries relayed packets. NF instances also talk to each other (hand-overs).
#pragma once

#include <array>
#include <cstdint>

#include "core/node/machine_set.h"

namespace uhaul {

// Ranks: the order of actions at the same nanosecond.
namespace rank {
inline constexpr uint16_t kStart = 0;  // t0
inline constexpr uint16_t kCap = 1;
inline constexpr uint16_t kWatch = 2;
inline constexpr uint16_t kMachineTimer = 10;  // + MachineIndex
inline constexpr uint16_t kControlToSwitch = 20;
inline constexpr uint16_t kControlToNf = 21;  // + instance
inline constexpr uint16_t kControlFromSwitch = 25;
inline constexpr uint16_t kControlFromNf = 26;  // + instance
inline constexpr uint16_t kPeer = 30;           // + instance that sends; to the other one
inline constexpr uint16_t kSwitchToNf = 40;     // + instance
inline constexpr uint16_t kNfToSwitch = 44;     // + instance
inline constexpr uint16_t kToSwitch = 48;       // from the generator
inline constexpr uint16_t kNfToSink = 50;       // + instance
inline constexpr uint16_t kAcknowledgements = 54;
inline constexpr uint16_t kGenerator = 90;
}  // namespace rank

// The control link between the controller and `node`.
constexpr uint16_t ControlRankTo(NodeId node) {
  return node == kSwitchNode ? rank::kControlToSwitch : static_cast<uint16_t>(rank::kControlToNf + node.instance);
}
constexpr uint16_t ControlRankFrom(NodeId node) {
  return node == kSwitchNode ? rank::kControlFromSwitch : static_cast<uint16_t>(rank::kControlFromNf + node.instance);
}
// The control link from one machine to another.
constexpr uint16_t ControlRank(NodeId from, NodeId to) {
  if (from == kControllerNode) return ControlRankTo(to);
  if (to == kControllerNode) return ControlRankFrom(from);
  return static_cast<uint16_t>(rank::kPeer + from.instance);
}
// Who sent what arrives on a control link, and for whom it is.
struct ControlEnds {
  NodeId from;
  NodeId to;
};
constexpr ControlEnds EndsOf(uint16_t control_rank) {
  if (control_rank == rank::kControlToSwitch) return {kControllerNode, kSwitchNode};
  if (control_rank == rank::kControlFromSwitch) return {kSwitchNode, kControllerNode};
  if (control_rank >= rank::kPeer) {
    const auto from = static_cast<uint8_t>(control_rank - rank::kPeer);
    return {NfNode(from), NfNode(static_cast<uint8_t>(1 - from))};
  }
  if (control_rank >= rank::kControlFromNf) {
    return {NfNode(static_cast<uint8_t>(control_rank - rank::kControlFromNf)), kControllerNode};
  }
  return {kControllerNode, NfNode(static_cast<uint8_t>(control_rank - rank::kControlToNf))};
}

}  // namespace uhaul
