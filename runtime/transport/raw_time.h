// The kernel's clock that nobody adjusts, in nanoseconds: what processes of one host agree on.
#pragma once

#include <cstdint>
#include <ctime>

namespace uhaul::runtime {

inline int64_t RawNanos() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace uhaul::runtime
