// RunControl: what a run is, whichever engine makes it: the machines that a point asks for, when t0 has come, what A
// is, which operation begins, when the run is over. It owns the packet source and the recorder; the engine owns the
// rest and tells it what happens.
#pragma once

#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/flow/flow_map.h"
#include "core/nf/asset_text.h"
#include "core/node/controller.h"
#include "core/node/nf_agent.h"
#include "core/node/switch_agent.h"
#include "core/record/recorder.h"
#include "experiments/point_spec.h"
#include "experiments/scenario.h"
#include "workloads/packet_source.h"

namespace uhaul {

inline constexpr uint8_t kSourceNf = 0;
inline constexpr uint8_t kDestinationNf = 1;

// Of flow IDs; from the trace's number, so that a run can be repeated.
HashKey HashKeyOf(const PointSpec& spec);
// An error names an unknown network function. `incarnation`: of a process that may die, and be started again;
// `restarted`: it was, in this run.
Result<NfAgent> MakeNf(const PointSpec& spec, uint8_t instance, uint64_t incarnation = 1, bool restarted = false);
Result<std::vector<NfAgent>> MakeNfs(const PointSpec& spec, uint64_t incarnation = 1, bool restarted = false);
SwitchAgent MakeSwitch(const PointSpec& spec, uint64_t incarnation = 1, bool restarted = false);
Controller MakeController(const PointSpec& spec);

// What the monitors of both instances hold, in five-tuple order; nothing if they are not monitors.
std::vector<AssetRecord> RecordsOf(const NfAgent& source, const NfAgent& destination);

// What a point asks of the controller at t0.
struct Operation {
  MoveRequest request;
  std::optional<DetectorSpec> detector;
};
// Nothing if the point moves nothing. `rho`: ProportionOf.
std::optional<Operation> OperationOf(const PointSpec& point, double rho);
Result<OperationId> StartOperation(Controller& controller, TimePoint now, const Operation& operation, Outbox& outbox);

// How things stand at t0.
struct AtStart {
  std::vector<ActiveFlow> active;      // A
  std::vector<uint64_t> unsent_bytes;  // of each of A, still to be sent
  uint64_t nf_states = 0;              // at the source NF
};

class RunControl {
 public:
  // `scenario` outlives it. Of `spec` only what determines the warm-up counts.
  RunControl(const PointSpec& spec, const Scenario& scenario);

  const PointSpec& spec() const { return spec_; }
  const Scenario& scenario() const { return scenario_; }
  PacketSource& source() { return source_; }
  const PacketSource& source() const { return source_; }
  Recorder& recorder() { return recorder_; }
  const Recorder& recorder() const { return recorder_; }

  const FlowHasher& hasher() const { return hasher_; }
  // The flow's number in the trace; nothing if it is not of the trace.
  std::optional<uint32_t> NumberOf(const FlowKey& flow) const;
  bool HasPacket(uint32_t flow, uint32_t sequence) const { return sequence < recorder_.PacketsOf(flow); }

  // ---- before t0
  // When to Look first.
  TimePoint FirstLook() const;
  // `states`: at the source NF. True: t0 is now. Otherwise look again at next_look(); Never: t0 will not come.
  bool Look(TimePoint now, uint64_t states);
  TimePoint next_look() const { return next_look_; }
  Error NoStart() const;

  // ---- from t0
  // A, and what the operator does. Nothing if the point moves nothing: then the operation is over at once.
  std::optional<Operation> Begin(TimePoint t0, const PointSpec& point, const NfAgent& source_nf);
  // The same, where generator and source NF are not in this process.
  std::optional<Operation> Begin(TimePoint t0, const PointSpec& point, AtStart at_start);
  TimePoint cap() const { return cap_; }
  bool moving() const { return moving_; }
  // The controller has closed the operation.
  void OnOperationOver();
  // When Ended may become true by the passing of time alone.
  TimePoint WatchEnd() const { return recorder_.WatchEnd(); }
  // The operation is over and every flow with a row has ended; of a capture, every flow, as its records are the result.
  bool Ended(TimePoint now) const {
    return over_ && recorder_.AllEnded(now) && (scenario_.recorded == nullptr || recorder_.TraceEnded());
  }
  RunRecord Finish(TimePoint now, bool capped, uint64_t fit_full);

 private:
  const PointSpec spec_;
  const Scenario& scenario_;
  const FlowHasher hasher_;
  FlowMap<uint32_t> numbers_;
  PacketSource source_;
  Recorder recorder_;
  TimePoint next_look_;
  TimePoint cap_ = TimePoint::Never();
  bool moving_ = false;
  bool over_ = false;
  double rho_ = 0;
  uint64_t elephant_threshold_ = 0;
};

}  // namespace uhaul
