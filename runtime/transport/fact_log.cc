#include "runtime/transport/fact_log.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

namespace uhaul::runtime {
namespace {

static_assert(std::endian::native == std::endian::little, "facts travel as they lie in memory");

struct CounterField {
  CounterName name;
  uint64_t RunCounters::*field;
};
constexpr CounterField kCounters[] = {
    {CounterName::kLinkDrops, &RunCounters::link_drops},
    {CounterName::kRelayed, &RunCounters::relayed},
    {CounterName::kFitFull, &RunCounters::fit_full},
    {CounterName::kControlMessages, &RunCounters::control_messages},
    {CounterName::kControlBytes, &RunCounters::control_bytes},
    {CounterName::kEvents, &RunCounters::events},
    {CounterName::kPacketIns, &RunCounters::packet_ins},
    {CounterName::kPacketOuts, &RunCounters::packet_outs},
    {CounterName::kLateNs, &RunCounters::generator_late_ns},
};

// Of times in reports: far beyond any run, and far from where adding two would overflow.
constexpr int64_t kFarthestNs = int64_t{1} << 60;

bool IsNear(int64_t ns) { return ns > -kFarthestNs && ns < kFarthestNs; }

BufferPlace PlaceOf(uint32_t number) { return number == 0 ? BufferPlace::kController : BufferPlace::kDestination; }

// One log's facts in the recorder, as they come.
class Replay {
 public:
  Replay(const PointSpec& point, TimePoint t0, RunControl* run)
      : point_(point), t0_(t0), run_(run), sent_(run->scenario().trace.flows.size()) {}

  Status Take(const Fact& f) {
    const bool two_times = f.kind == FactKind::kProcessed;
    if (!IsNear(f.at_ns) || (two_times && !IsNear(static_cast<int64_t>(f.a)))) return Bad("a time far from the run");
    const TimePoint at = TimePoint::FromNanos(f.at_ns);
    if (at > t0_) Begin();
    const auto& flows = run_->scenario().trace.flows;
    const bool names_flow =
        f.kind <= FactKind::kActive || f.kind == FactKind::kSelected || f.kind == FactKind::kOutcome;
    if (names_flow && f.flow >= flows.size()) return Bad("a flow that the trace has not");
    Recorder& recorder = run_->recorder();
    switch (f.kind) {
      case FactKind::kSent:
        sent_[f.flow] += f.a == 0 ? 1 : 0;
        recorder.OnSent(at, f.flow, f.a != 0);
        break;
      case FactKind::kProcessed:
        recorder.OnProcessed(at, f.flow, TimePoint::FromNanos(static_cast<int64_t>(f.a)));
        break;
      case FactKind::kDelivered:
        if (f.a > UINT32_MAX || !run_->HasPacket(f.flow, static_cast<uint32_t>(f.a)))
          return Bad("a packet that its flow has not");
        recorder.OnDelivered(at, f.flow, static_cast<uint32_t>(f.a));
        break;
      case FactKind::kLost:
        recorder.OnLost(f.flow);
        break;
      case FactKind::kActive:
        active_.push_back({run_->hasher().Key(flows[f.flow].tuple), Bytes(f.a), at, false, false});
        break;
      case FactKind::kStates:
        states_ = f.a;
        break;
      case FactKind::kStep:
        if (f.a >= kOperationSteps) return Bad("an unknown step");
        recorder.OnEvent(at, event::Step{0, static_cast<OperationStep>(f.a)});
        break;
      case FactKind::kSelected:
        recorder.OnEvent(at, event::Selected{0, flows[f.flow].tuple});
        break;
      case FactKind::kOutcome:
        if (f.a > static_cast<uint64_t>(FlowOutcome::kStateLost)) return Bad("an unknown outcome");
        recorder.OnEvent(at, event::Outcome{0, flows[f.flow].tuple, static_cast<FlowOutcome>(f.a)});
        break;
      case FactKind::kEviction:
        recorder.OnEvent(at, event::Eviction{static_cast<uint8_t>(f.flow),
                                             {at, static_cast<uint32_t>(f.a), static_cast<uint32_t>(f.b)}});
        break;
      case FactKind::kBuffered:
        recorder.OnEvent(at, event::Buffered{PlaceOf(f.flow), Bytes(f.a), Bytes(f.b)});
        break;
      case FactKind::kOverflow:
        recorder.OnEvent(at, event::BufferOverflow{PlaceOf(f.flow), Bytes(f.a)});
        break;
      case FactKind::kRules:
        recorder.OnEvent(at, event::RulesInstalled{static_cast<uint32_t>(f.a), static_cast<uint32_t>(f.b)});
        break;
      case FactKind::kCounter:
        Count(f);
        break;
    }
    return {};
  }

