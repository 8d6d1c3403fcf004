#include "sim/gauge_application.h"

#include <utility>

#include "core/base/check.h"
#include "ns3/uinteger.h"

namespace uhaul {

NS_OBJECT_ENSURE_REGISTERED(GaugeApplication);
NS_OBJECT_ENSURE_REGISTERED(GeneratorApplication);
NS_OBJECT_ENSURE_REGISTERED(SwitchApplication);
NS_OBJECT_ENSURE_REGISTERED(NfApplication);
NS_OBJECT_ENSURE_REGISTERED(ControllerApplication);

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

}  // namespace uhaul
