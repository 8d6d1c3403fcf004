// NfAgent: the part of the system that sits in front of a network function. It keeps the FIT, answers the filter API
// with its EDM, and carries out OpenNF's southbound API. A sans-I/O machine: time and packets come in as arguments,
// everything it wants done goes into the outbox.
//
// Outside an operation a packet is counted in the FIT and processed. During one, packets of locked flows become events
// (or are held, at a buffering destination), and packets of flows without state may be relayed. Flows in a hand-over
// are in the hands of FlowCustody.
//
// A controller says at Hello which generation it is; what an older one says is ignored from then on.
//
// An instance that restarted may be sent packets of flows that were being handed over to it, or by it, when it died. It
// drops everything until the controller has told it which those are (CANCEL), and to go on (ResumeForwarding).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "core/flow/flow_map.h"
#include "core/flow/flow_table.h"
#include "core/node/cost_server.h"
#include "core/node/flow_custody.h"
#include "core/node/network_function.h"
#include "core/node/outbox.h"
#include "core/node/profile.h"
#include "core/node/relay_watch.h"

namespace uhaul {

struct NfAgentOptions {
  uint8_t instance = 0;
  FlowTableOptions fit;
  Profile profile;
  HashKey hash_key;
  uint64_t incarnation = 1;      // another one after each start of the process
  FlowCustodyOptions custody{};  // also: by how many ports packets come
  bool restarted = false;        // drops everything until ResumeForwarding
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
  // For engines that know what comes: packets of a flow at even distances, the first at `now`, the last before
  // StreaksBefore(). Does what OnBurst does for each of them; their verdict is kForward. Streaks of several flows that
  // come mixed are given one after the other.
  bool TakesStreak(const FlowKey& flow) const {
    return !busy_ && fit_.Current(flow.id) && function_->TakesStreak(flow);
  }
  TimePoint StreaksBefore() const { return fit_.NextWork(); }
  void OnStreak(TimePoint now, const Streak& streak) {
    fit_.RecordStreak(now + streak.length(), streak);
    function_->ProcessStreak(now, streak);
  }
  void OnMessage(TimePoint now, const Message& message, Outbox& outbox);
  // A marker from the switch, in its place among the packets. Never from anybody else.
  void OnMarker(TimePoint now, const Marker& marker, Outbox& outbox);
  void OnTimer(TimePoint now, Outbox& outbox);
  TimePoint NextDeadline() const;
  // The stream of messages from another instance begins, or has ended and was handed over to its end. Engines whose
  // instances cannot die need say neither.
  void OnPeerOpened(TimePoint now, uint8_t peer, uint64_t incarnation, Outbox& outbox);
  void OnPeerClosed(TimePoint now, uint8_t peer, Outbox& outbox);

  // Engines that learn their point only after the warm-up set its costs then. No operation may be under way.
  void SetProfile(const Profile& profile);

  uint8_t relay_target() const { return relay_to_; }
  // Whether a packet may become anything but processed.
  bool intercepting() const { return busy_; }
  const FlowTable& fit() const { return fit_; }
  const NetworkFunction& function() const { return *function_; }
  const FlowCustody& custody() const { return custody_; }
  bool dropping() const { return dropping_; }
  Bytes held_bytes() const { return held_bytes_; }
  uint64_t strays() const { return strays_ + custody_.strays(); }
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  enum class Lock : uint8_t { kEvents, kBuffer };
  struct Wildcard {
    OperationId operation = 0;
    Lock lock = Lock::kEvents;
    FlowFilter filter;
    bool only_unknown = false;  // late lock: flows with state are locked one by one
  };
  struct FlowLock {
    OperationId operation = 0;
    Lock lock = Lock::kEvents;
  };
  struct Relay {
    OperationId operation = 0;
    FlowFilter filter;
    bool new_flows = true;  // false after StopRelay: only flows relayed before
    uint64_t nonce = 0;     // of the marker to pass on; 0: none
    FlowMap<bool> stay;     // where a marker comes: flows that this one has listed. Their rules point here
  };
  // getPerflow of one operation: flows are exported one after the other.
  struct Export {
    std::vector<FlowKey> gathering;  // batches of a list, until the last is in
    std::deque<FlowKey> queue;
    bool late_lock = false;
    bool running = false;  // an export is on the CPU
    uint32_t sent = 0;
    uint32_t missing = 0;
  };
  struct Held {
    OperationId operation = 0;
    Packet packet;
  };
  struct DetectTask {
    msg::GetElephant request;
  };
  struct ExportTask {
    FlowKey flow;
  };
  struct ImportTask {
    msg::Chunk chunk;
  };
  struct DeleteTask {
    std::vector<FiveTuple> flows;
  };
  struct Task {
    OperationId operation = 0;
    std::variant<DetectTask, ExportTask, ImportTask, DeleteTask, CustodyTask> work;
  };

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
  void Handle(TimePoint now, OperationId op, const msg::RelayCommand& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::Hello& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::ResumeForwarding& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::CustodyCommand& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::State& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::ReturnedPacket& m, Outbox& outbox);
  void Handle(TimePoint now, OperationId op, const msg::Returned& m, Outbox& outbox);

