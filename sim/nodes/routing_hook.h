// RoutingHook: a place before all the routing protocols of a node, from which packets that came in can be taken. ns-3's
// IP layer asks a node's protocols one after the other (Ipv4ListRouting) where a packet that is not for the node itself
// goes; this one stands first, routes nothing, and shows each packet to a function, which may take it over.
#pragma once

#include <functional>

#include "core/base/result.h"
#include "ns3/ipv4-l3-protocol.h"
#include "ns3/ipv4-routing-protocol.h"
#include "ns3/node.h"

namespace uhaul {

class RoutingHook final : public ns3::Ipv4RoutingProtocol {
 public:
  // `packet`: without the IP header. True: it is taken, nobody else will see it.
  using Handler = std::function<bool(const ns3::Ptr<const ns3::Packet>& packet, const ns3::Ipv4Header& header,
                                     const ns3::Ptr<const ns3::NetDevice>& from)>;

  static ns3::TypeId GetTypeId();
  explicit RoutingHook(Handler handler = nullptr);

  // Puts one before the protocols of the node. An error says what the node lacks.
  static Status Install(const ns3::Ptr<ns3::Node>& node, Handler handler);

  // ns3::Ipv4RoutingProtocol
  ns3::Ptr<ns3::Ipv4Route> RouteOutput(ns3::Ptr<ns3::Packet>, const ns3::Ipv4Header&, ns3::Ptr<ns3::NetDevice>,
                                       ns3::Socket::SocketErrno& error) override;
  bool RouteInput(ns3::Ptr<const ns3::Packet> packet, const ns3::Ipv4Header& header,
                  ns3::Ptr<const ns3::NetDevice> from, UnicastForwardCallback, MulticastForwardCallback,
                  LocalDeliverCallback, ErrorCallback) override;
  void NotifyInterfaceUp(uint32_t) override {}
  void NotifyInterfaceDown(uint32_t) override {}
  void NotifyAddAddress(uint32_t, ns3::Ipv4InterfaceAddress) override {}
  void NotifyRemoveAddress(uint32_t, ns3::Ipv4InterfaceAddress) override {}
  void SetIpv4(ns3::Ptr<ns3::Ipv4>) override {}
  void PrintRoutingTable(ns3::Ptr<ns3::OutputStreamWrapper> stream, ns3::Time::Unit unit) const override;

 protected:
  void DoDispose() override;

 private:
  Handler handler_;
};

// The way from one node to another over a link that both are on.
struct NextHop {
  ns3::Ptr<ns3::NetDevice> device;  // of the first node
  ns3::Ipv4Address source;          // of that device
  ns3::Ipv4Address gateway;         // of the other node on the link
};
Result<NextHop> FindNextHop(const ns3::Ptr<ns3::Node>& from, const ns3::Ptr<ns3::Node>& to);

// Sends a packet, with the header it came with, to that neighbour, or to where the node's own routing says. False if
// that knows no way. Counts as a hop.
void SendTo(const NextHop& hop, const ns3::Ptr<ns3::Node>& node, const ns3::Ptr<ns3::Packet>& packet,
            const ns3::Ipv4Header& header);
bool SendOn(const ns3::Ptr<ns3::Node>& node, const ns3::Ptr<ns3::Packet>& packet, const ns3::Ipv4Header& header);

}  // namespace uhaul
