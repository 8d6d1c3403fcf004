// SwitchAgent: exact-match rules over wildcard rules over a default, with counters, packet-in and packet-out. A
// sans-I/O machine; the engine owns the ports.
//
// Of a flow in a hand-over it keeps, beside the rule, the epoch that set it. INSTALL of a higher one changes the rule
// and sends a marker behind the last packet on the old path, in one step; the same epoch again sends the marker again
// (on a path that keeps its order it only repeats what was said); a lower one is stale; one that failed once fails
// again, for its operation has given the flow up.
//
// A switch whose data path follows a rule later than it acknowledges it (Marking::kPacketOut) cannot mark in that step,
// and says so at Hello: INSTALL is only acknowledged, and markers go out when the controller sends for them. What the
// data path does meanwhile is kept beside the rules.
//
// A switch that restarted knows no rule. It drops everything until the controller has put the rules back; they are in
// force then, all of them. One that finds the table full (somebody else was faster) is kept beside the table: its flow
// lives where the rule says, and the default may not have it. Its packets are dropped, unless they go to the same
// instance by default, until an entry is free: then the rule takes it. The controller is told of both. Of more such
// rules than the table has entries the switch keeps no account: it goes on dropping everything.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "core/flow/flow_map.h"
#include "core/node/cost_server.h"
#include "core/node/outbox.h"
#include "core/node/profile.h"

namespace uhaul {

struct SwitchAgentOptions {
  Profile profile;
  HashKey hash_key;
  uint32_t table_capacity = 65536;  // exact rules
  uint8_t default_nf = 0;
  uint64_t incarnation = 1;  // another one after each start of the process
  bool restarted = false;    // drops everything until ResumeForwarding
  msg::Marking marking = msg::Marking::kAtomic;
  // kPacketOut: so much later the data path follows what was acknowledged. Nothing: when it is told to (TakeOver).
  std::optional<Duration> lag = Duration();
  uint8_t nf_ports = 1;  // by which packets come to an NF, each a queue of its own: each gets the marker
};

class SwitchAgent {
 public:
  explicit SwitchAgent(SwitchAgentOptions options);

  // verdicts[i] = NF instance of packets[i], or msg::kNoNf: to be dropped. Copies for the controller go to the outbox
  // as PacketIn.
  void OnBurst(TimePoint now, std::span<const Packet> packets, std::span<uint8_t> verdicts, Outbox& outbox);
  // Where the packet goes, if it is forwarded and nothing else comes of it: then OnBurst need not hear of it.
  std::optional<uint8_t> Forwards(const Packet& packet) const;
  void OnMessage(TimePoint now, const Message& message, Outbox& outbox);
  void OnTimer(TimePoint now, Outbox& outbox);
  TimePoint NextDeadline() const {
    return lagging_.empty() ? cpu_.NextDeadline() : std::min(cpu_.NextDeadline(), lagging_.front().due);
  }
  // The data path follows one more rule of the flow, of those that it is behind with.
  void TakeOver(const FlowKey& flow);
  bool behind() const { return !behind_.empty(); }
  bool BehindOn(const FlowKey& flow) const { return behind_.Contains(flow); }

  // See NfAgent::SetProfile.
  void SetProfile(const Profile& profile);

  uint32_t table_entries() const;  // exact and wildcard rules
  // The NF instance of the flow's exact rule, msg::kNoNf if it has none; and the epoch that set it.
  uint8_t RuleOf(const FlowKey& flow) const;
  Epoch EpochOf(const FlowKey& flow) const;
  // Rules that have found no room since the switch restarted; and whether the flow's is one.
  size_t unplaced() const { return unplaced_; }
  bool Unplaced(const FlowKey& flow) const;
  uint64_t strays() const { return strays_; }
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  struct Rule {
    msg::RuleAction action;
    uint64_t matched = 0;  // packets, since this action was installed
    OperationId operation = 0;
    bool unplaced = false;  // it has no entry; `matched`: packets that were dropped
    Epoch epoch = 0;
  };
  struct Wildcard {
    FlowFilter filter;
    uint16_t priority = 0;
    Rule rule;
  };
  struct Lagging {
    TimePoint due;
    FlowKey flow;
  };
  const Rule* Lookup(const Packet& packet) const;
  Rule* Lookup(const Packet& packet) { return const_cast<Rule*>(std::as_const(*this).Lookup(packet)); }
  const Rule* LookupWildcard(const Packet& packet) const;
  uint8_t RouteUnplaced(const Packet& packet, Rule* rule);
  bool Full() const { return exact_.size() - unplaced_ >= options_.table_capacity; }
  void Place(TimePoint now, Outbox& outbox);
  void RunDue(TimePoint now, Outbox& outbox);
  void TakeOverDue(TimePoint now);
  void Run(TimePoint now, OperationId op, const msg::InstallRules& m, Outbox& outbox);
  void Run(TimePoint now, OperationId op, const msg::RemoveRules& m, Outbox& outbox);
  void Run(TimePoint now, OperationId op, const msg::Install& m, Outbox& outbox);
  void Run(const msg::SendMarkers& m, Outbox& outbox);
  // Nothing: there is no answer.
  std::optional<msg::CustodyStatus> InstallOne(TimePoint now, OperationId op, const msg::Install& m,
                                               const FlowKey& flow, uint32_t* installed);
  void FollowLater(TimePoint now, const FlowKey& flow, const Rule* before);
  void Mark(uint8_t nf, const FlowKey& flow, Epoch epoch, uint64_t nonce, Outbox& outbox) const;
  uint64_t InstallWildcard(OperationId op, const msg::InstallRules& m);
  void Close(Outbox& outbox, size_t first) const;

  SwitchAgentOptions options_;
  FlowHasher hasher_;
  CostServer<Message> cpu_;  // rule changes
  FlowMap<Rule> exact_;
  size_t unplaced_ = 0;              // of these
  std::deque<FlowKey> waiting_;      // for an entry, the longest first; some have it, or are gone
  bool lost_account_ = false;        // more rules came since Hello than can be kept
  std::vector<Wildcard> wildcards_;  // by priority, highest first
  FlowMap<Epoch> failed_;            // the last epoch that failed; as many as there may be rules
  // What the data path has instead of a flow's rule (none: no exact rule), and what it will have before it.
  FlowMap<std::vector<std::optional<Rule>>> behind_;
  std::deque<Lagging> lagging_;
  bool dropping_ = false;
  uint32_t generation_ = 0;  // of the controller that is obeyed
  uint64_t strays_ = 0;
};

}  // namespace uhaul
