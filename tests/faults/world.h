// World: the real controller, switch and NF agents, with everything between them as data. Nothing in it knows time's
// arrow: links are queues, and whoever drives the world says which link delivers next, whose timer fires, what breaks.
// Two drivers do so: the search (search.h) takes every choice, a campaign (campaign.h) one at a time, by drawn delays.
//
// A world is a value. Machines and messages are shared between copies until they are written to, so that a copy costs a
// few hundred octets; Hash() folds everything that decides the future, and what an oracle still wants to know.
//
//   generator -> switch -> data link (one queue, or one per flow: a multi-queue NF) -> NF -> sink (at once)
//                  ^  \ relay link of an NF that sends packets on unprocessed
//   controller <-> switch, controller <-> NF: control links, first in, first out
#pragma once

#include <array>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/node/controller.h"
#include "core/node/nf_agent.h"
#include "core/node/station.h"
#include "core/node/switch_agent.h"
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
};

// What a driver may do next.
enum class Act : uint8_t {
  kInject,   // the next packet of flow `a` reaches the switch
  kDeliver,  // the head of link `a` arrives
  kTimer,    // machine `a`'s deadline comes
  kMove,     // the operator asks for planned move `a`
  kAbort,    // the operator aborts operation `a`
  // Faults.
  kRefuse,  // NF `a` will refuse the next import
  kFill,    // somebody else fills the switch's table but for `a` entries
  kLose,    // the head of link `a` is lost
  kRepeat,  // the head of link `a` arrives, and stays where it is
  kCrash,   // machine `a` loses all it knows and starts again; its links are cut
};
inline constexpr int kActs = 10;

struct Choice {
  Act act = Act::kInject;
  uint16_t a = 0;
  bool operator==(const Choice&) const = default;
};

struct Link {
  enum class Kind : uint8_t { kControl, kData, kRelay };
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
  const Controller& controller() const { return controller_.Read(); }
  const SwitchAgent& forwarding() const { return switch_.Read(); }
  const NfAgent& nf(uint8_t x) const { return nfs_[x].Read(); }
  const OracleNf& oracle(uint8_t x) const { return static_cast<const OracleNf&>(nf(x).function()); }
  const Truth& truth() const { return truth_; }
  Truth& truth() { return truth_; }
  ViolationSet violations() const { return violations_; }
  uint64_t overflows() const { return overflows_; }

  std::string Describe(const Choice& choice) const;
  uint64_t Hash() const;

  // Lines about what happens, if somebody wants them; not part of the value.
  void set_log(std::vector<std::string>* log) { log_ = log; }
  void Log(const std::string& line) const;

 private:
  template <class Machine>
  class Shared {  // copied when it is written to
   public:
    explicit Shared(Machine machine) : station_(std::make_shared<Station<Machine>>(std::move(machine))) {}
    const Machine& Read() const { return station_->machine(); }
    Station<Machine>& Write() {
      if (station_.use_count() > 1) station_ = std::make_shared<Station<Machine>>(*station_);
      hashed_at_ = TimePoint::Never();
      return *station_;
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
    std::shared_ptr<Station<Machine>> station_;
    mutable uint64_t hash_ = 0;
    mutable TimePoint hashed_at_ = TimePoint::Never();
  };
  struct Payload {
    std::variant<Packet, Message> what;
    uint64_t hash = 0;
  };
  struct Item {
    std::shared_ptr<const Payload> payload;
    TimePoint due;
  };
  using Queue = std::vector<Item>;
  struct Face;

  Controller NewController() const;
  SwitchAgent NewSwitch() const;
  NfAgent NewNf(uint8_t x) const;

  void Inject(uint32_t flow);
  void Begin(size_t move);
  void Deliver(size_t link);
  void Arrive(const Link& link, const Message& message);
  void Arrive(const Link& link, const Packet& packet);
  void FireTimer(size_t machine);
  void Fill(uint32_t left);
  void Crash(size_t machine);
  void LoseHead(size_t link);
  void Lose(const Payload& payload);

  void SettleMachine(NodeId node);
  void CollectProcessed(uint8_t nf);
  void OnEvent(NodeId node, const RecordEvent& event);
  void OnMessage(NodeId from, OutMessage& out);
  void OnPacket(NodeId node, const OutPacket& out);
  void Push(size_t link, std::variant<Packet, Message> what);
  size_t LinkOf(Link::Kind kind, NodeId from, NodeId to, uint32_t lane = 0) const;
  void ToNf(uint8_t nf, const Packet& packet);
  std::string ItemText(const Link& link, const Payload& payload) const;

  std::shared_ptr<const WorldOptions> options_;
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
  std::vector<std::string>* log_ = nullptr;
  Delays* delays_ = nullptr;
};

}  // namespace uhaul::faults
