// Random messages of every kind, for tests of the codec.
#pragma once

#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/protocol/message.h"

namespace uhaul::testing {

class RandomMessages {
 public:
  explicit RandomMessages(uint64_t seed) : random_(seed, 11) {}

  // A message of the kind with index `kind` in MessageBody.
  Message OfKind(size_t kind) {
    Message message;
    Set(message.operation);
    Set(message.generation);
    Emplace(kind, &message.body, std::make_index_sequence<std::variant_size_v<MessageVariant>>());
    return message;
  }

 private:
  template <size_t... I>
  void Emplace(size_t kind, MessageBody* body, std::index_sequence<I...>) {
    ((kind == I ? Fill(body->emplace<I>()) : void()), ...);
  }

  template <std::unsigned_integral T>
  void Set(T& value) {
    value = static_cast<T>(random_.Next());
  }
  void Set(bool& value) { value = random_.Below(2) == 0; }
  void Set(Bytes& value) { value = Bytes(random_.Next()); }
  template <class E>
  void SetEnum(E& value, E last) {
    value = static_cast<E>(random_.Below(static_cast<uint64_t>(last) + 1));
  }
  void Set(IpAddress& address, uint8_t version) {
    for (size_t i = 0; i < (version == 4 ? 4U : 16U); ++i) Set(address[i]);
  }
  void Set(FiveTuple& t) {
    t.version = random_.Below(2) == 0 ? 4 : 6;
    Set(t.protocol);
    Set(t.source, t.version);
    Set(t.source_port);
    Set(t.destination, t.version);
    Set(t.destination_port);
  }
  void Set(std::vector<FiveTuple>& tuples) {
    tuples.resize(random_.Below(6));
    for (FiveTuple& t : tuples) Set(t);
  }
  void Set(FlowFilter& f) {
    const uint8_t versions[] = {0, 4, 6};
    f.version = versions[random_.Below(3)];
    if (f.version == 0) return;
    Set(f.source, f.version);
    f.source_prefix = static_cast<uint8_t>(random_.Below(f.version == 4 ? 33 : 129));
  }
  void Set(FlowScope& s) {
    SetEnum(s.kind, FlowScope::Kind::kTable);
    Set(s.filter);
    Set(s.flows);
  }
  void Set(DetectorSpec& d) {
    SetEnum(d.kind, DetectorSpec::Kind::kSize);
    d.rho = random_.Uniform() * 3 - 1;
    Set(d.threshold);
  }
  void Set(Packet& p) {
    Set(p.flow.tuple);
    Set(p.bytes);
    Set(p.tcp_flags);
    Set(p.do_not_buffer);
    Set(p.relayed);
    Set(p.reverse);
    Set(p.digest);
    p.stamp = TimePoint::FromNanos(static_cast<int64_t>(random_.Next()));
  }
  template <class... T>
  void All(T&... fields) {
    (Set(fields), ...);
  }

  void Fill(msg::GetElephant& m) { All(m.detector, m.filter); }
  void Fill(msg::SetFilter& m) {
    m.flows.resize(random_.Below(6));
    for (msg::SelectedFlow& flow : m.flows) All(flow.tuple, flow.bytes);
    All(m.active_flows, m.active_bytes, m.more);
  }
  void Fill(msg::ListFlows& m) {
    SetEnum(m.kind, FlowScope::Kind::kTable);
    All(m.filter, m.limit);
  }
  void Fill(msg::FlowListing& m) { All(m.flows, m.more); }
  void Fill(msg::EnableEvents& m) {
    SetEnum(m.action, msg::EventAction::kBuffer);
    All(m.scope, m.more);
  }
  void Fill(msg::GetPerflow& m) { All(m.scope, m.late_lock, m.more); }
  void Fill(msg::Chunk& m) {
    All(m.tuple, m.schema, m.fit_bytes, m.fit_fin);
    m.state.resize(random_.Below(300));
    for (uint8_t& octet : m.state) Set(octet);
  }
  void Fill(msg::GetDone& m) { All(m.flows, m.missing); }
  void Fill(msg::PutPerflow& m) { Fill(m.chunk); }
  void Fill(msg::PutAck& m) { All(m.tuple, m.accepted); }
  void Fill(msg::DelPerflow& m) { All(m.flows); }
  void Fill(msg::DelAck& m) { All(m.flows); }
  void Fill(msg::PacketEvent& m) { All(m.packet); }
  void Fill(msg::ProcessedEvent& m) { All(m.tuple, m.digest); }
  void Fill(msg::StartRelay& m) { All(m.filter, m.to); }
  void Fill(msg::NewFlow& m) { All(m.tuple); }
  void Fill(msg::InstallRules& m) {
    All(m.xid, m.priority, m.exact, m.flows, m.filter, m.action.nf, m.action.second_nf, m.supersedes);
    SetEnum(m.action.kind, msg::RuleAction::Kind::kSplit);
  }
  void Fill(msg::RulesAck& m) { All(m.xid, m.failed, m.wildcard_failed, m.diverted, m.table_entries); }
  void Fill(msg::RemoveRules& m) { All(m.xid, m.flows); }
  void Fill(msg::PacketOut& m) { All(m.packet, m.nf); }
  void Fill(msg::PacketIn& m) { All(m.packet); }
  void Fill(msg::Hello& m) {
    All(m.incarnation);
    SetEnum(m.marking, msg::Marking::kPacketOut);
  }
  void Fill(msg::CustodyCommand& m) {
    SetEnum(m.verb, msg::CustodyVerb::kWatch);
    All(m.epoch, m.peer, m.peer_incarnation, m.nonce, m.flows);
  }
  void Fill(msg::CustodyReport& m) {
    Set(m.epoch);
    m.flows.resize(random_.Below(6));
    for (msg::FlowStatus& flow : m.flows) {
      All(flow.tuple, flow.dropped);
      SetEnum(flow.status, msg::CustodyStatus::kNoRoom);
    }
  }
  void Fill(msg::Install& m) { All(m.epoch, m.nf, m.mark_nf, m.nonce, m.flows); }
  void Fill(msg::SendMarkers& m) { All(m.epoch, m.nf, m.nonce, m.flows); }
  void Fill(msg::State& m) {
    All(m.epoch, m.present);
    Fill(m.chunk);
  }
  void Fill(msg::ReturnedPacket& m) { All(m.epoch, m.index, m.packet); }
  void Fill(msg::Returned& m) { All(m.epoch, m.tuple, m.packets); }
  void Fill(msg::RelayCommand& m) {
    SetEnum(m.verb, msg::RelayVerb::kEnd);
    All(m.filter, m.nonce);
  }
  void Fill(msg::RelayReport& m) {
    SetEnum(m.verb, msg::RelayVerb::kEnd);
    Set(m.dropped);
  }
  void Fill(msg::Mark& m) { All(m.nf, m.nonce); }
  template <class M>
  requires std::is_empty_v<M>
  void Fill(M&) {}

  Random random_;
};

}  // namespace uhaul::testing
