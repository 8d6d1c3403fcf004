// The random streams of this room, one per variable: adding a draw to one moves no other (and no file made before).
// Stream numbers are part of the trace format's promise "same options, same trace": never renumber them.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/base/random.h"
#include "core/base/units.h"

namespace uhaul {

inline constexpr uint64_t kArrivalStream = 0x7472'0001;
inline constexpr uint64_t kSizeStream = 0x7472'0002;
inline constexpr uint64_t kTupleStream = 0x7472'0003;
inline constexpr uint64_t kFlowHashStream = 0x7472'0004;
// On-off times: one stream per flow, kOnOffStream + flow number.
inline constexpr uint64_t kOnOffStream = 0x6f6e'0000'0000;

// An exponential time of the given mean, in whole nanoseconds. log() may differ in its last bit from one processor to
// the next; rounding each draw at once, before anything is added up, keeps that bit out of every result.
inline Duration ExponentialTime(Random& random, double mean_ns) {
  return Duration::Nanos(std::llround(-std::log(random.Uniform()) * mean_ns));
}

}  // namespace uhaul
