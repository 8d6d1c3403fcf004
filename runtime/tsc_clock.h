// Real time from the processor's time stamp counter, in nanoseconds since Start(). The counter's rate is measured
// against the kernel's clock (machine_noise.h): DPDK's own figure is rounded to 10 MHz on some machines.
//
// `scale` below 1: time runs so much slower than it does, for machines that cannot keep up with the trace's rate.
#pragma once

#include <rte_cycles.h>

#include <atomic>
#include <cstdint>

#include "core/base/units.h"

namespace uhaul::runtime {

class TscClock {
 public:
  explicit TscClock(double hz, double scale = 1)
      : hz_(hz), nanos_q32_(static_cast<uint64_t>(scale * 1e9 / hz * 4294967296.0)) {}
  // Other threads may be reading: they see the old start or the new one.
  void Start() { start_.store(rte_rdtsc(), std::memory_order_relaxed); }
  // As if started so long ago, in real time.
  void StartedAgo(Duration ago) {
    start_.store(rte_rdtsc() - static_cast<uint64_t>(static_cast<double>(ago.nanos()) * 1e-9 * hz_),
                 std::memory_order_relaxed);
  }
  TimePoint Now() const {
    const auto cycles = static_cast<unsigned __int128>(rte_rdtsc() - start_.load(std::memory_order_relaxed));
    return TimePoint::FromNanos(static_cast<int64_t>((cycles * nanos_q32_) >> 32));
  }

 private:
  double hz_;
  uint64_t nanos_q32_;  // nanoseconds per cycle, times 2^32
  std::atomic<uint64_t> start_ = 0;
};

}  // namespace uhaul::runtime
