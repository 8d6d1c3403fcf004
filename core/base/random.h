// Seeded randomness: the same seed and stream give the same numbers on every compiler and machine. One
// stream per variable (arrivals, sizes, tuples, ...), so that adding a draw in one place moves no other.
#pragma once

#include <cstdint>

#include "core/base/check.h"

namespace uhaul {

// splitmix64's finaliser: a bijective mixer of 64 bits.
constexpr uint64_t Mix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
class Random {
 public:
  Random(uint64_t seed, uint64_t stream) : state_(Mix64(seed + 0x9e3779b97f4a7c15ULL) ^ Mix64(~stream)) {}

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    return Mix64(state_);
  }
  // Uniform in the open interval (0, 1), never 0 or 1.
  double Uniform() { return (static_cast<double>(Next() >> 11) + 0.5) * 0x1p-53; }
  // Uniform in [0, bound), without bias.
  uint64_t Below(uint64_t bound) {
    UHAUL_CHECK(bound > 0);
    const uint64_t threshold = (0 - bound) % bound;
    for (;;) {
      const uint64_t r = Next();
      if (r >= threshold) return r % bound;
    }
  }

 private:
  uint64_t state_;
};

}  // namespace uhaul
