#include "sim/shell.h"

#include <utility>

#include "core/base/check.h"
#include "ns3/names.h"

namespace uhaul {

namespace {
constexpr std::array<const char*, kNodes> kNodeNames = {"generator", "switch", "nf1", "nf2", "sink", "controller"};
}

Shell::Shell(DeviceTap::TupleOf tuple_of) : tuple_of_(std::move(tuple_of)) {
  for (size_t i = 0; i < kNodes; ++i) {
    nodes_[i] = ns3::CreateObject<ns3::Node>();
    ns3::Names::Add(kNodeNames[i], nodes_[i]);
  }
}

// The links go before ns-3's objects do.
Shell::~Shell() {
  for (auto& [link, tap] : taps_) link->SetTap(nullptr);
  for (const auto& device : devices_) device->Unbind();
  for (const auto& device : control_devices_) device->Unbind();
  ns3::Names::Clear();
}

ns3::Ptr<LinkDevice> Shell::AddDevice(NodeName name) {
  ns3::Ptr<LinkDevice> device = ns3::CreateObject<LinkDevice>();
  node(name)->AddDevice(device);
  return device;
}

void Shell::Connect(NodeName a, NodeName b, DataLink* forward, DataLink* backward) {
  const std::array<ns3::Ptr<LinkDevice>, 2> ends = {AddDevice(a), AddDevice(b)};
  const std::array<DataLink*, 2> links = {forward, backward};
  ns3::Ptr<LinkChannel> channel = ns3::CreateObject<LinkChannel>();
  for (size_t i = 0; i < 2; ++i) {
    if (DataLink* link = links[i]; link != nullptr) {
      ends[i]->SetDataRate(ns3::DataRate(link->rate().bits_per_second()));
      ends[i]->SetQueueBytes(link->queue().count());
      ends[i]->Bind(link);
      channel->SetDelay(ns3::NanoSeconds(static_cast<uint64_t>(link->delay().nanos())));
      taps_.emplace_back(link, std::make_unique<DeviceTap>(ends[i], ends[1 - i], tuple_of_));
      link->SetTap(taps_.back().second.get());
    }
    devices_.push_back(ends[i]);
  }
  channel->Attach(ends[0], ends[1]);
}

void Shell::Connect(NodeName a, NodeName b, ControlLink* forward, ControlLink* backward) {
  const std::array<ns3::Ptr<LinkDevice>, 2> ends = {AddDevice(a), AddDevice(b)};
  ns3::Ptr<LinkChannel> channel = ns3::CreateObject<LinkChannel>();
  channel->SetDelay(ns3::NanoSeconds(static_cast<uint64_t>(forward->delay().nanos())));
  ends[0]->SetDataRate(ns3::DataRate(forward->rate().bits_per_second()));
  ends[1]->SetDataRate(ns3::DataRate(backward->rate().bits_per_second()));
  ends[0]->Bind(forward);
  ends[1]->Bind(backward);
  channel->Attach(ends[0], ends[1]);
  control_channels_.push_back(channel);
  control_devices_.push_back(ends[0]);
  control_devices_.push_back(ends[1]);
}

bool Shell::Observe() {
  bool observed = false;
  for (auto& [link, tap] : taps_) {
    const bool listens = tap->observed();
    link->SetTap(listens ? tap.get() : nullptr);
    observed = observed || listens;
  }
  return observed;
}

void Shell::SetControl(BitRate rate, Duration delay) {
  for (const auto& device : control_devices_) device->SetDataRate(ns3::DataRate(rate.bits_per_second()));
  for (const auto& channel : control_channels_) {
    channel->SetDelay(ns3::NanoSeconds(static_cast<uint64_t>(delay.nanos())));
  }
}

ns3::Ptr<GaugeApplication> Shell::Install(NodeName name, std::vector<Gauge> gauges) {
  ns3::Ptr<GaugeApplication> application;
  switch (name) {
    case NodeName::kGenerator:
      application = ns3::CreateObject<GeneratorApplication>();
      break;
    case NodeName::kSwitch:
      application = ns3::CreateObject<SwitchApplication>();
      break;
    case NodeName::kNf1:
    case NodeName::kNf2:
      application = ns3::CreateObject<NfApplication>();
      break;
    case NodeName::kController:
      application = ns3::CreateObject<ControllerApplication>();
      break;
    case NodeName::kSink:
      UHAUL_CHECK(name != NodeName::kSink);  // the sink has no machine
      break;
  }
  for (size_t i = 0; i < gauges.size(); ++i) application->SetGauge(i, std::move(gauges[i]));
  node(name)->AddApplication(application);
  return application;
}

}  // namespace uhaul
