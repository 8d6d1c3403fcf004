#include "runtime/machine_noise.h"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <thread>

#include "runtime/transport/raw_time.h"

namespace uhaul::runtime {
namespace {

constexpr int64_t kWatchNs = 200'000'000;
constexpr int64_t kPingPongNs = 20'000'000;
constexpr double kGapUs = 10;

int Processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

// Reads the counter as fast as it goes; what is missing between two reads went elsewhere.
void WatchGaps(MachineNoise* noise) {
  const int64_t raw_start = RawNanos();
  const uint64_t start = rte_rdtsc();
  const uint64_t hz = rte_get_tsc_hz();  // good enough to tell gaps from steps
  const auto gap = static_cast<uint64_t>(kGapUs * 1e-6 * static_cast<double>(hz));
  const uint64_t end = start + hz / 1000 * (kWatchNs / 1'000'000);
  uint64_t last = start;
  uint64_t lost = 0;
  uint64_t longest = 0;
  while (last < end) {
    const uint64_t now = rte_rdtsc();
    const uint64_t step = now - last;
    if (step > gap) lost += step;
    longest = std::max(longest, step);
    last = now;
  }
  const int64_t raw = RawNanos() - raw_start;
  noise->tsc_hz = static_cast<double>(last - start) * 1e9 / static_cast<double>(raw);
  noise->gap_share = static_cast<double>(lost) / static_cast<double>(last - start);
  noise->gap_max_us = static_cast<double>(longest) * 1e6 / noise->tsc_hz;
}

// Two threads hand one cache line to and fro. Bounded in time: neither may have a processor.
void PingPong(MachineNoise* noise) {
  if (Processors() < 2) return;
  alignas(64) std::atomic<uint64_t> line{0};
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      const uint64_t seen = line.load(std::memory_order_acquire);
      if ((seen & 1) != 0) line.store(seen + 1, std::memory_order_release);
      rte_pause();
    }
  });
  const int64_t start = RawNanos();
  int64_t best = INT64_MAX;
  while (RawNanos() - start < kPingPongNs) {
    constexpr uint64_t kRounds = 100;
    const int64_t round_start = RawNanos();
    uint64_t done = 0;
    while (done < kRounds && RawNanos() - start < kPingPongNs) {
      const uint64_t mine = line.load(std::memory_order_acquire);
      if ((mine & 1) != 0) continue;
      line.store(mine + 1, std::memory_order_release);
      ++done;
    }
    if (done == kRounds) best = std::min(best, (RawNanos() - round_start) / static_cast<int64_t>(2 * kRounds));
  }
  stop = true;
  other.join();
  if (best != INT64_MAX) noise->core_to_core_ns = static_cast<double>(best);
}

}  // namespace

HostTime ReadHostTime() {
  // cpu  user nice system idle iowait irq softirq steal ...: in ticks (proc(5)).
  std::ifstream stat("/proc/stat");
  std::string word;
  HostTime time;
  const auto hz = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (!(stat >> word) || word != "cpu" || hz <= 0) return time;
  double ticks = 0;
  for (int field = 0; field < 8 && stat >> ticks; ++field) {
    time.all_s += ticks / hz;
    if (field == 7) time.stolen_s = ticks / hz;
  }
  return time;
}

double StolenShare(const HostTime& before, const HostTime& after) {
  const double all = after.all_s - before.all_s;
  return all > 0 ? std::clamp((after.stolen_s - before.stolen_s) / all, 0.0, 1.0) : 0;
}

MachineNoise MeasureNoise() {
  MachineNoise noise;
  WatchGaps(&noise);
  PingPong(&noise);
  return noise;
}

std::map<std::string, std::string> Describe(const MachineNoise& noise) {
  return {{"tsc_hz", fmt::format("{:.0f}", noise.tsc_hz)},
          {"gap_share", fmt::format("{:.6f}", noise.gap_share)},
          {"gap_max_us", fmt::format("{:.1f}", noise.gap_max_us)},
          {"core_to_core_ns",
           noise.core_to_core_ns > 0 ? fmt::format("{:.0f}", noise.core_to_core_ns) : std::string("not measured")}};
}

}  // namespace uhaul::runtime
