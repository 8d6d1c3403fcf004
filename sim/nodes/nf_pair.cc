#include "sim/nodes/nf_pair.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "core/protocol/codec.h"
#include "ns3/simulator.h"
#include "ns3/tcp-header.h"
#include "ns3/trace-source-accessor.h"
#include "ns3/udp-header.h"
#include "sim/gauge_application.h"

namespace uhaul {

NS_OBJECT_ENSURE_REGISTERED(NfPair);

namespace {

uint32_t pairs = 0;  // ns-3's simulator is global, too

TimePoint Now() { return TimePoint::FromNanos(ns3::Simulator::Now().GetNanoSeconds()); }

IpAddress AddressOf(ns3::Ipv4Address address) {
  IpAddress octets{};
  address.Serialize(octets.data());
  return octets;
}

// Nothing of a packet that has no ports.
std::optional<Packet> Read(const ns3::Ptr<const ns3::Packet>& packet, const ns3::Ipv4Header& header) {
  const uint8_t protocol = header.GetProtocol();
  if ((protocol != kProtocolTcp && protocol != kProtocolUdp) || header.GetFragmentOffset() != 0) return std::nullopt;
  if (header.GetDestination().IsMulticast() || header.GetDestination().IsBroadcast()) return std::nullopt;
  std::array<uint8_t, 14> head{};
  if (packet->CopyData(head.data(), head.size()) < 8) return std::nullopt;
  Packet read;
  FiveTuple& tuple = read.flow.tuple;
  tuple.protocol = protocol;
  tuple.source = AddressOf(header.GetSource());
  tuple.destination = AddressOf(header.GetDestination());
  tuple.source_port = static_cast<uint16_t>(head[0] << 8 | head[1]);
  tuple.destination_port = static_cast<uint16_t>(head[2] << 8 | head[3]);
  if (protocol == kProtocolTcp) read.tcp_flags = head[13];
  read.bytes = header.GetSerializedSize() + packet->GetSize();
  return read;
}

std::vector<NfAgent> MakeAgents(const NfPairOptions& options) {
  std::vector<NfAgent> agents;
  for (uint8_t i = 0; i < kNfCount; ++i) {
    agents.emplace_back(
        NfAgentOptions{.instance = i, .fit = options.fit, .profile = options.profile, .hash_key = options.hash_key},
        options.make_function(options.hash_key));
  }
  return agents;
}

}  // namespace

ns3::TypeId NfPair::GetTypeId() {
  static ns3::TypeId id =
      ns3::TypeId("uhaul::NfPair")
          .SetParent<ns3::Object>()
          .SetGroupName("Uhaul")
          .AddTraceSource("Step", "A step of an operation was reached", ns3::MakeTraceSourceAccessor(&NfPair::step_),
                          "uhaul::NfPair::StepTrace")
          .AddTraceSource("Outcome", "What became of a flow of an operation",
                          ns3::MakeTraceSourceAccessor(&NfPair::outcome_), "uhaul::NfPair::OutcomeTrace");
  return id;
}

NfPair::NfPair(NfPairOptions options)
    : options_(std::move(options)),
      hasher_(options_.hash_key),
      number_(pairs++),
      machines_(MakeAgents(options_), SwitchAgent({.profile = options_.profile, .hash_key = options_.hash_key}),
                Controller({.profile = options_.profile, .hash_key = options_.hash_key}),
                static_cast<MachineHost*>(this)) {
  for (auto& links : control_) {
    links.assign(kMachines, LinkTiming(options_.profile.control_rate, options_.profile.control_delay));
  }
}

void NfPair::OnStep(std::function<void(OperationStep)> function) {
  step_.ConnectWithoutContext(ns3::Callback<void, OperationStep>(std::move(function)));
}

void NfPair::OnOutcome(std::function<void(const FiveTuple&, FlowOutcome)> function) {
  outcome_.ConnectWithoutContext(ns3::Callback<void, const FiveTuple&, FlowOutcome>(std::move(function)));
}

void NfPair::DoDispose() {
  for (ns3::EventId& timer : timers_) timer.Cancel();
  timers_ = {};  // their events hold this object
  held_.clear();
  router_ = nullptr;
  nodes_ = {};
  to_nf_ = {};
  to_router_ = {};
  ns3::Object::DoDispose();
}

Status NfPair::Install(ns3::Ptr<ns3::Node> router, ns3::Ptr<ns3::Node> first, ns3::Ptr<ns3::Node> second) {
  UHAUL_CHECK(router_ == nullptr);
  const std::array<ns3::Ptr<ns3::Node>, kNfCount> nodes = {first, second};
  for (uint8_t i = 0; i < kNfCount; ++i) {
    const Result<NextHop> there = FindNextHop(router, nodes[i]);
    if (!there) return there.error();
    const Result<NextHop> back = FindNextHop(nodes[i], router);
    if (!back) return back.error();
    to_nf_[i] = *there;
    to_router_[i] = *back;
  }
  const ns3::Ptr<NfPair> self(this);
  Status hooked = RoutingHook::Install(
      router, [self](Arrived packet, const auto& header, From from) { return self->AtRouter(packet, header, from); });
  for (uint8_t i = 0; i < kNfCount && hooked; ++i) {
    hooked = RoutingHook::Install(nodes[i], [self, i](Arrived packet, const auto& header, From from) {
      return self->AtNf(i, packet, header, from);
    });
  }
  if (!hooked) return hooked;
  router_ = router;
  nodes_ = nodes;
  Show();
  ns3::Simulator::ScheduleDestroy([self] { self->Dispose(); });
  machines_.SettleAll(Now());
  return {};
}

void NfPair::Show() {
  const ns3::Ptr<NfPair> self(this);
  for (uint8_t i = 0; i < kNfCount; ++i) {
    const auto application = ns3::CreateObject<NfApplication>();
    application->SetGauge(0, [self, i] { return self->function(i).flow_count(); });
    application->SetGauge(1, [self, i] { return self->nf(i).fit().size(Now()); });
    application->SetGauge(2, [self, i] { return self->nf(i).held_bytes().count(); });
    nodes_[i]->AddApplication(application);
  }
  const auto forwarding = ns3::CreateObject<SwitchApplication>();
  forwarding->SetGauge(0, [self] { return self->forwarding().table_entries(); });
  router_->AddApplication(forwarding);
}

Result<OperationId> NfPair::Move(const MoveRequest& request) {
  const auto id = machines_.controller().Move(Now(), request, machines_.outbox(kControllerNode));
  machines_.Settle(Now(), kControllerNode);
  return id;
}

Result<OperationId> NfPair::MoveElephant(const MoveRequest& request, const DetectorSpec& detector) {
  const auto id = machines_.controller().MoveElephant(Now(), request, detector, machines_.outbox(kControllerNode));
  machines_.Settle(Now(), kControllerNode);
  return id;
}

Status NfPair::Abort(OperationId operation) {
  const Status aborted = machines_.controller().Abort(Now(), operation, machines_.outbox(kControllerNode));
  machines_.Settle(Now(), kControllerNode);
  return aborted;
}

// ---- packets

bool NfPair::AtRouter(Arrived arrived, const ns3::Ipv4Header& header, From from) {
  for (const NextHop& nf : to_nf_) {
    if (from != nf.device) continue;
    SteeringTag tag;
    if (!arrived->PeekPacketTag(tag) || tag.pair != number_) return false;
    if (tag.kind == SteeringTag::Kind::kRelay) {
      tag.kind = SteeringTag::Kind::kRelayed;
    } else if (tag.kind == SteeringTag::Kind::kRelayMarker) {
      tag.kind = SteeringTag::Kind::kMarker;
    } else {
      return false;
    }
    const ns3::Ptr<ns3::Packet> packet = arrived->Copy();
    packet->ReplacePacketTag(tag);
    SendTo(to_nf_[tag.nf], router_, packet, header);
    return true;
  }
  std::optional<Packet> packet = Read(arrived, header);
  if (!packet || (options_.steers && !options_.steers(packet->flow.tuple))) return false;
  packet->flow = hasher_.Key(packet->flow.tuple);
  const FlowKey initiator = hasher_.Key(packet->flow.tuple.Reversed());
  if (!connections_.Contains(packet->flow) && connections_.Contains(initiator)) {
    packet->flow = initiator;
    packet->reverse = true;
  }
  packet->digest = connections_.Get(packet->flow)++;
  packet->stamp = Now();
  Steer(arrived, header, *packet);
  return true;
}

void NfPair::Steer(Arrived arrived, const ns3::Ipv4Header& header, const Packet& packet) {
  ++counters_.steered;
  uint8_t nf = 0;
  machines_.forwarding().OnBurst(Now(), {&packet, 1}, {&nf, 1}, machines_.outbox(kSwitchNode));
  if (nf == msg::kNoNf) {
    ++counters_.dropped;
  } else {
    ToNf(nf, {arrived->Copy(), header}, packet);
  }
  machines_.Settle(Now(), kSwitchNode);
}

SteeringTag NfPair::TagOf(SteeringTag::Kind kind, uint8_t nf, const Packet& packet) const {
  SteeringTag tag;
  tag.pair = number_;
  tag.kind = kind;
  tag.nf = nf;
  tag.reverse = packet.reverse;
  tag.do_not_buffer = packet.do_not_buffer;
  tag.digest = packet.digest;
  tag.stamp_ns = packet.stamp.nanos();
  return tag;
}

void NfPair::ToNf(uint8_t nf, const Held& what, const Packet& packet) {
  UHAUL_CHECK(nf < kNfCount);
  SteeringTag tag = TagOf(SteeringTag::Kind::kData, nf, packet);
  what.packet->ReplacePacketTag(tag);
  SendTo(to_nf_[nf], router_, what.packet, what.header);
}

bool NfPair::AtNf(uint8_t nf, Arrived arrived, const ns3::Ipv4Header& header, From from) {
  SteeringTag tag;
  if (from != to_router_[nf].device || !arrived->PeekPacketTag(tag) || tag.pair != number_) return false;
  const bool relayed = tag.kind == SteeringTag::Kind::kRelayed;
  if (!relayed && tag.kind != SteeringTag::Kind::kData && tag.kind != SteeringTag::Kind::kMarker) return false;
  std::optional<Packet> packet = Read(arrived, header);
  UHAUL_CHECK(packet.has_value());
  packet->reverse = tag.reverse;
  packet->flow = hasher_.Key(tag.reverse ? packet->flow.tuple.Reversed() : packet->flow.tuple);
  if (tag.kind == SteeringTag::Kind::kMarker) {
    machines_.OnMarker(Now(), nf, {packet->flow, tag.epoch, tag.nonce});
    return true;
  }
  packet->do_not_buffer = tag.do_not_buffer;
  packet->relayed = relayed;
  packet->digest = tag.digest;
  packet->stamp = TimePoint::FromNanos(tag.stamp_ns);
  packet->handle = next_handle_++;
  NfVerdict verdict = NfVerdict::kConsumed;
  machines_.nf(nf).OnBurst(Now(), {&*packet, 1}, {&verdict, 1}, machines_.outbox(NfNode(nf)));
  // Taken before the machine is settled: what it lets go of may be this one.
  if (verdict == NfVerdict::kForward) ++counters_.processed;
  if (verdict != NfVerdict::kForward) held_.emplace(packet->handle, Held{arrived->Copy(), header});
  if (verdict == NfVerdict::kRelay) {
    Release(Now(), NfNode(nf), {OutPacket::Fate::kRelay, machines_.nf(nf).relay_target(), *packet});
  }
  machines_.Settle(Now(), NfNode(nf));
  return verdict != NfVerdict::kForward;  // otherwise the node's own routing goes on with it
}

NfPair::Held NfPair::Take(const Packet& packet) {
  const auto held = held_.find(packet.handle);
  UHAUL_CHECK(held != held_.end());
  Held taken = std::move(held->second);
  held_.erase(held);
  return taken;
}

void NfPair::Release(TimePoint, NodeId at, const OutPacket& out) {
  const Held held = Take(out.packet);
  switch (out.fate) {
    case OutPacket::Fate::kToSink: {
      ++counters_.processed;
      SteeringTag tag = TagOf(SteeringTag::Kind::kDone, at.instance, out.packet);
      held.packet->ReplacePacketTag(tag);
      if (!SendOn(nodes_[at.instance], held.packet, held.header)) ++counters_.dropped;
      return;
    }
    case OutPacket::Fate::kToNf:
      return ToNf(out.nf, held, out.packet);
    case OutPacket::Fate::kRelay: {
      ++counters_.relayed;
      SteeringTag tag = TagOf(SteeringTag::Kind::kRelay, out.nf, out.packet);
      held.packet->ReplacePacketTag(tag);
      return SendTo(to_router_[at.instance], nodes_[at.instance], held.packet, held.header);
    }
    case OutPacket::Fate::kDropped:
      ++counters_.dropped;
      return;
    case OutPacket::Fate::kForgotten:
      return;
  }
}

// A packet of the flow as far as its headers go: whoever queues by flow keeps it behind the flow's last.
void NfPair::SendMarker(TimePoint, NodeId at, uint8_t nf, const Marker& marker) {
  const FiveTuple& tuple = marker.flow.tuple;
  UHAUL_CHECK(tuple.version == 4 && nf < kNfCount);
  const ns3::Ptr<ns3::Packet> packet = ns3::Create<ns3::Packet>();
  if (tuple.protocol == kProtocolTcp) {
    ns3::TcpHeader ports;
    ports.SetSourcePort(tuple.source_port);
    ports.SetDestinationPort(tuple.destination_port);
    packet->AddHeader(ports);
  } else {
    ns3::UdpHeader ports;
    ports.SetSourcePort(tuple.source_port);
    ports.SetDestinationPort(tuple.destination_port);
    packet->AddHeader(ports);
  }
  ns3::Ipv4Header header;
  header.SetSource(ns3::Ipv4Address::Deserialize(tuple.source.data()));
  header.SetDestination(ns3::Ipv4Address::Deserialize(tuple.destination.data()));
  header.SetProtocol(tuple.protocol);
  header.SetTtl(64);
  header.SetPayloadSize(static_cast<uint16_t>(packet->GetSize()));
  const bool relays = at != kSwitchNode;
  SteeringTag tag = TagOf(relays ? SteeringTag::Kind::kRelayMarker : SteeringTag::Kind::kMarker, nf, {});
  tag.epoch = marker.epoch;
  tag.nonce = marker.nonce;
  packet->AddPacketTag(tag);
  if (relays) return SendTo(to_router_[at.instance], nodes_[at.instance], packet, header);
  SendTo(to_nf_[nf], router_, packet, header);
}

// ---- control

void NfPair::Send(TimePoint now, NodeId from, NodeId to, Message message) {
  const Bytes size = WireSize(message);
  if (auto* returned = std::get_if<msg::ReturnedPacket>(&message.body)) {  // its sender has it still
    const Held& original = held_.at(returned->packet.handle);
    returned->packet.handle = next_handle_++;
    held_.emplace(returned->packet.handle, Held{original.packet->Copy(), original.header});
  }
  ++counters_.control_messages;
  counters_.control_bytes += size.count();
  LinkTiming& link = control_[MachineIndex(from)][MachineIndex(to)];
  const TimePoint at = link.Occupy(now, link.TransmissionTime(static_cast<uint32_t>(size.count())));
  const ns3::Ptr<NfPair> self(this);
  ns3::Simulator::Schedule(ns3::NanoSeconds((at - now).nanos()), [self, from, to, message = std::move(message)] {
    self->machines_.OnMessage(Now(), from, to, message);
  });
}

void NfPair::Wake(NodeId machine, TimePoint at) {
  ns3::EventId& timer = timers_[MachineIndex(machine)];
  timer.Cancel();
  if (at == TimePoint::Never()) return;
  const ns3::Ptr<NfPair> self(this);
  timer = ns3::Simulator::Schedule(ns3::NanoSeconds(std::max<int64_t>((at - Now()).nanos(), 0)),
                                   [self, machine] { self->machines_.OnTimer(Now(), machine); });
}

void NfPair::OnEvent(TimePoint, const RecordEvent& event) {
  if (const auto* step = std::get_if<event::Step>(&event)) step_(step->step);
  if (const auto* outcome = std::get_if<event::Outcome>(&event)) outcome_(outcome->tuple, outcome->outcome);
}

}  // namespace uhaul
