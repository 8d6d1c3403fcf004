// FlowCustody: the hand-over at an NF instance, flow by flow. It knows which flows this instance owns, is about to
// give, has given, or is about to get, and says for each packet whether it may be processed here.
//
//             PREPARE                STATE: import, drain, ACTIVE          REVERT: src again, dst has died
//   dst  NONE --------> WAIT (buffers) ---------------------> OWN    src  any ---------------------------> OWN
//             ARM                MARK: export, STATE to dst           COMMIT: delete
//   src  OWN --------> ARMED ------------------------------> SENT ------------------> NONE
//
// The marker comes behind the flow's last packet on the old path, so the exported state is the last one, and dst lets
// its buffer go only behind that state: nothing is lost, repeated or overtaken, and no controller is waited for in
// between. Where packets come by several ports (a connection's directions through queues of their own), each brings a
// marker behind its last packet, and the last marker counts: packets that come between them are processed.
//
// If dst cannot take the state:
//
//   dst  WAIT --> REFUSED --ARM_BACK--> RETURN_ARMED --MARK: its buffer to src--> RETURN_SENT --COMMIT--> NONE
//   src  SENT --HOLD--> HOLD (buffers) --the returned packets, then its own--> OWN
//
// What is sent has to be there to be sent again, when the stream to the peer breaks: the state in SENT, the buffered
// packets in RETURN_SENT, until COMMIT. The packets take up the instance's buffer until then.
//
// EXPORTING and IMPORTING are the times that export and import take on the instance's CPU. Epochs order everything:
// what comes with a lower one than the flow's is stale, the same again is answered again. A flow that this instance was
// never told about is owned if the network function knows it.
//
// WATCH asks who waits for a flow (WAIT, HOLD) to say when its first packet has come: so the controller of a switch
// that marks by packet-out knows that the marker may go.
//
// Commands about a peer that died (REVERT, FRESH) wait for the end of its stream: what it sent before may still come.
//
// Settled flows (OWN, NONE) are remembered, for late messages and so that no packet makes new state of a flow that was
// handed over (it is refused, and reported); at most so many, and so long: then the oldest are forgotten.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/flow/flow_map.h"
#include "core/flow/flow_table.h"
#include "core/node/network_function.h"
#include "core/node/outbox.h"

namespace uhaul {

enum class Custody : uint8_t {
  kNone,
  kOwn,
  kArmed,
  kExporting,
  kSent,
  kWait,
  kImporting,
  kRefused,
  kReturnArmed,
  kReturnSent,
  kHold,
};

struct FlowCustodyOptions {
  size_t remembered = 1 << 16;  // settled flows
  Duration memory = Duration::Seconds(60);
  uint8_t ports = 1;  // by which packets come, at most 8
  // No packet is on its way to an instance for so long. What was on its way to one that died may come to the one that
  // took its place: a flow that went elsewhere meanwhile is not taken back here before (its own packets are buffered in
  // WAIT, and those would be taken for them).
  Duration quiet = Duration::Seconds(1);
};

// Work that takes time at the NF: the NF's agent puts it on its CPU and calls Run when it is done.
struct CustodyTask {
  enum class Kind : uint8_t { kExport, kImport, kCommitted };
  Kind kind = Kind::kExport;
  OperationId operation = 0;
  Epoch epoch = 0;
  msg::Chunk chunk;              // kImport; of kExport only the tuple
  std::vector<FiveTuple> flows;  // kCommitted
  bool present = true;           // kImport: the chunk holds a state
};

// What the custody of flows needs of its agent, for the time of one call.
struct CustodyContext {
  TimePoint now;
  uint8_t instance;
  const FlowHasher& hasher;
  NetworkFunction& function;
  FlowTable& fit;
  Bytes& held;   // packets held at this instance, whatever for
  Bytes buffer;  // how many may be
  std::vector<CustodyTask>& work;
  Outbox& outbox;
  bool restarted =
      false;  // the instance has not gone on since: what it is told to cancel was another's, and lives elsewhere
};

class FlowCustody {
 public:
  explicit FlowCustody(FlowCustodyOptions options = {}) : options_(options) {}

  // Does any flow need OnPacket?
  bool intercepting() const { return intercepting_ > 0; }
  // For who asks about many packets.
  void Prefetch(std::span<const Packet> packets) const;
  // True if the packet is not to be processed now: it was buffered, or dropped (then the outbox says so).
  bool OnPacket(CustodyContext& context, const Packet& packet);
  void OnMarker(CustodyContext& context, const Marker& marker);
  void OnCommand(CustodyContext& context, OperationId operation, const msg::CustodyCommand& command);
  void OnState(CustodyContext& context, OperationId operation, const msg::State& state);
  void OnReturnedPacket(CustodyContext& context, const msg::ReturnedPacket& returned);
  void OnReturned(CustodyContext& context, OperationId operation, const msg::Returned& returned);
  void Run(CustodyContext& context, const CustodyTask& task);

  // The stream of messages from another instance has begun; what was given to it and is not committed goes there again.
  void OnPeerOpened(CustodyContext& context, uint8_t peer, uint64_t incarnation);
  // It has ended: all that came of it has been handed over.
  void OnPeerClosed(CustodyContext& context, uint8_t peer);

