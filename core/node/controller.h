// Controller: the northbound API, and one Migration per operation. A sans-I/O machine. Incoming messages queue for its CPU
// (finite event rate, finite buffer: Profile).
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

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

  // move(src, dst, filter, scope, properties): asynchronous; the operation's id at once, or a refusal without any side effect.
  Result<OperationId> Move(TimePoint now, const MoveRequest& request, Outbox& outbox);
  // moveElephant(src, dst, scope, properties) (U-HAUL 3.2): the EDM at src chooses the flows.
  Result<OperationId> MoveElephant(TimePoint now, const MoveRequest& request, const DetectorSpec& detector, Outbox& outbox);
  // Ends the operation early: what is at dst stays there, the rest stays at src, held packets go back to src.
  Status Abort(TimePoint now, OperationId operation, Outbox& outbox);

  void OnMessage(TimePoint now, NodeId from, const Message& message, Outbox& outbox);
  void OnTimer(TimePoint now, Outbox& outbox);
  TimePoint NextDeadline() const;

  const Migration* Find(OperationId operation) const;
  bool idle() const { return migrations_.empty(); }  // no operation that is not closed
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  struct Task {
    NodeId from;
    Message message;
  };
  Result<OperationId> Start(TimePoint now, const MoveRequest& request, const DetectorSpec* detector, Outbox& outbox);
  void RunDue(TimePoint now, Outbox& outbox);

  ControllerOptions options_;
  CostServer<Task> cpu_;
  std::map<OperationId, Migration> migrations_;
  std::map<OperationId, Migration> closed_;  // the last few, for Find()
  OperationId next_operation_ = 1;
  uint64_t strays_ = 0;
};

}  // namespace uhaul
