// Controller: the northbound API, and one Migration per operation. A sans-I/O machine. Incoming messages queue for its
// CPU (finite event rate, finite buffer: Profile).
#pragma once

#include <map>
#include <optional>

#include "core/node/cost_server.h"
#include "core/node/migration.h"
#include "core/node/outbox.h"
#include "core/node/profile.h"
#include "core/node/scheme.h"

namespace uhaul {

struct ControllerOptions {
  Profile profile;
  HashKey hash_key;
  uint8_t nf_count = 2;
};

class Controller {
 public:
  explicit Controller(ControllerOptions options);

  // move(src, dst, filter, scope, properties): asynchronous; the operation's id at once, or a refusal without any side
  // effect.
  Result<OperationId> Move(TimePoint now, const MoveRequest& request, Outbox& outbox);
  // moveElephant(src, dst, scope, properties) (U-HAUL 3.2): the EDM at src chooses the flows.
  Result<OperationId> MoveElephant(TimePoint now, const MoveRequest& request, const DetectorSpec& detector,
                                   Outbox& outbox);
  // Ends the operation early: what is at dst stays there, the rest stays at src, held packets go back to src.
  Status Abort(TimePoint now, OperationId operation, Outbox& outbox);

  void OnMessage(TimePoint now, NodeId from, const Message& message, Outbox& outbox);
  void OnTimer(TimePoint now, Outbox& outbox);
  TimePoint NextDeadline() const;

  // See NfAgent::SetProfile.
  void SetProfile(const Profile& profile);

  const Migration* Find(OperationId operation) const;
  bool idle() const;  // every operation is closed, nothing waits for the CPU
  Bytes held_bytes() const { return held_; }
  uint64_t strays() const { return strays_; }
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  struct Task {
    NodeId from;
    Message message;
  };
  Result<OperationId> Start(TimePoint now, const MoveRequest& request, std::optional<DetectorSpec> detector,
                            Outbox& outbox);
  Status Admit(const MoveRequest& request, bool wildcard) const;
  void RunDue(TimePoint now, Outbox& outbox);
  void SendReleased(TimePoint now, Outbox& outbox);
  void Dispatch(TimePoint now, const Task& task, Outbox& outbox);
  Duration CostOf(const Message& message) const;
  template <class Call>
  auto With(TimePoint now, Outbox& outbox, Call call);
  static bool Busy(const void* owner, OperationId self, const FlowKey& flow);

  ControllerOptions options_;
  FlowHasher hasher_;
  CostServer<Task> cpu_;                         // messages
  CostServer<ReleasedPacket> release_;           // packets on their way out: a thread of their own
  std::map<OperationId, Migration> migrations_;  // the closed ones too, up to kRemembered
  OperationId next_operation_ = 1;
  uint32_t next_xid_ = 1;
  Bytes held_;
  uint64_t strays_ = 0;
};

}  // namespace uhaul
