// Two hashes. SipHash-2-4 (Aumasson, Bernstein 2012) is keyed: whoever crafts five-tuples cannot aim for a
// bucket without the key. StateHash folds a machine's state into one number, for equality tests and searches.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/random.h"

namespace uhaul {

struct HashKey {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};

uint64_t SipHash24(HashKey key, std::span<const uint8_t> data);

class StateHash {
 public:
  void Add(uint64_t v) { h_ = Mix64((h_ ^ v) + 0x9e3779b97f4a7c15ULL); }
  void Add(std::span<const uint8_t> bytes) { Add(SipHash24({1, 2}, bytes)); }
  uint64_t value() const { return h_; }

 private:
  uint64_t h_ = 0;
};

}  // namespace uhaul
