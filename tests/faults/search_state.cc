#include "tests/faults/search_state.h"

#include <algorithm>
#include <bit>

namespace uhaul::faults {
namespace {

constexpr size_t kTheController = 0;
constexpr size_t kTheSwitch = 1;

// Is there a budget for it?
bool Drawn(Act act) {
  switch (act) {
    case Act::kInject:
    case Act::kDeliver:
    case Act::kMove:
    case Act::kSync:
    case Act::kDeclare:
    case Act::kRestart:
    case Act::kTakeOver:
    case Act::kCrash:  // per machine: Scenario::crashes
      return false;
    case Act::kTimer:
    case Act::kAbort:
    case Act::kRefuse:
    case Act::kFill:
    case Act::kEmpty:
    case Act::kLose:
    case Act::kLoseMarker:
    case Act::kRepeat:
    case Act::kBreak:
    case Act::kBreakPeers:
      return true;
  }
  UHAUL_CHECK(false);
}

// A flow's state comes to this NF next.
bool ImportsNext(const World& world, size_t link) {
  return world.IsNext<msg::State>(link) || world.IsNext<msg::PutPerflow>(link);
}

bool InstallsNext(const World& world, size_t link) {
  return world.IsNext<msg::Install>(link) || world.IsNext<msg::InstallRules>(link);
}

}  // namespace

World BeginOf(const Scenario& scenario) {
  World world(scenario.options);
  world.Settle();
  for (uint32_t i = 0; i < scenario.warm_up; ++i) {
    const uint32_t warm = std::min(scenario.options.flows, scenario.warm_flows);
    for (uint32_t f = 0; f < warm; ++f) world.Apply({Act::kInject, static_cast<uint16_t>(f)});
  }
  world.Settle();
  return world;
}

SearchState::SearchState(const Scenario& scenario)
    : world(BeginOf(scenario)), budget(scenario.budget), early(scenario.early_timers) {
  budget[static_cast<size_t>(Act::kTimer)] = scenario.most_timers;
}

bool SearchState::Over() const {
  return world.moves_begun() == world.options().moves.size() && !world.down(kTheController) &&
         world.controller().idle();
}

bool SearchState::JournalMatters(const Scenario& scenario) const {
  if (world.down(kTheController)) return true;
  return !Over() && world.crashes(kTheController) < scenario.crashes[kTheController];
}

uint64_t SearchState::Hash(const Scenario& scenario, bool all) const {
  StateHash hash;
  hash.Add(world.Hash(all || JournalMatters(scenario)));
  const bool over = !all && Over();
  for (const uint8_t left : budget) hash.Add(over ? 0 : left);
  hash.Add((over ? 0 : uint64_t{early} << 1) | (altered ? 1U : 0U));
  return hash.value();
}

void SearchState::Apply(const Choice& choice) {
  if (choice.act == Act::kTimer && early > 0 && (world.in_flight() || world.journal_pending())) --early;
  // Both kinds of connection break out of one budget.
  const Act drawn = choice.act == Act::kBreakPeers ? Act::kBreak : choice.act;
  if (Drawn(drawn)) --budget[static_cast<size_t>(drawn)];
  // Where rules wait for room, the one that has got it shows at once.
  const bool shows = choice.act == Act::kEmpty && world.forwarding().unplaced() > 0;
  altered = (choice.act == Act::kFill || choice.act == Act::kEmpty) && !shows;
  world.Apply(choice);
}

// What comes before everything else.
bool SearchState::Eager(const Scenario& scenario, std::vector<Choice>* choices) const {
  const auto add = [&](Act act, size_t a) { choices->push_back({act, static_cast<uint16_t>(a)}); };
  if (world.down(kTheController)) return false;
  if (world.journal_pending() && !JournalMatters(scenario) && !world.AwaitsJournal()) {
    add(Act::kSync, 0);
    return true;
  }
  for (size_t i = 0; i < world.link_count(); ++i) {
    const NodeId to = world.link(i).to;
    const bool refused = to.role == NodeId::Role::kNf && !world.down(2U + to.instance) &&
                         world.oracle(to.instance).refuses() && ImportsNext(world, i);
    const bool full = to == kSwitchNode && altered && InstallsNext(world, i);
    if (refused || full) add(Act::kDeliver, i);
  }
  if (!choices->empty()) return true;
  if (!Over()) return false;
  for (size_t m = 1; m < world.machine_count(); ++m) {
    if (world.down(m) && (m == kTheSwitch || scenario.restarts)) return false;
    if (world.down(m) && world.CanDeclare(static_cast<uint8_t>(m - 2))) add(Act::kDeclare, m - 2);
  }
  for (size_t i = 0; i < world.link_count() && choices->empty(); ++i) {
    if (world.link(i).to == kControllerNode && world.waiting(i) > 0) add(Act::kDeliver, i);
  }
  choices->resize(std::min<size_t>(choices->size(), 1));
  return !choices->empty();
}

void SearchState::AddFaults(const Scenario& scenario, bool all, std::vector<Choice>* choices) const {
  const auto add = [&](Act act, size_t a) { choices->push_back({act, static_cast<uint16_t>(a)}); };
  const auto left = [&](Act act) { return budget[static_cast<size_t>(act)] > 0; };
  const size_t begun = world.moves_begun();
  const uint8_t dst = world.options().moves[begun - 1].request.dst;
  const bool up = !world.down(kTheController);
  bool import_next = all, install_next = all;
  for (size_t i = 0; i < world.link_count(); ++i) {
    if (world.waiting(i) == 0) continue;
    import_next |= world.link(i).to == NfNode(dst) && ImportsNext(world, i);
    install_next |= InstallsNext(world, i);
    if (left(Act::kLoseMarker) && world.IsMarker(i)) add(Act::kLoseMarker, i);
    if (world.link(i).kind != Link::Kind::kControl) continue;
    if (left(Act::kLose)) add(Act::kLose, i);
    if (left(Act::kRepeat)) add(Act::kRepeat, i);
  }
  if (left(Act::kAbort) && up) add(Act::kAbort, begun);
  if (left(Act::kRefuse) && import_next && !world.down(2U + dst)) add(Act::kRefuse, dst);
  if (left(Act::kFill) && install_next && !world.down(kTheSwitch)) add(Act::kFill, scenario.table_left);
  const bool empty_shows = install_next || world.forwarding().unplaced() > 0;
  if (left(Act::kEmpty) && !left(Act::kFill) && empty_shows && !world.down(kTheSwitch)) add(Act::kEmpty, 0);
  if (left(Act::kBreak)) {
    for (size_t m = 1; m < world.machine_count() && up; ++m) {
      if (world.down(m)) continue;
      add(Act::kBreak, m);
      if (scenario.late) add(Act::kBreak, m | kLate);
    }
    if (world.options().hand_over) add(Act::kBreakPeers, 0);
  }
  for (size_t m = 0; m < world.machine_count(); ++m) {
    if (world.down(m) || world.crashes(m) >= scenario.crashes[m]) continue;
    add(Act::kCrash, m);
    if (scenario.late) add(Act::kCrash, m | kLate);
  }
}

std::vector<Choice> SearchState::Choices(const Scenario& scenario, bool all) const {
  std::vector<Choice> choices;
  const auto add = [&](Act act, size_t a) { choices.push_back({act, static_cast<uint16_t>(a)}); };
  const bool up = !world.down(kTheController);
  const bool idle = up && world.controller().idle();
  // A planned move begins when those before it have ended; the first at once.
  const size_t begun = world.moves_begun();
  if (begun == 0) {
    add(Act::kMove, 0);
    return choices;
  }
  if (!all && Eager(scenario, &choices)) return choices;
  if (begun < world.options().moves.size() && idle) add(Act::kMove, begun);
  for (uint32_t f = 0; f < scenario.options.flows; ++f) {
    const FlowTruth& truth = world.truth().flow(f);
    const auto by_second = static_cast<uint32_t>(std::popcount(truth.reverse));
    const uint32_t warmed = f < scenario.warm_flows ? scenario.warm_up : 0;
    if (truth.sent - by_second < warmed + scenario.packets) add(Act::kInject, f);
    if (world.options().ports > 1 && by_second < scenario.packets) add(Act::kInject, f | kSecondPort);
    if (world.BehindOn(f)) add(Act::kTakeOver, f);
  }
  for (size_t i = 0; i < world.link_count(); ++i) {
    if (world.waiting(i) > 0) add(Act::kDeliver, i);
  }
  if (world.journal_pending() && up) add(Act::kSync, 0);
  bool absent = false;  // who will be back
  for (size_t m = 0; m < world.machine_count(); ++m) absent |= world.down(m) && (m < 2 || scenario.restarts);
  if (budget[static_cast<size_t>(Act::kTimer)] > (absent ? scenario.spare_timers : 0) &&
      (early > 0 || (!world.in_flight() && !world.journal_pending()))) {
    for (size_t m = 0; m < world.machine_count(); ++m) {
      if (world.DeadlineOf(m) != TimePoint::Never()) add(Act::kTimer, m);
    }
  }
  for (size_t m = 0; m < world.machine_count(); ++m) {
    if (!world.down(m)) continue;
    if (m < 2 || scenario.restarts) {
      add(Act::kRestart, m);
    } else if (world.CanDeclare(static_cast<uint8_t>(m - 2))) {
      add(Act::kDeclare, m - 2);
    }
  }
  if (!idle) AddFaults(scenario, all, &choices);
  return choices;
}

}  // namespace uhaul::faults
