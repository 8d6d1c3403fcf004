// NfPair: the machines of core/ on nodes of your own: a node that steers (a router of yours becomes the switch), two
// that each run an instance of a network function, and a controller. Traffic, links, addresses and routes are yours,
// and real packets of ns-3 pass the network functions and are held, relayed and released during a move.
//
//   senders --- router ---(...)--- server        NF nodes on a stick, as here, or in a row: whatever your routes say
//                |   |                           is where a packet goes from an NF node
//              nf1   nf2
//
//   auto pair = ns3::CreateObject<uhaul::NfPair>(options);
//   pair->Install(router, nf1, nf2);      // after addresses are assigned
//   ns3::Simulator::Schedule(ns3::Seconds(1), [pair] { pair->MoveElephant(request, detector); });
//   ns3::Simulator::Stop(ns3::Seconds(3));  // needed: flow tables are swept for ever
//
// How it works. The nodes have IPv4 (InternetStackHelper), and each NF node shares a link with the router. What the
// router would forward, if it came from anywhere but an NF node and is TCP or UDP (or what `steers` says), goes to an
// NF node by the rules in force; what that forwards goes where its own routing says. Packets travel as they are, with a
// tag (steering_tag.h); markers are small packets with the flow's own headers, so that queues which tell flows apart
// keep them behind the flow. Both directions of a connection pass if both come by the router; whoever sends first is
// its initiator. A packet's digest is its number in its connection, from 0, in the order in which the router saw them.
//
// Control messages take what the profile says, on links of their own: they do not load yours. Later fragments of a
// packet have no ports and are not steered. IPv6 is not. On a LAN, let neighbours know each other before the traffic
// begins (ns3::NeighborCacheHelper): ns-3's ARP drops what waits for an answer beyond three packets, and no scheme can
// help that.
//
// Several pairs may stand in a row, or share a router and NF nodes: there `steers` must tell their flows apart.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/flow/flow_map.h"
#include "core/node/link_timing.h"
#include "core/node/machine_set.h"
#include "ns3/event-id.h"
#include "ns3/object.h"
#include "ns3/traced-callback.h"
#include "sim/nodes/routing_hook.h"
#include "sim/nodes/steering_tag.h"

namespace uhaul {

struct NfPairOptions {
  Profile profile;  // what the control plane costs (FindProfile)
  FlowTableOptions fit{};
  HashKey hash_key{1, 2};
  // Makes an instance of the network function, for that key (MakeNetworkFunction, or your own).
  std::function<std::unique_ptr<NetworkFunction>(HashKey)> make_function;
  // Whether a flow passes the network functions, by the five-tuple of a packet. Nothing: all TCP and UDP.
  std::function<bool(const FiveTuple&)> steers = nullptr;
};

struct NfPairCounters {
  uint64_t steered = 0;    // packets that the router sent to an NF node or dropped, each once
  uint64_t processed = 0;  // by one of the NFs
  uint64_t relayed = 0;    // from one to the other, unprocessed
  uint64_t dropped = 0;    // a buffer was full, or no rule was there
  uint64_t control_messages = 0;
  uint64_t control_bytes = 0;
};

class NfPair final : public ns3::Object, private MachineHost {
 public:
  static ns3::TypeId GetTypeId();
  explicit NfPair(NfPairOptions options);

  // Once. Source and destination of a MoveRequest's numbers: 0 is `first`, 1 is `second`.
  Status Install(ns3::Ptr<ns3::Node> router, ns3::Ptr<ns3::Node> first, ns3::Ptr<ns3::Node> second);

  // As the controller's (core/node/controller.h), now.
  Result<OperationId> Move(const MoveRequest& request);
  Result<OperationId> MoveElephant(const MoveRequest& request, const DetectorSpec& detector);
  Status Abort(OperationId operation);

  const NetworkFunction& function(uint8_t nf) const { return machines_.nf(nf).function(); }
  const NfAgent& nf(uint8_t nf) const { return machines_.nf(nf); }
  const SwitchAgent& forwarding() const { return machines_.forwarding(); }
  const Controller& controller() const { return machines_.controller(); }
  const NfPairCounters& counters() const { return counters_; }
  // Packets held at an NF, at the controller, or on the way between the machines.
  size_t held() const { return held_.size(); }

  // Trace sources "Step" and "Outcome", to be connected as any, or with a function.
  using StepTrace = ns3::TracedCallback<OperationStep>;
  using OutcomeTrace = ns3::TracedCallback<const FiveTuple&, FlowOutcome>;
  void OnStep(std::function<void(OperationStep)> function);
  void OnOutcome(std::function<void(const FiveTuple&, FlowOutcome)> function);

 protected:
  void DoDispose() override;

 private:
  struct Held {
    ns3::Ptr<ns3::Packet> packet;
    ns3::Ipv4Header header;
  };
  using Arrived = const ns3::Ptr<const ns3::Packet>&;
  using From = const ns3::Ptr<const ns3::NetDevice>&;

  bool AtRouter(Arrived arrived, const ns3::Ipv4Header& header, From from);
  bool AtNf(uint8_t nf, Arrived arrived, const ns3::Ipv4Header& header, From from);
  void Steer(Arrived arrived, const ns3::Ipv4Header& header, const Packet& packet);
  void ToNf(uint8_t nf, const Held& what, const Packet& packet);
  Held Take(const Packet& packet);
  SteeringTag TagOf(SteeringTag::Kind kind, uint8_t nf, const Packet& packet) const;
  void Show();

  void OnEvent(TimePoint now, const RecordEvent& event) override;
  void Send(TimePoint now, NodeId from, NodeId to, Message message) override;
  void Release(TimePoint now, NodeId at, const OutPacket& out) override;
  void SendMarker(TimePoint now, NodeId at, uint8_t nf, const Marker& marker) override;
  void Wake(NodeId machine, TimePoint at) override;

  const NfPairOptions options_;
  const FlowHasher hasher_;
  const uint32_t number_;  // among the pairs of this process
  MachineSet machines_;
  ns3::Ptr<ns3::Node> router_;
  std::array<ns3::Ptr<ns3::Node>, kNfCount> nodes_;
  std::array<NextHop, kNfCount> to_nf_;
  std::array<NextHop, kNfCount> to_router_;
  std::array<ns3::EventId, kMachines> timers_;
  std::array<std::vector<LinkTiming>, kMachines> control_;  // by sender, by receiver
  FlowMap<uint64_t> connections_;                           // by initiator: packets so far
  std::map<uint64_t, Held> held_;                           // by handle
  uint64_t next_handle_ = 0;
  NfPairCounters counters_;
  StepTrace step_;
  OutcomeTrace outcome_;
};

}  // namespace uhaul
