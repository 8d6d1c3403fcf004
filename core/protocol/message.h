// Every message between controller, switch and NFs. One variant, plain values; core/protocol/codec.h puts them on a
// wire.
//
// Lists of flows travel in batches of at most kMaxFlowsPerMessage (so that a message stays under 64 KiB); `more` says
// that another batch follows. Names are the paper's (U-HAUL 3.2) and OpenNF's.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "core/base/units.h"
#include "core/flow/elephant_detector.h"
#include "core/flow/packet.h"

namespace uhaul {

inline constexpr size_t kMaxMessageBytes = 64 * 1024;
inline constexpr size_t kMaxChunkBytes = 1024 * 1024;
inline constexpr size_t kMaxFlowsPerMessage = 1024;

// Who a message is from or to. NF instances are numbered from 0.
struct NodeId {
  enum class Role : uint8_t { kController = 0, kSwitch = 1, kNf = 2 };
  Role role = Role::kController;
  uint8_t instance = 0;
  auto operator<=>(const NodeId&) const = default;
};
inline constexpr NodeId kControllerNode{NodeId::Role::kController, 0};
inline constexpr NodeId kSwitchNode{NodeId::Role::kSwitch, 0};
constexpr NodeId NfNode(uint8_t instance) { return {NodeId::Role::kNf, instance}; }

using OperationId = uint32_t;

// Orders everything that is ever said about one flow's custody (core/node/flow_custody.h): each hand-over has epochs of
// its own, later ones have higher. 0: before any.
using Epoch = uint64_t;

// A set of flows: named one by one, or by a wildcard.
struct FlowScope {
  enum class Kind : uint8_t {
    kList = 0,    // exactly `flows`
    kActive = 1,  // matches `filter`, has state, lives in the FIT
    kTable = 2,   // matches `filter`, has state
  };
  Kind kind = Kind::kList;
  FlowFilter filter;
  std::vector<FiveTuple> flows;
  bool operator==(const FlowScope&) const = default;
};

namespace msg {

// ---- filter API (U-HAUL 3.2)
struct GetElephant {  // controller -> EDM, by FilterChannel
  DetectorSpec detector;
  FlowFilter filter;
  bool operator==(const GetElephant&) const = default;
};
struct SelectedFlow {
  FiveTuple tuple;
  Bytes bytes;
  bool operator==(const SelectedFlow&) const = default;
};
struct SetFilter {  // EDM -> controller, in the order of selection
  std::vector<SelectedFlow> flows;
  uint32_t active_flows = 0;  // flows the EDM looked at
  Bytes active_bytes;         // S
  bool more = false;
  bool operator==(const SetFilter&) const = default;
};
// Which flows have state here? Asked before a limited move, to name its flows, and after a move, to pin what stays.
struct ListFlows {
  FlowScope::Kind kind = FlowScope::Kind::kTable;  // kActive or kTable
  FlowFilter filter;
  uint32_t limit = 0;  // at most this many, in five-tuple order; 0: no limit
  bool operator==(const ListFlows&) const = default;
};
struct FlowListing {
  std::vector<FiveTuple> flows;
  bool more = false;
  bool operator==(const FlowListing&) const = default;
};

// ---- southbound API (OpenNF)
enum class EventAction : uint8_t {
  kDrop = 0,    // hand matching packets to the controller, do not process them
  kBuffer = 1,  // hold matching packets here; process those marked do-not-buffer and report each
};
struct EnableEvents {
  EventAction action = EventAction::kDrop;
  FlowScope scope;  // kList: these flows; otherwise every packet that matches the filter, known flow or new
  bool more = false;
  bool operator==(const EnableEvents&) const = default;
};
struct EnableEventsAck {
  bool operator==(const EnableEventsAck&) const = default;
};
struct DisableEvents {  // ends events and relaying of the operation here; buffered packets are processed first, in
                        // order
  bool operator==(const DisableEvents&) const = default;
};
struct DisableEventsAck {
  bool operator==(const DisableEventsAck&) const = default;
};
struct GetPerflow {
  FlowScope scope;
  bool late_lock = false;  // start events flow by flow, just before that flow's export
  bool more = false;       // further batches of a kList follow; export begins with the last
  bool operator==(const GetPerflow&) const = default;
};
struct Chunk {  // src -> controller: one flow's state
  FiveTuple tuple;
  uint16_t schema = 0;
  std::vector<uint8_t> state;
  Bytes fit_bytes;  // the flow's FIT record goes with its state
  bool fit_fin = false;
  bool operator==(const Chunk&) const = default;
};
struct GetDone {
  uint32_t flows = 0;    // chunks sent
  uint32_t missing = 0;  // flows of a list that had no state here
  bool operator==(const GetDone&) const = default;
};
struct CancelGet {  // abort: export no more; answered by GetDone
  bool operator==(const CancelGet&) const = default;
};
struct PutPerflow {
  Chunk chunk;
  bool operator==(const PutPerflow&) const = default;
};
struct PutAck {
  FiveTuple tuple;
  bool accepted = true;  // false: the NF refused the chunk; the flow stays at src
  bool operator==(const PutAck&) const = default;
};
struct DelPerflow {
  std::vector<FiveTuple> flows;
  bool operator==(const DelPerflow&) const = default;
};
struct DelAck {
  uint32_t flows = 0;  // entries of the request, present or not
  bool operator==(const DelAck&) const = default;
};
struct PacketEvent {  // src -> controller: a packet that was not processed
  Packet packet;
  bool operator==(const PacketEvent&) const = default;
};
struct ProcessedEvent {  // dst -> controller: a do-not-buffer packet was processed
  FiveTuple tuple;
  uint64_t digest = 0;
  bool operator==(const ProcessedEvent&) const = default;
};
// U-HAUL 3: while a move runs, src forwards packets of flows it has no state for, back to the switch and on to `to`.
struct StartRelay {
  FlowFilter filter;
  uint8_t to = 0;  // NF instance
  bool operator==(const StartRelay&) const = default;
};
// src creates state for new flows again; flows it relayed before it goes on relaying until the operation's events end.
struct StopRelay {
  bool operator==(const StopRelay&) const = default;
};
struct StopRelayAck {  // behind the last NewFlow
  bool operator==(const StopRelayAck&) const = default;
};
struct NewFlow {  // src -> controller: first relayed packet of a flow
  FiveTuple tuple;
  bool operator==(const NewFlow&) const = default;
};
// What keeps relayed flows in order when their packets go straight to dst from then on: a marker (epoch 0, of no flow)
// follows the last packet on its way to src, src passes it on as it does those packets, and until it has come dst holds
// what overtook them (core/node/relay_watch.h).
enum class RelayVerb : uint8_t {
  kPass = 0,      // src, behind StartRelay: pass the marker with this nonce on
  kRemember = 1,  // dst: which flows come relayed
  kHold = 2,      // dst: hold what comes of these, or of flows without state, but is not relayed
  kEnd = 3,       // dst: let it go. A report says so, too, when the marker has come
};
struct RelayCommand {
  RelayVerb verb = RelayVerb::kPass;
  FlowFilter filter;
  uint64_t nonce = 0;
  bool operator==(const RelayCommand&) const = default;
};
struct RelayReport {  // dst -> controller
  RelayVerb verb = RelayVerb::kRemember;
  uint32_t dropped = 0;  // packets that found the buffer full
  bool operator==(const RelayReport&) const = default;
};

// ---- switch
struct RuleAction {
  enum class Kind : uint8_t { kForward = 0, kForwardAndController = 1, kSplit = 2 };
  Kind kind = Kind::kForward;
  uint8_t nf = 0;         // NF instance to forward to
  uint8_t second_nf = 0;  // kSplit: flows whose ID is odd go here
  bool operator==(const RuleAction&) const = default;
};
inline constexpr uint8_t kNoNf = 255;
struct InstallRules {
  uint32_t xid = 0;
  uint16_t priority = 0;         // of a wildcard; exact rules always win over wildcards
  bool exact = true;             // true: one rule per flow of `flows`; false: one wildcard rule on `filter`
  std::vector<FiveTuple> flows;  // at most kMaxFlowsPerMessage
  FlowFilter filter;
  RuleAction action;
  uint8_t supersedes = kNoNf;  // a wildcard rule removes other operations' exact rules on its filter to this NF
  bool operator==(const InstallRules&) const = default;
};
struct RulesAck {  // applied: packets after this follow the rules (a barrier reply)
  uint32_t xid = 0;
  std::vector<FiveTuple> failed;  // exact rules that found the table full
  bool wildcard_failed = false;
  uint64_t diverted = 0;  // packets that the replaced kForwardAndController rules had matched
  uint32_t table_entries = 0;
  bool operator==(const RulesAck&) const = default;
};
struct RemoveRules {
  uint32_t xid = 0;
  std::vector<FiveTuple> flows;
  bool operator==(const RemoveRules&) const = default;
};
struct Mark {  // behind everything that has gone to `nf`, and behind the rules before this
  uint8_t nf = 0;
  uint64_t nonce = 0;
  bool operator==(const Mark&) const = default;
};
struct PacketOut {
  Packet packet;
  uint8_t nf = 0;
  bool operator==(const PacketOut&) const = default;
};
struct PacketIn {
  Packet packet;
  bool operator==(const PacketIn&) const = default;
};

// ---- hand-over (core/node/hand_over.h)
// When a switch can send markers.
enum class Marking : uint8_t {
  kAtomic = 0,     // in the step in which the rule changes
  kPacketOut = 1,  // when it is told to: its data path follows a rule later than it acknowledges it (Open vSwitch)
};
// Both ways, when a connection opens. From the controller: from now on its generation counts, messages of older ones
// are ignored. The node answers who it is: another incarnation than before means that it died in between.
struct Hello {
  uint64_t incarnation = 0;            // 0 from the controller
  Marking marking = Marking::kAtomic;  // of a switch
  bool operator==(const Hello&) const = default;
};
enum class CustodyVerb : uint8_t {
  kPrepare = 0,  // dst: expect these flows, buffer their packets
  kArm = 1,      // src: hand the state over when the marker comes
  kCommit = 2,   // src (dst after a refusal): forget what was handed over
  kCancel = 3,   // both: it never happened
  kRevert = 4,   // src: dst died, go on
  kFresh = 5,    // dst: src died with the state, go on without it
  kHold = 6,     // src: dst refused; buffer, packets come back
  kArmBack = 7,  // dst: send the buffered packets back when the marker comes
  kWatch = 8,    // who waits for these flows: say when a packet of theirs has come
};
struct CustodyCommand {  // controller -> NF
  CustodyVerb verb = CustodyVerb::kPrepare;
  Epoch epoch = 0;
  uint8_t peer = 0;               // the other NF instance
  uint64_t peer_incarnation = 0;  // kRevert, kFresh: of the one that died
  uint64_t nonce = 0;             // kArm, kArmBack: what the marker will show
  std::vector<FiveTuple> flows;
  bool operator==(const CustodyCommand&) const = default;
};
enum class CustodyStatus : uint8_t {
  kPrepared = 0,
  kNotPrepared = 1,  // cannot be taken
  kArmed = 2,
  kNotArmed = 3,         // cannot be given
  kNoState = 4,          // nothing there to hand over
  kActive = 5,           // owns it, and processes
  kActiveStateLost = 6,  // the same, but began without the flow's state
  kRefused = 7,          // the state came, and the network function did not take it
  kCommitted = 8,
  kCancelled = 9,
  kReverted = 10,
  kRevertedInDoubt = 11,  // the dead one may have processed packets since
  kNothingToRevert = 12,  // committed before
  kHolding = 13,
  kArmedBack = 14,
  kStale = 15,        // a later epoch has come
  kMisdirected = 16,  // packets came for a flow that was handed over; they were dropped
  kInstalled = 17,    // switch: the rule is in force, the marker behind the last packet
  kInstallFailed = 18,
  kArrived = 19,  // a packet of a flow that is waited for has come: the switch's data path follows the rule
  kNoRoom = 20,   // switch that restarted: as kInstalled, but its table is full: the flow's packets go nowhere until
                  // there is room, and then it says kInstalled
};
struct FlowStatus {
  FiveTuple tuple;
  CustodyStatus status = CustodyStatus::kPrepared;
  uint32_t dropped = 0;  // packets of the flow that found the buffer full, so far
  bool operator==(const FlowStatus&) const = default;
};
struct CustodyReport {  // NF or switch -> controller
  Epoch epoch = 0;
  std::vector<FlowStatus> flows;
  bool operator==(const CustodyReport&) const = default;
};
// Atomically: the flows' packets go to `nf`, and behind the last one that went to `mark_nf` goes a marker. A switch
// that marks by packet-out only acknowledges the rule.
struct Install {  // controller -> switch
  Epoch epoch = 0;
  uint8_t nf = 0;
  uint8_t mark_nf = 0;
  uint64_t nonce = 0;
  std::vector<FiveTuple> flows;
  bool operator==(const Install&) const = default;
};
struct SendMarkers {  // controller -> a switch that marks by packet-out: if the flows' rules are of this epoch
  Epoch epoch = 0;
  uint8_t nf = 0;
  uint64_t nonce = 0;
  std::vector<FiveTuple> flows;
  bool operator==(const SendMarkers&) const = default;
};
struct ResumeForwarding {  // controller -> a switch or an NF that restarted: it may let packets go again
  bool operator==(const ResumeForwarding&) const = default;
};
struct State {  // src -> dst
  Epoch epoch = 0;
  bool present = true;  // false: the flow ended meanwhile, the chunk is empty
  Chunk chunk;
  bool operator==(const State&) const = default;
};
// dst -> src, after a refusal: what it buffered, in order. A copy: dst has the packet until COMMIT, for it may have to
// go again; an engine gives what leaves a handle of its own.
struct ReturnedPacket {
  Epoch epoch = 0;
  uint32_t index = 0;  // from 0
  Packet packet;
  bool operator==(const ReturnedPacket&) const = default;
};
struct Returned {  // behind the last of them
  Epoch epoch = 0;
  FiveTuple tuple;
  uint32_t packets = 0;
  bool operator==(const Returned&) const = default;
};

}  // namespace msg

using MessageVariant =
    std::variant<msg::GetElephant, msg::SetFilter, msg::ListFlows, msg::FlowListing, msg::EnableEvents,
                 msg::EnableEventsAck, msg::DisableEvents, msg::DisableEventsAck, msg::GetPerflow, msg::Chunk,
                 msg::GetDone, msg::CancelGet, msg::PutPerflow, msg::PutAck, msg::DelPerflow, msg::DelAck,
                 msg::PacketEvent, msg::ProcessedEvent, msg::StartRelay, msg::StopRelay, msg::StopRelayAck,
                 msg::NewFlow, msg::InstallRules, msg::RulesAck, msg::RemoveRules, msg::PacketOut, msg::PacketIn,
                 msg::Hello, msg::CustodyCommand, msg::CustodyReport, msg::Install, msg::ResumeForwarding, msg::State,
                 msg::ReturnedPacket, msg::Returned, msg::SendMarkers, msg::RelayCommand, msg::RelayReport, msg::Mark>;

// What copies, moves and ends a variant of so many kinds is made once, in message.cc, and not in every file that sends
// or receives: a third of the time that these take to compile.
struct MessageBody : MessageVariant {
  using MessageVariant::MessageVariant;
  MessageBody();
  MessageBody(const MessageBody& other);
  MessageBody(MessageBody&& other) noexcept;
  MessageBody& operator=(const MessageBody& other);
  MessageBody& operator=(MessageBody&& other) noexcept;
  ~MessageBody();
  bool operator==(const MessageBody& other) const;
};

// An in-band control frame: what comes behind it on its link left the switch after the rule changed. Ours alone: it is
// believed only from the switch, and only with the nonce that the controller gave the NF for this epoch.
struct Marker {
  FlowKey flow;  // none (epoch 0): msg::Mark's
  Epoch epoch = 0;
  uint64_t nonce = 0;
  uint8_t port = 0;  // of the NF: where packets come in by several, each has its own marker
  bool operator==(const Marker&) const = default;
};

struct Message {
  OperationId operation = 0;
  uint32_t generation = 0;  // of the controller: from it its own, to it the one that the sender obeys
  MessageBody body;
  bool operator==(const Message&) const = default;
};

}  // namespace uhaul
