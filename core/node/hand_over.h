// HandOver: one hand-over operation at the controller. Rule first, marker in band, state from NF to NF, packets wait at
// the destination (flow_custody.h). Nothing in a flow's pause waits for this side: it says what is to be done, repeats
// it until it is answered, and knows for every flow how it ends.
//
//   greet     the switch and both NFs answer who they are; a node that later answers differently has died in between
//   select    as in Migration: the EDM names elephants, or src lists flows
//   journal   BEGIN is durable before anything is said about a flow; a controller that restarts redoes what has no END
//   move      flow by flow, many in one message:
//
//     PREPARING --both acks--> READY --its turn--> INSTALLING --> AWAITING_ACTIVE --> COMMITTING --> MOVED
//       any before INSTALL: refused by an NF, by the switch, or aborted: CANCELLING --> CANCELLED
//       dst refuses the state: HOLDING --> INSTALLING_BACK --> AWAITING_RETURN --> COMMITTING_BACK --> RETURNED
//       dst died: REVERTING --> INSTALLING_REVERT --> REVERTED      src died: POLLING --> INSTALLING_OVER -->
//       FRESHENING --> FAILED_OVER (as MOVED, if dst has the state)          both died: LOST
//       src died while the flow was on its way back: FRESHENING --> INSTALLING_OVER --> FAILED_OVER
//
// Each answer is taken in its phase only, repeated answers change nothing. Whoever reconnects is asked again, also what
// it has answered before. While a flow waits for its state, INSTALL is repeated with the rest: a marker can be lost.
// A time-out only ever repeats.
//
// A switch that marks by packet-out (Marking::kPacketOut) acknowledges a rule before its data path follows it, and
// sends markers when it is told to. There INSTALLING (and BACK, REVERT, OVER) lasts until the rule is known to be in
// force: the one who waits for the flow has seen a packet of it, or nobody has for the grace time. Then the marker is
// sent for.
//
// READY flows take their turns so that src's exports do not queue: a flow's packets wait at dst from its INSTALL on.
// The window of flows between INSTALL and ACTIVE follows the time that takes (install_window.h), and dst's buffer.
//
// Epochs of operation n: 4n forward, 4n + 1 back, 4n + 2 over (dst goes on without src, after it was on the way back),
// 4n + 3 the end, for an instance that comes back after its death.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "core/flow/flow_map.h"
#include "core/node/install_window.h"
#include "core/node/move_request.h"
#include "core/node/node_sessions.h"
#include "core/node/outbox.h"

namespace uhaul {

struct HandOverLimits {
  uint32_t flows = 1 << 15;  // of one move; the rest stays
  Duration cool_down{};      // a flow that has moved stays where it is for so long
  // A flow may send so much while it waits: flows are rerouted only as far as four times that, over the pause as
  // measured, fits into dst's buffer.
  BitRate flow_rate{10'000'000'000};
  // More flows at a time are rerouted as long as each is with its new owner so soon after its INSTALL, as the controller
  // sees it: that is a flow's pause and a way to the switch and back.
  Duration unnoticed = Duration::Micros(400);
  // A switch that marks by packet-out has followed a rule so long after it has acknowledged it, if no packet shows it
  // sooner. If it takes longer the hand-over of a flow that falls silent just then is not safe.
  Duration grace = Duration::Seconds(1);
};

// What a hand-over needs of its controller, for the time of one call.
struct HandOverContext {
  TimePoint now;
  const FlowHasher& hasher;
  HashKey secret;  // of nonces
  const HandOverLimits& limits;
  Bytes buffer;               // of an NF
  FlowMap<TimePoint>& moved;  // when flows moved last, while that matters
  const NodeSessions& sessions;
  bool journal;         // somebody makes records durable, and says so
  uint64_t& journaled;  // records written so far
  // The rule that the switch has for a flow, to be put back if it restarts.
  FlowMap<journal::EndedFlow>& rules;
  // Is this flow part of another operation?
  bool (*busy)(const void* owner, OperationId self, const FlowKey& flow);
  const void* owner;
  Outbox& outbox;
};

class HandOver {
 public:
  enum class Phase : uint8_t { kGreeting, kSelecting, kJournaling, kMoving, kClosed };
  enum class FlowPhase : uint8_t {
    kSelected,
    kPreparing,
    kReady,
    kInstalling,
    kAwaitingActive,
    kCommitting,
    kCancelling,
    kHolding,
    kInstallingBack,
    kAwaitingReturn,
    kCommittingBack,
    kReverting,
    kInstallingRevert,
    kPolling,
    kInstallingOver,
    kFreshening,
    kEnded,
  };
  // How: the last words of the phases above, in capitals.
  enum class FlowEnd : uint8_t { kMoved, kCancelled, kReturned, kReverted, kFailedOver, kLost };

