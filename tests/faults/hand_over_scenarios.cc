#include "tests/faults/scenarios.h"

namespace uhaul::faults {
namespace {

constexpr size_t kTheController = 0;
constexpr size_t kTheSwitch = 1;
constexpr size_t kSrc = 2;
constexpr size_t kDst = 3;

// A hand-over of `flows` flows, `packets` of each while it goes on.
class Of {
 public:
  Of(std::string name, std::string what, uint32_t flows, uint32_t packets) {
    s_.name = std::move(name);
    s_.what = std::move(what);
    s_.options.profile = *FindProfile("native");
    s_.options.flows = flows;
    s_.options.hand_over = true;
    s_.options.table_capacity = 4;
    s_.packets = packets;
    s_.promised = kAllViolations;
    s_.restarts = false;
    s_.most_timers = 3;
    Move(0, 1);
  }
  Of& Move(uint8_t src, uint8_t dst) {
    s_.options.moves.push_back({{src, dst, *FindScheme("handover"), {}, 0}, {}});
    return *this;
  }
  Of& Times(Act act, uint8_t times) {
    s_.budget[static_cast<size_t>(act)] = times;
    return *this;
  }
  Of& Breaks(uint8_t n) { return Times(Act::kBreak, n); }
  Of& MarkerLoss() { return Times(Act::kLoseMarker, 1); }
  Of& Abort() { return Times(Act::kAbort, 1); }
  Of& Refuse() { return Times(Act::kRefuse, 1); }
  Of& Left(uint8_t entries) { return s_.table_left = entries, *this; }
  Of& TableFull() { return Times(Act::kFill, 1).Times(Act::kEmpty, 1); }
  Of& Late() { return s_.late = true, *this; }
  Of& Crash(size_t machine, uint8_t times = 1) { return s_.crashes[machine] = times, *this; }
  Of& Timers(uint8_t most) { return s_.most_timers = most, *this; }
  Of& Early() { return s_.early_timers = 1, *this; }
  Of& Restarts() { return s_.restarts = true, *this; }
  Of& MultiQueue() { return s_.options.multi_queue = true, *this; }
  Of& Buffer(uint64_t packets) { return s_.options.profile.nf_buffer = Bytes(100 * packets), *this; }
  Of& PacketOut() {
    s_.options.marking = msg::Marking::kPacketOut;
    s_.most_timers = 5;
    s_.spare_timers = 3;  // an idle flow is waited for, there and back
    return *this;
  }
  Of& Grace(Duration time) { return s_.options.grace = time, *this; }
  Of& HearsLate() { return s_.options.hears_late = true, Late(); }
  Of& TwoPorts() { return s_.options.ports = 2, *this; }
  Of& Shows(ViolationSet what, bool bad_end) {
    s_.shows = what;
    s_.shows_bad_end = bad_end;
    return *this;
  }
  Of& Ends(uint8_t at) { return s_.options.fin_at = at, *this; }
  operator Scenario() const { return s_; }  // NOLINT: that is what it is for

