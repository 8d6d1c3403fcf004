#include "runtime/testbed.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/random.h"
#include "core/nf/function_registry.h"
#include "workloads/random_streams.h"

namespace uhaul::runtime {
namespace {

// How often a point that waits for a number of states looks, and how long after the trace's last flow it gives up.
constexpr Duration kStatesPoll = Duration::Micros(100);
constexpr Duration kStatesPatience = Duration::Seconds(1);

// Of control links and timers, between two rounds of packets. A packet that goes by the controller takes about four,
// and a round may bring a burst of them to each NF: fewer would let the control plane fall behind the data plane for
// good.
constexpr int kMostActions = 512;

HashKey HashKeyOf(const PointSpec& spec) {
  Random random(spec.trace, kFlowHashStream);
  const uint64_t k0 = random.Next();
  return {k0, random.Next()};
}

std::vector<RecorderFlow> RecorderFlowsOf(const Trace& trace, uint32_t packet_bytes) {
  std::vector<RecorderFlow> flows;
  flows.reserve(trace.flows.size());
  for (const TraceFlow& f : trace.flows) {
    const auto packets = static_cast<uint32_t>((f.bytes + packet_bytes - 1) / packet_bytes);
    flows.push_back({f.tuple, f.arrival.nanos(), f.bytes, packets});
  }
  return flows;
}

}  // namespace

Result<std::unique_ptr<Testbed>> Testbed::Create(const PointSpec& spec, const Scenario& scenario,
                                                 const TestbedOptions& options) {
  UHAUL_CHECK(options.pool != nullptr);
  UHAUL_CHECK(options.clock == ClockKind::kVirtual || options.tsc_hz > 0);
  if (const Status field = FrameField::Register(); !field) return field.error();
  for (const TraceFlow& flow : scenario.trace.flows) {
    if (CanBuild(flow.tuple)) continue;
    return Error{"no frame can carry the flow " + flow.tuple.ToString() + ": its protocol has no ports"};
  }
  std::vector<NfAgent> nfs;
  for (uint8_t i = 0; i < kNfCount; ++i) {
    auto function = MakeNetworkFunction(spec.nf_function, {.timeout = spec.nf_timeout, .hash_key = HashKeyOf(spec)});
    if (!function) return function.error();
    nfs.emplace_back(NfAgentOptions{.instance = i, .fit = spec.fit, .profile = {}, .hash_key = HashKeyOf(spec)},
                     std::move(function).value());
  }
  return std::unique_ptr<Testbed>(new Testbed(spec, scenario, options, std::move(nfs)));
}

Testbed::Testbed(const PointSpec& spec, const Scenario& scenario, const TestbedOptions& options,
                 std::vector<NfAgent> nfs)
    : spec_(spec),
      scenario_(scenario),
      options_(options),
      queue_(options.clock == ClockKind::kVirtual),
      clock_(options.tsc_hz > 0 ? options.tsc_hz : 1e9),
      hasher_(HashKeyOf(spec)),
      nfs_(std::move(nfs)),
      switch_({.profile = {}, .hash_key = HashKeyOf(spec), .table_capacity = spec.switch_table, .default_nf = 0}),
      controller_({.profile = {}, .hash_key = HashKeyOf(spec), .nf_count = kNfCount}),
      source_(scenario.trace, SourceOptionsOf(spec)),
      recorder_(RecorderFlowsOf(scenario.trace, spec.packet_bytes),
                {.retransmits = spec.senders == SenderKind::kWindow, .source_nf = 0}) {
  for (uint32_t i = 0; i < scenario.trace.flows.size(); ++i) {
    numbers_.Get(hasher_.Key(scenario.trace.flows[i].tuple)) = i;
  }
  MakeLinks();
  MakeTimers();
}

Testbed::~Testbed() = default;

std::unique_ptr<DataLink> Testbed::MakeDataLink(std::string name, uint16_t link_rank) {
  const LinkOptions options{.name = std::move(name),
                            .rank = link_rank,
                            .rate = spec_.link_rate,
                            .delay = spec_.link_delay,
                            .queue = spec_.link_buffer};
  const PacketMemory memory{options_.pool, &store_};
  switch (options_.clock) {
    case ClockKind::kVirtual:
      return std::make_unique<WireLink>(options, &queue_, static_cast<DataReceiver*>(this), memory);
    case ClockKind::kTsc:
      return std::make_unique<RingLink>(options, memory);
  }
  UHAUL_CHECK(false);
}

// Rate and delay come with the point's profile, at t0; nothing travels before.
std::unique_ptr<ControlLink> Testbed::MakeControlLink(uint16_t link_rank) {
  return std::make_unique<ControlLink>(link_rank, &queue_, static_cast<MessageReceiver*>(this));
}

void Testbed::MakeLinks() {
  to_switch_ = MakeDataLink("generator-switch", rank::kToSwitch);
  acknowledgements_ = MakeDataLink("sink-generator", rank::kAcknowledgements);
  control_to_switch_ = MakeControlLink(rank::kControlToSwitch);
  control_from_switch_ = MakeControlLink(rank::kControlFromSwitch);
  for (uint16_t i = 0; i < kNfCount; ++i) {
    const std::string nf = "nf" + std::to_string(i + 1);
    switch_to_nf_[i] = MakeDataLink("switch-" + nf, static_cast<uint16_t>(rank::kSwitchToNf + i));
    nf_to_switch_[i] = MakeDataLink(nf + "-switch", static_cast<uint16_t>(rank::kNfToSwitch + i));
    nf_to_sink_[i] = MakeDataLink(nf + "-sink", static_cast<uint16_t>(rank::kNfToSink + i));
    control_to_nf_[i] = MakeControlLink(static_cast<uint16_t>(rank::kControlToNf + i));
    control_from_nf_[i] = MakeControlLink(static_cast<uint16_t>(rank::kControlFromNf + i));
  }
}

void Testbed::MakeTimers() {
  const auto make = [this](uint16_t timer_rank, auto function) {
    return std::make_unique<Timer>(timer_rank, &queue_, function);
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
  });
  watch_timer_ = make(rank::kWatch, [this](TimePoint now) { CheckEnd(now); });
}

