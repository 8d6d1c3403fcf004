#include "runtime/real_testbed.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/check.h"

namespace uhaul::runtime {
namespace {

// Of the controller's events, between two rounds: what it says must not hold up packets.
constexpr size_t kMostSaid = 64;

Hello HelloOf(NodeId machine) {
  if (machine == kSwitchNode) return {PeerRole::kSwitch, 0, ""};
  return {PeerRole::kNf, machine.instance, ""};
}

}  // namespace

Result<std::unique_ptr<Testbed>> RealTestbed::Create(const PointSpec& spec, const Scenario& scenario,
                                                     const RealTestbedOptions& options) {
  UHAUL_CHECK(options.tsc_hz > 0);
  if (options.lcores > 1 && spec.migration_states > 0) {
    return Error{"migration.states needs generator and NF on one lcore"};
  }
  if (options.lcores > 1 && options.captures != nullptr) {
    return Error{"--capture needs all roles on one lcore (--lcores 1)"};
  }
  std::unique_ptr<RealTestbed> testbed(new RealTestbed(spec, scenario, options));
  if (const Status made = testbed->MakeRoles(options); !made) return made.error();
  if (const Status started = testbed->StartController(); !started) return started.error();
  return std::unique_ptr<Testbed>(std::move(testbed));
}

Status RealTestbed::MakeRoles(const RealTestbedOptions& options) {
  const bool apart = options.lcores > 1;
  const PacketMemory memory{options.pool, &store_};
  Result<std::unique_ptr<RealNode>> node = RealNode::Create(&run_, &clock_, memory, apart ? &log_ : nullptr);
  if (!node) return node.error();
  node_ = std::move(node).value();
  if (apart) {
    Result<std::unique_ptr<TrafficThread>> traffic =
        TrafficThread::Create(run_.spec(), scenario_, &clock_, options.pool);
    if (!traffic) return traffic.error();
    traffic_ = std::move(traffic).value();
  }
  const auto elsewhere = [apart](uint16_t link_rank) {
    return apart && (link_rank == rank::kToSwitch || link_rank == rank::kAcknowledgements);
  };
  node_->MakeLinks([&](uint16_t link_rank, const LinkOptions& link) -> std::unique_ptr<DataLink> {
    if (elsewhere(link_rank)) return nullptr;
    auto ring = std::make_unique<RingLink>(link, memory);
    if (options.captures == nullptr) return ring;
    return options.captures->Wrap(link.name, std::move(ring), memory.store);
  });
  if (options.telemetry) {
    if (const Status registered = RegisterTelemetry(); !registered) return registered;
    telemetry_ = std::make_unique<RunTelemetry>(run_.spec().fit.capacity);
    node_->plane().facts().Watch(telemetry_.get());
  }
  // The order within a round is that of ranks: packets from the generator towards the sink.
  for (const uint16_t input : {rank::kToSwitch, rank::kNfToSwitch, static_cast<uint16_t>(rank::kNfToSwitch + 1),
                               rank::kSwitchToNf, static_cast<uint16_t>(rank::kSwitchToNf + 1), rank::kNfToSink,
                               static_cast<uint16_t>(rank::kNfToSink + 1), rank::kAcknowledgements}) {
    if (input == rank::kAcknowledgements && (apart || !run_.source().closed_loop())) continue;
    if (apart && input == rank::kToSwitch) {
      node_->AddInput(input, traffic_->to_switch());
    } else if (apart && (input == rank::kNfToSink || input == rank::kNfToSink + 1)) {
      traffic_->AddSinkInput(static_cast<uint8_t>(input - rank::kNfToSink), node_->plane().link(input));
    } else {
      node_->AddInput(input, node_->plane().link(input));
    }
  }
  return {};
}

RealTestbed::~RealTestbed() {
  if (traffic_ != nullptr) traffic_->Stop();
  if (service_ != nullptr) service_->Stop();
  if (controller_.joinable()) controller_.join();
}

Status RealTestbed::StartController() {
  const PointSpec& spec = run_.spec();
  service_ = std::make_unique<ControllerService>(
      ControllerServiceOptions{.controller = {.profile = {}, .hash_key = HashKeyOf(spec), .nf_count = kNfCount},
                               .clock = [this] { return clock_.Now(); },
                               .shared_clock = true,
                               .bell = &to_controller_,
                               .on_event =
                                   [this](TimePoint at, const RecordEvent& event) {
                                     said_.Put({at, event});
                                   },
                               .on_drop =
                                   [this](TimePoint at, const Packet& packet) {
                                     said_.Put({at, Lost{packet.flow}});
                                   },
                               .on_round = [this] { said_.Send(); },
                               .on_join = nullptr,
                               .on_lost = nullptr,
                               .on_admin = nullptr,
                               .on_blob = nullptr,
                               .log = nullptr});
  node_->Listen(&to_node_);
  for (size_t i = 1; i < kMachines; ++i) {
    if (Status connected = ConnectMachine(MachineNode(i)); !connected) return connected;
  }
  clock_.Start();
  controller_ = std::thread([this] {
    const Status ended = service_->Run();
    const std::lock_guard lock(fault_mutex_);
    if (!ended && fault_) fault_ = ended;
  });
  return {};
}

Status RealTestbed::ConnectMachine(NodeId machine) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Error{std::string("no sockets for the controller: ") + std::strerror(errno)};
  }
  service_->Adopt(FileDescriptor(ends[0]), HelloOf(machine), &to_node_);
  channels_.push_back(std::make_unique<Channel>(FileDescriptor(ends[1]), "the controller"));
  channels_.back()->RingOnWrite(&to_controller_);
  node_->Attach(machine, channels_.back().get());
  return {};
}

