// World: the real controller, switch and NF agents, with everything between them as data. Nothing in it knows time's
// arrow: links are queues, and whoever drives the world says which link delivers next, whose timer fires, what breaks.
// Two drivers do so: the search (search.h) takes every choice, a campaign (campaign.h) one at a time, by drawn delays.
//
// A world is a value. Machines and messages are shared between copies until they are written to, so that a copy costs a
// few hundred octets; Hash() folds everything that decides the future, and what an oracle still wants to know. What
// machines do when they are called can be remembered (said.h).
//
//   generator -> switch -> data link (one queue, or one per flow: a multi-queue NF) -> NF -> sink (at once)
//                  ^  \ relay link of an NF that sends packets on unprocessed
//   controller <-> switch, controller <-> NF: control links, first in, first out; NF <-> NF: the streams of a hand-over
//
// What the controller writes into its journal is durable once Act::kSync says so; a controller that crashes starts
// again from that. A process that is down takes nothing, and what it held is gone.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tests/faults/cells.h"
#include "tests/faults/oracle_nf.h"
#include "tests/faults/said.h"
#include "tests/faults/truth.h"

namespace uhaul::faults {

inline constexpr HashKey kWorldKey{11, 22};

struct PlannedMove {
  MoveRequest request;
  DetectorSpec detector;  // if the scheme moves elephants
};

struct WorldOptions {
  uint32_t flows = 1;
  std::vector<PlannedMove> moves;
  uint8_t nfs = 2;
  Profile profile;
  bool multi_queue = false;  // data links keep the order of each flow only (receive-side scaling)
  bool look_alike = false;   // all packets of a flow carry the same digest
  uint32_t table_capacity = 1024;
  Duration window = Duration::Seconds(5);  // of the FIT
  uint32_t fit_capacity = 8;
  bool hand_over = false;  // nodes are greeted, NFs have streams to one another, the controller has a journal
  // A switch that marks by packet-out follows a rule after `lag`, or when the driver says so (Act::kTakeOver).
  msg::Marking marking = msg::Marking::kAtomic;
  std::optional<Duration> lag{};
  Duration grace = Duration::Millis(20);
  uint8_t ports = 1;     // of an NF, at most 2: a connection's directions come by either, in no order between them
  uint8_t fin_at = 255;  // this packet of each flow ends it; those that come after it are another flow's
  // What a node has said waits before the controller hears it, and outlives its connection: it may be heard at any time
  // after the next one has opened, or the node was declared dead.
  bool hears_late = false;
};

// What a driver may do next.
enum class Act : uint8_t {
  kInject,    // the next packet of flow `a` reaches the switch (kSecondPort: of its other direction)
  kDeliver,   // the head of link `a` arrives
  kTimer,     // machine `a`'s deadline comes
  kMove,      // the operator asks for planned move `a`
  kSync,      // the journal is durable as far as it is written
  kDeclare,   // the operator declares NF `a`, which is down, dead
  kRestart,   // machine `a`, which is down, starts again
  kTakeOver,  // the switch's data path follows one more rule of flow `a` that it has acknowledged
  kAbort,     // the operator aborts operation `a`
  // Faults.
  kRefuse,      // NF `a` will refuse the next import
  kFill,        // somebody else fills the switch's table but for `a` entries
  kEmpty,       // and leaves again
  kLose,        // the head of link `a` is lost
  kLoseMarker,  // the same, if it is a marker
  kRepeat,      // the head of link `a` arrives, and stays where it is
  kBreak,       // machine `a`'s connection to the controller breaks, and opens again
  kBreakPeers,  // so do the streams between NFs 0 and 1
  kCrash,       // machine `a` loses all it knows, and is down
};
inline constexpr int kActs = 18;
// kBreak: what is under way to the machine still arrives first. kCrash: what is under way from it still arrives, from a
// controller at any time, also after what the next one says. Otherwise it is lost.
inline constexpr uint16_t kLate = 0x100;
inline constexpr uint16_t kSecondPort = 0x8000;

struct Choice {
  Act act = Act::kInject;
  uint16_t a = 0;
  bool operator==(const Choice&) const = default;
};

struct Link {
  enum class Kind : uint8_t { kControl, kData, kRelay, kPeer, kGhost };  // kGhost: by a connection that is over
  Kind kind = Kind::kControl;
  NodeId from, to;
};

// How long a link takes, for drivers with a clock.
class Delays {
 public:
  virtual ~Delays() = default;
  virtual Duration Draw(size_t link) = 0;
};

class World {
 public:
  explicit World(WorldOptions options);
  // Not part of the value.
  void set_delays(Delays* delays) { delays_ = delays; }
  void set_memo(Memo* memo) { memo_ = memo; }