// ---- the run

void Testbed::RunLoop() {
  paused_ = false;
  if (options_.clock == ClockKind::kTsc) return RunRealTime();
  while (!paused_ && !stopped_ && queue_.RunNext()) {
  }
}

// The order within a round is that of ranks: control first, then packets from the generator towards the sink.
void Testbed::RunRealTime() {
  const TimePoint begin = clock_.Now();
  TimePoint now = begin;
  while (!paused_ && !stopped_) {
    const uint64_t actions = queue_.actions();
    queue_.RunDue(now, kMostActions);
    if (paused_ || stopped_) break;
    bool busy = queue_.actions() != actions;
    busy |= Generate(now);
    busy |= Poll(*to_switch_, rank::kToSwitch);
    for (uint16_t i = 0; i < kNfCount; ++i) {
      busy |= Poll(*nf_to_switch_[i], static_cast<uint16_t>(rank::kNfToSwitch + i));
      busy |= Poll(*switch_to_nf_[i], static_cast<uint16_t>(rank::kSwitchToNf + i));
      busy |= Poll(*nf_to_sink_[i], static_cast<uint16_t>(rank::kNfToSink + i));
    }
    if (source_.closed_loop()) busy |= Poll(*acknowledgements_, rank::kAcknowledgements);
    const TimePoint end = clock_.Now();
    if (busy) punctuality_.busy_ns += (end - now).nanos();
    now = end;
  }
  punctuality_.elapsed_ns += (now - begin).nanos();
}

bool Testbed::Poll(DataLink& link, uint16_t link_rank) {
  std::array<rte_mbuf*, kBurst> burst;
  const size_t received = link.Receive(burst);
  if (received == 0) return false;
  OnData(clock_.Now(), link_rank, {burst.data(), received});
  return true;
}

