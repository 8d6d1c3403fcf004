#include "tests/faults/scenarios.h"

namespace uhaul::faults {
namespace {

constexpr ViolationSet kOnce = Bit(Violation::kDuplicate) | Bit(Violation::kStaleState);
constexpr ViolationSet kOrdered = kOnce | Bit(Violation::kReorder);

Profile Free() {  // no costs: the search decides what takes how long
  Profile p = *FindProfile("native");
  p.name = "free";
  return p;
}

Scenario Of(std::string name, std::string what, const std::string& scheme, uint32_t flows, uint32_t packets) {
  Scenario s;
  s.name = std::move(name);
  s.what = std::move(what);
  s.options.profile = Free();
  s.options.flows = flows;
  s.options.moves = {{{0, 1, *FindScheme(scheme), {}, 0}, {}}};
  s.packets = packets;
  s.promised = s.options.moves[0].request.scheme.guarantee == Guarantee::kOrderPreserving ? kOrdered : kOnce;
  return s;
}

Scenario Shows(Scenario s, ViolationSet violations, bool bad_end) {
  s.shows = violations;
  s.shows_bad_end = bad_end;
  return s;
}

Scenario WithFault(Scenario s, Act act, uint8_t times = 1) {
  s.budget[static_cast<size_t>(act)] = times;
  return s;
}

constexpr ViolationSet kReorder = Bit(Violation::kReorder);

// The races of OpenNF's move, one each; tests/faults/README.md says what each means.
std::vector<Scenario> Races() {
  std::vector<Scenario> all;
  all.push_back(Of("O1", "loss-free, order not asked", "opennf-lf", 1, 4));
  Scenario o2 = Of("O2", "loss-free, order asked", "opennf-lf", 1, 3);
  o2.promised = kOrdered;
  all.push_back(Shows(o2, kReorder, false));
  all.push_back(Shows(Of("O4", "order-preserving, a flow falls silent", "opennf-op", 1, 4), 0, true));
  all.push_back(Shows(Of("O5", "order-preserving, two flows", "opennf-op", 2, 2), 0, true));
  Scenario o6 = Of("O6", "order-preserving, idle time-out", "opennf-op", 1, 3);
  o6.options.moves[0].request.scheme.idle_timeout_us = 100;
  o6.early_timers = 8;
  all.push_back(Shows(o6, kReorder | Bit(Violation::kStaleState), false));
  all.push_back(Shows(Of("O7", "order-preserving, as released: no counter", "opennf-op-code", 1, 3), kReorder, true));
  Scenario o8 = Of("O8", "order-preserving, packets that look alike", "opennf-op", 1, 3);
  o8.options.look_alike = true;
  all.push_back(Shows(o8, kReorder, true));
  Scenario o9 = Of("O9", "order-preserving, multi-queue NF", "opennf-op", 2, 2);
  o9.options.multi_queue = true;
  o9.until_shown = true;
  all.push_back(Shows(o9, kReorder, true));
  Scenario o15 = Of("O15", "loss-free, there and back", "opennf-lf", 1, 2);
  o15.options.moves.push_back({{1, 0, *FindScheme("opennf-lf"), {}, 0}, {}});
  all.push_back(o15);
  Scenario o16 = Of("O16", "loss-free, events end before the last straggler", "opennf-lf", 1, 3);
  o16.early_timers = 8;
  all.push_back(Shows(o16, Bit(Violation::kStaleState), false));
  return all;
}

// U-HAUL's relay of a new flow, ended as `after` says; S6 is how it ends in the paper, the others behind a marker.
Scenario Relay(std::string name, std::string what, RelayEnd end, AfterMove after, uint32_t packets) {
  Scenario s = Of(std::move(name), std::move(what), "uhaul", 1, packets);
  s.options.moves[0].request.scheme.after = after;
  s.options.moves[0].request.scheme.relay_end = end;
  // What src knows stays there: what moves is not the matter here, and has an order of its own.
  s.options.moves[0].detector = {DetectorSpec::Kind::kSize, 0, Bytes(1'000'000'000)};
  s.warm_up = 0;
  s.promised = kOrdered;
  return s;
}

std::vector<Scenario> Relays() {
  constexpr auto kMarked = RelayEnd::kMarked;
  std::vector<Scenario> all;
  Scenario s6 =
      Relay("S6", "U-HAUL: relay of a new flow, then the default flips", RelayEnd::kPlain, AfterMove::kFlip, 4);
  s6.options.moves[0].detector = {DetectorSpec::Kind::kProportion, 1.0, Bytes()};
  all.push_back(Shows(s6, kReorder, false));
  all.push_back(Relay("S7", "the same, marked", kMarked, AfterMove::kFlip, 4));
  Scenario two = Relay("S7/two", "the same, two new flows", kMarked, AfterMove::kFlip, 2);
  two.options.flows = 2;
  all.push_back(two);
  Scenario pinned = Relay("S7/pinned", "the same, another flow stays at src", kMarked, AfterMove::kFlip, 2);
  pinned.options.flows = 2;
  pinned.warm_up = 1;
  pinned.warm_flows = 1;
  all.push_back(pinned);
  Scenario again = pinned;
  again.name = "S7/again";
  again.what = "the same; what stays ends, and begins again";
  again.options.flows = 1;
  again.options.fin_at = 1;
  again.packets = 4;
  all.push_back(again);
  all.push_back(
      WithFault(Relay("S7/lose", "the same, markers are lost", kMarked, AfterMove::kFlip, 3), Act::kLoseMarker, 2));
  Scenario full = Relay("S7/full", "the same, room for one packet at dst", kMarked, AfterMove::kFlip, 4);
  full.options.profile.nf_buffer = Bytes(100);
  all.push_back(full);
  all.push_back(
      WithFault(Relay("S7/abort", "the same, the operator aborts", kMarked, AfterMove::kFlip, 3), Act::kAbort));
  Scenario dies = Relay("S7/dies", "the same, src dies and is declared dead", kMarked, AfterMove::kFlip, 3);
  dies.crashes[2] = 1;
  dies.restarts = false;
  all.push_back(Shows(dies, 0, true));  // where the operation still needs it
  all.push_back(
      Shows(Relay("S6/keep", "relay of a new flow, then a rule for it", RelayEnd::kPlain, AfterMove::kKeep, 4),
            kReorder, false));
  all.push_back(Relay("S7/keep", "the same, marked", kMarked, AfterMove::kKeep, 4));
  all.push_back(Shows(
      Relay("S6/share", "relay of a new flow, then half of the flows to dst", RelayEnd::kPlain, AfterMove::kShare, 4),
      kReorder, false));
  all.push_back(Relay("S7/share", "the same, marked", kMarked, AfterMove::kShare, 4));
  return all;
}

// What the modes make of faults. Refusal, abort and a full table are answered, flow by flow; but an order-preserving
// move keeps the order only of what moves: a flow that stays has packets on the detour by the controller when events
// end at src. Control channels are taken for reliable, processes for immortal.
std::vector<Scenario> Faulty() {
  constexpr ViolationSet kStale = Bit(Violation::kStaleState);
  constexpr ViolationSet kTwice = Bit(Violation::kDuplicate);
  constexpr const char* kCrashes[] = {"the controller dies", "the switch dies", "src dies", "dst dies"};
  std::vector<Scenario> all;
  for (const std::string s : {"opennf-lf", "opennf-lf-pl-er", "opennf-op"}) {
    const bool op = s == "opennf-op";  // hangs on idle flows besides
    const ViolationSet order = op ? kReorder : 0;
    const auto with = [&](const char* name, const char* what, uint32_t packets, Act act) {
      return WithFault(Of(s + "/" + name, what, s, 1, packets), act);
    };
    all.push_back(Shows(with("refuse", "dst refuses the import", 3, Act::kRefuse), order, op));
    all.push_back(Shows(with("abort", "the operator aborts", 3, Act::kAbort), order, op));
    Scenario full = with("full", "the switch has no room for rules", 3, Act::kFill);
    full.options.moves[0].request.limit = 1;  // exact rules
    full.options.table_capacity = 4;
    all.push_back(Shows(full, 0, op));
    all.push_back(Shows(with("lose", "a control message is lost", 2, Act::kLose), kStale, true));
    all.push_back(Shows(with("repeat", "a control message comes twice", 2, Act::kRepeat),
                        op ? kTwice | kReorder : kTwice | kStale, op || s == "opennf-lf"));
    for (size_t m = 0; m < 4; ++m) {
      Scenario crash = Of(s + "/crash" + std::to_string(m), kCrashes[m], s, 1, 2);
      crash.crashes[m] = 1;
      all.push_back(Shows(crash, m == 1 ? kStale : m > 1 ? order : 0, true));
    }
  }
  return all;
}

}  // namespace

std::vector<Scenario> OpenNfScenarios() {
  std::vector<Scenario> all = Races();
  for (Scenario& s : Relays()) all.push_back(std::move(s));
  for (Scenario& s : Faulty()) all.push_back(std::move(s));
  return all;
}

std::vector<Scenario> AllScenarios() {
  std::vector<Scenario> all = OpenNfScenarios();
  for (Scenario& s : HandOverScenarios()) all.push_back(std::move(s));
  return all;
}

}  // namespace uhaul::faults
