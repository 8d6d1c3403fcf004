// A hand-over's marker as a frame: an Ethernet frame of a type of its own (IEEE's first for local experiments, 0x88B5),
// of the least size. It travels between the switch and an NF only; an NF looks for it on its port to the switch and
// nowhere else, and believes it only with the nonce that the controller gave it.
//
//   addresses | 88 B5 | "UHAU" | u64 epoch | u64 nonce | u8 version | u8 protocol | source, u16 port | destination, u16
//   port | u8 port of the NF
//
// Integers as in core/protocol (little-endian), addresses of 16 octets.
#pragma once

#include <rte_mbuf.h>

#include <optional>

#include "core/flow/five_tuple.h"
#include "core/protocol/message.h"

namespace uhaul::runtime {

inline constexpr uint16_t kMarkerEtherType = 0x88b5;
inline constexpr uint32_t kMarkerFrameBytes = 64;  // what links charge

bool IsMarkerFrame(rte_mbuf* mbuf);
// Nothing if it is not one of ours.
std::optional<Marker> ReadMarkerFrame(rte_mbuf* mbuf, const FlowHasher& hasher);
// In an empty mbuf.
void BuildMarkerFrame(const Marker& marker, rte_mbuf* mbuf);

}  // namespace uhaul::runtime
