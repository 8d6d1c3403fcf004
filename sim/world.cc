#include "sim/world.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "ns3/enum.h"
#include "ns3/global-value.h"
#include "ns3/object-factory.h"
#include "ns3/simulator.h"
#include "sim/sorted_scheduler.h"
#include "sim/train_scheduler.h"

namespace uhaul {
namespace {

// Reached as ns-3's global values are: from its command line, or NS_GLOBAL_VALUE="UhaulGranularity=Packet".
ns3::GlobalValue granularity_value(  // NOLINT: ns-3 finds it by its name
    "UhaulGranularity", "Packet: every action is an event of ns-3. Train: one event runs as many as it may",
    ns3::EnumValue(static_cast<int>(Granularity::kTrain)),
    ns3::MakeEnumChecker(static_cast<int>(Granularity::kPacket), "Packet", static_cast<int>(Granularity::kTrain),
                         "Train"));

Granularity DefaultGranularity() {
  ns3::EnumValue value;
  granularity_value.GetValue(value);
  return static_cast<Granularity>(value.Get());
}

}  // namespace

void SetDefaultGranularity(Granularity granularity) {
  granularity_value.SetValue(ns3::EnumValue(static_cast<int>(granularity)));
}

Result<std::unique_ptr<World>> World::Create(const PointSpec& spec, const Scenario& scenario, WorldOptions options) {
  Result<std::vector<NfAgent>> nfs = MakeNfs(spec);
  if (!nfs) return nfs.error();
  return std::unique_ptr<World>(new World(spec, scenario, options, std::move(nfs).value()));
}

World::World(const PointSpec& spec, const Scenario& scenario, const WorldOptions& options, std::vector<NfAgent> nfs)
    : spec_(spec),
      run_(spec, scenario),
      machines_(std::move(nfs), MakeSwitch(spec), MakeController(spec), static_cast<MachineHost*>(this)) {
  UsePicoseconds();
  const Granularity granularity = options.granularity.value_or(DefaultGranularity());
  ns3::ObjectFactory factory;
  switch (granularity) {
    case Granularity::kPacket:
      SortedScheduler::GetTypeId();  // known to ns-3 by name from here on
      factory.SetTypeId(options.scheduler);
      break;
    case Granularity::kTrain:
      factory.SetTypeId(TrainScheduler::GetTypeId());
      break;
  }
  ns3::Simulator::SetScheduler(factory);
  calendar_ = std::make_unique<Calendar>(granularity);
  for (const TraceFlow& flow : scenario.trace.flows) {
    keys_.push_back(run_.hasher().Key(flow.tuple));
    packets_.push_back(PacketsOf(spec, scenario, static_cast<uint32_t>(packets_.size())));
  }
  MakeLinks();
  MakeTimers();
  MakeShell();
  if (granularity == Granularity::kTrain) {
    calendar_->SetObserver([this] { return shell_->Observe(); });
  }
}

World::~World() {
  shell_.reset();
  ns3::Simulator::Destroy();
}

std::unique_ptr<DataLink> World::MakeDataLink(std::string name, uint16_t link_rank) {
  return std::make_unique<DataLink>(LinkOptions{.name = std::move(name),
                                                .rank = link_rank,
                                                .rate = spec_.link_rate,
                                                .delay = spec_.link_delay,
                                                .queue = spec_.link_buffer},
                                    calendar_.get(), static_cast<DataReceiver*>(this));
}

// Rate and delay come with the point's profile, at t0; nothing travels before.
std::unique_ptr<ControlLink> World::MakeControlLink(std::string name, uint16_t link_rank) {
  return std::make_unique<ControlLink>(LinkOptions{.name = std::move(name), .rank = link_rank, .delay = {}},
                                       calendar_.get(), static_cast<MessageReceiver*>(this));
}

void World::MakeLinks() {
  to_switch_ = MakeDataLink("generator-switch", rank::kToSwitch);
  acknowledgements_ = MakeDataLink("sink-generator", rank::kAcknowledgements);
  control_to_switch_ = MakeControlLink("controller-switch", rank::kControlToSwitch);
  control_from_switch_ = MakeControlLink("switch-controller", rank::kControlFromSwitch);
  for (uint16_t i = 0; i < kNfCount; ++i) {
    const std::string nf = "nf" + std::to_string(i + 1);
    switch_to_nf_[i] = MakeDataLink("switch-" + nf, static_cast<uint16_t>(rank::kSwitchToNf + i));
    nf_to_switch_[i] = MakeDataLink(nf + "-switch", static_cast<uint16_t>(rank::kNfToSwitch + i));
    nf_to_sink_[i] = MakeDataLink(nf + "-sink", static_cast<uint16_t>(rank::kNfToSink + i));
    control_to_nf_[i] = MakeControlLink("controller-" + nf, static_cast<uint16_t>(rank::kControlToNf + i));
    control_from_nf_[i] = MakeControlLink(nf + "-controller", static_cast<uint16_t>(rank::kControlFromNf + i));
    peer_[i] = MakeControlLink(nf + "-peer", static_cast<uint16_t>(rank::kPeer + i));
  }
}

void World::MakeTimers() {
  const auto make = [this](uint16_t timer_rank, auto function) {
    return std::make_unique<Timer>(timer_rank, calendar_.get(), function);
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
    calendar_->Stop();
  });
  watch_timer_ = make(rank::kWatch, [this](TimePoint now) { CheckEnd(now); });
}

