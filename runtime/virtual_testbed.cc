#include "runtime/virtual_testbed.h"

#include <limits>
#include <utility>

#include "core/base/check.h"
#include "core/protocol/codec.h"

namespace uhaul::runtime {

Result<std::unique_ptr<Testbed>> VirtualTestbed::Create(const PointSpec& spec, const Scenario& scenario,
                                                        rte_mempool* pool, LinkCaptures* captures) {
  std::unique_ptr<VirtualTestbed> testbed(new VirtualTestbed(spec, scenario));
  Result<std::unique_ptr<Plane>> plane =
      Plane::Create(&testbed->run_, {pool, &testbed->store_}, static_cast<MachineHost*>(testbed.get()),
                    std::numeric_limits<int>::max());
  if (!plane) return plane.error();
  testbed->plane_ = std::move(plane).value();
  testbed->MakeLinks(captures);
  testbed->MakeTimers();
  return std::unique_ptr<Testbed>(std::move(testbed));
}

VirtualTestbed::VirtualTestbed(const PointSpec& spec, const Scenario& scenario) : run_(spec, scenario) {}

// The control links' rate and delay come with the point's profile, at t0; nothing travels before.
void VirtualTestbed::MakeLinks(LinkCaptures* captures) {
  plane_->MakeLinks([this, captures](uint16_t, const LinkOptions& options) -> std::unique_ptr<DataLink> {
    auto link = std::make_unique<WireLink>(options, &queue_, static_cast<DataReceiver*>(this), plane_->path().memory());
    if (captures == nullptr) return link;
    return captures->Wrap(options.name, std::move(link), &store_);
  });
  const auto add = [this](uint16_t link_rank) {
    control_[link_rank] = std::make_unique<ControlLink>(link_rank, &queue_, static_cast<MessageReceiver*>(this));
  };
  for (size_t i = 1; i < kMachines; ++i) {
    add(ControlRankTo(MachineNode(i)));
    add(ControlRankFrom(MachineNode(i)));
  }
  for (uint16_t i = 0; i < kNfCount; ++i) add(static_cast<uint16_t>(rank::kPeer + i));
}

void VirtualTestbed::MakeTimers() {
  const auto make = [this](uint16_t timer_rank, auto function) {
    return std::make_unique<Timer>(timer_rank, &queue_, function);
  };
  for (size_t i = 0; i < kMachines; ++i) {
    const NodeId machine = MachineNode(i);
    machine_timers_[i] = make(static_cast<uint16_t>(rank::kMachineTimer + i),
                              [this, machine](TimePoint now) { OnMachineTimer(now, machine); });
  }
  generator_ = make(rank::kGenerator, [this](TimePoint now) { OnGenerator(now); });
  start_timer_ = make(rank::kStart, [this](TimePoint now) { OnStartTimer(now); });
  cap_timer_ = make(rank::kCap, [this](TimePoint) {
    capped_ = true;
    stopped_ = true;
  });
  watch_timer_ = make(rank::kWatch, [this](TimePoint now) { CheckEnd(now); });
}

// ---- the run

void VirtualTestbed::Run() {
  paused_ = false;
  while (!paused_ && !stopped_ && queue_.RunNext()) {
  }
}

void VirtualTestbed::OnStartTimer(TimePoint now) {
  at_start_ = run_.Look(now, plane_->machines().nf(kSourceNf).function().flow_count());
  if (!at_start_ && run_.next_look() != TimePoint::Never()) return start_timer_->Set(run_.next_look());
  start_ = now;
  paused_ = true;
}

Status VirtualTestbed::RunToStart() {
  generator_->Set(plane_->generator().NextTime());
  plane_->machines().SettleAll(TimePoint());
  start_timer_->Set(run_.FirstLook());
  Run();
  if (!at_start_) return run_.NoStart();
  return {};
}

Status VirtualTestbed::StartOperation(const PointSpec& point) {
  UHAUL_CHECK(at_start_);
  MachineSet& machines = plane_->machines();
  machines.SetProfile(point.profile);
  for (const auto& link : control_) {
    if (link != nullptr) link->Set(point.profile.control_rate, point.profile.control_delay);
  }
  const std::optional<Operation> operation = run_.Begin(start_, point, machines.nf(kSourceNf));
  cap_timer_->Set(run_.cap());
  if (operation) {
    const Result<OperationId> started =
        uhaul::StartOperation(machines.controller(), start_, *operation, machines.outbox(kControllerNode));
    if (!started) return started.error();
    machines.Settle(start_, kControllerNode);
  }
  CheckOperation(start_);
  return {};
}

Result<RunRecord> VirtualTestbed::RunToEnd() {
  if (!stopped_) Run();
  UHAUL_CHECK(stopped_);
  return run_.Finish(queue_.current(), capped_, plane_->fit_full());
}

void VirtualTestbed::CheckOperation(TimePoint now) {
  if (!run_.moving() || !plane_->machines().controller().idle()) return;
  run_.OnOperationOver();
  if (run_.WatchEnd() > now) watch_timer_->Set(run_.WatchEnd());
  CheckEnd(now);
}

void VirtualTestbed::CheckEnd(TimePoint now) {
  if (run_.Ended(now)) stopped_ = true;
}

// ---- what happens

void VirtualTestbed::OnGenerator(TimePoint now) {
  plane_->generator().SendOne(now);
  if (plane_->facts().TakeEnded()) CheckEnd(now);
  generator_->Set(plane_->generator().NextTime());
}

void VirtualTestbed::OnData(TimePoint now, uint16_t link_rank, std::span<rte_mbuf* const> burst) {
  plane_->OnData(now, link_rank, burst);
  if (plane_->facts().TakeEnded()) CheckEnd(now);
  if (link_rank == rank::kAcknowledgements) generator_->Set(plane_->generator().NextTime());
}

void VirtualTestbed::OnMessage(TimePoint now, uint16_t link_rank, const Message& message) {
  const ControlEnds ends = EndsOf(link_rank);
  plane_->machines().OnMessage(now, ends.from, ends.to, message);
  if (plane_->facts().TakeEnded()) CheckEnd(now);
  if (ends.to == kControllerNode) CheckOperation(now);
}

void VirtualTestbed::OnMachineTimer(TimePoint now, NodeId machine) {
  plane_->machines().OnTimer(now, machine);
  if (plane_->facts().TakeEnded()) CheckEnd(now);
  if (machine == kControllerNode) CheckOperation(now);
}

void VirtualTestbed::Send(TimePoint now, NodeId from, NodeId to, Message message) {
  const Bytes size = WireSize(message);
  CountMessage(message, size, &run_.recorder().counters());
  if (auto* returned = std::get_if<msg::ReturnedPacket>(&message.body)) {
    returned->packet.handle = store_.Copy(returned->packet.handle);
  }
  control_[ControlRank(from, to)]->Send(now, std::move(message), size);
}

}  // namespace uhaul::runtime