  HandOver(OperationId id, MoveRequest request, std::optional<DetectorSpec> detector);
  // From the journal. More flows of the same operation may follow.
  HandOver(const journal::Begin& begin, const FlowHasher& hasher);
  void Add(const journal::Begin& begin, const FlowHasher& hasher);
  void Ended(const journal::End& end, const FlowHasher& hasher);

  void Start(HandOverContext& context);
  // Flows whose INSTALL this controller has not sent stay at src; the others are carried through. An error if there are
  // none such.
  Status Abort(HandOverContext& context);
  void OnMessage(HandOverContext& context, NodeId from, const MessageBody& body);
  void OnTimer(HandOverContext& context);
  TimePoint NextDeadline() const { return graces_.empty() ? deadline_ : std::min(deadline_, graces_.front().due); }
  // So many records are durable.
  void OnDurable(HandOverContext& context, uint64_t records);
  // The node has answered the greeting.
  void OnSession(HandOverContext& context, NodeId node);
  // The NF instance that began this will not come back: another incarnation answered, or the operator says so.
  void OnDead(HandOverContext& context, NodeId node);
  // A switch that restarted may let packets go: each flow has its rule again, or the change of it is on its way there.
  bool RulesKnown() const;
  // The instance, as this had begun with it, died, and there are flows of which it is not decided who has them.
  bool MissesDead(NodeId node) const;
  // Of an instance that died: no flow of this is its successor's, whatever packets are still on their way to it.
  void FenceSuccessor(HandOverContext& context, NodeId node) const;

  OperationId id() const { return id_; }
  Phase phase() const { return phase_; }
  bool closed() const { return phase_ == Phase::kClosed; }
  bool aborted() const { return aborting_; }
  const MoveRequest& request() const { return request_; }
  bool Owns(const FlowKey& flow) const;
  std::optional<FlowPhase> PhaseOf(const FlowKey& flow) const;
  FlowOutcome OutcomeOf(const FlowKey& flow) const;
  uint64_t dropped_packets() const;  // > 0: loss-free is broken, and says so
  uint64_t misdirected_flows() const { return misdirected_; }
  size_t flows() const { return flows_.size(); }
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  enum class Link : uint8_t { kSrc, kDst, kSwitch };
  static constexpr uint8_t kSrcBit = 1;
  static constexpr uint8_t kDstBit = 2;
  static constexpr uint8_t kBoth = kSrcBit | kDstBit;
  struct Flow {
    FlowKey key;
    FlowPhase phase = FlowPhase::kSelected;
    FlowEnd end = FlowEnd::kCancelled;            // ENDED
    FlowOutcome reason = FlowOutcome::kReturned;  // of a cancellation
    FlowOutcome outcome = FlowOutcome::kPending;
    uint8_t got = 0;            // answers of this phase
    uint8_t arrived = 0;        // packet-out: a packet has come at dst (kDstBit), or back at src (kSrcBit)
    bool acknowledged = false;  // packet-out: INSTALL was, at `installed`; it is not known to be in force
    bool active = false;        // POLLING and after: dst owns it already
    bool over = false;          // epochs of INSTALLING_OVER and FRESHENING: over instead of forward
    bool in_doubt = false;
    bool state_lost = false;
    uint32_t dropped_src = 0;
    uint32_t dropped_dst = 0;
    TimePoint issued{};     // this phase's commands, first
    TimePoint installed{};  // INSTALL said first; packet-out: acknowledged, and then: known to be in force
    bool ended() const { return phase == FlowPhase::kEnded; }
  };
  struct Grace {
    TimePoint due;
    uint32_t flow = 0;
  };
  // Flows of one message in the making.
  struct Batch {
    NodeId to;
    std::optional<msg::CustodyVerb> verb;  // none, to the switch: INSTALL, or markers
    Epoch epoch = 0;
    bool markers = false;
    std::vector<FiveTuple> flows;
  };

  // hand_over.cc: the operation
  void Handle(HandOverContext& context, NodeId from, const msg::SetFilter& m);
  void Handle(HandOverContext& context, NodeId from, const msg::FlowListing& m);
  void Handle(HandOverContext& context, NodeId from, const msg::CustodyReport& m);
  // Where instances cannot reach each other, the same messages go this way.
  void Forward(HandOverContext& context, NodeId from, MessageBody body) const;
  void Handle(HandOverContext& context, NodeId from, const msg::State& m) { Forward(context, from, m); }
  void Handle(HandOverContext& context, NodeId from, const msg::ReturnedPacket& m) { Forward(context, from, m); }
  void Handle(HandOverContext& context, NodeId from, const msg::Returned& m) { Forward(context, from, m); }
  void Greet(HandOverContext& context);
  void RequestSelection(HandOverContext& context);
  void Select(HandOverContext& context, const FiveTuple& tuple);
  void Selected(HandOverContext& context);
  void Move(HandOverContext& context);
  void Close(HandOverContext& context);
  void Mark(HandOverContext& context, OperationStep step) const;
  void Settle(HandOverContext& context);

