#include "sim/world.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "core/base/random.h"
#include "core/nf/function_registry.h"
#include "ns3/object-factory.h"
#include "ns3/simulator.h"
#include "sim/sorted_scheduler.h"
#include "workloads/random_streams.h"

namespace uhaul {
namespace {

// How often a point that waits for a number of states looks, and how long after the trace's last flow it gives up.
constexpr Duration kStatesPoll = Duration::Micros(100);
constexpr Duration kStatesPatience = Duration::Seconds(1);

HashKey HashKeyOf(const PointSpec& spec) {
  Random random(spec.trace, kFlowHashStream);
  const uint64_t k0 = random.Next();
  return {k0, random.Next()};
}

uint32_t PacketsOf(const TraceFlow& flow, uint32_t packet_bytes) {
  return static_cast<uint32_t>((flow.bytes + packet_bytes - 1) / packet_bytes);
}

std::vector<RecorderFlow> RecorderFlowsOf(const Trace& trace, uint32_t packet_bytes) {
  std::vector<RecorderFlow> flows;
  flows.reserve(trace.flows.size());
  for (const TraceFlow& f : trace.flows) {
    flows.push_back({f.tuple, f.arrival.nanos(), f.bytes, PacketsOf(f, packet_bytes)});
  }
  return flows;
}

}  // namespace

Result<std::unique_ptr<World>> World::Create(const PointSpec& spec, const Scenario& scenario, WorldOptions options) {
  std::vector<NfAgent> nfs;
  for (uint8_t i = 0; i < kNfCount; ++i) {
    auto function = MakeNetworkFunction(spec.nf_function, {.timeout = spec.nf_timeout, .hash_key = HashKeyOf(spec)});
    if (!function) return function.error();
    nfs.emplace_back(NfAgentOptions{.instance = i, .fit = spec.fit, .profile = {}, .hash_key = HashKeyOf(spec)},
                     std::move(function).value());
  }
  return std::unique_ptr<World>(new World(spec, scenario, options, std::move(nfs)));
}

World::World(const PointSpec& spec, const Scenario& scenario, const WorldOptions& options, std::vector<NfAgent> nfs)
    : spec_(spec),
      scenario_(scenario),
      nfs_(std::move(nfs)),
      switch_({.profile = {}, .hash_key = HashKeyOf(spec), .table_capacity = spec.switch_table, .default_nf = 0}),
      controller_({.profile = {}, .hash_key = HashKeyOf(spec), .nf_count = kNfCount}),
      source_(scenario.trace, SourceOptionsOf(spec)),
      recorder_(RecorderFlowsOf(scenario.trace, spec.packet_bytes),
                {.retransmits = spec.senders == SenderKind::kWindow, .source_nf = 0}) {
  UsePicoseconds();
  SortedScheduler::GetTypeId();  // known to ns-3 by name from here on
  ns3::ObjectFactory factory;
  factory.SetTypeId(options.scheduler);
  ns3::Simulator::SetScheduler(factory);
  calendar_ = std::make_unique<PacketCalendar>();
  const FlowHasher hasher(HashKeyOf(spec));
  for (const TraceFlow& flow : scenario.trace.flows) {
    keys_.push_back(hasher.Key(flow.tuple));
    packets_.push_back(PacketsOf(flow, spec.packet_bytes));
  }
  MakeLinks();
  MakeTimers();
  MakeShell();
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
  }
}

void World::MakeTimers() {
  const auto make = [this](uint16_t timer_rank, auto function) {
    return std::make_unique<Timer>(timer_rank, calendar_.get(), function);
  };
  const std::array<uint16_t, kMachines> ranks = {rank::kControllerTimer, rank::kSwitchTimer, rank::kNfTimer,
                                                 rank::kNfTimer + 1};
  for (size_t i = 0; i < kMachines; ++i) {
    const Machine machine = static_cast<Machine>(i);
    machine_timers_[i] = make(ranks[i], [this, machine](TimePoint now) { OnMachineTimer(now, machine); });
  }
  generator_ = make(rank::kGenerator, [this](TimePoint now) { OnGenerator(now); });
  start_timer_ = make(rank::kStart, [this](TimePoint now) { OnStartTimer(now); });
  cap_timer_ = make(rank::kCap, [this](TimePoint) {
    capped_ = true;
    stopped_ = true;
    ns3::Simulator::Stop();
  });
  watch_timer_ = make(rank::kWatch, [this](TimePoint now) { CheckEnd(now); });
}

void World::MakeShell() {
  shell_ = std::make_unique<Shell>([this](uint32_t flow) { return keys_[flow].tuple; });
  shell_->Connect(NodeName::kGenerator, NodeName::kSwitch, to_switch_.get(), static_cast<DataLink*>(nullptr));
  shell_->Connect(NodeName::kSink, NodeName::kGenerator, acknowledgements_.get(), static_cast<DataLink*>(nullptr));
  shell_->Connect(NodeName::kController, NodeName::kSwitch, control_to_switch_.get(), control_from_switch_.get());
  for (uint8_t i = 0; i < kNfCount; ++i) {
    const NodeName nf = i == 0 ? NodeName::kNf1 : NodeName::kNf2;
    shell_->Connect(NodeName::kSwitch, nf, switch_to_nf_[i].get(), nf_to_switch_[i].get());
    shell_->Connect(nf, NodeName::kSink, nf_to_sink_[i].get(), static_cast<DataLink*>(nullptr));
    shell_->Connect(NodeName::kController, nf, control_to_nf_[i].get(), control_from_nf_[i].get());
    shell_->Install(
        nf, {[this, i] { return nfs_[i].function().flow_count(); }, [this, i] { return nfs_[i].fit().size(now()); },
             [this, i] { return nfs_[i].held_bytes().count(); }});
  }
  shell_->Install(NodeName::kGenerator,
                  {[this] { return recorder_.counters().packets_sent; }, [this] { return source_.Waiting(); }});
  shell_->Install(NodeName::kSwitch, {[this] { return switch_.table_entries(); }});
  shell_->Install(NodeName::kController, {[this] { return controller_.held_bytes().count(); },
                                          [this] { return static_cast<uint64_t>(controller_.idle() ? 0 : 1); }});
}

