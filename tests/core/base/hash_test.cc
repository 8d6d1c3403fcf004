#include "core/base/hash.h"

#include <array>
#include <catch2/catch.hpp>

namespace uhaul {

TEST_CASE("SipHash24: the published test vector") {
  // Aumasson, Bernstein, "SipHash: a fast short-input PRF", appendix A: key 00..0f, input 00..0e.
  std::array<uint8_t, 15> input{};
  for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<uint8_t>(i);
  const HashKey key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  CHECK(SipHash24(key, input) == 0xa129ca6149be45e5ULL);
}

TEST_CASE("SipHash24: the reference implementation's vectors for no octets and for one word") {
  std::array<uint8_t, 8> input{};
  for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<uint8_t>(i);
  const HashKey key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  CHECK(SipHash24(key, {}) == 0x726fdb47dd0e0e31ULL);
  CHECK(SipHash24(key, input) == 0x93f5f5799a932462ULL);
}

TEST_CASE("StateHash: order counts, and so does every value") {
  const auto hash = [](std::initializer_list<uint64_t> values) {
    StateHash h;
    for (const uint64_t v : values) h.Add(v);
    return h.value();
  };
  CHECK(hash({1, 2}) == hash({1, 2}));
  CHECK(hash({1, 2}) != hash({2, 1}));
  CHECK(hash({1}) != hash({1, 0}));
}

}  // namespace uhaul