 private:
  Scenario s_;
};

}  // namespace

std::vector<Scenario> HandOverScenarios() {
  return {
      Of("U1", "no fault: no timer is needed", 1, 4).Timers(0),
      Of("U2", "no fault, a queue per flow", 2, 2).MultiQueue().Timers(0),
      Of("U3", "2 breaks, marker loss, early repeats", 1, 2).Breaks(2).Late().MarkerLoss().Early(),
      Of("U4", "controller crash, break", 1, 2).Crash(kTheController).Breaks(1).Late(),
      Of("U5", "2 controller crashes, marker loss", 1, 2).Crash(kTheController, 2).MarkerLoss().Late(),
      Of("U6", "dst crash, break", 1, 3).Crash(kDst).Breaks(1).Late(),
      Of("U7", "src crash, break", 1, 3).Crash(kSrc).Breaks(1).Late(),
      Of("U8", "src crash, controller crash", 1, 2).Crash(kSrc).Crash(kTheController).Late(),
      Of("U9", "dst crash, controller crash", 1, 2).Crash(kDst).Crash(kTheController).Late(),
      Of("U10", "abort, controller crash, break", 1, 2).Abort().Crash(kTheController).Breaks(1).Late(),
      Of("U11", "no room for the rule, controller crash, break", 1, 2).TableFull().Crash(kTheController).Breaks(1),
      Of("U12", "dst refuses, break, marker loss", 1, 2).Refuse().Breaks(1).MarkerLoss(),
      Of("U13", "dst refuses, controller crash, break", 1, 2).Refuse().Crash(kTheController).Breaks(1),
      Of("U14", "dst refuses, dst crash, break", 1, 3).Refuse().Crash(kDst).Breaks(1).Late(),
      Of("U15", "two flows, no room for a rule, break", 2, 1).TableFull().Breaks(1),
      Of("U16", "there and back, break, marker loss", 1, 2).Move(1, 0).Breaks(1).MarkerLoss().Late(),
      Of("U17", "there, back and there, controller crash", 1, 2).Move(1, 0).Move(0, 1).Crash(kTheController),
      Of("U18", "the flow ends, another one takes its place; break, controller crash", 1, 3)
          .Ends(2)
          .Breaks(1)
          .Crash(kTheController),
      Of("U19", "room for one packet at dst, break", 1, 3).Buffer(1).Breaks(1),
      Of("U21", "src and controller crash, break, marker loss", 1, 1)
          .Crash(kSrc)
          .Crash(kTheController)
          .Breaks(1)
          .MarkerLoss(),
      Of("U22", "dst and controller crash, break, marker loss", 1, 1)
          .Crash(kDst)
          .Crash(kTheController)
          .Breaks(1)
          .MarkerLoss(),
      Of("U23", "two flows, controller crash", 2, 1).Crash(kTheController),
      Of("U24", "two flows, dst crash", 2, 1).Crash(kDst),
      Of("U25", "everything but NF crashes", 1, 1)
          .Breaks(1)
          .Crash(kTheController)
          .MarkerLoss()
          .Abort()
          .Refuse()
          .TableFull(),
      Of("U26", "everything, dst crash", 1, 1).Crash(kDst).Crash(kTheController).MarkerLoss().Abort().Refuse(),
      Of("U27", "everything, src crash", 1, 1).Crash(kSrc).Crash(kTheController).MarkerLoss().Abort().Refuse(),
      Of("U29", "switch crash", 1, 2).Crash(kTheSwitch),
      Of("U30", "switch crash, controller crash", 1, 2).Crash(kTheSwitch).Crash(kTheController),
      Of("U31", "switch crash, dst refuses", 1, 2).Crash(kTheSwitch).Refuse(),
      Of("U32", "dst crash and restart", 1, 3).Crash(kDst).Restarts(),
      Of("U33", "src crash and restart", 1, 3).Crash(kSrc).Restarts(),
      Of("U42", "src crash, dst refuses, break", 1, 2).Crash(kSrc).Refuse().Breaks(1).Late(),
      Of("U43", "switch crash, dst crash", 1, 2).Crash(kTheSwitch).Crash(kDst),
      Of("U44", "switch crash, src crash", 1, 2).Crash(kTheSwitch).Crash(kSrc),
      Of("U45", "dst crash and restart, controller crash", 1, 2).Crash(kDst).Crash(kTheController).Restarts(),
      Of("U46", "src crash and restart, controller crash", 1, 2).Crash(kSrc).Crash(kTheController).Restarts(),
      Of("U47", "there and back, dst crash and restart", 1, 2).Move(1, 0).Crash(kDst).Restarts(),
      Of("U48", "two flows, dst refuses one, break", 2, 1).Refuse().Breaks(1),
      Of("U52", "switch crash, break", 1, 2).Crash(kTheSwitch).Breaks(1),
      Of("U53", "dst crash and restart, break", 1, 2).Crash(kDst).Restarts().Breaks(1),
      Of("U54", "src crash and restart, break", 1, 2).Crash(kSrc).Restarts().Breaks(1),
      Of("U55", "switch crash, controller crash, dst refuses", 1, 1).Crash(kTheSwitch).Crash(kTheController).Refuse(),
      Of("U49", "there and back, controller crash", 1, 1).Move(1, 0).Crash(kTheController),
      Of("U50", "dst refuses, and once more; early repeats", 1, 1).Move(0, 1).Refuse().Early(),
      Of("U51", "no room for the rule, early repeats", 1, 1).TableFull().Early(),
      // A switch that restarts, and finds its table full of somebody else's rules.
      Of("U68", "switch crash, then no room for the rules", 1, 2).Crash(kTheSwitch).TableFull(),
      Of("U69", "there and back, switch crash, then no room for the rules", 1, 1)
          .Move(1, 0)
          .Crash(kTheSwitch)
          .TableFull(),
      Of("U70", "switch crash, then no room for the rules, controller crash", 1, 1)
          .Crash(kTheSwitch)
          .TableFull()
          .Crash(kTheController),
      Of("U71", "two flows, switch crash, then room for one rule", 2, 1).Crash(kTheSwitch).TableFull().Left(1),
      Of("U72", "switch crash, then no room for the rules, dst refuses", 1, 2).Crash(kTheSwitch).TableFull().Refuse(),
      Of("U73", "packet-out: switch crash, then no room for the rules", 1, 2).PacketOut().Crash(kTheSwitch).TableFull(),
      // What a node has said is heard after its connection has ended.
      Of("U74", "dst crash and restart, break; old words are heard late", 1, 2)
          .Crash(kDst)
          .Restarts()
          .Breaks(1)
          .HearsLate(),
      Of("U75", "src crash and restart, break; old words are heard late", 1, 2)
          .Crash(kSrc)
          .Restarts()
          .Breaks(1)
          .HearsLate(),
      Of("U76", "dst crash, break; old words are heard late", 1, 2).Crash(kDst).Breaks(1).HearsLate(),
      Of("U77", "src crash, break; old words are heard late", 1, 2).Crash(kSrc).Breaks(1).HearsLate(),
      Of("U78", "abort, dst refuses, break; old words are heard late", 1, 1).Abort().Refuse().Breaks(1).HearsLate(),
      Of("U79", "switch crash, break; old words are heard late", 1, 1).Crash(kTheSwitch).Breaks(1).HearsLate(),
      Of("U80", "break, controller crash; old words are heard late", 1, 2).Breaks(1).Crash(kTheController).HearsLate(),
      // A switch that marks by packet-out, behind its acknowledgements.
      Of("U20", "packet-out: no fault", 1, 4).PacketOut(),
      Of("U28", "packet-out: break, controller crash, marker loss", 1, 3)
          .PacketOut()
          .Breaks(1)
          .Crash(kTheController)
          .MarkerLoss(),
      Of("U57", "packet-out: dst refuses, marker loss", 1, 2).PacketOut().Refuse().MarkerLoss(),
      Of("U58", "packet-out: there and back, marker loss", 1, 2).PacketOut().Move(1, 0).MarkerLoss(),
      Of("U59", "packet-out: dst crash and restart, and there once more", 1, 2)
          .PacketOut()
          .Move(0, 1)
          .Crash(kDst)
          .Restarts(),
      Of("U60", "packet-out: src crash and restart, and back", 1, 2).PacketOut().Move(1, 0).Crash(kSrc).Restarts(),
      Of("U67", "src crash and restart, and back", 1, 2).Move(1, 0).Crash(kSrc).Restarts(),
      Of("U61", "packet-out: switch crash, dst refuses", 1, 2).PacketOut().Crash(kTheSwitch).Refuse(),
      Of("U62", "packet-out: marker loss, early repeats", 1, 2)
          .PacketOut()
          .Grace(Duration::Millis(60))  // beyond the first repeat
          .MarkerLoss()
          .Early()
          .Timers(6),
      Of("U63", "packet-out: the grace time is shorter than the lag", 1, 2)
          .PacketOut()
          .Early()
          .Shows(Bit(Violation::kReorder) | Bit(Violation::kDropped), false),
      Of("U66", "packet-out: two flows", 2, 1).PacketOut(),
      // A connection whose directions come by ports of their own.
      Of("U40", "two ports: no fault", 1, 2).TwoPorts().Timers(0),
      Of("U56", "two ports: break, marker loss", 1, 2).TwoPorts().Breaks(1).MarkerLoss(),
      Of("U64", "two ports: dst refuses, marker loss", 1, 1).TwoPorts().Refuse().MarkerLoss(),
      Of("U65", "two ports: marker loss, early repeats", 1, 1).TwoPorts().MarkerLoss().Early(),
      // Small ones, in which mutants are caught.
      Of("U41", "src crash", 1, 1).Crash(kSrc).Late(),
      Of("U34", "a break", 1, 2).Breaks(1),
      Of("U35", "marker loss, early repeats", 1, 2).MarkerLoss().Early(),
      Of("U36", "abort, controller crash", 1, 1).Abort().Crash(kTheController).Late(),
      Of("U37", "dst refuses, dst crash", 1, 2).Refuse().Crash(kDst).Late(),
      Of("U38", "no room for the rule, controller crash", 1, 1).TableFull().Crash(kTheController),
      Of("U39", "there and back, marker loss", 1, 1).Move(1, 0).MarkerLoss(),
  };
}

}  // namespace uhaul::faults
