// SwitchAgent: exact-match rules over wildcard rules over a default, with counters, packet-in and packet-out. A
// sans-I/O machine; the engine owns the ports.
#pragma once

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
};

class SwitchAgent {
 public:
  explicit SwitchAgent(SwitchAgentOptions options);

  // verdicts[i] = NF instance of packets[i]. Copies for the controller go to the outbox as PacketIn.
  void OnBurst(TimePoint now, std::span<const Packet> packets, std::span<uint8_t> verdicts, Outbox& outbox);
  void OnMessage(TimePoint now, const Message& message, Outbox& outbox);
  void OnTimer(TimePoint now, Outbox& outbox);
  TimePoint NextDeadline() const { return cpu_.NextDeadline(); }

  // See NfAgent::SetProfile.
  void SetProfile(const Profile& profile);

  uint32_t table_entries() const;  // exact and wildcard rules
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  struct Rule {
    msg::RuleAction action;
    uint64_t matched = 0;  // packets, since this action was installed
    OperationId operation = 0;
  };
  struct Wildcard {
    FlowFilter filter;
    uint16_t priority = 0;
    Rule rule;
  };
  Rule* Lookup(const Packet& packet);
  void RunDue(TimePoint now, Outbox& outbox);
  void Run(OperationId op, const msg::InstallRules& m, Outbox& outbox);
  void Run(OperationId op, const msg::RemoveRules& m, Outbox& outbox);
  uint64_t InstallWildcard(OperationId op, const msg::InstallRules& m);

  SwitchAgentOptions options_;
  FlowHasher hasher_;
  CostServer<Message> cpu_;  // rule changes
  FlowMap<Rule> exact_;
  std::vector<Wildcard> wildcards_;  // by priority, highest first
  uint64_t strays_ = 0;
};

}  // namespace uhaul
