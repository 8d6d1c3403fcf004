// TrafficThread: generator and sink on an lcore of their own, beside switch and NFs (uhaul-runtime --lcores 2). What it
// saw goes to a log; the testbed merges it with its own.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "runtime/generator_side.h"
#include "runtime/real_node.h"
#include "runtime/transport/fact_log.h"

namespace uhaul::runtime {

class TrafficThread {
 public:
  // `scenario` and `clock` outlive it; `pool` is shared by both lcores.
  static Result<std::unique_ptr<TrafficThread>> Create(const PointSpec& spec, const Scenario& scenario,
                                                       const TscClock* clock, rte_mempool* pool);
  ~TrafficThread() { Stop(); }

  // Before Start: the far ends of the links between the lcores.
  DataLink* to_switch() { return node_->plane().link(rank::kToSwitch); }
  void AddSinkInput(uint8_t nf, DataLink* link) { node_->AddInput(static_cast<uint16_t>(rank::kNfToSink + nf), link); }

  void Start();
  void Stop();

  // ---- from the other thread, while it runs
  // t0, once it has come; else Never.
  TimePoint t0() const { return TimePoint::FromNanos(t0_ns_.load(std::memory_order_acquire)); }
  void Begin(const PointSpec& point);
  void OnOver() { over_.store(true, std::memory_order_release); }
  bool ended() const { return ended_.load(std::memory_order_acquire); }

  // ---- when it has stopped
  GeneratorSide::End end() const { return end_; }
  FactLog TakeLog();
  const Punctuality& punctuality() const { return node_->punctuality(); }
  const ParseCounters& parsed() const { return node_->plane().path().parsed(); }

 private:
  TrafficThread(const PointSpec& spec, const Scenario& scenario, const TscClock* clock)
      : clock_(clock), run_(spec, scenario), side_(&run_) {}
  void Loop();

  const TscClock* clock_;
  RunControl run_;
  GeneratorSide side_;
  PacketStore store_;
  FactLog log_;
  std::unique_ptr<RealNode> node_;
  std::thread thread_;
  std::atomic<int64_t> t0_ns_{TimePoint::Never().nanos()};
  std::mutex point_mutex_;
  std::optional<PointSpec> point_;
  std::atomic<bool> begin_{false};
  std::atomic<bool> over_{false};
  std::atomic<bool> ended_{false};
  std::atomic<bool> stop_{false};
  GeneratorSide::End end_;
};

}  // namespace uhaul::runtime