void Testbed::OnStartTimer(TimePoint now) {
  paused_ = true;
  if (spec_.migration_states > 0 && nfs_[0].function().flow_count() < spec_.migration_states) {
    const TimePoint last = scenario_.trace.flows.empty() ? TimePoint() : scenario_.trace.flows.back().arrival;
    if (now < last + kStatesPatience) {
      paused_ = false;
      start_timer_->Set(now + kStatesPoll);
    }
    return;
  }
  at_start_ = true;
  start_ = now;
}

Status Testbed::RunToStart() {
  UHAUL_CHECK(!started_);
  started_ = true;
  if (options_.clock == ClockKind::kVirtual) ArmGenerator();
  for (size_t i = 0; i < kMachines; ++i) Settle(TimePoint(), static_cast<Machine>(i));
  start_timer_->Set(spec_.migration_states > 0 ? TimePoint::FromNanos(kStatesPoll.nanos()) : StartTime(spec_));
  clock_.Start();
  RunLoop();
  if (!at_start_) {
    return Error{"the trace ended before the source NF held " + std::to_string(spec_.migration_states) +
                 " states (migration.states)"};
  }
  return {};
}

void Testbed::ApplyProfile(const Profile& profile) {
  controller_.SetProfile(profile);
  switch_.SetProfile(profile);
  for (NfAgent& nf : nfs_) nf.SetProfile(profile);
  control_to_switch_->Set(profile.control_rate, profile.control_delay);
  control_from_switch_->Set(profile.control_rate, profile.control_delay);
  for (uint8_t i = 0; i < kNfCount; ++i) {
    control_to_nf_[i]->Set(profile.control_rate, profile.control_delay);
    control_from_nf_[i]->Set(profile.control_rate, profile.control_delay);
  }
}

Status Testbed::StartOperation(const PointSpec& point) {
  UHAUL_CHECK(at_start_ && !moving_ && !over_);
  const TimePoint t0 = start_;
  ApplyProfile(point.profile);
  const std::vector<ActiveFlow> active = nfs_[0].fit().Snapshot(t0);
  std::vector<uint32_t> numbers;
  std::vector<uint64_t> unsent;
  std::vector<uint64_t> final_bytes;
  for (const ActiveFlow& flow : active) {
    const uint32_t number = NumberOf(flow.flow);
    numbers.push_back(number);
    unsent.push_back(source_.UnsentBytes(number));
    final_bytes.push_back(scenario_.trace.flows[number].bytes);
  }
  recorder_.Begin({.at = t0,
                   .active = active,
                   .numbers = numbers,
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

RunRecord Testbed::RunToEnd() {
  UHAUL_CHECK(moving_ || over_);
  if (!stopped_) RunLoop();
  UHAUL_CHECK(stopped_);
  RunCounters& counters = recorder_.counters();
  counters.fit_full = nfs_[0].fit().full() + nfs_[1].fit().full();
  counters.generator_late_ns = static_cast<uint64_t>(punctuality_.latest_ns);
  const TimePoint end = options_.clock == ClockKind::kVirtual ? queue_.current() : clock_.Now();
  return recorder_.Finish(end, capped_, rho_, elephant_threshold_);
}

// U-HAUL's downtime ends with the last delete; what follows (rules, stragglers) belongs to the operation too.
void Testbed::CheckOperation(TimePoint now) {
  if (!moving_ || !controller_.idle()) return;
  moving_ = false;
  over_ = true;
  recorder_.OnOperationOver();
  if (recorder_.WatchEnd() > now) watch_timer_->Set(recorder_.WatchEnd());
  CheckEnd(now);
}

void Testbed::CheckEnd(TimePoint now) {
  if (!over_ || stopped_ || !recorder_.AllEnded(now)) return;
  stopped_ = true;
}

}  // namespace uhaul::runtime
