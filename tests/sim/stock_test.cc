// A cross-check that owes nothing to our links: the same packets over ns-3's own point-to-point devices, forwarded by
// two lines of code, arrive at the same nanoseconds.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "ns3/config.h"
#include "ns3/data-rate.h"
#include "ns3/drop-tail-queue.h"
#include "ns3/node.h"
#include "ns3/point-to-point-channel.h"
#include "ns3/point-to-point-net-device.h"
#include "ns3/simulator.h"
#include "sim/point_run.h"
#include "tests/sim/small_points.h"

using namespace uhaul;  // NOLINT

namespace {

// When, where (0: the NF, 1: the sink), who, number in the flow, octets.
using Arrival = std::tuple<int64_t, int, uint32_t, uint32_t, uint32_t>;
std::vector<Arrival> arrivals;  // ns-3's callbacks: one test at a time

constexpr uint32_t kPppOctets = 2;  // which ns-3's point-to-point devices add

void OnArrival(int place, uint32_t added, ns3::Ptr<const ns3::Packet> packet) {
  std::array<uint8_t, 28> head{};
  packet->CopyData(head.data(), head.size());
  const uint32_t flow = static_cast<uint32_t>(head[15]) << 16 | static_cast<uint32_t>(head[20]) << 8 | head[21];
  const uint32_t sequence = static_cast<uint32_t>(head[24]) << 24 | static_cast<uint32_t>(head[25]) << 16 |
                            static_cast<uint32_t>(head[26]) << 8 | head[27];
  arrivals.emplace_back(ns3::Simulator::Now().GetNanoSeconds(), place, flow, sequence, packet->GetSize() + added);
}
void AtNf(ns3::Ptr<const ns3::Packet> packet) { OnArrival(0, 0, packet); }
void AtSink(ns3::Ptr<const ns3::Packet> packet) { OnArrival(1, 0, packet); }

PointSpec Spec() {
  PointSpec spec = small::Point("none", "web_search");
  spec.duration = Duration::Millis(40);
  spec.migration_after = Duration::Millis(30);
  spec.migration_within = {};
  spec.phase = MigrationPhase::kRandom;
  return spec;
}

// Of sizes that take whole nanoseconds at 10 Gbps, as ns-3's devices do not round.
Scenario WholeNanoseconds(const PointSpec& spec) {
  Scenario scenario = LoadScenario(spec).value();
  for (TraceFlow& flow : scenario.trace.flows) {
    const uint64_t last = flow.bytes % spec.packet_bytes;
    flow.bytes += last == 0 ? 0 : last < 100 ? 100 - last : (5 - last % 5) % 5;
  }
  return scenario;
}

// One direction of a chain of nodes: what one device receives the next one sends.
class Chain {
 public:
  Chain() {
    for (int hop = 0; hop < 3; ++hop) {
      const auto channel = ns3::CreateObject<ns3::PointToPointChannel>();
      channel->SetAttribute("Delay", ns3::TimeValue(ns3::MicroSeconds(1)));
      for (int end = 0; end < 2; ++end) {
        const auto device = ns3::CreateObject<ns3::PointToPointNetDevice>();
        device->SetDataRate(ns3::DataRate("10Gbps"));
        device->SetQueue(ns3::CreateObject<ns3::DropTailQueue<ns3::Packet>>());
        device->SetMtu(9000);
        device->SetAddress(ns3::Mac48Address::Allocate());
        const auto node = ns3::CreateObject<ns3::Node>();
        node->AddDevice(device);
        device->Attach(channel);
        devices_.push_back(device);
      }
    }
    // generator [0]--[1] switch [2]--[3] NF [4]--[5] sink
    for (size_t in : {1, 3, 5}) {
      devices_[in]->SetReceiveCallback(ns3::MakeCallback(&Chain::OnReceive, this));
      place_[devices_[in]] = in;
    }
  }
  void Send(ns3::Ptr<ns3::Packet> packet) { devices_[0]->Send(packet, devices_[0]->GetBroadcast(), 0x0800); }

 private:
  bool OnReceive(ns3::Ptr<ns3::NetDevice> device, ns3::Ptr<const ns3::Packet> packet, uint16_t, const ns3::Address&) {
    const size_t in = place_[device];
    if (in > 1) OnArrival(in == 3 ? 0 : 1, kPppOctets, packet);
    if (in == 5) return true;
    return devices_[in + 1]->Send(packet->Copy(), devices_[in + 1]->GetBroadcast(), 0x0800);
  }

  std::vector<ns3::Ptr<ns3::PointToPointNetDevice>> devices_;
  std::map<ns3::Ptr<ns3::NetDevice>, size_t> place_;
};

}  // namespace

TEST_CASE("World: packets arrive when they do over ns-3's own point-to-point devices") {
  const PointSpec spec = Spec();
  const Scenario scenario = WholeNanoseconds(spec);
  arrivals.clear();
  int64_t end = 0;
  {
    const auto world = World::Create(spec, scenario).value();
    using ns3::Config::ConnectWithoutContext;
    ConnectWithoutContext("/Names/nf1/DeviceList/0/$uhaul::LinkDevice/MacRx", ns3::MakeCallback(&AtNf));
    ConnectWithoutContext("/Names/sink/DeviceList/*/$uhaul::LinkDevice/MacRx", ns3::MakeCallback(&AtSink));
    REQUIRE(world->RunToStart().ok());
    end = world->now().nanos();
  }
  std::vector<Arrival> ours = std::move(arrivals);
  arrivals.clear();

  Chain chain;
  PacketSource source = MakeSource(spec, scenario);
  while (source.NextTime().nanos() < end) {
    const SourcePacket p = source.Pop();
    const uint8_t flags = p.first ? DataItem::kFirst : 0;
    const auto packet =
        BuildPacket(scenario.trace.flows[p.flow].tuple,
                    {.flow = p.flow, .sequence = p.sequence, .bytes = p.bytes - kPppOctets, .flags = flags});
    ns3::Simulator::Schedule(ns3::NanoSeconds(static_cast<uint64_t>(p.at.nanos())), &Chain::Send, &chain, packet);
  }
  ns3::Simulator::Stop(ns3::NanoSeconds(static_cast<uint64_t>(end)));
  ns3::Simulator::Run();
  ns3::Simulator::Destroy();
  // What arrives at the NF and at the sink in the same nanosecond has no order among ns-3's devices.
  std::sort(ours.begin(), ours.end());
  std::sort(arrivals.begin(), arrivals.end());
  while (!ours.empty() && std::get<0>(ours.back()) >= end) ours.pop_back();
  while (!arrivals.empty() && std::get<0>(arrivals.back()) >= end) arrivals.pop_back();
  CHECK(ours.size() > 30'000);
  CHECK((ours == arrivals));
}
