// Network functions in a topology of one's own: an ns-3 script as any other, with a router whose traffic passes one of
// two monitors. In the middle of it the elephants are moved from one to the other.
//
//   sender 1 \            / nf1
//              -- router --- nf2
//   sender 2 /            \ server
//
// Try --scheme=uhaul-handover, --scheme=opennf, --PrintHelp.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "core/nf/sequence_audit.h"
#include "ns3/command-line.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/ipv4-global-routing-helper.h"
#include "ns3/node-container.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/udp-client-server-helper.h"
#include "ns3/udp-server.h"
#include "ns3/uinteger.h"
#include "sim/nodes/nf_pair.h"

using namespace uhaul::literals;

constexpr uint16_t kFlows = 20;
constexpr uint16_t kFirstPort = 9000;

// Flows of different rates from both senders, a port each, for 600 ms.
void SendFlows(const ns3::NodeContainer& senders, ns3::Ipv4Address server) {
  for (uint16_t i = 0; i < kFlows; ++i) {
    ns3::UdpClientHelper client(server, kFirstPort + i);
    client.SetAttribute("PacketSize", ns3::UintegerValue(1000));
    client.SetAttribute("Interval", ns3::TimeValue(ns3::MicroSeconds(i < 3 ? 100 : 2000 + 100 * i)));
    client.SetAttribute("MaxPackets", ns3::UintegerValue(1'000'000));
    ns3::ApplicationContainer application = client.Install(senders.Get(i % senders.GetN()));
    application.Start(ns3::MicroSeconds(37 * i));
    application.Stop(ns3::MilliSeconds(600));
  }
}

int main(int argc, char** argv) {
  std::string name = "uhaul";
  double rho = 0.8;
  ns3::CommandLine line(__FILE__);
  line.AddValue("scheme", "of the move", name);
  line.AddValue("rho", "the elephants' share of the bytes", rho);
  line.Parse(argc, argv);
  const uhaul::Result<uhaul::SchemeOptions> scheme = uhaul::FindScheme(name);
  if (!scheme.ok()) return std::fprintf(stderr, "%s\n", scheme.error().message.c_str()), 1;

  // Yours: nodes, links, addresses, routes, traffic.
  const ns3::NodeContainer router(1), senders(2), nfs(2), server(1);
  ns3::InternetStackHelper().InstallAll();
  ns3::PointToPointHelper link;
  link.SetDeviceAttribute("DataRate", ns3::StringValue("1Gbps"));
  link.SetChannelAttribute("Delay", ns3::StringValue("20us"));
  ns3::Ipv4AddressHelper addresses("10.1.0.0", "255.255.255.0");
  ns3::Ipv4Address server_address;
  for (const ns3::NodeContainer& group : {senders, nfs, server}) {
    for (uint32_t i = 0; i < group.GetN(); ++i) {
      server_address = addresses.Assign(link.Install(router.Get(0), group.Get(i))).GetAddress(1);
      addresses.NewNetwork();
    }
  }
  ns3::Ipv4GlobalRoutingHelper::PopulateRoutingTables();
  std::vector<ns3::Ptr<ns3::UdpServer>> servers;
  for (uint16_t i = 0; i < kFlows; ++i) {
    ns3::UdpServerHelper helper(kFirstPort + i);
    helper.Install(server);
    servers.push_back(helper.GetServer());
  }
  SendFlows(senders, server_address);

  // Ours: the router steers, two nodes run an instance each, at 300 ms the elephants move.
  uhaul::NfPairOptions options;
  options.profile = *uhaul::FindProfile("emulab-2016");
  options.make_function = [](uhaul::HashKey key) {
    return std::make_unique<uhaul::SequenceAudit>(uhaul::SequenceAuditOptions{.hash_key = key});
  };
  const auto pair = ns3::CreateObject<uhaul::NfPair>(options);
  const uhaul::Status installed = pair->Install(router.Get(0), nfs.Get(0), nfs.Get(1));
  if (!installed.ok()) return std::fprintf(stderr, "%s\n", installed.error().message.c_str()), 1;
  double done_ms = 0;
  pair->OnStep([&](uhaul::OperationStep step) {
    if (step == uhaul::OperationStep::kDone) done_ms = ns3::Simulator::Now().GetSeconds() * 1e3 - 300;
  });
  ns3::Simulator::Schedule(ns3::MilliSeconds(300), [&] {
    uhaul::MoveRequest request;  // from instance 0 to 1
    request.scheme = *scheme;
    const bool elephants = scheme->flows == uhaul::MoveFlows::kElephants;
    const auto id = elephants ? pair->MoveElephant(request, {uhaul::DetectorSpec::Kind::kProportion, rho, {}})
                              : pair->Move(request);
    if (!id.ok()) std::fprintf(stderr, "%s\n", id.error().message.c_str());
  });
  ns3::Simulator::Stop(ns3::Seconds(1));  // flow tables are swept for ever
  ns3::Simulator::Run();

  uint64_t received = 0;
  for (const auto& port : servers) received += port->GetReceived();
  const uhaul::NfPairCounters& counters = pair->counters();
  uhaul::AuditCounts audit;
  for (uint8_t i = 0; i < 2; ++i) audit += static_cast<const uhaul::SequenceAudit&>(pair->function(i)).Totals();
  const size_t moved = pair->function(1).flow_count();
  std::printf("%s: %zu of %d flows moved in %.2f ms\n", name.c_str(), moved, kFlows, done_ms);
  std::printf("%llu packets to the router, %llu processed, %llu received; %llu lost, %llu repeated, %llu out of turn\n",
              static_cast<unsigned long long>(counters.steered), static_cast<unsigned long long>(counters.processed),
              static_cast<unsigned long long>(received), static_cast<unsigned long long>(audit.lost),
              static_cast<unsigned long long>(audit.repeats), static_cast<unsigned long long>(audit.reorders));
  const bool all = received == counters.steered && counters.processed == received && pair->held() == 0;
  const bool right = all && audit.lost == 0 && audit.repeats == 0 && audit.state_missing == 0;
  ns3::Simulator::Destroy();
  return right && moved > 0 && done_ms > 0 ? 0 : 1;
}
