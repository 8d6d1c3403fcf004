// Doorbell: within one process, says that the far end of a channel has written, so that nobody asks the kernel in vain
// and nobody who is about to be called goes to sleep. Any thread rings; one listens.
#pragma once

#include <atomic>
#include <cstdint>

namespace uhaul::runtime {

class Doorbell {
 public:
  void Ring() { rung_.fetch_add(1, std::memory_order_release); }
  // Whether it was rung since the listener last asked.
  bool Take() {
    const uint64_t rung = rung_.load(std::memory_order_acquire);
    if (rung == taken_) return false;
    taken_ = rung;
    return true;
  }

 private:
  static constexpr size_t kLine = 64;  // of the cache: the listener's count shares none with the ringers'
  alignas(kLine) std::atomic<uint64_t> rung_ = 0;
  alignas(kLine) uint64_t taken_ = 0;
};

}  // namespace uhaul::runtime
