// ControllerService: the controller (core/node/controller.h) behind sockets, with a loop that sleeps in ppoll until a
// peer or the controller's next deadline calls. Run() is a thread's or a process's main loop.
//
// NFs and the switch exchange core/'s messages with it; hello.h says how they join. Drivers call, in JSON:
//
//   {"call": "move", "id": 7, ...}             -> {"reply": 7, "operation": 3} or {"reply": 7, "error": "..."}
//   {"call": "abort", "id": 8, "operation": 3} -> {"reply": 8}, likewise
//   {"call": "declare-dead", "id": 8, "nf": 1} -> {"reply": 8}: that NF instance will not come back as it was
//   {"call": "status", "id": 9}                -> {"reply": 9, "operations": [...], "peers": [...], "held_bytes": 0,
//   ...}
//
// Instances in different processes reach each other through here; an nf is told {"path": 1} when nf 1 is there (again).
//
// (move_call.h has move's values.) The driver that asked for an operation is told its steps as they happen,
// {"operation": 3, "step": "closed"}; every driver is told {"lost": "nf 1", "reason": "..."} when a peer goes away. An
// operation that waits for a lost peer goes on waiting; what is sent to it is counted as undelivered. Admin frames that
// the service does not know, and all blobs, go to the hooks.
//
// Octets of packets that the controller holds are in its vault. A packet-in is only looked at, so its octets are not
// kept. Messages are delivered when the profile's rate and delay let them arrive (delay_line.h): counted from the
// sender's stamp if all share one clock, else from receipt. Those of a lost peer, too, whoever has taken its place
// meanwhile: the controller is told by which connection each has come.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/node/controller.h"
#include "runtime/transport/delay_line.h"
#include "runtime/transport/hello.h"
#include "runtime/transport/journal_file.h"
#include "runtime/transport/move_call.h"

namespace uhaul::runtime {

class ControllerService;

class ServicePeer {
 public:
  PeerRole role() const { return hello_.role; }
  uint8_t instance() const { return hello_.instance; }
  NodeId node() const { return role() == PeerRole::kNf ? NfNode(instance()) : kSwitchNode; }  // of those that are one
  std::string name() const { return NameOf(hello_.role, hello_.instance); }
  const std::string& build() const { return hello_.build; }
  void Send(const nlohmann::json& json);
  void SendBlob(uint8_t stream, std::span<const uint8_t> octets);

 private:
  friend class ControllerService;
  struct Inbound {
    Message message;
    Bytes size;
  };
  uint64_t id_ = 0;
  Hello hello_{PeerRole::kStranger, 0, ""};
  TimePoint since_;
  std::optional<Channel> channel_;  // none once it is lost
  uint64_t connection_ = 0;         // the controller's number of it
  std::optional<Error> fault_;      // it is to be lost
  bool readable_ = false;
  DelayLine<Inbound> line_;
};

struct ControllerServiceOptions {
  ControllerOptions controller;
  std::function<TimePoint()> clock;  // default: time since construction (CLOCK_MONOTONIC_RAW)
  bool shared_clock = false;         // peers stamp their messages by the same clock
  bool greets = true;                // with a journal: nodes that join. false: their machines come later (Greet)
  Doorbell* bell = nullptr;          // rung by peers in this process; watched for a while before Run() sleeps
  // All called in the thread of Run(); the first two may not call the service.
  std::function<void(TimePoint, const RecordEvent&)> on_event;
  std::function<void(TimePoint, const Packet&)> on_drop;                         // a packet that the controller lost
  std::function<void()> on_round{};                                              // a round of the loop is over
  std::function<void(ServicePeer&)> on_join;                                     // welcomed
  std::function<void(ServicePeer&)> on_lost;                                     // nothing can be sent to it any more
  std::function<bool(ServicePeer&, const nlohmann::json&)> on_admin;             // true: it was known
  std::function<void(ServicePeer&, uint8_t, std::span<const uint8_t>)> on_blob;  // stream, octets
  std::function<void(nlohmann::json*)> on_status{};                              // may add to the reply to "status"
  std::function<void(const std::string&)> log;
};

class ControllerService {
 public:
  explicit ControllerService(ControllerServiceOptions options);
  ~ControllerService();
  ControllerService(const ControllerService&) = delete;
  ControllerService& operator=(const ControllerService&) = delete;

