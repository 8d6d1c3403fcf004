// NfAgent: the part of the system that sits in front of a network function. It keeps the FIT, answers the filter API
// with its EDM, and carries out OpenNF's southbound API. A sans-I/O machine: time and packets come in as arguments,
// everything it wants done goes into the outbox.
//
// Outside an operation a packet is counted in the FIT and processed. During one, packets of locked flows become events
// (or are held, at a buffering destination), and packets of flows without state may be relayed.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "core/flow/flow_map.h"
#include "core/flow/flow_table.h"
#include "core/node/cost_server.h"
#include "core/node/network_function.h"
#include "core/node/outbox.h"
#include "core/node/profile.h"

namespace uhaul {

struct NfAgentOptions {
  uint8_t instance = 0;
  FlowTableOptions fit;
  Profile profile;
  HashKey hash_key;
};

enum class NfVerdict : uint8_t {
  kForward,   // processed: on to the sink
  kConsumed,  // became an event, was held, or was dropped (then the outbox says so)
  kRelay,     // unprocessed: back to the switch, for relay_target()
};

class NfAgent {
 public:
  NfAgent(NfAgentOptions options, std::unique_ptr<NetworkFunction> function);
  NfAgent(const NfAgent& other);
  NfAgent& operator=(const NfAgent& other);
  NfAgent(NfAgent&&) = default;
  NfAgent& operator=(NfAgent&&) = default;

  // verdicts.size() == packets.size(). Released packets (buffering destination) go to the outbox.
  void OnBurst(TimePoint now, std::span<const Packet> packets, std::span<NfVerdict> verdicts, Outbox& outbox);
  void OnMessage(TimePoint now, const Message& message, Outbox& outbox);
  void OnTimer(TimePoint now, Outbox& outbox);
  TimePoint NextDeadline() const;

  uint8_t relay_target() const { return relay_ ? relay_->to : 0; }
  const FlowTable& fit() const { return fit_; }
  const NetworkFunction& function() const { return *function_; }
  Bytes held_bytes() const { return held_bytes_; }
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  enum class Lock : uint8_t { kEvents, kBuffer };
  struct Wildcard {
    OperationId operation = 0;
    Lock lock = Lock::kEvents;
    FlowFilter filter;
    bool only_unknown = false;  // late lock: known flows are locked one by one
  };
  struct FlowLock {
    OperationId operation = 0;
    Lock lock = Lock::kEvents;
  };
  struct Relay {
    OperationId operation = 0;
    FlowFilter filter;
    uint8_t to = 0;
  };
  struct Export {
    bool late_lock = false;
    bool cancelled = false;
    uint32_t pending = 0;
    uint32_t sent = 0;
    uint32_t missing = 0;
    std::vector<FlowKey> gathering;  // batches of a list, until the last is in
  };
  struct Held {
    OperationId operation = 0;
    Packet packet;
  };
  // Work that takes time; served in order by the CPU.
  struct Task {
    enum class Kind : uint8_t { kDetect, kExportFlow, kExportDone, kImport, kDelete } kind = Kind::kDetect;
    OperationId operation = 0;
    FlowKey flow;                    // kExportFlow
    msg::GetElephant detect;         // kDetect
    msg::Chunk chunk;                // kImport
    std::vector<FiveTuple> deletes;  // kDelete
  };

  // One handler per message; see nf_agent.cc.
  void Handle(TimePoint now, OperationId op, const msg::GetElephant& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::ListFlows& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::EnableEvents& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::DisableEvents& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::GetPerflow& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::CancelGet& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::PutPerflow& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::DelPerflow& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::StartRelay& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::StopRelay& m, Outbox& outbox);

  void RunDue(TimePoint now, Outbox& outbox);
  void Run(TimePoint now, const Task& task, Outbox& outbox);
  void Submit(TimePoint now, Duration cost, Task task, Outbox& outbox);
  void StartExport(TimePoint now, OperationId op, std::vector<FlowKey> flows, Outbox& outbox);
  void LockNextExport();
  void Process(TimePoint now, const Packet& packet);
  void Advance(TimePoint now, Outbox& outbox);
  std::optional<FlowLock> LockOf(const Packet& packet) const;
  NfVerdict Decide(TimePoint now, const Packet& packet, Outbox& outbox);
  std::vector<FlowKey> Match(TimePoint now, const FlowScope& scope) const;

  NfAgentOptions options_;
  FlowHasher hasher_;
  std::unique_ptr<NetworkFunction> function_;
  FlowTable fit_;
  CostServer<Task> cpu_;
  std::vector<EvictionPass> passes_;  // scratch

  bool busy_ = false;  // any lock or relay in force: packets take the slow path
  std::vector<Wildcard> wildcards_;
  FlowMap<FlowLock> locks_;
  std::optional<Relay> relay_;
  FlowMap<OperationId> relayed_;  // tombstones: flows that live at the relay's target
  std::map<OperationId, Export> exports_;
  std::deque<Held> held_;
  Bytes held_bytes_;
  uint64_t strays_ = 0;  // messages that fit no operation here
};

}  // namespace uhaul
