// World: the real controller, switch and NF agents, with everything between them as data. Nothing in it knows time's
// arrow: links are queues, and whoever drives the world says which link delivers next, whose timer fires, what breaks.
// Two drivers do so: the search (search.h) takes every choice, a campaign (campaign.h) one at a time, by drawn delays.
//
// A world is a value. Machines and messages are shared between copies until they are written to, so that a copy costs a
// few hundred octets; Hash() folds everything that decides the future, and what an oracle still wants to know.
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
#include <string>
#include <variant>
#include <vector>

#include "core/node/controller.h"
#include "core/node/nf_agent.h"
#include "core/node/switch_agent.h"
#include "core/protocol/journal_record.h"
#include "tests/faults/cells.h"
#include "tests/faults/oracle_nf.h"
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
  uint8_t fin_at = 255;    // this packet of each flow ends it; those that come after it are another flow's
};

// What a driver may do next.
enum class Act : uint8_t {
  kInject,   // the next packet of flow `a` reaches the switch
  kDeliver,  // the head of link `a` arrives
  kTimer,    // machine `a`'s deadline comes
  kMove,     // the operator asks for planned move `a`
  kSync,     // the journal is durable as far as it is written
  kDeclare,  // the operator declares NF `a`, which is down, dead
  kRestart,  // machine `a`, which is down, starts again
  kAbort,    // the operator aborts operation `a`
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
inline constexpr int kActs = 17;
// kBreak, kCrash: what is under way, to the machine or from it, still arrives first. Otherwise it is lost.
inline constexpr uint16_t kLate = 0x100;

struct Choice {
  Act act = Act::kInject;
  uint16_t a = 0;
  bool operator==(const Choice&) const = default;
};

struct Link {
  enum class Kind : uint8_t { kControl, kData, kRelay, kPeer };
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

  void Apply(const Choice& choice);
  // Delivers whatever is in flight, always from the first link that holds something.
  void Settle();

  // ---- what is there
  TimePoint now() const { return now_; }
  void set_now(TimePoint now) { now_ = now; }
  size_t link_count() const { return links_->size(); }
  const Link& link(size_t i) const { return (*links_)[i]; }
  size_t waiting(size_t link) const { return queues_[link].size(); }
  TimePoint DueOf(size_t link) const { return queues_[link].empty() ? TimePoint::Never() : queues_[link].front().due; }
  bool in_flight() const;
  TimePoint DeadlineOf(size_t machine) const;  // of its work; the FIT's passes are housekeeping
  size_t machine_count() const { return 2U + options_->nfs; }
  const FlowKey& Flow(uint32_t n) const { return (*flows_)[n]; }
  uint8_t RouteOf(uint32_t flow) const;  // where the switch would send its next packet

  const WorldOptions& options() const { return *options_; }
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
  bool journal_pending() const { return durable_ < journal_.size(); }
  bool IsMarker(size_t link) const;
  // Times that the machine has crashed.
  int crashes(size_t machine) const { return incarnations_[machine] - 1 + (down(machine) ? 1 : 0); }
  // An operator declares an NF dead that is down, once, when its connection is seen to have ended.
  bool CanDeclare(uint8_t nf) const;
  // Does NF `x` process this flow's packets as its own?
  bool Owns(uint8_t x, uint32_t flow) const;

  std::string Describe(const Choice& choice) const;
  uint64_t Hash() const;

  // Lines about what happens, if somebody wants them; not part of the value.
  void set_log(std::vector<std::string>* log) { log_ = log; }
  void Log(const std::string& line) const;
  // Counts what the custody of flows meets, for whoever wants to know; not part of the value.
  void set_cells(Cells* cells) { cells_ = cells; }

 private:
  template <class Machine>
  class Shared {  // copied when it is written to
   public:
    explicit Shared(Machine machine) : machine_(std::make_shared<Machine>(std::move(machine))) {}
    const Machine& Read() const { return *machine_; }
    Machine& Write() {
      if (machine_.use_count() > 1) machine_ = std::make_shared<Machine>(*machine_);
      hashed_at_ = TimePoint::Never();
      return *machine_;
    }
    uint64_t Hash(TimePoint now) const {
      if (hashed_at_ != now) {
        StateHash hash;
        Read().Hash(hash, now);
        hash_ = hash.value();
        hashed_at_ = now;
      }
      return hash_;
    }