  // Before Run(). The address that was taken (port 0: a free one).
  Result<Address> Listen(const Address& address);
  // Before Run(): a connected socket whose far end's role is known; it says no hello. `bell`: rung when something was
  // written to it.
  void Adopt(FileDescriptor socket, const Hello& hello, Doorbell* bell = nullptr);

  // Before Run(): hand-overs are journalled there, and what the controllers before this one left open is carried
  // through.
  Status OpenJournal(const std::string& path);

  // Until Stop(). An error is the journal's: without it nothing more may be begun.
  Status Run();
  // From any thread and from signal handlers.
  void Stop();
  // From any thread: `function` is called in Run()'s.
  void Post(std::function<void()> function);

  // In the thread of Run() (hooks, Post), or while it does not run.
  Result<OperationId> Move(const MoveCall& call, ServicePeer* asker = nullptr);
  // Forgets all operations, closed or not, and what they hold, also in the journal: for a run that begins anew. The
  // peers stay. An error is the journal's.
  Status Reset(ControllerOptions options);
  // The machine of an NF or of the switch is there, for the first time or again: who is it? What instances had on their
  // way to one another, through here, they send again.
  void Greet(ServicePeer& peer);
  void Broadcast(PeerRole role, const nlohmann::json& json);
  const Controller& controller() const { return controller_; }
  const PacketVault& vault() const { return vault_; }
  uint64_t undelivered() const { return undelivered_; }

 private:
  class Inlet;

  // controller_service.cc: the loop
  bool Watch();
  void Wait();
  void TakePosted();
  void Accept(Listener& listener);
  void Read(ServicePeer& peer);
  void OnFrame(ServicePeer& peer, TimePoint sent, Message&& message, std::span<const uint8_t> octets);
  void Deliver();
  void FlushAll();
  void RemoveLost();
  void Lose(ServicePeer& peer, const std::string& reason);
  void Drain(TimePoint now);
  Status SyncJournal();
  void Send(TimePoint now, const OutMessage& out);
  void Drop(TimePoint now, const Packet& packet);
  void Log(const std::string& text) const;
  ServicePeer* Find(PeerRole role, uint8_t instance);
  TimePoint NextDeadline() const;
  ServicePeer& AddPeer(FileDescriptor socket, const std::string& from);

  // controller_service_calls.cc: admin frames
  void OnAdmin(ServicePeer& peer, std::string_view text);
  void OnHello(ServicePeer& peer, const nlohmann::json& json);
  void Welcome(ServicePeer& peer);
  Status AdmitPeer(const Hello& hello);
  void Answer(ServicePeer& peer, const nlohmann::json& call);
  Result<nlohmann::json> Call(ServicePeer& peer, const nlohmann::json& call);
  nlohmann::json StatusJson() const;
  Status UseProfile(const Profile& profile);
  void Tell(const event::Step& step);
  void TellSteps();

  ControllerServiceOptions options_;
  Controller controller_;
  Profile profile_;
  PacketVault vault_;
  std::vector<Listener> listeners_;
  std::vector<std::unique_ptr<ServicePeer>> peers_;  // in the order of arrival
  uint64_t next_peer_ = 1;
  Outbox outbox_;
  std::optional<JournalFile> journal_;
  uint64_t journal_base_ = 0;               // records of it that were a controller's before this one
  std::vector<OperationId> operations_;     // that the controller remembers
  std::map<OperationId, uint64_t> askers_;  // peers by id, of open operations
  std::vector<event::Step> untold_;         // of this round
  TimePoint read_;                          // when the frames at hand were read
  uint64_t messages_in_ = 0, messages_out_ = 0, undelivered_ = 0;

  FileDescriptor wake_;
  std::atomic<bool> stopping_ = false;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace uhaul::runtime
