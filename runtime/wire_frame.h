// A frame that leaves the process. On a port a frame is padded to the packet's true size (Ethernet header and the
// octets that IP's length field names, at least 60), and what we carry beside the octets (FrameMeta) travels in the two
// addresses, which neither a cable nor a direct link minds:
//
//   destination  02 : flags : nf : bytes (2) : check        source  06 : stamp (5)
//
// `stamp` is the low 40 bits of nanoseconds, so that a receiver needs a reference within nine minutes of it; 0x80 in
// the flags says that there is no stamp. A capture's frame (kNumbered) has its packet's number there: everybody who has
// the capture knows its stamp. `check` is a sum over the other eleven octets, so that a stranger's frame is
// not taken for one of ours by its addresses alone. Ports are for links between roles of the testbed: a bridge that
// learns addresses would see a new host with every frame.
//
// A frame that comes in is never trusted: what is not ours is told apart and left alone.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "core/base/units.h"

namespace uhaul::runtime {

inline constexpr uint32_t kLeastWireOctets = 60;    // without the checksum that a NIC adds
inline constexpr uint16_t kPortDataOctets = 2'048;  // of an mbuf that ports use

// Writes the addresses and pads. False, and the frame is as it was, if it is larger than `most_octets`, than its mbuf,
// or than a frame of ours can be. What the padding holds is whatever was there.
bool ToWire(rte_mbuf* mbuf, uint32_t most_octets);

enum class WireOutcome : uint8_t {
  kOurs,
  kForeign,  // ARP, LLDP, another program
  kCut,      // ours, but shorter than it says, or in several pieces
};

// Restores the FrameMeta of a frame of ours; the stamp is the one nearest to `reference`.
WireOutcome FromWire(rte_mbuf* mbuf, TimePoint reference);

}  // namespace uhaul::runtime
