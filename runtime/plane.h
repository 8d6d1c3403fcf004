// Plane: the data plane of a testbed, whole or in part: its links, its roles, and the machines behind them. Bursts come
// in by the rank of the link on which they arrived. A process that is only one role of a testbed makes only that role's
// links; the rest of the plane then is never called, and its facts go to a log.
//
// What the machines want done goes to the MachineHost, who owns the control links and the timers.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/node/machine_set.h"
#include "experiments/run_control.h"
#include "experiments/topology.h"
#include "runtime/datapath.h"
#include "runtime/roles.h"

namespace uhaul::runtime {

// Makes the link of a rank; null for one that this process does not send on.
using MakeLink = std::function<std::unique_ptr<DataLink>(uint16_t link_rank, const LinkOptions& options)>;

class Plane {
 public:
  // `run`, `host` and `memory` outlive it. An error names a flow that no frame can carry, or an unknown network
  // function.
  // `restarted`: this process takes the place of one that died in this run.
  static Result<std::unique_ptr<Plane>> Create(RunControl* run, PacketMemory memory, MachineHost* host, int slice,
                                               FactLog* log = nullptr, bool restarted = false);
  // Then, once:
  void MakeLinks(const MakeLink& make);

  // Owns the mbufs from here on. Settles the machine that saw them.
  void OnData(TimePoint now, uint16_t link_rank, std::span<rte_mbuf* const> burst);
  // A packet that a machine lets go of.
  void Release(TimePoint now, NodeId at, const OutPacket& out);
  // A marker out of the switch's port to `nf`, or from an NF by the switch, as a frame. Where the pool is empty or the
  // link full it is lost.
  void SendMarker(TimePoint now, NodeId at, uint8_t nf, const Marker& marker);

  GeneratorRole& generator() { return *generator_; }
  MachineSet& machines() { return machines_; }
  const MachineSet& machines() const { return machines_; }
  Datapath& path() { return path_; }
  const Datapath& path() const { return path_; }
  Facts& facts() { return facts_; }
  const Facts& facts() const { return facts_; }
  const SwitchRole& forwarding_role() const { return *switch_; }
  // What waits behind this process's links may have room now.
  void PushLinks(TimePoint now) {
    for (const auto& link : links_) {
      if (link != nullptr) link->Send(now, {});
    }
  }
  // Null if this process has no such link.
  DataLink* link(uint16_t link_rank) { return links_[link_rank].get(); }
  uint64_t fit_full() const { return machines_.nf(0).fit().full() + machines_.nf(1).fit().full(); }

 private:
  Plane(RunControl* run, PacketMemory memory, MachineHost* host, std::vector<NfAgent> nfs, SwitchAgent forwarding,
        int slice, FactLog* log);
  void AtNf(TimePoint now, uint8_t nf, std::span<rte_mbuf* const> burst);

  RunControl* run_;
  Facts facts_;
  Datapath path_;
  MachineSet machines_;
  std::array<std::unique_ptr<DataLink>, rank::kGenerator> links_;
  std::unique_ptr<GeneratorRole> generator_;
  std::unique_ptr<SwitchRole> switch_;
  std::vector<NfRole> nfs_;
  std::unique_ptr<SinkRole> sink_;
};

}  // namespace uhaul::runtime
