// RealTestbed: the testbed in real time, in one process: all roles on this lcore, joined by rings, or generator and
// sink on a second one (traffic_thread.h). The controller is a thread of its own, and every message between it and the
// machines crosses a socket, encoded and batched.
#pragma once

#include <memory>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "runtime/link_captures.h"
#include "runtime/real_node.h"
#include "runtime/run_telemetry.h"
#include "runtime/sheet_queue.h"
#include "runtime/testbed.h"
#include "runtime/traffic_thread.h"
#include "runtime/transport/controller_service.h"

namespace uhaul::runtime {

struct RealTestbedOptions {
  double tsc_hz = 0;
  double rate_scale = 1;
  int lcores = 1;                    // 2: generator and sink have one of their own
  rte_mempool* pool = nullptr;       // outlives the testbed
  LinkCaptures* captures = nullptr;  // of its links, if any; outlives it, too
  bool telemetry = false;            // publish figures (telemetry.h)
};

class RealTestbed final : public Testbed {
 public:
  // Of `spec` only the fields that determine the warm-up count. `scenario` outlives it.
  static Result<std::unique_ptr<Testbed>> Create(const PointSpec& spec, const Scenario& scenario,
                                                 const RealTestbedOptions& options);
  ~RealTestbed() override;

  Status RunToStart() override;
  Status StartOperation(const PointSpec& point) override;
  Result<RunRecord> RunToEnd() override;
  const Plane& plane() const override { return node_->plane(); }
  const Punctuality& punctuality() const override {
    return traffic_ != nullptr ? traffic_->punctuality() : node_->punctuality();
  }

 private:
  // What the controller's thread says for the record, on its way to the lcore.
  struct Lost {
    FlowKey flow;
  };
  struct Said {
    TimePoint at;
    std::variant<RecordEvent, Lost> what;
  };

  RealTestbed(const PointSpec& spec, const Scenario& scenario, const RealTestbedOptions& options)
      : scenario_(scenario), clock_(options.tsc_hz, options.rate_scale), run_(spec, scenario) {}
  Status MakeRoles(const RealTestbedOptions& options);
  std::optional<Operation> BeginRun(const PointSpec& point);
  Status FirstRound();
  Result<RunRecord> MergeRecord();
  Status StartController();
  Status ConnectMachine(NodeId machine);
  // Rounds until `done(now)` says so.
  template <class Done>
  Status RunUntil(Done done);
  // At most so much of what the controller said goes into the record; whether more is there.
  bool TakeSaid(size_t most);
  // Of the run, from t0: whether it is over.
  bool Over(TimePoint now);

  const Scenario& scenario_;
  TscClock clock_;
  RunControl run_;
  FactLog log_;  // with a second lcore
  PointSpec point_;
  PacketStore store_;
  Doorbell to_node_;  // rung by the controller
  Doorbell to_controller_;
  std::vector<std::unique_ptr<Channel>> channels_;
  SheetQueue<Said> said_;
  bool closed_ = false;  // the controller has closed the operation, and the record has it
  std::unique_ptr<RealNode> node_;
  std::unique_ptr<TrafficThread> traffic_;  // with a second lcore
  std::unique_ptr<ControllerService> service_;
  std::thread controller_;
  std::mutex fault_mutex_;
  Status fault_;                             // the controller refused the move, or ended
  std::unique_ptr<RunTelemetry> telemetry_;  // null if nobody is to ask
  TimePoint start_;
  bool looked_ = false;  // something may have ended since the last look
  bool capped_ = false;
};

}  // namespace uhaul::runtime
