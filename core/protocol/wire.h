// The three ways to go through a message's fields: write them, count their octets, read them. fields.h describes each
// message once, for all three, so that what is written, counted and read cannot drift apart.
//
// Integers are little-endian; a bool is one octet, 0 or 1; a list is a u32 count and its items. The reader is bounded:
// it checks counts against both the limit and the octets that are left before it allocates, and after the first fault
// it reads zeros and keeps the fault. What it accepts has one encoding only.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "core/base/check.h"
#include "core/base/little_endian.h"
#include "core/base/units.h"

namespace uhaul::wire {

// A T, const (to be written or counted) or not (to be read).
template <class M, class T>
concept Of = std::same_as<std::remove_const_t<M>, T>;

class Writer {
 public:
  static constexpr bool kReads = false;
  // There is room for all that will be written: a Counter said how much.
  explicit Writer(uint8_t* out) : out_(out) {}

  template <std::unsigned_integral T>
  void Int(const T& value) {
    StoreLittle(value, out_);
    out_ += sizeof(T);
  }
  void Octets(std::span<const uint8_t> octets) {
    if (!octets.empty()) std::memcpy(out_, octets.data(), octets.size());
    out_ += octets.size();
  }
  const uint8_t* end() const { return out_; }

 private:
  uint8_t* out_;
};

class Counter {
 public:
  static constexpr bool kReads = false;
  template <std::unsigned_integral T>
  void Int(const T&) {
    size_ += sizeof(T);
  }
  void Octets(std::span<const uint8_t> octets) { size_ += octets.size(); }
  size_t size() const { return size_; }

 private:
  size_t size_ = 0;
};

class Reader {
 public:
  static constexpr bool kReads = true;
  explicit Reader(std::span<const uint8_t> in) : in_(in) {}

  template <std::unsigned_integral T>
  void Int(T& value) {
    value = 0;
    if (!Has(sizeof(T))) return;
    value = LoadLittle<T>(in_.data());
    in_ = in_.subspan(sizeof(T));
  }
  void Octets(std::span<uint8_t> octets) {
    if (!Has(octets.size())) return;
    if (!octets.empty()) std::memcpy(octets.data(), in_.data(), octets.size());
    in_ = in_.subspan(octets.size());
  }
  // Faults unless that many octets are left.
  bool Has(size_t octets) {
    if (fault_ == nullptr && in_.size() < octets) Fail("ends too early");
    return fault_ == nullptr;
  }
  void Fail(const char* fault) {
    if (fault_ == nullptr) fault_ = fault;
  }
  bool ok() const { return fault_ == nullptr; }
  const char* fault() const { return fault_; }
  size_t left() const { return in_.size(); }

 private:
  std::span<const uint8_t> in_;
  const char* fault_ = nullptr;
};

template <class Wire>
void Bool(Wire& wire, Of<bool> auto& value) {
  uint8_t octet = value ? 1 : 0;
  wire.Int(octet);
  if constexpr (Wire::kReads) {
    if (octet > 1) wire.Fail("has a flag that is neither 0 nor 1");
    value = octet == 1;
  }
}

// An enumeration of one octet whose values run from 0 to `last`.
template <class Wire, class E, class M>
requires Of<M, E>
void Enum(Wire& wire, M& value, E last) {
  static_assert(sizeof(E) == 1);
  uint8_t octet = static_cast<uint8_t>(value);
  wire.Int(octet);
  if constexpr (Wire::kReads) {
    if (octet > static_cast<uint8_t>(last)) {
      wire.Fail("has a value outside its enumeration");
      octet = 0;
    }
    value = static_cast<E>(octet);
  }
}

// A double, by its bits; not-a-number is refused.
template <class Wire>
void Number(Wire& wire, Of<double> auto& value) {
  uint64_t bits = std::bit_cast<uint64_t>(value);
  wire.Int(bits);
  if constexpr (Wire::kReads) {
    value = std::bit_cast<double>(bits);
    if (value != value) {
      wire.Fail("has a number that is none (NaN)");
      value = 0;
    }
  }
}

template <class Wire>
void Size(Wire& wire, Of<Bytes> auto& value) {
  uint64_t count = value.count();
  wire.Int(count);
  if constexpr (Wire::kReads) value = Bytes(count);
}

template <class Wire>
void Instant(Wire& wire, Of<TimePoint> auto& value) {
  uint64_t nanos = static_cast<uint64_t>(value.nanos());
  wire.Int(nanos);
  if constexpr (Wire::kReads) value = TimePoint::FromNanos(static_cast<int64_t>(nanos));
}

// The count of a list whose items take at least `least` octets each; a reader makes room for them.
template <class Wire>
void Count(Wire& wire, auto& list, size_t limit, size_t least) {
  if constexpr (Wire::kReads) {
    uint32_t count = 0;
    wire.Int(count);
    if (count > limit) {
      wire.Fail("has a list over the limit");
    } else if (wire.Has(count * least)) {
      list.resize(count);
    }
  } else {
    UHAUL_CHECK(list.size() <= limit);
    wire.Int(static_cast<uint32_t>(list.size()));
  }
}

}  // namespace uhaul::wire
