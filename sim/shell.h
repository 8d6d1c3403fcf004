// Shell: the ns-3 side of a World. Nodes named generator, switch, nf1, nf2, sink and controller (Names), a device per
// end of every link, and an application on each node whose attributes show what the machine there does. It moves
// nothing itself.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ns3/application.h"
#include "ns3/node.h"
#include "sim/device.h"
#include "sim/link.h"

namespace uhaul {

enum class NodeName : uint8_t { kGenerator = 0, kSwitch, kNf1, kNf2, kSink, kController };
inline constexpr size_t kNodes = 6;

// What an application may tell of the machine on its node.
using Gauge = std::function<uint64_t()>;

// Common to all: an application with gauges; nothing to start or stop.
class GaugeApplication : public ns3::Application {
 public:
  static ns3::TypeId GetTypeId();
  void SetGauge(size_t i, Gauge gauge);

 protected:
  static constexpr size_t kGauges = 3;
  template <size_t kIndex>
  uint64_t Get() const {
    return gauges_[kIndex] ? gauges_[kIndex]() : 0;
  }
  void DoDispose() override;

 private:
  std::array<Gauge, kGauges> gauges_;
};

// PacketsSent, FlowsWaiting
class GeneratorApplication final : public GaugeApplication {
 public:
  static ns3::TypeId GetTypeId();
};
// TableEntries
class SwitchApplication final : public GaugeApplication {
 public:
  static ns3::TypeId GetTypeId();
};
// States, FitEntries, HeldBytes
class NfApplication final : public GaugeApplication {
 public:
  static ns3::TypeId GetTypeId();
};
// HeldBytes, Operations (0 or 1 under way)
class ControllerApplication final : public GaugeApplication {
 public:
  static ns3::TypeId GetTypeId();
};

class Shell {
 public:
  explicit Shell(DeviceTap::TupleOf tuple_of);
  ~Shell();

  // A channel between two nodes and what flows over it each way (null: nothing).
  void Connect(NodeName a, NodeName b, DataLink* forward, DataLink* backward);
  void Connect(NodeName a, NodeName b, ControlLink* forward, ControlLink* backward);
  // Shows the links to the devices that somebody listens to, and to no other; false if nobody listens at all.
  bool Observe();
  // Sets rate and delay of every control channel.
  void SetControl(BitRate rate, Duration delay);

  ns3::Ptr<ns3::Node> node(NodeName name) const { return nodes_[static_cast<size_t>(name)]; }
  // Installs the application of the node.
  ns3::Ptr<GaugeApplication> Install(NodeName name, std::vector<Gauge> gauges);

 private:
  ns3::Ptr<LinkDevice> AddDevice(NodeName name);

  DeviceTap::TupleOf tuple_of_;
  std::array<ns3::Ptr<ns3::Node>, kNodes> nodes_;
  std::vector<ns3::Ptr<LinkDevice>> devices_;
  std::vector<ns3::Ptr<LinkChannel>> control_channels_;
  std::vector<ns3::Ptr<LinkDevice>> control_devices_;
  std::vector<std::pair<DataLink*, std::unique_ptr<DeviceTap>>> taps_;  // of one direction each
};

}  // namespace uhaul
