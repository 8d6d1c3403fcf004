// What a user of ns-3 would write: generator -> switch -> NF 1 (and NF 2, idle) -> sink, point-to-point links of 10
// Gbps and 1 us, UDP at the links' rate in IP packets of 1,500 octets, ns-3's own IP stack, queues and applications.
#include "tests/bench/stock_ns3.h"

#include <array>

#include "ns3/data-rate.h"
#include "ns3/inet-socket-address.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/ipv4-global-routing-helper.h"
#include "ns3/node-container.h"
#include "ns3/on-off-helper.h"
#include "ns3/packet-sink-helper.h"
#include "ns3/packet-sink.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

namespace uhaul {

uint64_t RunStockNs3(Duration simulated) {
  using namespace ns3;  // NOLINT: a script of ns-3's
  constexpr uint32_t kPayload = 1472;
  NodeContainer nodes;  // generator, switch, NF 1, NF 2, sink
  nodes.Create(5);
  InternetStackHelper stack;
  stack.Install(nodes);
  PointToPointHelper link;
  link.SetDeviceAttribute("DataRate", StringValue("10Gbps"));
  link.SetChannelAttribute("Delay", StringValue("1us"));
  Ipv4AddressHelper addresses("10.1.0.0", "255.255.255.0");
  const std::array<std::pair<uint32_t, uint32_t>, 5> links = {{{0, 1}, {1, 2}, {1, 3}, {2, 4}, {3, 4}}};
  Ipv4Address to;
  for (const auto& [a, b] : links) {
    const auto interfaces = addresses.Assign(link.Install(nodes.Get(a), nodes.Get(b)));
    if (a == 2) to = interfaces.GetAddress(1);  // the sink, by NF 1
    addresses.NewNetwork();
  }
  Ipv4GlobalRoutingHelper::PopulateRoutingTables();
  OnOffHelper sender("ns3::UdpSocketFactory", InetSocketAddress(to, 9));
  sender.SetConstantRate(DataRate(uint64_t{10'000'000'000} * kPayload / 1502), kPayload);  // 2 octets: PPP
  sender.Install(nodes.Get(0)).Start(Seconds(0));
  PacketSinkHelper receiver("ns3::UdpSocketFactory", InetSocketAddress(Ipv4Address::GetAny(), 9));
  const ApplicationContainer sinks = receiver.Install(nodes.Get(4));
  Simulator::Stop(NanoSeconds(static_cast<uint64_t>(simulated.nanos())));
  Simulator::Run();
  const uint64_t packets = DynamicCast<PacketSink>(sinks.Get(0))->GetTotalRx() / kPayload;
  Simulator::Destroy();
  return packets;
}

}  // namespace uhaul
