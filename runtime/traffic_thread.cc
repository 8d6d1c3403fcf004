#include "runtime/traffic_thread.h"

#include <utility>

#include "core/base/check.h"

namespace uhaul::runtime {

Result<std::unique_ptr<TrafficThread>> TrafficThread::Create(const PointSpec& spec, const Scenario& scenario,
                                                             const TscClock* clock, rte_mempool* pool) {
  std::unique_ptr<TrafficThread> traffic(new TrafficThread(spec, scenario, clock));
  const PacketMemory memory{pool, &traffic->store_};
  Result<std::unique_ptr<RealNode>> node = RealNode::Create(&traffic->run_, clock, memory, &traffic->log_);
  if (!node) return node.error();
  traffic->node_ = std::move(node).value();
  RealNode& made = *traffic->node_;
  const bool acknowledges = traffic->run_.source().closed_loop();
  made.MakeLinks([&](uint16_t link_rank, const LinkOptions& options) -> std::unique_ptr<DataLink> {
    const bool mine = link_rank == rank::kToSwitch || (link_rank == rank::kAcknowledgements && acknowledges);
    return mine ? std::make_unique<RingLink>(options, memory) : nullptr;
  });
  if (acknowledges) made.AddInput(rank::kAcknowledgements, made.plane().link(rank::kAcknowledgements));
  made.Generate(true);
  return traffic;
}

void TrafficThread::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void TrafficThread::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void TrafficThread::Begin(const PointSpec& point) {
  {
    const std::lock_guard lock(point_mutex_);
    point_ = point;
  }
  begin_.store(true, std::memory_order_release);
}

void TrafficThread::Loop() {
  node_->Start();
  const TimePoint start = node_->now();
  bool begun = false;
  while (!stop_.load(std::memory_order_relaxed)) {
    const Result<bool> round = node_->Round();
    UHAUL_CHECK(round.ok());  // it has no channel that could fail
    const TimePoint now = node_->now();
    if (side_.TakeStart(now)) t0_ns_.store(now.nanos(), std::memory_order_release);
    if (!begun && begin_.load(std::memory_order_acquire)) {
      begun = true;
      const std::lock_guard lock(point_mutex_);
      side_.Begin(t0(), *point_);
    }
    if (over_.load(std::memory_order_acquire)) side_.OnOver();
    if (const auto end = side_.Ended(now)) {
      end_ = *end;
      ended_.store(true, std::memory_order_release);
    }
  }
  node_->AddElapsed(node_->now() - start);
}

FactLog TrafficThread::TakeLog() {
  UHAUL_CHECK(!thread_.joinable());
  RunCounters counters = run_.recorder().counters();
  counters.generator_late_ns = static_cast<uint64_t>(punctuality().latest_ns);
  log_.AddCounters(clock_->Now(), counters);
  return std::move(log_);
}

}  // namespace uhaul::runtime
