// Coordinator: makes runs on a testbed of several processes. It lives beside the controller, to which every node is
// connected anyway, and speaks with them in admin frames (JSON):
//
//   driver       {"call": "run", "id": 1, "spec": {key: value}}     the reply comes when the run is over:
//                {"reply": 1, "octets": N, "measurements": {...}}   behind N octets of blobs, the record; or "error",
//                                                                   or "missing": [roles that have not joined]
//   to nodes     {"setup": {"run": 7, "spec": {...}}}  ->  {"ready": 7, "measurements": {...}}
//                {"start": {"run": 7, "at_ns": T}}         T by the controller's raw clock
//   generator    {"t0": 7, "at_ns": t}                     by the run's clock, like all times below
//   to nodes     {"begin": {"run": 7, "t0_ns": t}}         then the move begins
//                {"over": 7}                               the operation is closed
//   generator    {"ended": 7, "at_ns": t, "capped": false}
//   to nodes     {"report": 7}  ->  blobs of facts, then {"reported": 7, "measurements": {...}}
//   to nodes     {"stop": 7}    ->  {"stopped": 7}         a run that cannot go on: a node left, or said "failed"
//   driver       {"call": "status"}: the reply has "testbed": {"nodes": {...}, "run": null or {...}, ...}
//   any node     {"ping": x}    ->  {"pong": x, "at": T}   to measure its clock against the controller's
//
// With a journal (TestbedConfig) a run goes on when a node other than the generator leaves it, and takes it in again:
//
//   any node     {"resume": {"run": 0}}, its first word: it is of no run. If that role has left the run that is under
//                way it gets its "setup" with "restarted": T, when that began, and is greeted once it is ready
//                {"resume": {"run": 7, "spec": {...}, "at_ns": T, "t0_ns": t}}: it is in the middle of one. A
//                controller that has none, because the one before it died, takes that one up
//   nf1          after "begin" at once, blobs: A. It may not live to report it
//   driver       its call again: if that run is under way, and has no driver, the answer is that one's
//
// All of it happens in the thread of ControllerService::Run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "experiments/testbed_config.h"
#include "runtime/transport/controller_service.h"
#include "runtime/transport/fact_log.h"

namespace uhaul::runtime {

class Coordinator {
 public:
  Coordinator(const TestbedConfig& config, std::function<void(const std::string&)> log);
  ~Coordinator();

  // The hooks and the clock; before the service is made.
  void Bind(ControllerServiceOptions* options);
  void Attach(ControllerService* service) { service_ = service; }

 private:
  struct Run;
  void OnJoin(ServicePeer& peer);
  void OnLost(ServicePeer& peer);
  bool OnAdmin(ServicePeer& peer, const nlohmann::json& json);
  void OnBlob(ServicePeer& peer, uint8_t stream, std::span<const uint8_t> octets);
  void OnEvent(TimePoint at, const RecordEvent& event);

  nlohmann::json StartRun(ServicePeer& driver, const nlohmann::json& call);
  bool Survives(const std::string& name) const;
  void OnResume(ServicePeer& peer, const nlohmann::json& resume);
  Status TakeUp(const nlohmann::json& resume, uint64_t number);
  void TakeIn(ServicePeer& peer);
  void StartAt(int64_t raw_ns);
  void OnReady(ServicePeer& peer, const nlohmann::json& json);
  void OnT0(const nlohmann::json& json);
  void OnEnded(const nlohmann::json& json);
  const char* PhaseName() const;
  void OnStatus(nlohmann::json* status) const;
  void OnReported(ServicePeer& peer, const nlohmann::json& json);
  // A node whose answer was awaited.
  void Heard(const ServicePeer& peer, const nlohmann::json& json);
  void Finish();
  void Fail(const std::string& why);
  void Tell(const nlohmann::json& json);
  std::vector<std::string> Missing() const;
  TimePoint Now() const;  // scaled, since construction
  std::string NodeName(const ServicePeer& peer) const;

  TestbedConfig config_;
  std::function<void(const std::string&)> log_;
  ControllerService* service_ = nullptr;
  int64_t start_raw_ns_;
  std::map<std::string, ServicePeer*> nodes_;  // by role, as in TestbedConfig
  std::set<std::string> stopping_;             // nodes that have not left the last run yet
  std::set<std::string> silent_;               // nodes that have not said yet whether they are in a run
  std::unique_ptr<Run> run_;
  uint64_t next_run_ = 1;
  uint64_t done_ = 0, failed_ = 0;
};

}  // namespace uhaul::runtime
