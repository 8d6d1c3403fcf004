// WindowSource: the senders that wait to be acknowledged. A flow starts as it arrives with up to `window` packets; each
// acknowledgement lets its next packet go. The generator's link is one first-in first-out queue for all flows.
//
// A packet is under way from the moment it joins that queue until it is acknowledged. Acknowledgements are selective:
// each names one packet, in any order. A packet not acknowledged within its time-out, counted from the start of its
// transmission, joins the queue again; its time-out doubles each time, up to 64 times the first. There is no fast
// retransmit and no congestion window: this is the part of TCP that a pause in a move hurts, and nothing else.
//
// Time-outs of one length run out in the order in which they were set, so the timers are seven queues, one per length:
// constant time, no heap. What an acknowledgement made void is recognised and dropped when it reaches a queue's head.
// Simultaneous things happen in the order arrival, time-out (shorter lengths first), acknowledgement.
#pragma once

#include <array>
#include <vector>

#include "workloads/packet_source.h"
#include "workloads/ring.h"

namespace uhaul {

class WindowSource {
 public:
  WindowSource(const Trace& trace, const SourceOptions& options);

  TimePoint NextTime() const;
  SourcePacket Pop();
  void OnDelivered(TimePoint now, uint32_t flow, uint32_t sequence);
  uint64_t UnsentBytes(uint32_t flow) const { return flows_[flow].unsent; }
  uint64_t Waiting() const { return waiting_flows_; }
  uint64_t Retransmissions() const { return retransmissions_; }

 private:
  static constexpr size_t kLevels = 7;  // time-outs of 1, 2, ... 64 times the first
  enum class SlotState : uint8_t { kFree, kQueued, kSent };
  // One packet under way.
  struct Slot {
    uint32_t sequence = 0;
    uint32_t attempts = 0;  // transmissions so far
    SlotState state = SlotState::kFree;
  };
  struct Flow {
    uint64_t unsent = 0;
    uint32_t packets = 0;
    uint32_t next_sequence = 0;  // the first that has never been queued
    uint32_t under_way = 0;
    std::vector<Slot> slots;  // empty before arrival and after the last acknowledgement
  };
  // Names a slot as it was; void once the slot has changed.
  struct Ticket {
    TimePoint at;  // in the link's queue: since when; in a timer: until when
    uint32_t flow = 0;
    uint32_t slot = 0;
    uint32_t sequence = 0;
    uint32_t attempts = 0;
  };

  bool Stands(const Ticket& ticket, SlotState state) const;
  void Enqueue(TimePoint at, uint32_t flow, uint32_t slot);
  void StartFlow(TimePoint at);
  void QueueNext(TimePoint at, uint32_t flow, uint32_t slot);
  const Ticket* NextTimer() const;
  void RunEventsUntil(TimePoint limit);
  void DropVoid();
  uint32_t PacketBytes(uint32_t flow, uint32_t sequence) const;

  const Trace* trace_;
  SourceOptions options_;
  std::vector<Flow> flows_;
  Ring<Ticket> queue_;
  std::array<Ring<Ticket>, kLevels> timers_;
  size_t arrived_ = 0;
  TimePoint link_free_;
  uint64_t started_ = 0;
  uint64_t waiting_flows_ = 0;
  uint64_t retransmissions_ = 0;
};

}  // namespace uhaul