void World::MakeShell() {
  shell_ = std::make_unique<Shell>([this](uint32_t flow) { return keys_[flow].tuple; });
  shell_->Connect(NodeName::kGenerator, NodeName::kSwitch, to_switch_.get(), static_cast<DataLink*>(nullptr));
  shell_->Connect(NodeName::kSink, NodeName::kGenerator, acknowledgements_.get(), static_cast<DataLink*>(nullptr));
  shell_->Connect(NodeName::kController, NodeName::kSwitch, control_to_switch_.get(), control_from_switch_.get());
  for (uint8_t i = 0; i < kNfCount; ++i) {
    const NodeName node = i == 0 ? NodeName::kNf1 : NodeName::kNf2;
    shell_->Connect(NodeName::kSwitch, node, switch_to_nf_[i].get(), nf_to_switch_[i].get());
    shell_->Connect(node, NodeName::kSink, nf_to_sink_[i].get(), static_cast<DataLink*>(nullptr));
    shell_->Connect(NodeName::kController, node, control_to_nf_[i].get(), control_from_nf_[i].get());
    shell_->Install(node,
                    {[this, i] { return nf(i).function().flow_count(); }, [this, i] { return nf(i).fit().size(now()); },
                     [this, i] { return nf(i).held_bytes().count(); }});
  }
  // Last: the numbers of the other devices are in paths that people write.
  shell_->Connect(NodeName::kNf1, NodeName::kNf2, peer_[0].get(), peer_[1].get());
  shell_->Install(NodeName::kGenerator, {[this] { return run_.recorder().counters().packets_sent; },
                                         [this] { return run_.source().Waiting(); }});
  shell_->Install(NodeName::kSwitch, {[this] { return forwarding().table_entries(); }});
  shell_->Install(NodeName::kController, {[this] { return controller().held_bytes().count(); },
                                          [this] { return static_cast<uint64_t>(controller().idle() ? 0 : 1); }});
}

// ---- the run

void World::OnStartTimer(TimePoint now) {
  at_start_ = run_.Look(now, nf(kSourceNf).function().flow_count());
  if (!at_start_ && run_.next_look() != TimePoint::Never()) return start_timer_->Set(run_.next_look());
  calendar_->Stop();
}

Status World::RunToStart() {
  ArmGenerator();
  machines_.SettleAll(TimePoint());
  start_timer_->Set(run_.FirstLook());
  ns3::Simulator::Run();
  if (!at_start_) return run_.NoStart();
  run_.recorder().CloseTransits(now());  // before the fork: the same for all points
  return {};
}

Status World::StartOperation(const PointSpec& point) {
  UHAUL_CHECK(at_start_);
  const TimePoint t0 = now();
  machines_.SetProfile(point.profile);
  shell_->SetControl(point.profile.control_rate, point.profile.control_delay);
  const std::optional<Operation> operation = run_.Begin(t0, point, nf(kSourceNf));
  cap_timer_->Set(run_.cap());
  if (operation) {
    const Result<OperationId> started =
        uhaul::StartOperation(machines_.controller(), t0, *operation, machines_.outbox(kControllerNode));
    if (!started) return started.error();
    machines_.Settle(t0, kControllerNode);
  }
  CheckOperation(t0);
  return {};
}

RunRecord World::RunToEnd() {
  if (!stopped_) ns3::Simulator::Run();
  UHAUL_CHECK(stopped_);
  return run_.Finish(now(), capped_, nf(0).fit().full() + nf(1).fit().full());
}

void World::CheckOperation(TimePoint now) {
  if (!run_.moving() || !controller().idle()) return;
  run_.OnOperationOver();
  if (run_.WatchEnd() > now) watch_timer_->Set(run_.WatchEnd());
  CheckEnd(now);
}

void World::CheckEnd(TimePoint now) {
  if (stopped_ || !run_.Ended(now)) return;
  stopped_ = true;
  calendar_->Stop();
}

uint64_t World::packets_on_links() const {
  uint64_t packets = to_switch_->in_flight();
  for (uint8_t i = 0; i < kNfCount; ++i) {
    packets += switch_to_nf_[i]->in_flight() + nf_to_switch_[i]->in_flight() + nf_to_sink_[i]->in_flight();
  }
  for (uint8_t i = 0; i < kNfCount; ++i) packets -= markers_[i].size() + relayed_markers_[i].size();
  return packets;
}

uint64_t World::messages_with_packets() const {
  const auto carries = [](const Message& m) {
    return std::holds_alternative<msg::PacketEvent>(m.body) || std::holds_alternative<msg::PacketOut>(m.body) ||
           std::holds_alternative<msg::ReturnedPacket>(m.body);
  };
  uint64_t messages = control_to_switch_->CountIf(carries);
  for (const auto& link : control_from_nf_) messages += link->CountIf(carries);
  for (const auto& link : peer_) messages += link->CountIf(carries);
  return messages;
}

}  // namespace uhaul
