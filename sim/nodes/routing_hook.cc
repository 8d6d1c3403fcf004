#include "sim/nodes/routing_hook.h"

#include <limits>
#include <string>
#include <utility>

#include "ns3/channel.h"
#include "ns3/ipv4-list-routing.h"
#include "ns3/ipv4-route.h"
#include "ns3/output-stream-wrapper.h"

namespace uhaul {

NS_OBJECT_ENSURE_REGISTERED(RoutingHook);

ns3::TypeId RoutingHook::GetTypeId() {
  static ns3::TypeId id = ns3::TypeId("uhaul::RoutingHook")
                              .SetParent<ns3::Ipv4RoutingProtocol>()
                              .SetGroupName("Uhaul")
                              .AddConstructor<RoutingHook>();
  return id;
}

RoutingHook::RoutingHook(Handler handler) : handler_(std::move(handler)) {}

Status RoutingHook::Install(const ns3::Ptr<ns3::Node>& node, Handler handler) {
  const auto ipv4 = node->GetObject<ns3::Ipv4>();
  if (ipv4 == nullptr) return Error{"node " + std::to_string(node->GetId()) + " has no IPv4 (InternetStackHelper)"};
  const auto list = ns3::DynamicCast<ns3::Ipv4ListRouting>(ipv4->GetRoutingProtocol());
  if (list == nullptr) {
    return Error{"node " + std::to_string(node->GetId()) +
                 " has no Ipv4ListRouting, which InternetStackHelper installs if left alone"};
  }
  list->AddRoutingProtocol(ns3::CreateObject<RoutingHook>(std::move(handler)), std::numeric_limits<int16_t>::max());
  return {};
}

ns3::Ptr<ns3::Ipv4Route> RoutingHook::RouteOutput(ns3::Ptr<ns3::Packet>, const ns3::Ipv4Header&,
                                                  ns3::Ptr<ns3::NetDevice>, ns3::Socket::SocketErrno& error) {
  error = ns3::Socket::ERROR_NOROUTETOHOST;
  return nullptr;
}

bool RoutingHook::RouteInput(ns3::Ptr<const ns3::Packet> packet, const ns3::Ipv4Header& header,
                             ns3::Ptr<const ns3::NetDevice> from, UnicastForwardCallback, MulticastForwardCallback,
                             LocalDeliverCallback, ErrorCallback) {
  return handler_ && handler_(packet, header, from);
}

void RoutingHook::PrintRoutingTable(ns3::Ptr<ns3::OutputStreamWrapper> stream, ns3::Time::Unit) const {
  *stream->GetStream() << "uhaul: takes the packets of the flows that pass a network function\n";
}

// What the handler refers to may hold the node.
void RoutingHook::DoDispose() {
  handler_ = nullptr;
  ns3::Ipv4RoutingProtocol::DoDispose();
}

Result<NextHop> FindNextHop(const ns3::Ptr<ns3::Node>& from, const ns3::Ptr<ns3::Node>& to) {
  const auto a = from->GetObject<ns3::Ipv4>();
  const auto b = to->GetObject<ns3::Ipv4>();
  for (uint32_t i = 0; a != nullptr && i < a->GetNInterfaces(); ++i) {
    for (uint32_t j = 0; b != nullptr && j < b->GetNInterfaces(); ++j) {
      const auto channel = a->GetNetDevice(i)->GetChannel();
      if (channel == nullptr || channel != b->GetNetDevice(j)->GetChannel()) continue;
      if (a->GetNAddresses(i) == 0 || b->GetNAddresses(j) == 0) continue;
      return NextHop{a->GetNetDevice(i), a->GetAddress(i, 0).GetLocal(), b->GetAddress(j, 0).GetLocal()};
    }
  }
  return Error{"nodes " + std::to_string(from->GetId()) + " and " + std::to_string(to->GetId()) +
               " share no link on which both have an IPv4 address"};
}

namespace {

void Send(const ns3::Ptr<ns3::Node>& node, const ns3::Ptr<ns3::Packet>& packet, ns3::Ipv4Header header,
          const ns3::Ptr<ns3::Ipv4Route>& route) {
  if (header.GetTtl() <= 1) return;  // as on any hop
  header.SetTtl(static_cast<uint8_t>(header.GetTtl() - 1));
  node->GetObject<ns3::Ipv4>()->SendWithHeader(packet, header, route);
}

}  // namespace

void SendTo(const NextHop& hop, const ns3::Ptr<ns3::Node>& node, const ns3::Ptr<ns3::Packet>& packet,
            const ns3::Ipv4Header& header) {
  const auto route = ns3::Create<ns3::Ipv4Route>();
  route->SetDestination(header.GetDestination());
  route->SetSource(hop.source);
  route->SetGateway(hop.gateway);
  route->SetOutputDevice(hop.device);
  Send(node, packet, header, route);
}

bool SendOn(const ns3::Ptr<ns3::Node>& node, const ns3::Ptr<ns3::Packet>& packet, const ns3::Ipv4Header& header) {
  ns3::Socket::SocketErrno error = ns3::Socket::ERROR_NOTERROR;
  const auto route = node->GetObject<ns3::Ipv4>()->GetRoutingProtocol()->RouteOutput(packet, header, nullptr, error);
  if (route == nullptr) return false;
  Send(node, packet, header, route);
  return true;
}

}  // namespace uhaul
