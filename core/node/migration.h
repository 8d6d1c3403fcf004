// Migration: one operation at the controller. OpenNF's move in all its modes, and U-HAUL's moveElephant, which differs
// from it in who names the flows, in relaying unknown flows and in what follows the move.
//
//   select    the EDM names elephants (getElephant / SetFilter), or src lists flows under a limit, or a wildcard names
//   them lock      loss-free: src hands packets of these flows to the controller, which holds them (enableEvents)
//   transfer  getPerflow -> chunks -> putPerflow (PL: each at once; otherwise after the last chunk) -> delPerflow
//             ER: a flow's packets are released at its own put-ack; otherwise all after the last put-ack
//   order     order-preserving only: dst buffers; the switch sends packets both to src and the controller; when dst has
//             processed the last packet that went to src, it releases its buffer
//   reroute   one wildcard rule (a move of everything that matches) or one batch of exact rules (named flows)
//   after     keep: relayed flows get exact rules to dst; flip, share: flows left at src are pinned by exact rules,
//             then the default changes. RelayEnd::kMarked: before these rules dst holds what would overtake relayed
//             packets, behind them goes a marker by src, again and again until dst has it (relay_watch.h)
//   linger    stragglers on their way to src still become events; then events and relaying end there: closed
//
// Several of these overlap; Progress() looks at what is complete and does what became possible. Handlers are
// idempotent.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "core/flow/flow_map.h"
#include "core/node/cost_server.h"
#include "core/node/held_packets.h"
#include "core/node/move_request.h"
#include "core/node/outbox.h"
#include "core/node/profile.h"

namespace uhaul {

// A packet on its way out of the controller.
struct ReleasedPacket {
  OperationId operation = 0;
  msg::PacketOut out;
  bool held = false;  // it counts as held until it leaves
};

// What a migration needs of its controller, for the time of one call.
struct MigrationContext {
  TimePoint now;
  const Profile& profile;
  const FlowHasher& hasher;
  HashKey secret;                       // of nonces
  Bytes& held;                          // packets held at the controller, all operations together
  CostServer<ReleasedPacket>& release;  // the controller's way out for packets, in order
  uint32_t& next_xid;                   // of the switch's rule changes
  // Is this flow part of another operation?
  bool (*busy)(const void* owner, OperationId self, const FlowKey& flow);
  const void* owner;
  Outbox& outbox;
};

class Migration {
 public:
  enum class Phase : uint8_t {
    kSelecting,
    kWatching,  // marked: dst is to remember which flows come relayed
    kLocking,
    kTransferring,
    kArmingBuffer,  // order: enableEvents(dst, buffer) under way
    kDiverting,     // order: rules to {src, controller} in place or under way; waiting for the first packet-in
    kRerouting,     // rules to dst under way
    kDraining,      // order: waiting until dst has processed what went to src
    kReleasing,     // order: disableEvents(dst) under way
    kListing,       // after: asking src what stays
    kPinning,       // after: exact rules for what stays
    kHolding,       // marked: dst is to hold what would overtake
    kFlipping,      // after: the new default
    kStoppingRelay,
    kRelayRules,      // exact rules for relayed flows
    kAwaitingMarker,  // marked: dst has not seen it yet
    kSettling,        // waiting for the last delPerflow
    kLingering,
    kUnlocking,  // disableEvents(src) under way
    kClosed,
  };

  Migration(OperationId id, MoveRequest request, std::optional<DetectorSpec> detector);

  void Start(MigrationContext& context);
  // Past the transfer an operation is carried through: then this is an error.
  Status Abort(MigrationContext& context);
  void OnMessage(MigrationContext& context, NodeId from, const MessageBody& body);
  // A packet-in carries no operation: true if it was this one's.
  bool OnPacketIn(MigrationContext& context, const Packet& packet);
  // One of its packets has left the controller.
  void OnReleased(MigrationContext& context);
  void OnTimer(MigrationContext& context);
  // The operator's word. What waits for a marker that comes by src, or for what that one would say at the end, does
  // not.
  void OnDead(MigrationContext& context, NodeId node);
  TimePoint NextDeadline() const { return deadline_; }

  OperationId id() const { return id_; }
  Phase phase() const { return phase_; }
  bool closed() const { return phase_ == Phase::kClosed; }
  bool aborted() const { return aborting_; }
  const MoveRequest& request() const { return request_; }
  bool wildcard() const { return wildcard_; }
  bool Owns(const FlowKey& flow) const;
  FlowOutcome OutcomeOf(const FlowKey& flow) const;
  uint64_t dropped_packets() const { return dropped_; }  // > 0: loss-free is broken, and says so
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  struct Flow {
    bool selected = false;
    bool put_sent = false;
    bool put_acked = false;
    bool released = false;  // packets go straight on
    bool to_src = false;    // refused or returned: its packets go back
    FlowOutcome outcome = FlowOutcome::kPending;
    HeldPackets::Chain held;
    std::vector<uint64_t> processed;  // order: digests that dst has reported since diverting began
  };

