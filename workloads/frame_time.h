// Time of a frame on the generator's link. A frame takes at least 64 octets (IEEE 802.3, 3.2.8), however little it
// carries.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/units.h"

namespace uhaul {

inline constexpr uint32_t kLeastFrameBytes = 64;

inline Duration FrameTime(BitRate link, uint32_t bytes) {
  return link.TransmissionTime(Bytes(std::max(kLeastFrameBytes, bytes)));
}

}  // namespace uhaul
