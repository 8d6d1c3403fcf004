#include "runtime/real_testbed.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/check.h"

namespace uhaul::runtime {
namespace {

// Of the controller's events, between two rounds: what it says must not hold up packets.
constexpr size_t kMostMail = 64;

Hello HelloOf(NodeId machine) {
  if (machine == kSwitchNode) return {PeerRole::kSwitch, 0, ""};
  return {PeerRole::kNf, machine.instance, ""};
}

}  // namespace

void RecordMail::Put(TimePoint at, std::variant<RecordEvent, Lost> what) {
  const std::lock_guard lock(mutex_);
  put_.push_back({at, std::move(what)});
}

bool RecordMail::Take(size_t most, Facts* facts) {
  if (next_ == taken_.size()) {
    taken_.clear();
    next_ = 0;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return true;
    taken_.swap(put_);
  }
  for (; most > 0 && next_ < taken_.size(); --most, ++next_) {
    const Item& item = taken_[next_];
    if (const auto* lost = std::get_if<Lost>(&item.what)) {
      facts->Lost(item.at, lost->flow);
      continue;
    }
    const auto& event = std::get<RecordEvent>(item.what);
    facts->Event(item.at, event);
    const auto* step = std::get_if<event::Step>(&event);
    closed_ |= step != nullptr && step->step == OperationStep::kClosed;
  }
  return next_ < taken_.size();
}

Result<std::unique_ptr<Testbed>> RealTestbed::Create(const PointSpec& spec, const Scenario& scenario,
                                                     const RealTestbedOptions& options) {
  UHAUL_CHECK(options.tsc_hz > 0);
  std::unique_ptr<RealTestbed> testbed(new RealTestbed(spec, scenario, options));
  const PacketMemory memory{options.pool, &testbed->store_};
  Result<std::unique_ptr<RealNode>> node = RealNode::Create(&testbed->run_, &testbed->clock_, memory);
  if (!node) return node.error();
  testbed->node_ = std::move(node).value();
  RealNode* all = testbed->node_.get();
  all->MakeLinks([&](uint16_t, const LinkOptions& link) { return std::make_unique<RingLink>(link, memory); });
  // The order within a round is that of ranks: packets from the generator towards the sink.
  for (const uint16_t input : {rank::kToSwitch, rank::kNfToSwitch, static_cast<uint16_t>(rank::kNfToSwitch + 1),
                               rank::kSwitchToNf, static_cast<uint16_t>(rank::kSwitchToNf + 1), rank::kNfToSink,
                               static_cast<uint16_t>(rank::kNfToSink + 1), rank::kAcknowledgements}) {
    if (input == rank::kAcknowledgements && !testbed->run_.source().closed_loop()) continue;
    all->AddInput(input, all->plane().link(input));
  }
  if (const Status started = testbed->StartController(); !started) return started.error();
  return std::unique_ptr<Testbed>(std::move(testbed));
}

RealTestbed::~RealTestbed() {
  if (service_ != nullptr) service_->Stop();
  if (controller_.joinable()) controller_.join();
}

Status RealTestbed::StartController() {
  const PointSpec& spec = run_.spec();
  service_ = std::make_unique<ControllerService>(ControllerServiceOptions{
      .controller = {.profile = {}, .hash_key = HashKeyOf(spec), .nf_count = kNfCount},
      .clock = [this] { return clock_.Now(); },
      .shared_clock = true,
      .on_event = [this](TimePoint at, const RecordEvent& event) { mail_.Put(at, event); },
      .on_drop = [this](TimePoint at, const Packet& packet) { mail_.Put(at, RecordMail::Lost{packet.flow}); },
      .on_join = nullptr,
      .on_lost = nullptr,
      .on_admin = nullptr,
      .on_blob = nullptr,
      .log = nullptr});
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
  service_->Adopt(FileDescriptor(ends[0]), HelloOf(machine));
  channels_.push_back(std::make_unique<Channel>(FileDescriptor(ends[1]), "the controller"));
  node_->Attach(machine, channels_.back().get());
  return {};
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
    mail_.Take(kMostMail, &node_->plane().facts());
  }
  node_->AddElapsed(node_->now() - begin);
  return {};
}

Status RealTestbed::RunToStart() {
  clock_.Start();
  node_->Generate(true);
  node_->Start();
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
  const std::optional<Operation> operation = run_.Begin(start_, point, node_->plane().machines().nf(kSourceNf));
  if (!operation) {
    run_.OnOperationOver();
    return {};
  }
  MoveCall call{operation->request, operation->detector, point.profile};
  service_->Post([this, call = std::move(call)] {
    const Result<OperationId> started = service_->Move(call);
    if (started) return;
    const std::lock_guard lock(fault_mutex_);
    fault_ = started.error();
    service_->Stop();
  });
  return {};
}

bool RealTestbed::Over(TimePoint now) {
  if (run_.moving() && mail_.closed()) {
    run_.OnOperationOver();
    looked_ = true;
  }
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
  while (mail_.Take(kMostMail, &node_->plane().facts())) {
  }
  run_.recorder().counters().generator_late_ns = static_cast<uint64_t>(punctuality().latest_ns);
  return run_.Finish(node_->now(), capped_, node_->plane().fit_full());
}

}  // namespace uhaul::runtime