  void Apply(const Choice& choice);
  // Delivers whatever is in flight, always from the first link that holds something.
  void Settle();

  // ---- what is there
  TimePoint now() const { return now_; }
  void set_now(TimePoint now) { now_ = now; }
  size_t link_count() const { return setting_->links.size(); }
  const Link& link(size_t i) const { return setting_->links[i]; }
  size_t waiting(size_t link) const { return queues_[link].size(); }
  TimePoint DueOf(size_t link) const { return queues_[link].empty() ? TimePoint::Never() : queues_[link].front().due; }
  bool in_flight() const;                      // something is on a link, or on its way into the switch's data path
  TimePoint DeadlineOf(size_t machine) const;  // of its work; the FIT's passes are housekeeping
  size_t machine_count() const { return 2U + options().nfs; }
  const FlowKey& Flow(uint32_t n) const { return setting_->flows[n]; }
  uint8_t RouteOf(uint32_t flow) const;  // where the switch would send its next packet

  const WorldOptions& options() const { return setting_->options; }
  size_t moves_begun() const { return moves_begun_; }  // planned ones, refused or not
  // What is not as it should be once all has come to rest: operations that are not closed, packets that are nowhere,
  // state in two places, a rule that does not point to it, a buffer that is not empty. Empty: all is well.
  std::string EndFault() const;
  std::string EndFaultOf(uint32_t flow) const;
  const Controller& controller() const { return controller_.Read(); }
  const SwitchAgent& forwarding() const { return switch_.Read(); }
  const NfAgent& nf(uint8_t x) const { return nfs_[x].Read(); }
  const OracleNf& oracle(uint8_t x) const { return static_cast<const OracleNf&>(nf(x).function()); }
  const Truth& truth() const { return truth_; }
  Truth& truth() { return truth_; }
  ViolationSet violations() const { return violations_; }
  uint64_t overflows() const { return overflows_; }
  bool down(size_t machine) const { return (down_ >> machine & 1) != 0; }
  bool journal_pending() const { return durable_ < journal_->records.size(); }
  bool AwaitsJournal() const;  // an operation does
  bool IsMarker(size_t link) const;
  // Is the next thing on this link a message of that kind?
  template <class Body>
  bool IsNext(size_t link) const {
    if (queues_[link].empty()) return false;
    const auto* message = std::get_if<Message>(&queues_[link].front().payload->what);
    return message != nullptr && std::holds_alternative<Body>(message->body);
  }
  // Times that the machine has crashed.
  int crashes(size_t machine) const { return incarnations_[machine] - 1 + (down(machine) ? 1 : 0); }
  // An operator declares an NF dead that is down, once, when its connection is seen to have ended.
  bool CanDeclare(uint8_t nf) const;
  // The switch's data path does not follow its rule of this flow yet.
  bool BehindOn(uint32_t flow) const { return !down(1) && forwarding().BehindOn(Flow(flow)); }
  // Does NF `x` process this flow's packets as its own?
  bool Owns(uint8_t x, uint32_t flow) const;

  std::string Describe(const Choice& choice) const;
  // `journal`: also what the journal says, which only another controller will ask for.
  uint64_t Hash(bool journal = true) const;

  // Lines about what happens, if somebody wants them; not part of the value.
  void set_log(std::vector<std::string>* log) { log_ = log; }
  void Log(const std::string& line) const;
  // Counts what the custody of flows meets, for whoever wants to know; not part of the value.
  void set_cells(Cells* cells) { cells_ = cells; }

 private:
  // What stays as it is.
  struct Setting {
    explicit Setting(WorldOptions given);
    WorldOptions options;
    std::vector<FlowKey> flows;
    std::vector<Link> links;
    std::array<std::array<std::array<uint16_t, 2 + kMostNfs>, 2 + kMostNfs>, 5> link_of{};  // kind, from, to
  };
  struct Journal {
    void Append(const JournalRecord& record);
    std::vector<JournalRecord> records;
    uint64_t hash = 0;
  };
  struct Item {
    PayloadPtr payload;
    TimePoint due;
  };
  using Queue = std::vector<Item>;
  // What a machine is called with, for the memory of calls.
  enum class Given : uint8_t {
    kMessage,
    kPacket,
    kMarker,
    kClosed,
    kOpened,
    kTime,
    kConnected,
    kDurable,
    kTakeOver,
    kForgotten
  };

  Controller NewController() const;
  SwitchAgent NewSwitch() const;
  NfAgent NewNf(uint8_t x) const;