// ---- the run

void World::OnStartTimer(TimePoint now) {
  if (spec_.migration_states > 0 && nfs_[0].function().flow_count() < spec_.migration_states) {
    const TimePoint last = scenario_.trace.flows.empty() ? TimePoint() : scenario_.trace.flows.back().arrival;
    if (now < last + kStatesPatience) {
      start_timer_->Set(now + kStatesPoll);
    } else {
      ns3::Simulator::Stop();
    }
    return;
  }
  at_start_ = true;
  ns3::Simulator::Stop();
}

Status World::RunToStart() {
  ArmGenerator();
  for (size_t i = 0; i < kMachines; ++i) Settle(TimePoint(), static_cast<Machine>(i));
  start_timer_->Set(spec_.migration_states > 0 ? TimePoint::FromNanos(kStatesPoll.nanos()) : StartTime(spec_));
  ns3::Simulator::Run();
  if (!at_start_) {
    return Error{"the trace ended before the source NF held " + std::to_string(spec_.migration_states) +
                 " states (migration.states)"};
  }
  return {};
}

void World::ApplyProfile(const Profile& profile) {
  controller_.SetProfile(profile);
  switch_.SetProfile(profile);
  for (NfAgent& nf : nfs_) nf.SetProfile(profile);
  shell_->SetControl(profile.control_rate, profile.control_delay);
}

Status World::StartOperation(const PointSpec& point) {
  UHAUL_CHECK(at_start_ && !moving_ && !over_);
  const TimePoint t0 = now();
  ApplyProfile(point.profile);
  const std::vector<ActiveFlow> active = nfs_[0].fit().Snapshot(t0);
  std::vector<uint64_t> unsent;
  std::vector<uint64_t> final_bytes;
  for (const ActiveFlow& flow : active) {
    const uint32_t number = recorder_.NumberOf(flow.flow.tuple);
    UHAUL_CHECK(number < keys_.size());
    unsent.push_back(source_.UnsentBytes(number));
    final_bytes.push_back(scenario_.trace.flows[number].bytes);
  }
  recorder_.Begin({.at = t0,
                   .active = active,
                   .unsent_bytes = std::move(unsent),
                   .nf_states = nfs_[0].function().flow_count(),
                   .watch = WatchOf(point.profile, active.size())});
  cap_timer_->Set(t0 + point.cap);
  rho_ = ProportionOf(point, scenario_, active, final_bytes);
  const bool elephants = point.scheme.flows == MoveFlows::kElephants;
  if (elephants) elephant_threshold_ = point.threshold.count();
  moving_ = true;
  if (point.scheme.flows != MoveFlows::kNone) {
    const MoveRequest request{
        .src = 0, .dst = 1, .scheme = point.scheme, .filter = point.move_filter, .limit = point.move_limit};
    const Result<OperationId> operation =
        elephants ? controller_.MoveElephant(
                        t0, request, {.kind = point.detector, .rho = rho_, .threshold = point.threshold}, outbox_)
                  : controller_.Move(t0, request, outbox_);
    if (!operation) return operation.error();
    Settle(t0, Machine::kController);
  }
  CheckOperation(t0);
  return {};
}

RunRecord World::RunToEnd() {
  UHAUL_CHECK(moving_ || over_);
  if (!stopped_) ns3::Simulator::Run();
  UHAUL_CHECK(stopped_);
  RunCounters& counters = recorder_.counters();
  counters.fit_full = nfs_[0].fit().full() + nfs_[1].fit().full();
  return recorder_.Finish(now(), capped_, rho_, elephant_threshold_);
}

// U-HAUL's downtime ends with the last delete; what follows (rules, stragglers) belongs to the operation too.
void World::CheckOperation(TimePoint now) {
  if (!moving_ || !controller_.idle()) return;
  moving_ = false;
  over_ = true;
  recorder_.OnOperationOver();
  if (recorder_.WatchEnd() > now) watch_timer_->Set(recorder_.WatchEnd());
  CheckEnd(now);
}

void World::CheckEnd(TimePoint now) {
  if (!over_ || stopped_ || !recorder_.AllEnded(now)) return;
  stopped_ = true;
  ns3::Simulator::Stop();
}

uint64_t World::packets_on_links() const {
  uint64_t packets = to_switch_->in_flight();
  for (uint8_t i = 0; i < kNfCount; ++i) {
    packets += switch_to_nf_[i]->in_flight() + nf_to_switch_[i]->in_flight() + nf_to_sink_[i]->in_flight();
  }
  return packets;
}

uint64_t World::messages_with_packets() const {
  const auto carries = [](const Message& m) {
    return std::holds_alternative<msg::PacketEvent>(m.body) || std::holds_alternative<msg::PacketOut>(m.body);
  };
  uint64_t messages = control_to_switch_->CountIf(carries);
  for (const auto& link : control_from_nf_) messages += link->CountIf(carries);
  return messages;
}

}  // namespace uhaul