bool RealTestbed::TakeSaid(size_t most) {
  Facts& facts = node_->plane().facts();
  return said_.Take(most, [&](const Said& said) {
    if (const auto* lost = std::get_if<Lost>(&said.what)) return facts.Lost(said.at, lost->flow);
    const auto& event = std::get<RecordEvent>(said.what);
    facts.Event(said.at, event);
    const auto* step = std::get_if<event::Step>(&event);
    closed_ |= step != nullptr && step->step == OperationStep::kClosed;
  });
}

template <class Done>
Status RealTestbed::RunUntil(Done done) {
  const TimePoint begin = node_->now();
  while (!done(node_->now())) {
    const Result<bool> round = node_->Round();
    if (!round) {
      const std::lock_guard lock(fault_mutex_);
      return fault_ ? Status(round.error()) : fault_;
    }
    TakeSaid(kMostSaid);
    if (telemetry_ != nullptr) telemetry_->PublishIfDue(node_->now(), node_->plane());
  }
  node_->AddElapsed(node_->now() - begin);
  return {};
}

Status RealTestbed::RunToStart() {
  clock_.Start();
  node_->Generate(traffic_ == nullptr);
  node_->Start();
  if (traffic_ != nullptr) {
    traffic_->Start();
    if (Status ran = RunUntil([this](TimePoint) { return traffic_->t0() != TimePoint::Never(); }); !ran) return ran;
    start_ = traffic_->t0();
    return {};
  }
  TimePoint look = run_.FirstLook();
  bool at_start = false;
  const auto done = [&](TimePoint now) {
    if (now < look) return false;
    at_start = run_.Look(now, node_->plane().machines().nf(kSourceNf).function().flow_count());
    look = run_.next_look();
    return at_start || look == TimePoint::Never();
  };
  if (Status ran = RunUntil(done); !ran) return ran;
  if (!at_start) return run_.NoStart();
  start_ = node_->now();
  return {};
}

Status RealTestbed::StartOperation(const PointSpec& point) {
  node_->SetProfile(point.profile, true);
  const std::optional<Operation> operation = BeginRun(point);
  if (!operation) {
    run_.OnOperationOver();
    if (traffic_ != nullptr) traffic_->OnOver();
    return FirstRound();
  }
  MoveCall call{operation->request, operation->detector, point.profile};
  service_->Post([this, call = std::move(call)] {
    const Result<OperationId> started = service_->Move(call);
    if (started) return;
    const std::lock_guard lock(fault_mutex_);
    fault_ = started.error();
    service_->Stop();
  });
  return FirstRound();
}

// It began before the look at A, which takes milliseconds and belongs to no packet.
Status RealTestbed::FirstRound() {
  bool begun = false;
  return RunUntil([&](TimePoint) { return std::exchange(begun, true); });
}

std::optional<Operation> RealTestbed::BeginRun(const PointSpec& point) {
  const NfAgent& source = node_->plane().machines().nf(kSourceNf);
  if (traffic_ == nullptr) return run_.Begin(start_, point, source);
  point_ = point;
  // The FIT has gone on since t0, which the other lcore named.
  const TimePoint now = std::max(start_, node_->now());
  log_.AddAtStart(start_, now, source, run_);
  traffic_->Begin(point);
  AtStart at_start{.active = source.fit().Snapshot(now), .unsent_bytes = {}, .nf_states = 0};
  at_start.unsent_bytes.resize(at_start.active.size());  // not known here, and not asked: the record is merged
  return run_.Begin(start_, point, std::move(at_start));
}

bool RealTestbed::Over(TimePoint now) {
  if (run_.moving() && closed_) {
    run_.OnOperationOver();
    if (traffic_ != nullptr) traffic_->OnOver();
    looked_ = true;
  }
  if (traffic_ != nullptr) return traffic_->ended();
  if (now >= run_.cap()) {
    capped_ = true;
    return true;
  }
  looked_ |= node_->plane().facts().TakeEnded();
  // A watch that runs out ends a run, too: then nothing need happen.
  if (!looked_ && now < run_.WatchEnd()) return false;
  looked_ = false;
  return run_.Ended(now);
}

Result<RunRecord> RealTestbed::RunToEnd() {
  looked_ = true;
  if (const Status ran = RunUntil([this](TimePoint now) { return Over(now); }); !ran) return ran.error();
  service_->Stop();
  controller_.join();
  while (TakeSaid(kMostSaid)) {
  }
  if (traffic_ != nullptr) return MergeRecord();
  run_.recorder().counters().generator_late_ns = static_cast<uint64_t>(punctuality().latest_ns);
  return run_.Finish(node_->now(), capped_, node_->plane().fit_full());
}

Result<RunRecord> RealTestbed::MergeRecord() {
  traffic_->Stop();
  RunCounters counters = run_.recorder().counters();
  counters.fit_full = node_->plane().fit_full();
  log_.AddCounters(node_->now(), counters);
  std::vector<FactLog> logs;
  logs.push_back(std::move(log_));
  logs.push_back(traffic_->TakeLog());
  RunControl merged(run_.spec(), scenario_);
  const GeneratorSide::End end = traffic_->end();
  return Merge(std::move(logs), point_, start_, end.at, end.capped, &merged);
}

}  // namespace uhaul::runtime
