// The NF agent's side of relaying (U-HAUL 3): at src it passes packets of flows without state on to dst, at dst it
// keeps them in order (relay_watch.h).
#include <algorithm>

#include "core/node/nf_agent.h"

namespace uhaul {
namespace {

// Relayed flows that src remembers, so that each is reported once. Beyond it flows are relayed unreported.
constexpr size_t kMaxRelayed = 1 << 17;

}  // namespace

// ---- src

// "the original NF instance stops establishing new states for flows it has not seen yet"; their packets are forwarded
// to the new instance.
bool NfAgent::Relays(const Packet& packet, Outbox& outbox) {
  if (packet.do_not_buffer || packet.relayed || !relay_->filter.Matches(packet.flow.tuple)) return false;
  if (relayed_.Contains(packet.flow)) return true;
  if (!relay_->new_flows || function_->Knows(packet.flow) || relay_->stay.Contains(packet.flow)) return false;
  if (relayed_.size() < kMaxRelayed) {
    relayed_.Get(packet.flow) = relay_->operation;
    outbox.Send(kControllerNode, relay_->operation, msg::NewFlow{packet.flow.tuple});
  }
  return true;
}

void NfAgent::Handle(TimePoint, OperationId op, const msg::StartRelay& m, Outbox&) {
  if (relay_ && relay_->operation != op) {
    ++strays_;
    return;
  }
  relay_ = Relay{op, m.filter, true, 0, {}};
  relay_to_ = m.to;
  UpdateBusy();
}

void NfAgent::Handle(TimePoint, OperationId op, const msg::StopRelay&, Outbox& outbox) {
  if (relay_ && relay_->operation == op) relay_->new_flows = false;
  outbox.Send(kControllerNode, op, msg::StopRelayAck{});
}

// ---- dst

bool NfAgent::WatchTakes(const Packet& packet, Outbox& outbox) {
  if (!watch_->Holds(packet, function_->Knows(packet.flow))) return false;
  if (!Hold(watch_->operation(), packet, outbox)) watch_->Dropped();
  return true;
}

void NfAgent::Handle(TimePoint now, OperationId op, const msg::RelayCommand& m, Outbox& outbox) {
  if (m.verb == msg::RelayVerb::kPass) {
    if (relay_ && relay_->operation == op) relay_->nonce = m.nonce;
    return;
  }
  if (m.verb == msg::RelayVerb::kRemember) {
    if (watch_) EndWatch(now, outbox);  // of a controller that has gone
    watch_.emplace(op, m.filter);
    UpdateBusy();
  }
  const bool ours = watch_ && watch_->operation() == op;  // no longer, where the marker came before this
  if (ours && m.verb == msg::RelayVerb::kEnd) return EndWatch(now, outbox);
  if (ours && m.verb == msg::RelayVerb::kHold) watch_->Hold(m.nonce);
  outbox.Send(kControllerNode, op, msg::RelayReport{m.verb, 0});
}

void NfAgent::OnRelayMarker(TimePoint now, const Marker& marker, Outbox& outbox) {
  if (watch_ && watch_->EndsAt(marker)) return EndWatch(now, outbox);
  if (relay_ && relay_->nonce != 0 && relay_->nonce == marker.nonce) {
    outbox.markers.push_back({relay_to_, marker});
  } else {
    ++strays_;
  }
}

// What has waited comes now, as it would have: another operation may have begun meanwhile.
void NfAgent::EndWatch(TimePoint now, Outbox& outbox) {
  const RelayWatch ended = std::move(*watch_);
  watch_.reset();
  std::deque<Held> waited;
  std::deque<Held> rest;
  for (Held& held : held_) {
    if (held.operation == ended.operation()) held_bytes_ -= Bytes(held.packet.bytes);
    (held.operation == ended.operation() ? waited : rest).push_back(std::move(held));
  }
  held_ = std::move(rest);
  for (const Held& held : waited) {
    switch (Decide(now, held.packet, outbox)) {
      case NfVerdict::kForward:
        outbox.packets.push_back({OutPacket::Fate::kToSink, options_.instance, held.packet});
        break;
      case NfVerdict::kRelay:
        outbox.packets.push_back({OutPacket::Fate::kRelay, relay_to_, held.packet});
        break;
      case NfVerdict::kConsumed:
        break;
    }
  }
  if (!waited.empty()) outbox.events.push_back(event::Buffered{BufferPlace::kDestination, held_bytes_, Bytes()});
  UpdateBusy();
  outbox.Send(kControllerNode, ended.operation(), msg::RelayReport{msg::RelayVerb::kEnd, ended.dropped()});
}

}  // namespace uhaul