  // hand_over_flows.cc: phase x answer
  void OnStatus(HandOverContext& context, Flow& flow, Link from, Epoch epoch, const msg::FlowStatus& status);
  void OnAcknowledged(HandOverContext& context, Flow& flow, Link from, Epoch epoch, msg::CustodyStatus status);
  void OnRefusal(HandOverContext& context, Flow& flow, Link from, msg::CustodyStatus status);
  void OnActive(HandOverContext& context, Flow& flow, Epoch epoch);
  void OnInstalled(HandOverContext& context, Flow& flow, Epoch epoch);
  void OnArrived(HandOverContext& context, Flow& flow, Link from, Epoch epoch);
  void OnGraceOver(HandOverContext& context);
  bool InForce(const HandOverContext& context, const Flow& flow) const;
  void RuleInForce(HandOverContext& context, Flow& flow);
  void OnInstallFailed(HandOverContext& context, Flow& flow);
  void OnStale(HandOverContext& context, Flow& flow, Link from);
  void OnSrcDied(HandOverContext& context, Flow& flow);
  void OnDstDied(HandOverContext& context, Flow& flow);
  void Cancel(HandOverContext& context, Flow& flow, FlowOutcome reason);
  void GoOver(HandOverContext& context, Flow& flow);
  void Got(HandOverContext& context, Flow& flow, uint8_t bit, FlowPhase next);
  void GotCancelled(HandOverContext& context, Flow& flow, uint8_t bit);
  void Enter(HandOverContext& context, Flow& flow, FlowPhase phase);
  void SetPhase(Flow& flow, FlowPhase phase);
  void Finish(HandOverContext& context, Flow& flow, FlowEnd end);
  void TakeTurns(HandOverContext& context);

  // hand_over_messages.cc: what is said
  void Issue(HandOverContext& context, Flow& flow, Link link);
  void Reinstall(HandOverContext& context, Flow& flow);
  void Command(HandOverContext& context, Flow& flow, Link link, msg::CustodyVerb verb, Epoch epoch);
  void Watch(HandOverContext& context, Flow& flow, Link link, Epoch epoch);
  void Install(HandOverContext& context, Flow& flow, Epoch epoch);
  void SendMarker(HandOverContext& context, Flow& flow, Epoch epoch);
  std::vector<FiveTuple>& BatchFor(NodeId to, std::optional<msg::CustodyVerb> verb, Epoch epoch, bool markers = false);
  void Flush(HandOverContext& context);

  static bool MarksByPacketOut(const HandOverContext& context) {
    return context.sessions.marking() == msg::Marking::kPacketOut;
  }
  // Its packets may wait at dst, and its state for src.
  static bool InWindow(const Flow& flow) {
    return (flow.phase == FlowPhase::kInstalling && !flow.acknowledged) || flow.phase == FlowPhase::kAwaitingActive;
  }
  // The epoch of the INSTALL that the flow's phase waits for; 0: of none.
  Epoch Installs(const Flow& flow) const;
  Epoch forward() const { return Epoch{id_} * 4; }
  Epoch back() const { return forward() + 1; }
  Epoch over() const { return forward() + 2; }
  Epoch after() const { return forward() + 3; }
  Epoch EpochOver(const Flow& flow) const { return flow.over ? over() : forward(); }
  NodeId NodeOf(Link link) const;
  bool Dead(NodeId node) const {
    return (node == NfNode(request_.src) && src_dead_) || (node == NfNode(request_.dst) && dst_dead_);
  }
  bool Dead(Link link) const { return link == Link::kSrc ? src_dead_ : link == Link::kDst && dst_dead_; }
  uint64_t Nonce(const HandOverContext& context, Epoch epoch) const;

  OperationId id_ = 0;
  MoveRequest request_;
  std::optional<DetectorSpec> detector_;
  Phase phase_ = Phase::kGreeting;
  bool aborting_ = false;
  bool recovered_ = false;  // an earlier controller may have sent anything
  bool src_dead_ = false;
  bool dst_dead_ = false;
  uint64_t src_incarnation_ = 0;
  uint64_t dst_incarnation_ = 0;
  TimePoint deadline_ = TimePoint::Never();
  uint64_t begun_at_ = 0;  // the number of the last BEGIN record

  std::vector<Flow> flows_;  // in the order of selection
  FlowMap<uint32_t> index_;
  size_t preparing_ = 0;
  size_t open_ = 0;  // flows that are not final
  std::deque<uint32_t> ready_;
  InstallWindow window_;
  size_t installing_ = 0;     // flows between INSTALL and ACTIVE: in the window
  std::deque<Grace> graces_;  // in the order in which they end; some flows have gone on since
  bool locked_ = false;       // every flow is prepared, or given up
  bool any_active_ = false;
  std::vector<Batch> batches_;             // empty between calls
  std::vector<journal::EndedFlow> ended_;  // the same
  uint64_t misdirected_ = 0;
  uint64_t strays_ = 0;
};

}  // namespace uhaul
