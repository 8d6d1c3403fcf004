// The fields of every message, in wire order: one description for writing, counting and reading (wire.h).
//
// A five-tuple is u8 version, u8 protocol, source, u16 source port, destination, u16 destination port; addresses take 4
// octets in IPv4 and 16 in IPv6. A packet is its five-tuple, u32 bytes, u8 TCP flags, u8 marks (1 do-not-buffer, 2
// reverse, 4 relayed), u64 digest, i64 stamp in nanoseconds; neither flow ID (each process has its own hash key) nor
// handle.
#pragma once

#include "core/protocol/message.h"
#include "core/protocol/wire.h"

namespace uhaul::wire {

inline constexpr size_t kIpv4Octets = 4;
inline constexpr size_t kIpv6Octets = 16;
inline constexpr size_t kLeastTuple = 2 + 2 * (kIpv4Octets + 2);

template <class Wire>
void Fields(Wire& w, uint8_t version, Of<IpAddress> auto& address) {
  w.Octets(std::span(address).first(version == 4 ? kIpv4Octets : kIpv6Octets));
}

template <class Wire>
void Fields(Wire& w, Of<FiveTuple> auto& tuple) {
  w.Int(tuple.version);
  if constexpr (Wire::kReads) {
    if (tuple.version != 4 && tuple.version != 6) w.Fail("has a five-tuple that is neither IPv4 nor IPv6");
  } else {
    UHAUL_CHECK(tuple.version == 4 || tuple.version == 6);
  }
  w.Int(tuple.protocol);
  Fields(w, tuple.version, tuple.source);
  w.Int(tuple.source_port);
  Fields(w, tuple.version, tuple.destination);
  w.Int(tuple.destination_port);
}

template <class Wire>
void Fields(Wire& w, Of<FlowFilter> auto& filter) {
  w.Int(filter.version);
  if (filter.version == 0) return;
  w.Int(filter.source_prefix);
  if constexpr (Wire::kReads) {
    if (filter.version != 4 && filter.version != 6) w.Fail("has a filter that is neither IPv4 nor IPv6");
    if (filter.source_prefix > (filter.version == 4 ? 32 : 128)) w.Fail("has a prefix longer than its address");
  }
  Fields(w, filter.version, filter.source);
}

template <class Wire>
void Fields(Wire& w, Of<std::vector<FiveTuple>> auto& tuples) {
  Count(w, tuples, kMaxFlowsPerMessage, kLeastTuple);
  for (auto& tuple : tuples) Fields(w, tuple);
}

template <class Wire>
void Fields(Wire& w, Of<FlowScope> auto& scope) {
  Enum(w, scope.kind, FlowScope::Kind::kTable);
  Fields(w, scope.filter);
  Fields(w, scope.flows);
}

template <class Wire>
void Fields(Wire& w, Of<DetectorSpec> auto& detector) {
  Enum(w, detector.kind, DetectorSpec::Kind::kSize);
  Number(w, detector.rho);
  Size(w, detector.threshold);
}

template <class Wire>
void Fields(Wire& w, Of<Packet> auto& packet) {
  Fields(w, packet.flow.tuple);
  w.Int(packet.bytes);
  w.Int(packet.tcp_flags);
  uint8_t marks =
      static_cast<uint8_t>((packet.do_not_buffer ? 1 : 0) | (packet.reverse ? 2 : 0) | (packet.relayed ? 4 : 0));
  w.Int(marks);
  if constexpr (Wire::kReads) {
    if (marks > 7) w.Fail("has a packet with unknown marks");
    packet.do_not_buffer = (marks & 1) != 0;
    packet.reverse = (marks & 2) != 0;
    packet.relayed = (marks & 4) != 0;
  }
  w.Int(packet.digest);
  Instant(w, packet.stamp);
}

template <class Wire>
void Fields(Wire& w, Of<msg::SelectedFlow> auto& m) {
  Fields(w, m.tuple);
  Size(w, m.bytes);
}

template <class Wire>
void Fields(Wire& w, Of<msg::RuleAction> auto& m) {
  Enum(w, m.kind, msg::RuleAction::Kind::kSplit);
  w.Int(m.nf);
  w.Int(m.second_nf);
}

// A message without fields.
template <class Wire, class M>
requires std::is_empty_v<M>
void Fields(Wire&, M&) {}

// ---- filter API
template <class Wire>
void Fields(Wire& w, Of<msg::GetElephant> auto& m) {
  Fields(w, m.detector);
  Fields(w, m.filter);
}
template <class Wire>
void Fields(Wire& w, Of<msg::SetFilter> auto& m) {
  Count(w, m.flows, kMaxFlowsPerMessage, kLeastTuple + sizeof(uint64_t));
  for (auto& flow : m.flows) Fields(w, flow);
  w.Int(m.active_flows);
  Size(w, m.active_bytes);
  Bool(w, m.more);
}
template <class Wire>
void Fields(Wire& w, Of<msg::ListFlows> auto& m) {
  Enum(w, m.kind, FlowScope::Kind::kTable);
  Fields(w, m.filter);
  w.Int(m.limit);
}
template <class Wire>
void Fields(Wire& w, Of<msg::FlowListing> auto& m) {
  Fields(w, m.flows);
  Bool(w, m.more);
}

// ---- southbound API
template <class Wire>
void Fields(Wire& w, Of<msg::EnableEvents> auto& m) {
  Enum(w, m.action, msg::EventAction::kBuffer);
  Fields(w, m.scope);
  Bool(w, m.more);
}
template <class Wire>
void Fields(Wire& w, Of<msg::GetPerflow> auto& m) {
  Fields(w, m.scope);
  Bool(w, m.late_lock);
  Bool(w, m.more);
}
template <class Wire>
void Fields(Wire& w, Of<msg::Chunk> auto& m) {
  Fields(w, m.tuple);
  w.Int(m.schema);
  Count(w, m.state, kMaxChunkBytes, 1);
  w.Octets(m.state);
  Size(w, m.fit_bytes);
  Bool(w, m.fit_fin);
}
template <class Wire>
void Fields(Wire& w, Of<msg::GetDone> auto& m) {
  w.Int(m.flows);
  w.Int(m.missing);
}
template <class Wire>
void Fields(Wire& w, Of<msg::PutPerflow> auto& m) {
  Fields(w, m.chunk);
}
template <class Wire>
void Fields(Wire& w, Of<msg::PutAck> auto& m) {
  Fields(w, m.tuple);
  Bool(w, m.accepted);
}
template <class Wire>
void Fields(Wire& w, Of<msg::DelPerflow> auto& m) {
  Fields(w, m.flows);
}
template <class Wire>
void Fields(Wire& w, Of<msg::DelAck> auto& m) {
  w.Int(m.flows);
}
template <class Wire>
void Fields(Wire& w, Of<msg::PacketEvent> auto& m) {
  Fields(w, m.packet);
}
template <class Wire>
void Fields(Wire& w, Of<msg::ProcessedEvent> auto& m) {
  Fields(w, m.tuple);
  w.Int(m.digest);
}
template <class Wire>
void Fields(Wire& w, Of<msg::StartRelay> auto& m) {
  Fields(w, m.filter);
  w.Int(m.to);
}
template <class Wire>
void Fields(Wire& w, Of<msg::NewFlow> auto& m) {
  Fields(w, m.tuple);
}

template <class Wire>
void Fields(Wire& w, Of<msg::RelayCommand> auto& m) {
  Enum(w, m.verb, msg::RelayVerb::kEnd);
  Fields(w, m.filter);
  w.Int(m.nonce);
}
template <class Wire>
void Fields(Wire& w, Of<msg::RelayReport> auto& m) {
  Enum(w, m.verb, msg::RelayVerb::kEnd);
  w.Int(m.dropped);
}

// ---- switch
template <class Wire>
void Fields(Wire& w, Of<msg::Mark> auto& m) {
  w.Int(m.nf);
  w.Int(m.nonce);
}
template <class Wire>
void Fields(Wire& w, Of<msg::InstallRules> auto& m) {
  w.Int(m.xid);
  w.Int(m.priority);
  Bool(w, m.exact);
  Fields(w, m.flows);
  Fields(w, m.filter);
  Fields(w, m.action);
  w.Int(m.supersedes);
}
template <class Wire>
void Fields(Wire& w, Of<msg::RulesAck> auto& m) {
  w.Int(m.xid);
  Fields(w, m.failed);
  Bool(w, m.wildcard_failed);
  w.Int(m.diverted);
  w.Int(m.table_entries);
}
template <class Wire>
void Fields(Wire& w, Of<msg::RemoveRules> auto& m) {
  w.Int(m.xid);
  Fields(w, m.flows);
}
template <class Wire>
void Fields(Wire& w, Of<msg::PacketOut> auto& m) {
  Fields(w, m.packet);
  w.Int(m.nf);
}
template <class Wire>
void Fields(Wire& w, Of<msg::PacketIn> auto& m) {
  Fields(w, m.packet);
}

// ---- hand-over
template <class Wire>
void Fields(Wire& w, Of<msg::Hello> auto& m) {
  w.Int(m.incarnation);
  Enum(w, m.marking, msg::Marking::kPacketOut);
}
template <class Wire>
void Fields(Wire& w, Of<msg::CustodyCommand> auto& m) {
  Enum(w, m.verb, msg::CustodyVerb::kWatch);
  w.Int(m.epoch);
  w.Int(m.peer);
  w.Int(m.peer_incarnation);
  w.Int(m.nonce);
  Fields(w, m.flows);
}
template <class Wire>
void Fields(Wire& w, Of<msg::FlowStatus> auto& m) {
  Fields(w, m.tuple);
  Enum(w, m.status, msg::CustodyStatus::kNoRoom);
  w.Int(m.dropped);
}
template <class Wire>
void Fields(Wire& w, Of<msg::CustodyReport> auto& m) {
  w.Int(m.epoch);
  Count(w, m.flows, kMaxFlowsPerMessage, kLeastTuple + 1 + sizeof(uint32_t));
  for (auto& flow : m.flows) Fields(w, flow);
}
template <class Wire>
void Fields(Wire& w, Of<msg::Install> auto& m) {
  w.Int(m.epoch);
  w.Int(m.nf);
  w.Int(m.mark_nf);
  w.Int(m.nonce);
  Fields(w, m.flows);
}
template <class Wire>
void Fields(Wire& w, Of<msg::SendMarkers> auto& m) {
  w.Int(m.epoch);
  w.Int(m.nf);
  w.Int(m.nonce);
  Fields(w, m.flows);
}
template <class Wire>
void Fields(Wire& w, Of<msg::State> auto& m) {
  w.Int(m.epoch);
  Bool(w, m.present);
  Fields(w, m.chunk);
}
template <class Wire>
void Fields(Wire& w, Of<msg::ReturnedPacket> auto& m) {
  w.Int(m.epoch);
  w.Int(m.index);
  Fields(w, m.packet);
}
template <class Wire>
void Fields(Wire& w, Of<msg::Returned> auto& m) {
  w.Int(m.epoch);
  Fields(w, m.tuple);
  w.Int(m.packets);
}

}  // namespace uhaul::wire