  void RunDue(TimePoint now, Outbox& outbox);
  void Run(TimePoint now, OperationId op, const DetectTask& task, Outbox& outbox);
  void Run(TimePoint now, OperationId op, const ExportTask& task, Outbox& outbox);
  void Run(TimePoint now, OperationId op, const ImportTask& task, Outbox& outbox);
  void Run(TimePoint now, OperationId op, const DeleteTask& task, Outbox& outbox);
  void Run(TimePoint now, OperationId op, const CustodyTask& task, Outbox& outbox);
  template <class Call>
  auto InCustody(TimePoint now, Outbox& outbox, Call call);
  bool CustodyTakes(TimePoint now, const Packet& packet, Outbox& outbox);
  void SubmitCustodyWork(TimePoint now);
  Duration ExportCost(const FlowKey& flow) const;
  void Close(Outbox& outbox, size_t first);
  void ExportNext(TimePoint now, OperationId op, Outbox& outbox);
  std::vector<FlowKey> Match(TimePoint now, FlowScope::Kind kind, const FlowFilter& filter) const;

  void Advance(TimePoint now, Outbox& outbox);
  void Process(TimePoint now, std::span<const Packet> packets);
  void DecideCustody(TimePoint now, std::span<const Packet> packets, std::span<NfVerdict> verdicts, Outbox& outbox);
  NfVerdict Decide(TimePoint now, const Packet& packet, Outbox& outbox);
  NfVerdict Intercept(TimePoint now, const FlowLock& lock, const Packet& packet, Outbox& outbox);
  bool Hold(OperationId op, const Packet& packet, Outbox& outbox);
  // nf_agent_relay.cc
  bool Relays(const Packet& packet, Outbox& outbox);
  bool WatchTakes(const Packet& packet, Outbox& outbox);
  void OnRelayMarker(TimePoint now, const Marker& marker, Outbox& outbox);
  void EndWatch(TimePoint now, Outbox& outbox);
  std::optional<FlowLock> LockOf(const Packet& packet) const;
  void ReleaseHeld(TimePoint now, OperationId op, Outbox& outbox);
  void UpdateBusy() {
    busy_ = dropping_ || relay_ || watch_ || !wildcards_.empty() || !locks_.empty() || custody_.intercepting();
  }

  NfAgentOptions options_;
  FlowHasher hasher_;
  std::unique_ptr<NetworkFunction> function_;
  FlowTable fit_;
  CostServer<Task> cpu_;
  std::vector<EvictionPass> passes_;  // scratch

  bool busy_ = false;  // a lock or a relay is in force: packets take the slow path
  bool dropping_ = false;
  std::vector<Wildcard> wildcards_;
  FlowMap<FlowLock> locks_;
  std::optional<Relay> relay_;
  uint8_t relay_to_ = 0;
  std::optional<RelayWatch> watch_;
  FlowMap<OperationId> relayed_;  // tombstones: flows that live at the relay's target; bounded
  std::map<OperationId, Export> exports_;
  std::deque<Held> held_;
  Bytes held_bytes_;
  FlowCustody custody_;
  std::vector<CustodyTask> custody_work_;  // scratch
  uint32_t generation_ = 0;                // of the controller that is obeyed
  uint64_t strays_ = 0;                    // messages that fit nothing here; counted and ignored
};

}  // namespace uhaul
