#include "core/node/machine_set.h"

#include <utility>

#include "core/base/check.h"

namespace uhaul {
namespace {

// A MachineHost as one machine's station sees it.
struct Face {
  MachineHost& host;
  NodeId self;
  void OnEvent(TimePoint now, const RecordEvent& event) { host.OnEvent(now, event); }
  void OnMessage(TimePoint now, OutMessage& out) {
    UHAUL_CHECK(self != out.to);
    host.Send(now, self, out.to, std::move(out.message));
  }
  void OnPacket(TimePoint now, const OutPacket& packet) { host.Release(now, self, packet); }
  void OnMarker(TimePoint now, const OutMarker& out) { host.SendMarker(now, self, out.nf, out.marker); }
};

}  // namespace

MachineSet::MachineSet(std::vector<NfAgent> nfs, SwitchAgent forwarding, Controller controller, MachineHost* host,
                       int slice)
    : controller_(std::move(controller)), switch_(std::move(forwarding)), host_(host), slice_(slice) {
  UHAUL_CHECK(nfs.size() == kNfCount);
  for (NfAgent& nf : nfs) nfs_.emplace_back(std::move(nf));
  wake_.fill(TimePoint::Never());
}

void MachineSet::OnMessage(TimePoint now, NodeId from, NodeId to, const Message& message) {
  switch (to.role) {
    case NodeId::Role::kController:
      controller_.machine().OnMessage(now, from, message, controller_.outbox());
      break;
    case NodeId::Role::kSwitch:
      switch_.machine().OnMessage(now, message, switch_.outbox());
      break;
    case NodeId::Role::kNf:
      UHAUL_CHECK(to.instance < kNfCount);
      nfs_[to.instance].machine().OnMessage(now, message, nfs_[to.instance].outbox());
      break;
  }
  Settle(now, to);
}

void MachineSet::OnMarker(TimePoint now, uint8_t nf, const Marker& marker) {
  UHAUL_CHECK(nf < kNfCount);
  nfs_[nf].machine().OnMarker(now, marker, nfs_[nf].outbox());
  Settle(now, NfNode(nf));
}

void MachineSet::OnTimer(TimePoint now, NodeId node) {
  wake_[MachineIndex(node)] = TimePoint::Never();
  switch (node.role) {
    case NodeId::Role::kController:
      controller_.machine().OnTimer(now, controller_.outbox());
      break;
    case NodeId::Role::kSwitch:
      switch_.machine().OnTimer(now, switch_.outbox());
      break;
    case NodeId::Role::kNf:
      nfs_[node.instance].machine().OnTimer(now, nfs_[node.instance].outbox());
      break;
  }
  Settle(now, node);
}

void MachineSet::SettleFully(TimePoint now, NodeId node) {
  Face face{*host_, node};
  TimePoint deadline;
  switch (node.role) {
    case NodeId::Role::kController:
      deadline = controller_.Settle(now, face, slice_);
      break;
    case NodeId::Role::kSwitch:
      deadline = switch_.Settle(now, face, slice_);
      break;
    case NodeId::Role::kNf:
      deadline = nfs_[node.instance].Settle(now, face, slice_);
      break;
  }
  TimePoint& last = wake_[MachineIndex(node)];
  if (deadline == last) return;
  last = deadline;
  host_->Wake(node, deadline);
}

void MachineSet::SettleAll(TimePoint now) {
  for (size_t i = 0; i < kMachines; ++i) Settle(now, MachineNode(i));
}

void MachineSet::SetProfile(const Profile& profile) {
  controller_.machine().SetProfile(profile);
  switch_.machine().SetProfile(profile);
  for (Station<NfAgent>& nf : nfs_) nf.machine().SetProfile(profile);
}

}  // namespace uhaul
