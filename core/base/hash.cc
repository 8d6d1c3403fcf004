#include "core/base/hash.h"

#include <bit>
#include <cstring>

namespace uhaul {
namespace {

struct Sip {
  uint64_t v0, v1, v2, v3;
  void Round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void Word(uint64_t m) {
    v3 ^= m;
    Round();
    Round();
    v0 ^= m;
  }
};

}  // namespace

uint64_t SipHash24(HashKey key, std::span<const uint8_t> data) {
  Sip s{key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL, key.k0 ^ 0x6c7967656e657261ULL,
        key.k1 ^ 0x7465646279746573ULL};
  size_t i = 0;
  for (; i + 8 <= data.size(); i += 8) {
    uint64_t m;
    std::memcpy(&m, data.data() + i, 8);  // little-endian machines only: x86-64 is what the project targets
    s.Word(m);
  }
  uint64_t last = static_cast<uint64_t>(data.size()) << 56;
  for (size_t j = 0; i + j < data.size(); ++j) last |= static_cast<uint64_t>(data[i + j]) << (8 * j);
  s.Word(last);
  s.v2 ^= 0xff;
  for (int r = 0; r < 4; ++r) s.Round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

}  // namespace uhaul
