#include "workloads/window_source.h"

#include <algorithm>

#include "core/base/check.h"
#include "workloads/frame_time.h"

namespace uhaul {

WindowSource::WindowSource(const Trace& trace, const SourceOptions& options)
    : trace_(&trace), options_(options), flows_(trace.flows.size()) {
  UHAUL_CHECK(options.window > 0);
  UHAUL_CHECK(options.retransmission_timeout > Duration());
  for (size_t i = 0; i < flows_.size(); ++i) {
    const uint64_t bytes = trace.flows[i].bytes;
    flows_[i].unsent = bytes;
    flows_[i].packets = static_cast<uint32_t>((bytes + options.packet_bytes - 1) / options.packet_bytes);
  }
}

bool WindowSource::Stands(const Ticket& ticket, SlotState state) const {
  const std::vector<Slot>& slots = flows_[ticket.flow].slots;
  if (ticket.slot >= slots.size()) return false;
  const Slot& slot = slots[ticket.slot];
  return slot.state == state && slot.sequence == ticket.sequence && slot.attempts == ticket.attempts;
}

void WindowSource::Enqueue(TimePoint at, uint32_t flow, uint32_t slot_number) {
  Slot& slot = flows_[flow].slots[slot_number];
  slot.state = SlotState::kQueued;
  queue_.push({at, flow, slot_number, slot.sequence, slot.attempts});
}

// A free slot takes the flow's next packet, if there is one.
void WindowSource::QueueNext(TimePoint at, uint32_t flow_number, uint32_t slot_number) {
  Flow& flow = flows_[flow_number];
  Slot& slot = flow.slots[slot_number];
  slot.state = SlotState::kFree;
  if (flow.next_sequence == flow.packets) return;
  slot.sequence = flow.next_sequence++;
  slot.attempts = 0;
  ++flow.under_way;
  Enqueue(at, flow_number, slot_number);
}

void WindowSource::StartFlow(TimePoint at) {
  const auto number = static_cast<uint32_t>(arrived_++);
  Flow& flow = flows_[number];
  flow.slots.resize(std::min(options_.window, flow.packets));
  for (uint32_t slot = 0; slot < flow.slots.size(); ++slot) QueueNext(at, number, slot);
}

// The time-out that runs out first; the heads of all timers stand (DropVoid).
const WindowSource::Ticket* WindowSource::NextTimer() const {
  const Ticket* next = nullptr;
  for (const Ring<Ticket>& timer : timers_) {
    if (!timer.empty() && (next == nullptr || timer.front().at < next->at)) next = &timer.front();
  }
  return next;
}

void WindowSource::DropVoid() {
  while (!queue_.empty() && !Stands(queue_.front(), SlotState::kQueued)) queue_.pop();
  for (Ring<Ticket>& timer : timers_) {
    while (!timer.empty() && !Stands(timer.front(), SlotState::kSent)) timer.pop();
  }
}

// Arrivals and time-outs up to and including `limit` put their packets into the link's queue.
void WindowSource::RunEventsUntil(TimePoint limit) {
  for (;;) {
    const TimePoint arrival = arrived_ < flows_.size() ? trace_->flows[arrived_].arrival : TimePoint::Never();
    const Ticket* timer = NextTimer();
    const TimePoint timeout = timer == nullptr ? TimePoint::Never() : timer->at;
    if (std::min(arrival, timeout) > limit || std::min(arrival, timeout) == TimePoint::Never()) return;
    if (arrival <= timeout) {
      StartFlow(arrival);
    } else {
      Enqueue(timeout, timer->flow, timer->slot);
      DropVoid();  // the slot is queued now, which voids this very timer
    }
  }
}

TimePoint WindowSource::NextTime() const {
  if (!queue_.empty()) return std::max(link_free_, queue_.front().at);
  TimePoint next = arrived_ < flows_.size() ? trace_->flows[arrived_].arrival : TimePoint::Never();
  const Ticket* timer = NextTimer();
  if (timer != nullptr) next = std::min(next, timer->at);
  return next == TimePoint::Never() ? next : std::max(link_free_, next);
}

SourcePacket WindowSource::Pop() {
  SourcePacket packet;
  packet.at = NextTime();
  UHAUL_CHECK(packet.at != TimePoint::Never());
  RunEventsUntil(packet.at);
  const Ticket ticket = queue_.front();
  queue_.pop();
  Flow& flow = flows_[ticket.flow];
  Slot& slot = flow.slots[ticket.slot];

  packet.flow = ticket.flow;
  packet.sequence = ticket.sequence;
  packet.first = packet.sequence == 0;
  packet.last = packet.sequence + 1 == flow.packets;
  packet.bytes = PacketBytes(ticket.flow, ticket.sequence);
  packet.retransmission = slot.attempts > 0;
  if (packet.retransmission) {
    ++retransmissions_;
  } else {
    flow.unsent -= packet.bytes;
    if (packet.first) ++started_;
  }
  link_free_ = packet.at + FrameTime(options_.link, packet.bytes);

  const size_t level = std::min<size_t>(slot.attempts, kLevels - 1);
  ++slot.attempts;
  slot.state = SlotState::kSent;
  timers_[level].push({packet.at + options_.retransmission_timeout * (int64_t{1} << level), ticket.flow, ticket.slot,
                       slot.sequence, slot.attempts});
  DropVoid();
  waiting_flows_ = arrived_ - started_;
  return packet;
}

void WindowSource::OnDelivered(TimePoint now, uint32_t flow_number, uint32_t sequence) {
  UHAUL_CHECK(flow_number < flows_.size());
  RunEventsUntil(now);
  Flow& flow = flows_[flow_number];
  for (uint32_t i = 0; i < flow.slots.size(); ++i) {
    Slot& slot = flow.slots[i];
    // A packet that waits for its first transmission cannot have arrived; one that waits for another may have.
    if (slot.state == SlotState::kFree || slot.sequence != sequence || slot.attempts == 0) continue;
    --flow.under_way;
    QueueNext(now, flow_number, i);
    break;
  }
  if (flow.under_way == 0) std::vector<Slot>().swap(flow.slots);
  DropVoid();
}

uint32_t WindowSource::PacketBytes(uint32_t flow, uint32_t sequence) const {
  if (sequence + 1 < flows_[flow].packets) return options_.packet_bytes;
  return static_cast<uint32_t>(trace_->flows[flow].bytes - uint64_t{sequence} * options_.packet_bytes);
}

}  // namespace uhaul
