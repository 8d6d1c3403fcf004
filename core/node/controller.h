// Controller: the northbound API, and one Migration (OpenNF's family) or HandOver per operation. A sans-I/O machine.
// Incoming messages queue for its CPU (finite event rate, finite buffer: Profile).
//
// For hand-overs it knows which nodes are there: whoever runs it says when a connection opens, the node is greeted, and
// answers who it is. With a journal a controller that restarts goes on where the one before it stopped:
//
//   Controller controller(options);
//   controller.Recover(now, records, outbox);  // of the journal, in order
//   connection = controller.OnConnected(now, node, outbox);  // each node, whenever its connection opens
//
// Whoever lets messages wait on their way to it says by which connection each has come: what a node has said about
// itself and its flows by one that is over is not heard.
//
// Every message carries the controller's generation; nodes that have heard a younger one ignore it.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "core/node/cost_server.h"
#include "core/node/hand_over.h"
#include "core/node/migration.h"
#include "core/node/node_sessions.h"
#include "core/node/outbox.h"
#include "core/node/profile.h"
#include "core/node/scheme.h"

namespace uhaul {

struct ControllerOptions {
  Profile profile;
  HashKey hash_key;
  uint8_t nf_count = 2;
  // Somebody makes the outbox's journal records durable and says so (OnDurable); hand-overs wait for it.
  bool journal = false;
  HandOverLimits limits{};
  // Of the nonces that markers show: whoever knows it can end a flow's pause before its time. A controller that carries
  // on with another's journal needs the same one. None: hash_key.
  std::optional<HashKey> secret{};
  // Where nodes may remember controllers of which there is no journal: higher than theirs.
  uint32_t first_generation = 1;
  OperationId first_operation = 1;
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

  // Once, before anything else: what the journal of the controllers before this one holds.
  void Recover(TimePoint now, std::span<const JournalRecord> records, Outbox& outbox);
  // So many records of the outboxes' journal, all together, are durable.
  void OnDurable(TimePoint now, uint64_t records, Outbox& outbox);
  // The connection to the node has opened, for the first time or again: what was on the way before may be lost. Its
  // number, for OnMessage.
  uint64_t OnConnected(TimePoint now, NodeId node, Outbox& outbox);
  // The number of the connection to the node that is not over (0: none has opened).
  uint64_t ConnectionOf(NodeId node) const { return sessions_.connection(node); }
  // The operator's word that the NF instance will not come back as it was. A time-out never means that.
  void DeclareDead(TimePoint now, NodeId nf, Outbox& outbox);

  // `connection`: by which it came; none: by the one that is not over.
  void OnMessage(TimePoint now, NodeId from, const Message& message, Outbox& outbox,
                 std::optional<uint64_t> connection = std::nullopt);
  void OnTimer(TimePoint now, Outbox& outbox);
  TimePoint NextDeadline() const;

  // See NfAgent::SetProfile.
  void SetProfile(const Profile& profile);

  const Migration* Find(OperationId operation) const;
  const HandOver* FindHandOver(OperationId operation) const;
  uint32_t generation() const { return generation_; }
  bool idle() const;  // every operation is closed, nothing waits for the CPU
  Bytes held_bytes() const { return held_; }
  // Flows for whose rule the switch, which restarted, has no room: their packets go nowhere until it has. And the
  // packets of those for which it had none for a while.
  size_t unplaced() const { return unplaced_.size(); }
  bool Unplaced(const FlowKey& flow) const { return unplaced_.Contains(flow); }
  uint64_t dropped_unplaced() const { return dropped_unplaced_; }
  uint64_t strays() const { return strays_; }
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  struct Task {
    NodeId from;
    Message message;
    uint64_t connection = 0;  // by which it came
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
  template <class Call>
  auto WithHandOver(TimePoint now, Outbox& outbox, Call call);
  void OnHello(TimePoint now, NodeId from, const msg::Hello& hello, Outbox& outbox);
  void ReinstallRules(Outbox& outbox) const;
  void NoteRoom(const msg::CustodyReport& report);
  void ResumeNodes(TimePoint now, Outbox& outbox);
  Status AdmitBeside(const MoveRequest& request, bool wildcard) const;
  template <class Operation>
  Status MakeRoom(std::map<OperationId, Operation>* operations) const;
  void Close(Outbox& outbox, size_t first) const;
  static bool Busy(const void* owner, OperationId self, const FlowKey& flow);

  ControllerOptions options_;
  FlowHasher hasher_;
  CostServer<Task> cpu_;                         // messages
  CostServer<ReleasedPacket> release_;           // packets on their way out: a thread of their own
  std::map<OperationId, Migration> migrations_;  // the closed ones too, up to kRemembered
  std::map<OperationId, HandOver> hand_overs_;   // the same
  NodeSessions sessions_;
  std::set<NodeId> resumed_;           // were told to go on
  std::set<NodeId> dropping_;          // that restarted, and are to go on when they may
  FlowMap<journal::EndedFlow> rules_;  // that hand-overs left at the switch
  FlowMap<bool> unplaced_;             // of the present switch, as far as it has said
  uint64_t dropped_unplaced_ = 0;
  FlowMap<TimePoint> moved_;  // when, while they cool down
  uint32_t generation_ = 1;
  uint64_t journaled_ = 0;
  OperationId next_operation_ = 1;
  uint32_t next_xid_ = 1;
  Bytes held_;
  uint64_t strays_ = 0;
};

}  // namespace uhaul