  // What comes after t0 must find A.
  void Begin() {
    if (begun_) return;
    begun_ = true;
    const uint32_t packet = run_->spec().packet_bytes;
    AtStart at_start{.active = std::move(active_), .unsent_bytes = {}, .nf_states = states_};
    for (const ActiveFlow& flow : at_start.active) {
      const uint32_t number = *run_->NumberOf(flow.flow);
      const uint64_t bytes = run_->scenario().trace.flows[number].bytes;
      const uint64_t sent = uint64_t{sent_[number]} * packet;
      at_start.unsent_bytes.push_back(bytes > sent ? bytes - sent : 0);
    }
    run_->Begin(t0_, point_, std::move(at_start));
  }

 private:
  void Count(const Fact& f) {
    for (const CounterField& counter : kCounters) {
      if (static_cast<uint32_t>(counter.name) != f.flow) continue;
      uint64_t& value = run_->recorder().counters().*counter.field;
      value = counter.name == CounterName::kLateNs ? std::max(value, f.a) : value + f.a;
    }
  }
  static Error Bad(const std::string& what) { return Error{"a report of the run names " + what}; }

  const PointSpec& point_;
  const TimePoint t0_;
  RunControl* run_;
  std::vector<uint32_t> sent_;
  std::vector<ActiveFlow> active_;
  uint64_t states_ = 0;
  bool begun_ = false;
};

}  // namespace

void FactLog::AddEvent(TimePoint at, const RecordEvent& event, const RunControl& run) {
  const auto add_flow = [&](const FiveTuple& tuple, FactKind kind, uint64_t a) {
    if (const auto number = run.NumberOf(run.hasher().Key(tuple))) Add(at, kind, *number, a);
  };
  std::visit(
      [&](const auto& e) {
        using T = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<T, event::Step>) {
          Add(at, FactKind::kStep, 0, static_cast<uint64_t>(e.step));
        } else if constexpr (std::is_same_v<T, event::Selected>) {
          add_flow(e.tuple, FactKind::kSelected, 0);
        } else if constexpr (std::is_same_v<T, event::Outcome>) {
          add_flow(e.tuple, FactKind::kOutcome, static_cast<uint64_t>(e.outcome));
        } else if constexpr (std::is_same_v<T, event::Eviction>) {
          Add(e.pass.at, FactKind::kEviction, e.nf, e.pass.before, e.pass.after);
        } else if constexpr (std::is_same_v<T, event::Buffered>) {
          Add(at, FactKind::kBuffered, static_cast<uint32_t>(e.place), e.held.count(), e.added.count());
        } else if constexpr (std::is_same_v<T, event::BufferOverflow>) {
          Add(at, FactKind::kOverflow, static_cast<uint32_t>(e.place), e.bytes.count());
        } else if constexpr (std::is_same_v<T, event::RulesInstalled>) {
          Add(at, FactKind::kRules, 0, e.installed, e.table_entries);
        }
      },
      event);
}

void FactLog::AddAtStart(TimePoint t0, TimePoint now, const NfAgent& source_nf, const RunControl& run) {
  Add(t0, FactKind::kStates, 0, source_nf.function().flow_count());
  for (const ActiveFlow& flow : source_nf.fit().Snapshot(std::max(t0, now))) {
    if (const auto number = run.NumberOf(flow.flow)) Add(t0, FactKind::kActive, *number, flow.bytes.count());
  }
}

void FactLog::AddCounters(TimePoint at, const RunCounters& counters) {
  for (const CounterField& counter : kCounters) {
    Add(at, FactKind::kCounter, static_cast<uint32_t>(counter.name), counters.*counter.field);
  }
}

std::span<const uint8_t> FactLog::Octets() const {
  return {reinterpret_cast<const uint8_t*>(facts_.data()), facts_.size() * sizeof(Fact)};
}

Status FactLog::Unpack(std::span<const uint8_t> octets) {
  if (octets.size() % sizeof(Fact) != 0) return Error{"a report of the run was cut"};
  if (facts_.size() + octets.size() / sizeof(Fact) > kMostFacts) return Error{"a report of the run is too long"};
  for (size_t i = 0; i < octets.size(); i += sizeof(Fact)) {
    Fact fact;
    uint8_t kind = 0;
    std::memcpy(&kind, octets.data() + i + offsetof(Fact, kind), 1);
    if (kind >= kFactKinds) return Error{"a report of the run has an unknown kind of fact"};
    std::memcpy(static_cast<void*>(&fact), octets.data() + i, sizeof fact);
    facts_.push_back(fact);
  }
  return {};
}

Result<RunRecord> Merge(std::vector<FactLog> logs, const PointSpec& point, TimePoint t0, TimePoint end, bool capped,
                        RunControl* run) {
  std::vector<Fact> all;
  for (FactLog& log : logs) {
    all.insert(all.end(), log.facts().begin(), log.facts().end());
    log = FactLog();
  }
  std::stable_sort(all.begin(), all.end(), [](const Fact& a, const Fact& b) { return a.at_ns < b.at_ns; });
  Replay replay(point, t0, run);
  for (const Fact& fact : all) {
    if (Status taken = replay.Take(fact); !taken) return taken.error();
  }
  replay.Begin();
  run->OnOperationOver();
  return run->Finish(end, capped, run->recorder().counters().fit_full);
}

}  // namespace uhaul::runtime