  void Inject(uint32_t flow, bool reverse);
  void TakeOver(uint32_t flow);
  void Begin(size_t move);
  void Deliver(size_t link);
  void Arrive(size_t link, uint64_t hash, const Message& message);
  void Arrive(size_t link, uint64_t hash, const Packet& packet);
  void Arrive(size_t link, uint64_t hash, const Marker& marker);
  void Arrive(size_t link, uint64_t hash, const StreamClosed& closed);
  void Arrive(size_t link, uint64_t hash, const StreamOpened& opened);
  void FireTimer(size_t machine);

  // world_faults.cc: what breaks
  void Fill(uint32_t left);
  void Empty();
  void Lose(const Payload& payload);
  void LoseHead(size_t link);
  void Cut(size_t link);
  void CutUnaccepted(size_t link);
  void Connect(size_t machine);
  void EndWords(size_t machine);
  void Break(size_t machine, bool late);
  void OpenStream(uint8_t from, uint8_t to);
  void BreakPeers();
  void Crash(size_t machine, bool late);
  void Restart(size_t machine);
  void Sync();

  // Calls the machine, until its timers are done, and does what it says. `given`, `what`: what it is called with
  // (kForgotten: something that is not worth remembering).
  template <class Machine, class Function>
  void Call(Shared<Machine>& machine, NodeId node, Given given, uint64_t what, Function call) {
    CallWith(
        machine, node, given, what, [&](Machine& m, Outbox& out) { return call(m, out), uint8_t{0}; }, [](int) {});
  }
  // The same for a packet, whose verdict comes first.
  template <class Machine, class Function, class After>
  void CallWith(Shared<Machine>& machine, NodeId node, Given given, uint64_t what, Function call, After after);
  uint64_t KeyOf(uint64_t machine, NodeId node, Given given, uint64_t what) const;
  Said Take(NodeId node, Outbox& out) const;
  void Do(NodeId node, const Said& said);
  void Do(uint8_t nf, const Processed& processed);
  void SendMarker(NodeId from, uint8_t nf, const PayloadPtr& marker);
  void Write(const JournalRecord& record);
  void OnEvent(const RecordEvent& event);
  void CountCells(const Link& link, const Payload& payload);
  void OnMessage(NodeId from, NodeId to, const PayloadPtr& payload);
  void OnPacket(NodeId node, const OutPacket& out, bool because_full);
  template <class What>
  PayloadPtr Make(What what) const;
  void Push(size_t link, PayloadPtr payload);
  size_t LinkOf(Link::Kind kind, NodeId from, NodeId to) const;  // the first, of several
  size_t DataLinkOf(uint8_t nf, uint32_t flow, bool second_port) const;
  void ToNf(uint8_t nf, const Packet& packet);
  std::string ItemText(const Link& link, const Payload& payload) const;

  std::shared_ptr<const Setting> setting_;
  std::array<uint8_t, 2 + kMostNfs> incarnations_{1, 1, 1, 1, 1, 1};
  std::vector<Queue> queues_;
  Shared<Controller> controller_;
  Shared<SwitchAgent> switch_;
  std::vector<Shared<NfAgent>> nfs_;
  TimePoint now_;
  Truth truth_;
  ViolationSet violations_ = 0;
  uint64_t overflows_ = 0;
  size_t moves_begun_ = 0;
  uint8_t down_ = 0;                  // bit per machine
  uint8_t declared_ = 0;              // bit per NF
  std::shared_ptr<Journal> journal_;  // copied when it is written to
  size_t durable_ = 0;                // records of it
  size_t journal_base_ = 0;           // that are not the present controller's
  std::vector<std::string>* log_ = nullptr;
  Delays* delays_ = nullptr;
  Cells* cells_ = nullptr;
  Memo* memo_ = nullptr;
  uint32_t acts_seen_ = 0;  // faults, for the cells
};

template <class Machine, class Function, class After>
void World::CallWith(Shared<Machine>& machine, NodeId node, Given given, uint64_t what, Function call, After after) {
  const bool remembered = memo_ != nullptr && given != Given::kForgotten;
  const uint64_t key = remembered ? KeyOf(machine.Hash(now_), node, given, what) : 0;
  if (const auto* known = remembered ? memo_->Find<Machine>(key) : nullptr; known != nullptr) {
    machine = known->after;
    after(known->verdict);
    for (const Said& said : known->said) Do(node, said);
    return;
  }
  Outbox out;
  Machine& called = machine.Write();
  const uint8_t verdict = call(called, out);
  after(verdict);
  std::vector<Said> all;
  for (;;) {
    Said said = Take(node, out);
    Do(node, said);
    if (remembered) all.push_back(std::move(said));
    if (called.NextDeadline() > now_) break;
    called.OnTimer(now_, out);
  }
  if (remembered) memo_->Add<Machine>(key, {machine, verdict, std::move(all)});
}

}  // namespace uhaul::faults
