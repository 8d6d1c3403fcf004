// Facts: what happens to packets, on its way into the record: to the recorder of this process and, where the record is
// made from what several processes saw, to a log. Flows go by their number in the trace; any other number is a packet
// that is not of this run.
#pragma once

#include <optional>
#include <span>
#include <utility>

#include "experiments/run_control.h"
#include "runtime/frame.h"
#include "runtime/transport/fact_log.h"

namespace uhaul::runtime {

class EventWatcher {
 public:
  virtual ~EventWatcher() = default;
  virtual void OnEvent(const RecordEvent& event) = 0;
};

class Facts {
 public:
  // `log` may be null.
  Facts(RunControl* run, FactLog* log) : run_(run), log_(log), flows_(run->scenario().trace.flows.size()) {}

  void Sent(TimePoint now, uint32_t flow, bool retransmission) {
    run_->recorder().OnSent(now, flow, retransmission);
    if (log_ != nullptr) log_->Add(now, FactKind::kSent, flow, retransmission ? 1 : 0);
  }
  // `left_switch`: when the packet first left the switch.
  void Processed(TimePoint now, uint32_t flow, TimePoint left_switch) {
    if (!Known(flow)) return Strange();
    run_->recorder().OnProcessed(now, flow, left_switch);
    if (log_ != nullptr) log_->Add(now, FactKind::kProcessed, flow, static_cast<uint64_t>(left_switch.nanos()));
  }
  void Delivered(TimePoint now, uint32_t flow, uint32_t sequence) {
    if (!Known(flow) || !run_->HasPacket(flow, sequence)) return Strange();
    ended_ |= run_->recorder().OnDelivered(now, flow, sequence);
    if (log_ != nullptr) log_->Add(now, FactKind::kDelivered, flow, sequence);
  }
  void Lost(TimePoint now, uint32_t flow) {
    if (!Known(flow)) return Strange();
    ended_ |= run_->recorder().OnLost(flow);
    if (log_ != nullptr) log_->Add(now, FactKind::kLost, flow);
  }
  // Of bursts whose packets have their flow's number.
  void Processed(TimePoint now, std::span<rte_mbuf* const> burst) {
    for (rte_mbuf* mbuf : burst) {
      Processed(now, FrameField::ReadingOf(mbuf).flow_number, TimePoint::FromNanos(FrameField::Of(mbuf).stamp_ns));
    }
  }
  void Delivered(TimePoint now, std::span<rte_mbuf* const> burst) {
    for (rte_mbuf* mbuf : burst) {
      const FrameReading& reading = FrameField::ReadingOf(mbuf);
      Delivered(now, reading.flow_number, reading.sequence);
    }
  }
  // Of a packet that is in no mbuf.
  void Processed(TimePoint now, const FlowKey& flow, TimePoint left_switch) {
    Processed(now, NumberOf(flow), left_switch);
  }
  void Lost(TimePoint now, const FlowKey& flow) { Lost(now, NumberOf(flow)); }
  void Event(TimePoint now, const RecordEvent& event) {
    run_->recorder().OnEvent(now, event);
    if (log_ != nullptr) log_->AddEvent(now, event, *run_);
    if (watcher_ != nullptr) watcher_->OnEvent(event);
  }
  const RunCounters& counters() const { return run_->recorder().counters(); }
  RunCounters& counters() { return run_->recorder().counters(); }

  // Who is told of events, too; outlives the run.
  void Watch(EventWatcher* watcher) { watcher_ = watcher; }

  // Whether a flow has ended since the last call.
  bool TakeEnded() { return std::exchange(ended_, false); }
  // Packets that are not of the trace: ports may bring some of an earlier run.
  uint64_t strange() const { return strange_; }
  void Strange() { ++strange_; }
  const RunControl& run() const { return *run_; }

 private:
  static constexpr uint32_t kUnknown = 0xffffffff;
  uint32_t NumberOf(const FlowKey& flow) const { return run_->NumberOf(flow).value_or(kUnknown); }
  bool Known(uint32_t flow) const { return flow < flows_; }

  RunControl* run_;
  FactLog* log_;
  size_t flows_;
  EventWatcher* watcher_ = nullptr;
  bool ended_ = false;
  uint64_t strange_ = 0;
};

}  // namespace uhaul::runtime
