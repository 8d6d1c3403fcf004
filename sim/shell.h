// Shell: the ns-3 side of a World. Nodes named generator, switch, nf1, nf2, sink and controller (Names), a device per
// end of every link, and an application on each node whose attributes show what the machine there does. It moves
// nothing itself.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ns3/node.h"
#include "sim/device.h"
#include "sim/gauge_application.h"
#include "sim/link.h"

namespace uhaul {

enum class NodeName : uint8_t { kGenerator = 0, kSwitch, kNf1, kNf2, kSink, kController };
inline constexpr size_t kNodes = 6;

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
