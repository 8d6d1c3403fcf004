// Where a machine puts everything it wants done. The engine empties it after each call, in order.
#pragma once

#include <vector>

#include "core/protocol/journal_record.h"
#include "core/protocol/message.h"
#include "core/record/event.h"

namespace uhaul {

struct OutMessage {
  NodeId to;
  Message message;
};

// What becomes of a packet outside its own burst: a buffered one released, a packet-out sent.
struct OutPacket {
  enum class Fate : uint8_t {
    kToSink,   // NF: processed, on its way out
    kToNf,     // switch: out of the port to `nf`
    kRelay,    // NF: unprocessed, back to the switch, which sends it to `nf`
    kDropped,  // a buffer was full, or its operation is over
    // NF, controller: a copy of what is elsewhere, too (msg::ReturnedPacket), and is not needed here, or not any more.
    // Nothing becomes of it: it is neither processed nor lost.
    kForgotten,
  };
  Fate fate = Fate::kToSink;
  uint8_t nf = 0;
  Packet packet;
};

// Switch: a marker, behind everything that has gone out of the port to `nf`. NF: back to the switch, which sends it to
// `nf`, behind everything that was relayed there.
struct OutMarker {
  uint8_t nf = 0;
  Marker marker;
};

struct Outbox {
  std::vector<OutMessage> messages;
  std::vector<OutPacket> packets;
  std::vector<OutMarker> markers;
  std::vector<JournalRecord> journal;  // controller: to be made durable, in order
  std::vector<RecordEvent> events;

  void Send(NodeId to, OperationId operation, MessageBody body) {
    messages.push_back({to, Message{operation, 0, std::move(body)}});
  }
  bool empty() const {
    return messages.empty() && packets.empty() && markers.empty() && journal.empty() && events.empty();
  }
  void Clear() {
    messages.clear();
    packets.clear();
    markers.clear();
    journal.clear();
    events.clear();
  }
};

}  // namespace uhaul
