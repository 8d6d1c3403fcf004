// Integers as octets, the least significant first, whatever the machine's own order. On a machine of that order each
// is one load or one store: messages and chunks consist of them.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace uhaul {

template <std::unsigned_integral T>
void StoreLittle(T value, uint8_t* to) {
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(to, &value, sizeof value);
  } else {
    for (size_t i = 0; i < sizeof(T); ++i) to[i] = static_cast<uint8_t>(value >> (8 * i));
  }
}

template <std::unsigned_integral T>
T LoadLittle(const uint8_t* from) {
  T value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, from, sizeof value);
  } else {
    for (size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value | static_cast<T>(T{from[i]} << (8 * i)));
  }
  return value;
}

template <std::unsigned_integral T>
void AppendLittle(T value, std::vector<uint8_t>* out) {
  const size_t at = out->size();
  out->resize(at + sizeof value);
  StoreLittle(value, out->data() + at);
}

}  // namespace uhaul