   private:
    std::shared_ptr<Machine> machine_;
    mutable uint64_t hash_ = 0;
    mutable TimePoint hashed_at_ = TimePoint::Never();
  };
  // A stream between two NFs: its end, and its beginning, in their places.
  struct StreamClosed {};
  struct StreamOpened {
    uint64_t incarnation = 0;  // of the sender
  };
  using What = std::variant<Packet, Message, Marker, StreamClosed, StreamOpened>;
  struct Payload {
    What what;
    uint64_t hash = 0;
  };
  struct Item {
    std::shared_ptr<const Payload> payload;
    TimePoint due;
  };
  using Queue = std::vector<Item>;

  Controller NewController() const;
  SwitchAgent NewSwitch() const;
  NfAgent NewNf(uint8_t x) const;

  void Inject(uint32_t flow);
  void Begin(size_t move);
  void Deliver(size_t link);
  void Arrive(const Link& link, const Message& message);
  void Arrive(const Link& link, const Packet& packet);
  void Arrive(const Link& link, const Marker& marker);
  void Arrive(const Link& link, const StreamClosed& closed);
  void Arrive(const Link& link, const StreamOpened& opened);
  void FireTimer(size_t machine);

  // world_faults.cc
  void Fill(uint32_t left);
  void Empty();
  void Lose(const Payload& payload);
  void LoseHead(size_t link);
  void Cut(size_t link);
  void Connect(size_t machine);
  void Break(size_t machine, bool late);
  void OpenStream(uint8_t from, uint8_t to);
  void BreakPeers();
  void Crash(size_t machine, bool late);
  void Restart(size_t machine);
  void Sync();

  // Calls the machine, until its timers are done, and takes what comes out.
  template <class Machine, class Function>
  void Call(Shared<Machine>& machine, NodeId node, Function call);
  void Drain(NodeId node, Outbox& out);
  void CollectProcessed(uint8_t nf);
  void OnEvent(const RecordEvent& event);
  void CountCells(const Link& link, const What& what);
  void OnMessage(NodeId from, OutMessage& out);
  void OnPacket(NodeId node, const OutPacket& out, bool because_full);
  void Push(size_t link, What what);
  size_t LinkOf(Link::Kind kind, NodeId from, NodeId to, uint32_t lane = 0) const;
  void ToNf(uint8_t nf, const Packet& packet);
  std::string ItemText(const Link& link, const Payload& payload) const;

  std::shared_ptr<const WorldOptions> options_;
  std::array<uint8_t, 2 + kMostNfs> incarnations_{1, 1, 1, 1, 1, 1};
  std::shared_ptr<const std::vector<FlowKey>> flows_;
  std::shared_ptr<const std::vector<Link>> links_;
  std::vector<Queue> queues_;
  Shared<Controller> controller_;
  Shared<SwitchAgent> switch_;
  std::vector<Shared<NfAgent>> nfs_;
  TimePoint now_;
  Truth truth_;
  ViolationSet violations_ = 0;
  uint64_t overflows_ = 0;
  size_t moves_begun_ = 0;
  uint8_t down_ = 0;      // bit per machine
  uint8_t declared_ = 0;  // bit per NF
  std::vector<JournalRecord> journal_;
  size_t durable_ = 0;       // records of it
  size_t journal_base_ = 0;  // that are not the present controller's
  std::vector<std::string>* log_ = nullptr;
  Delays* delays_ = nullptr;
  Cells* cells_ = nullptr;
  uint32_t acts_seen_ = 0;  // faults, for the cells
};

template <class Machine, class Function>
void World::Call(Shared<Machine>& machine, NodeId node, Function call) {
  Outbox out;
  Machine& called = machine.Write();
  call(called, out);
  Drain(node, out);
  while (called.NextDeadline() <= now_) {
    called.OnTimer(now_, out);
    Drain(node, out);
  }
}

}  // namespace uhaul::faults
