// A stock ns-3 script of the simulator's topology, to measure against.
#pragma once

#include <cstdint>

#include "core/base/units.h"

namespace uhaul {
// Packets that arrived at the sink. ns-3 must not have been used in this process.
uint64_t RunStockNs3(Duration simulated);
}  // namespace uhaul