  // migration.cc: the phases
  void Handle(MigrationContext& context, const msg::SetFilter& m);
  void Handle(MigrationContext& context, const msg::FlowListing& m);
  void Handle(MigrationContext& context, const msg::EnableEventsAck& m, NodeId from);
  void Handle(MigrationContext& context, const msg::DisableEventsAck& m, NodeId from);
  void Handle(MigrationContext& context, const msg::Chunk& m);
  void Handle(MigrationContext& context, const msg::GetDone& m);
  void Handle(MigrationContext& context, const msg::PutAck& m);
  void Handle(MigrationContext& context, const msg::DelAck& m);
  void Handle(MigrationContext& context, const msg::RulesAck& m);
  void Handle(MigrationContext& context, const msg::StopRelayAck& m);
  void Handle(MigrationContext& context, const msg::NewFlow& m);
  void Handle(MigrationContext& context, const msg::RelayReport& m);
  // migration_packets.cc
  void Handle(MigrationContext& context, const msg::PacketEvent& m);
  void Handle(MigrationContext& context, const msg::ProcessedEvent& m);

  void Select(MigrationContext& context, const std::vector<FiveTuple>& flows);
  void Watch(MigrationContext& context);
  void Lock(MigrationContext& context);
  void Transfer(MigrationContext& context);
  void Put(MigrationContext& context, msg::Chunk chunk);
  void MaybeTransferred(MigrationContext& context);
  void Transferred(MigrationContext& context);
  void Delete(MigrationContext& context, std::vector<FiveTuple> flows);
  void Finish(MigrationContext& context);
  void Settle(MigrationContext& context);
  void Unlock(MigrationContext& context);
  void MaybeClose(MigrationContext& context);

  // migration_rules.cc
  void InstallExact(MigrationContext& context, const std::vector<FiveTuple>& flows, msg::RuleAction action);
  void InstallWildcard(MigrationContext& context, uint16_t priority, msg::RuleAction action, uint8_t supersedes);
  void Divert(MigrationContext& context);
  void Reroute(MigrationContext& context);
  void AfterReroute(MigrationContext& context);
  void Hold(MigrationContext& context, Phase next);
  void Flip(MigrationContext& context);
  void StopRelaying(MigrationContext& context);
  void InstallRelayRules(MigrationContext& context);
  void SendMark(MigrationContext& context) const;
  void AwaitMarker(MigrationContext& context);
  void RulesComplete(MigrationContext& context);
  std::vector<FiveTuple> MovedFlows() const;

  // migration_packets.cc
  Flow& FlowOf(const MigrationContext& context, const Packet& packet);
  void Release(MigrationContext& context, Flow& flow);
  void ReleaseAll(MigrationContext& context);
  void SendOut(MigrationContext& context, const Flow& flow, const Packet& packet, bool held);
  void MaybeDrained(MigrationContext& context);
  void ReleaseBuffer(MigrationContext& context);
  void ArmBuffer(MigrationContext& context);

  bool marked() const { return request_.scheme.relay_end == RelayEnd::kMarked; }
  bool flips() const { return request_.scheme.after == AfterMove::kFlip && !wildcard_ && !aborting_; }
  uint64_t Nonce(const MigrationContext& context) const;
  void SendToSrc(MigrationContext& context, MessageBody body) const;
  void SendToDst(MigrationContext& context, MessageBody body) const;
  void Mark(MigrationContext& context, OperationStep step) const;
  void SetOutcome(MigrationContext& context, const FlowKey& key, Flow& flow, FlowOutcome outcome) const;

  OperationId id_ = 0;
  MoveRequest request_;
  std::optional<DetectorSpec> detector_;
  bool wildcard_ = false;  // one filter names the flows; new ones belong to it too
  Phase phase_ = Phase::kSelecting;
  bool aborting_ = false;
  TimePoint deadline_ = TimePoint::Never();

  std::vector<FiveTuple> order_;     // selected flows, in the order of export
  FlowMap<Flow> flows_;              // selected, and in a wildcard move whatever else sent packets
  std::vector<msg::Chunk> waiting_;  // without PL: chunks until the last is in
  bool first_chunk_ = false;
  bool exported_ = false;  // GetDone is in
  uint32_t puts_pending_ = 0;
  std::deque<std::vector<FiveTuple>> deletes_;  // requests not yet answered, in order
  std::vector<FiveTuple> relayed_;              // flows that src relayed to dst
  std::vector<FiveTuple> listing_;              // what stays at src
  std::set<uint32_t> xids_;                     // rule changes not yet acknowledged

  bool holding_ = false;  // dst holds what would overtake relayed packets
  Phase behind_hold_ = Phase::kFlipping;
  bool watch_over_ = false;  // dst has let go
  Duration mark_wait_;       // until the marker is sent again
  bool src_dead_ = false;
  bool src_unlocked_ = false;

  HeldPackets held_;
  uint64_t releasing_ = 0;  // packets on their way out
  bool released_all_ = false;
  uint64_t dropped_ = 0;
  uint64_t packet_ins_ = 0;
  uint64_t diverted_ = 0;     // packets that went to src and the controller both
  uint32_t reroute_xid_ = 0;  // rule changes from here on end the diverting
  std::optional<std::pair<FlowKey, uint64_t>> last_packet_in_;
  uint64_t strays_ = 0;
};

}  // namespace uhaul
