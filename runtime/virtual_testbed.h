// VirtualTestbed: the testbed by a schedule. Links and control links take as long as wires do, the earliest action runs
// at exactly its time: the same seed gives the same record, and the simulator's.
//
// A process may be forked between RunToStart and StartOperation, if the EAL's memory is private (eal.h).
#pragma once

#include <array>
#include <memory>
#include <span>

#include "runtime/control_link.h"
#include "runtime/event_queue.h"
#include "runtime/link_captures.h"
#include "runtime/testbed.h"

namespace uhaul::runtime {

class VirtualTestbed final : public Testbed, private DataReceiver, private MessageReceiver, private MachineHost {
 public:
  // Of `spec` only the fields that determine the warm-up count. `scenario` and `pool` outlive it.
  // `captures`: of its links, if any; outlives it, too.
  static Result<std::unique_ptr<Testbed>> Create(const PointSpec& spec, const Scenario& scenario, rte_mempool* pool,
                                                 LinkCaptures* captures = nullptr);

  Status RunToStart() override;
  Status StartOperation(const PointSpec& point) override;
  Result<RunRecord> RunToEnd() override;
  const Plane& plane() const override { return *plane_; }
  const Punctuality& punctuality() const override { return punctuality_; }

 private:
  VirtualTestbed(const PointSpec& spec, const Scenario& scenario);
  void MakeLinks(LinkCaptures* captures);
  void MakeTimers();
  void Run();  // until paused_ or stopped_

  void OnData(TimePoint now, uint16_t link_rank, std::span<rte_mbuf* const> burst) override;
  void OnMessage(TimePoint now, uint16_t link_rank, const Message& message) override;
  void OnEvent(TimePoint now, const RecordEvent& event) override { run_.recorder().OnEvent(now, event); }
  void Send(TimePoint now, NodeId from, NodeId to, Message message) override;
  void Release(TimePoint now, NodeId at, const OutPacket& out) override { plane_->Release(now, at, out); }
  void SendMarker(TimePoint now, NodeId at, uint8_t nf, const Marker& marker) override {
    plane_->SendMarker(now, at, nf, marker);
  }
  void Wake(NodeId machine, TimePoint at) override { machine_timers_[MachineIndex(machine)]->Set(at); }

  void OnGenerator(TimePoint now);
  void OnStartTimer(TimePoint now);
  void OnMachineTimer(TimePoint now, NodeId machine);
  void CheckOperation(TimePoint now);
  void CheckEnd(TimePoint now);

  EventQueue queue_{true};
  RunControl run_;
  PacketStore store_;
  std::unique_ptr<Plane> plane_;
  std::array<std::unique_ptr<ControlLink>, rank::kPeer + kNfCount> control_;  // by rank
  std::array<std::unique_ptr<Timer>, kMachines> machine_timers_;
  std::unique_ptr<Timer> generator_;
  std::unique_ptr<Timer> start_timer_;
  std::unique_ptr<Timer> cap_timer_;
  std::unique_ptr<Timer> watch_timer_;
  Punctuality punctuality_;
  TimePoint start_;        // t0
  bool at_start_ = false;  // t0 has come
  bool paused_ = false;
  bool stopped_ = false;
  bool capped_ = false;
};

}  // namespace uhaul::runtime
