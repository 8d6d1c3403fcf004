// MachineSet: controller, switch and two NF agents in one place, for engines whose control messages stay in memory.
// The engine brings packets, messages and time; what comes out goes to its MachineHost. Where some of the machines live
// elsewhere, theirs here are never called and cost nothing: the host sends their messages to where they are.
#pragma once

#include <array>
#include <limits>
#include <vector>

#include "core/node/controller.h"
#include "core/node/nf_agent.h"
#include "core/node/station.h"
#include "core/node/switch_agent.h"

namespace uhaul {

inline constexpr uint8_t kNfCount = 2;
// The machines, numbered: controller, switch, NFs.
inline constexpr size_t kMachines = 2 + kNfCount;
constexpr size_t MachineIndex(NodeId node) {
  switch (node.role) {
    case NodeId::Role::kController:
      return 0;
    case NodeId::Role::kSwitch:
      return 1;
    case NodeId::Role::kNf:
      return 2U + node.instance;
  }
  UHAUL_CHECK(false);
}
constexpr NodeId MachineNode(size_t index) {
  return index == 0 ? kControllerNode : index == 1 ? kSwitchNode : NfNode(static_cast<uint8_t>(index - 2));
}

class MachineHost {
 public:
  virtual ~MachineHost() = default;
  virtual void OnEvent(TimePoint now, const RecordEvent& event) = 0;
  virtual void Send(TimePoint now, NodeId from, NodeId to, Message message) = 0;
  // `at`: the switch (packet-out) or the NF that lets go of the packet.
  virtual void Release(TimePoint now, NodeId at, const OutPacket& out) = 0;
  // The switch sends a marker out of the port to `nf`, behind everything that went there. From an NF: back to the
  // switch, which does so, behind everything that this one relayed.
  virtual void SendMarker(TimePoint now, NodeId at, uint8_t nf, const Marker& marker) = 0;
  // The machine wants OnTimer at that time and at no other. Said only when it changed.
  virtual void Wake(NodeId machine, TimePoint at) = 0;
};

class MachineSet {
 public:
  // `slice`: calls of a machine's timer in one settling (Station); what is left is due still, and the host was told.
  MachineSet(std::vector<NfAgent> nfs, SwitchAgent forwarding, Controller controller, MachineHost* host,
             int slice = std::numeric_limits<int>::max());

  NfAgent& nf(uint8_t instance) { return nfs_[instance].machine(); }
  const NfAgent& nf(uint8_t instance) const { return nfs_[instance].machine(); }
  SwitchAgent& forwarding() { return switch_.machine(); }
  const SwitchAgent& forwarding() const { return switch_.machine(); }
  Controller& controller() { return controller_.machine(); }
  const Controller& controller() const { return controller_.machine(); }
  // What the machine of `node` says goes there, if the engine calls it itself; then Settle.
  Outbox& outbox(NodeId node) {
    switch (node.role) {
      case NodeId::Role::kController:
        return controller_.outbox();
      case NodeId::Role::kSwitch:
        return switch_.outbox();
      case NodeId::Role::kNf:
        return nfs_[node.instance].outbox();
    }
    UHAUL_CHECK(false);
  }

  // Each settles the machine.
  void OnMessage(TimePoint now, NodeId from, NodeId to, const Message& message);
  void OnMarker(TimePoint now, uint8_t nf, const Marker& marker);
  void OnTimer(TimePoint now, NodeId node);
  void Settle(TimePoint now, NodeId node) {
    // After a packet there is hardly ever anything to settle.
    switch (node.role) {
      case NodeId::Role::kController:
        if (Settled(now, node, controller_)) return;
        break;
      case NodeId::Role::kSwitch:
        if (Settled(now, node, switch_)) return;
        break;
      case NodeId::Role::kNf:
        if (Settled(now, node, nfs_[node.instance])) return;
        break;
    }
    SettleFully(now, node);
  }
  // At the start: every machine's first deadline.
  void SettleAll(TimePoint now);
  void SetProfile(const Profile& profile);

 private:
  // The machine wants nothing, and the host knows when it will.
  template <class Machine>
  bool Settled(TimePoint now, NodeId node, Station<Machine>& station) const {
    if (!station.outbox().empty()) return false;
    const TimePoint deadline = station.machine().NextDeadline();
    return deadline == wake_[MachineIndex(node)] && deadline > now;
  }
  void SettleFully(TimePoint now, NodeId node);

  Station<Controller> controller_;
  Station<SwitchAgent> switch_;
  std::vector<Station<NfAgent>> nfs_;
  MachineHost* host_;
  int slice_;
  std::array<TimePoint, kMachines> wake_;  // what the host was told last
};

}  // namespace uhaul