  // The flow came or left by other means (putPerflow, delPerflow): nothing is known about it any more.
  void Forget(const FlowKey& flow);
  // Forgets what was settled long ago.
  void Expire(TimePoint now);
  // Sends the reports that have gathered. To be called at the end of each of the agent's calls.
  void Flush(Outbox& outbox);

  Custody StateOf(const FlowKey& flow) const;  // kNone for unknown flows, whatever the network function knows
  size_t size() const { return flows_.size(); }
  bool idle() const { return unsettled_ == 0 && deferred_.empty(); }
  uint64_t strays() const { return strays_; }
  uint64_t misdirected() const { return misdirected_; }
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  struct Entry {
    Custody state = Custody::kNone;
    bool gone = false;        // kNone: handed over; it is known to be elsewhere
    bool cancelled = false;   // this epoch was cancelled
    bool in_doubt = false;    // reverted after the state had gone
    bool state_lost = false;  // fresh
    bool told = false;        // that packets were misdirected
    bool watched = false;     // its next packet is to be reported
    uint8_t marked = 0;       // bit per port: its marker has come
    uint8_t peer = 0;
    OperationId operation = 0;
    uint32_t dropped = 0;
    Epoch epoch = 0;
    uint64_t nonce = 0;
    uint32_t returned_count = 0;
    std::vector<Packet> held;
    std::vector<Packet> returned;  // kHold: what the peer had buffered
    TimePoint settled;
  };
  struct Deferred {  // one flow's command that waits for the end of a stream, or of an import
    OperationId operation = 0;
    FlowKey flow;
    msg::CustodyCommand command;
  };
  struct Report {
    OperationId operation = 0;
    Epoch epoch = 0;
    msg::FlowStatus status;
  };
  struct SettledFlow {
    FlowKey flow;
    TimePoint at;
  };

  // flow_custody_commands.cc. No answer: the command waits.
  using Command = msg::CustodyCommand;
  using Status = msg::CustodyStatus;
  std::optional<Status> Answer(CustodyContext& context, OperationId operation, const FlowKey& flow,
                               const Command& command);
  Status Prepare(CustodyContext& context, const FlowKey& flow, Entry& entry, const Command& command,
                 OperationId operation);
  Status Arm(CustodyContext& context, const FlowKey& flow, Entry& entry, const Command& command, OperationId operation);
  Status Commit(CustodyContext& context, const FlowKey& flow, Entry* entry, Epoch epoch);
  Status Cancel(CustodyContext& context, const FlowKey& flow, Entry& entry, const Command& command,
                OperationId operation);
  Status Revert(CustodyContext& context, const FlowKey& flow, Entry& entry, const Command& command,
                OperationId operation);
  Status Reverted(CustodyContext& context, const FlowKey& flow, Entry& entry, const Command& command,
                  OperationId operation);
  Status Fresh(CustodyContext& context, const FlowKey& flow, Entry& entry, const Command& command);
  Status HoldBack(Entry& entry, const Command& command);
  Status ArmBack(Entry& entry, const Command& command);
  void Watch(const FlowKey& flow, Epoch epoch);
  bool StreamOpen(const Command& command) const;
  void Defer(OperationId operation, const FlowKey& flow, const Command& command);
  void RetryDeferred(CustodyContext& context);
  void Delete(CustodyContext& context, const FlowKey& flow);

  Entry& Enter(CustodyContext& context, const FlowKey& flow);
  // Told to an instance that had restarted: the flow was another's before it, and lives elsewhere.
  static bool Fenced(const Entry& entry) { return entry.state == Custody::kNone && entry.gone && entry.cancelled; }
  void Begin(Entry& entry, const Command& command, OperationId operation);
  static bool Intercepts(const Entry& entry);
  void SetState(Entry& entry, Custody state, bool gone = false);
  void Settle(CustodyContext& context, const FlowKey& flow, Entry& entry, Custody state, bool gone = false);
  void Own(CustodyContext& context, const FlowKey& flow, Entry& entry);
  void Import(CustodyContext& context, const FlowKey& flow, Entry& entry, const CustodyTask& task);
  void SendState(CustodyContext& context, const FlowKey& flow, const Entry& entry);
  void SendBack(CustodyContext& context, const FlowKey& flow, const Entry& entry);
  void Release(CustodyContext& context, Entry& entry, OutPacket::Fate fate);
  bool Keep(CustodyContext& context, const Packet& packet, Entry& entry, std::vector<Packet>* where);
  void Drain(CustodyContext& context, Entry& entry);
  void Process(CustodyContext& context, std::vector<Packet>* packets);
  void Tell(const FlowKey& flow, const Entry& entry, Status status);

  FlowCustodyOptions options_;
  FlowMap<Entry> flows_;
  size_t intercepting_ = 0;  // flows whose packets are not simply processed
  size_t unsettled_ = 0;
  std::deque<SettledFlow> settled_;      // the oldest first; some have moved on since
  std::map<uint8_t, uint64_t> streams_;  // open ones: peer -> incarnation
  std::vector<Deferred> deferred_;
  std::vector<Report> reports_;  // empty between calls
  uint64_t strays_ = 0;
  uint64_t misdirected_ = 0;
};

}  // namespace uhaul
