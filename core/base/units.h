// Units as types: integer nanoseconds, bytes and bits per second. Time never comes from a clock here: the
// engine hands it in (ns-3's simulated time, the TSC, or a test's own).
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace uhaul {

// A signed span of time in nanoseconds.
class Duration {
 public:
  constexpr Duration() = default;
  static constexpr Duration Nanos(int64_t n) { return Duration(n); }
  static constexpr Duration Micros(int64_t n) { return Duration(n * 1'000); }
  static constexpr Duration Millis(int64_t n) { return Duration(n * 1'000'000); }
  static constexpr Duration Seconds(int64_t n) { return Duration(n * 1'000'000'000); }
  constexpr int64_t nanos() const { return ns_; }
  constexpr double millis() const { return static_cast<double>(ns_) * 1e-6; }
  constexpr double seconds() const { return static_cast<double>(ns_) * 1e-9; }
  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration operator+(Duration o) const { return Duration(ns_ + o.ns_); }
  constexpr Duration operator-(Duration o) const { return Duration(ns_ - o.ns_); }
  constexpr Duration operator*(int64_t k) const { return Duration(ns_ * k); }
  constexpr Duration& operator+=(Duration o) { return ns_ += o.ns_, *this; }

 private:
  explicit constexpr Duration(int64_t ns) : ns_(ns) {}
  int64_t ns_ = 0;
};

// An instant: nanoseconds since the run began.
class TimePoint {
 public:
  constexpr TimePoint() = default;
  static constexpr TimePoint FromNanos(int64_t ns) { return TimePoint(ns); }
  static constexpr TimePoint Never() { return TimePoint(std::numeric_limits<int64_t>::max()); }
  constexpr int64_t nanos() const { return ns_; }
  constexpr auto operator<=>(const TimePoint&) const = default;
  constexpr TimePoint operator+(Duration d) const { return TimePoint(ns_ + d.nanos()); }
  constexpr TimePoint operator-(Duration d) const { return TimePoint(ns_ - d.nanos()); }
  constexpr Duration operator-(TimePoint o) const { return Duration::Nanos(ns_ - o.ns_); }

 private:
  explicit constexpr TimePoint(int64_t ns) : ns_(ns) {}
  int64_t ns_ = 0;
};

// A count of octets. MB = 10^6, MiB = 2^20, as in the experiment files.
class Bytes {
 public:
  constexpr Bytes() = default;
  constexpr explicit Bytes(uint64_t n) : n_(n) {}
  constexpr uint64_t count() const { return n_; }
  constexpr auto operator<=>(const Bytes&) const = default;
  constexpr Bytes operator+(Bytes o) const { return Bytes(n_ + o.n_); }
  constexpr Bytes operator-(Bytes o) const { return Bytes(n_ - o.n_); }
  constexpr Bytes& operator+=(Bytes o) { return n_ += o.n_, *this; }
  constexpr Bytes& operator-=(Bytes o) { return n_ -= o.n_, *this; }

 private:
  uint64_t n_ = 0;
};

// A link's rate in bits per second.
class BitRate {
 public:
  constexpr BitRate() = default;
  constexpr explicit BitRate(uint64_t bits_per_second) : bps_(bits_per_second) {}
  constexpr uint64_t bits_per_second() const { return bps_; }
  constexpr auto operator<=>(const BitRate&) const = default;
  // Time to put `bytes` on the wire, rounded up to a whole nanosecond. Needs a rate above zero.
  constexpr Duration TransmissionTime(Bytes bytes) const {
    const unsigned __int128 bit_nanos = static_cast<unsigned __int128>(bytes.count()) * 8'000'000'000ULL;
    return Duration::Nanos(static_cast<int64_t>((bit_nanos + bps_ - 1) / bps_));
  }

 private:
  uint64_t bps_ = 0;
};

namespace literals {
constexpr Duration operator""_ns(unsigned long long n) { return Duration::Nanos(static_cast<int64_t>(n)); }
constexpr Duration operator""_us(unsigned long long n) { return Duration::Micros(static_cast<int64_t>(n)); }
constexpr Duration operator""_ms(unsigned long long n) { return Duration::Millis(static_cast<int64_t>(n)); }
constexpr Duration operator""_s(unsigned long long n) { return Duration::Seconds(static_cast<int64_t>(n)); }
constexpr Bytes operator""_B(unsigned long long n) { return Bytes(n); }
constexpr Bytes operator""_KB(unsigned long long n) { return Bytes(n * 1'000); }
constexpr Bytes operator""_MB(unsigned long long n) { return Bytes(n * 1'000'000); }
constexpr Bytes operator""_MiB(unsigned long long n) { return Bytes(n << 20); }
constexpr BitRate operator""_Gbps(unsigned long long n) { return BitRate(n * 1'000'000'000); }
}  // namespace literals

}  // namespace uhaul
