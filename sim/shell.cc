#include "sim/shell.h"

#include <utility>

#include "core/base/check.h"
#include "ns3/names.h"
#include "ns3/uinteger.h"

namespace uhaul {

NS_OBJECT_ENSURE_REGISTERED(GaugeApplication);
NS_OBJECT_ENSURE_REGISTERED(GeneratorApplication);
NS_OBJECT_ENSURE_REGISTERED(SwitchApplication);
NS_OBJECT_ENSURE_REGISTERED(NfApplication);
NS_OBJECT_ENSURE_REGISTERED(ControllerApplication);

namespace {
constexpr std::array<const char*, kNodes> kNodeNames = {"generator", "switch", "nf1", "nf2", "sink", "controller"};
}

ns3::TypeId GaugeApplication::GetTypeId() {
  static ns3::TypeId id = ns3::TypeId("uhaul::GaugeApplication").SetParent<ns3::Application>().SetGroupName("Uhaul");
  return id;
}

void GaugeApplication::SetGauge(size_t i, Gauge gauge) {
  UHAUL_CHECK(i < kGauges);
  gauges_[i] = std::move(gauge);
}

void GaugeApplication::DoDispose() {
  for (Gauge& gauge : gauges_) gauge = nullptr;
  ns3::Application::DoDispose();
}

namespace {
// A read-only attribute that shows one gauge.
template <class Accessor>
void AddGauge(ns3::TypeId& id, const char* name, const char* help, Accessor get) {
  id.AddAttribute(name, help, ns3::TypeId::ATTR_GET, ns3::UintegerValue(0), ns3::MakeUintegerAccessor(get),
                  ns3::MakeUintegerChecker<uint64_t>());
}
}  // namespace

ns3::TypeId GeneratorApplication::GetTypeId() {
  static ns3::TypeId id = [] {
    ns3::TypeId type = ns3::TypeId("uhaul::GeneratorApplication")
                           .SetParent<GaugeApplication>()
                           .SetGroupName("Uhaul")
                           .AddConstructor<GeneratorApplication>();
    AddGauge(type, "PacketsSent", "Packets that left the generator", &GeneratorApplication::Get<0>);
    AddGauge(type, "FlowsWaiting", "Flows that have arrived and not sent yet", &GeneratorApplication::Get<1>);
    return type;
  }();
  return id;
}

ns3::TypeId SwitchApplication::GetTypeId() {
  static ns3::TypeId id = [] {
    ns3::TypeId type = ns3::TypeId("uhaul::SwitchApplication")
                           .SetParent<GaugeApplication>()
                           .SetGroupName("Uhaul")
                           .AddConstructor<SwitchApplication>();
    AddGauge(type, "TableEntries", "Rules in the table", &SwitchApplication::Get<0>);
    return type;
  }();
  return id;
}

ns3::TypeId NfApplication::GetTypeId() {
  static ns3::TypeId id = [] {
    ns3::TypeId type = ns3::TypeId("uhaul::NfApplication")
                           .SetParent<GaugeApplication>()
                           .SetGroupName("Uhaul")
                           .AddConstructor<NfApplication>();
    AddGauge(type, "States", "Flows with state", &NfApplication::Get<0>);
    AddGauge(type, "FitEntries", "Live entries of the flow information table", &NfApplication::Get<1>);
    AddGauge(type, "HeldBytes", "Octets of packets held here", &NfApplication::Get<2>);
    return type;
  }();
  return id;
}

ns3::TypeId ControllerApplication::GetTypeId() {
  static ns3::TypeId id = [] {
    ns3::TypeId type = ns3::TypeId("uhaul::ControllerApplication")
                           .SetParent<GaugeApplication>()
                           .SetGroupName("Uhaul")
                           .AddConstructor<ControllerApplication>();
    AddGauge(type, "HeldBytes", "Octets of packets held here", &ControllerApplication::Get<0>);
    AddGauge(type, "Operations", "1 while an operation is under way", &ControllerApplication::Get<1>);
    return type;
  }();
  return id;
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
