// Station: a machine and its outbox, as an engine drives them. After every call of the machine the engine settles it:
// what the machine wants done goes to the host, its timer runs as long as it is due, and its next deadline comes back.
//
// A host is anything with
//   OnEvent(now, const RecordEvent&)     something for the record
//   OnMessage(now, OutMessage&)          a message to send; it may be moved from
//   OnPacket(now, const OutPacket&)      a packet that the machine lets go of
//   OnMarker(now, const OutMarker&)      a marker to send
//
// Journal records of the outbox are not its business: a controller with a journal is driven without it.
#pragma once

#include <limits>
#include <utility>

#include "core/node/outbox.h"
#include "core/record/record.h"

namespace uhaul {

template <class Machine>
class Station {
 public:
  explicit Station(Machine machine) : machine_(std::move(machine)) {}

  Machine& machine() { return machine_; }
  const Machine& machine() const { return machine_; }
  Outbox& outbox() { return outbox_; }

  // At most `most` calls of the timer: a machine with much to do then still has a deadline that is not later than
  // `now`, and the engine comes back when it has looked after others.
  template <class Host>
  TimePoint Settle(TimePoint now, Host& host, int most = std::numeric_limits<int>::max()) {
    if (!outbox_.empty()) [[unlikely]] {
      Drain(now, host);
    }
    TimePoint deadline = machine_.NextDeadline();
    for (int calls = 0; deadline <= now && calls < most; ++calls) {
      machine_.OnTimer(now, outbox_);
      Drain(now, host);
      deadline = machine_.NextDeadline();
    }
    return deadline;
  }

 private:
  template <class Host>
  void Drain(TimePoint now, Host& host) {
    for (const RecordEvent& event : outbox_.events) host.OnEvent(now, event);
    for (OutMessage& message : outbox_.messages) host.OnMessage(now, message);
    for (const OutPacket& packet : outbox_.packets) host.OnPacket(now, packet);
    for (const OutMarker& marker : outbox_.markers) host.OnMarker(now, marker);
    outbox_.Clear();
  }

  Machine machine_;
  Outbox outbox_;
};

// A message on a control link, for the record. `size`: octets on the wire (WireSize).
inline void CountMessage(const Message& message, Bytes size, RunCounters* counters) {
  ++counters->control_messages;
  counters->control_bytes += size.count();
  if (std::holds_alternative<msg::PacketEvent>(message.body)) ++counters->events;
  if (std::holds_alternative<msg::PacketIn>(message.body)) ++counters->packet_ins;
  if (std::holds_alternative<msg::PacketOut>(message.body)) ++counters->packet_outs;
}

}  // namespace uhaul
