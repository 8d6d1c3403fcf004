// Scenario: a small hand-over or move, with the faults that may strike it; SearchState: where it has come to, and what
// may happen next there.
//
// In each state the next packet of any flow may reach the switch, any link may deliver its head, the switch's data path
// may follow a rule that it is behind with, and a fault of the scenario's budget may strike. Timers fire when nothing
// is in flight: they stand for times much longer than a network's (a scenario may let some of them fire at any time).
// Faults strike only while an operation is under way.
//
// What cannot matter is left out:
//   - an NF that is told to refuse, a table that is filled or emptied: only when an import, or a rule, comes next (or a
//     rule waits for room). Until then nobody could tell, and so the one follows the other at once;
//   - when every operation has ended and none is to come, the controller hears the rest at once: it does nothing about
//     it, and neither do faults strike any more, whatever is left of their budget;
//   - a journal that no later controller will read is durable at once, if none waits for that.
// Without it (`all`) there are more states, and the same ends (tests/faults/search_test.cc).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "tests/faults/world.h"

namespace uhaul::faults {

struct Scenario {
  std::string name;
  std::string what;  // for people
  WorldOptions options;
  uint32_t warm_up = 1;                // packets of each flow that are processed before the search begins
  uint32_t warm_flows = ~uint32_t{0};  // of so many flows at most, the first ones
  uint32_t packets = 3;                // of each flow, in the search
  ViolationSet promised = 0;
  uint8_t early_timers = 0;                     // so many may fire at any time
  std::array<uint8_t, kActs> budget{};          // of aborts and faults
  std::array<uint8_t, 2 + kMostNfs> crashes{};  // of each machine, at most
  bool restarts = true;                         // NFs that crashed come back; otherwise the operator declares them dead
  bool late = false;                            // what is under way may outlive its connection, or its sender
  uint8_t most_timers = 255;
  uint8_t spare_timers = 0;  // of them: fire only when no machine is down that will be back
  uint8_t table_left = 0;    // Act::kFill leaves this many entries
  // What the scenario is to show (empty, 0: nothing, it is to be free of faults).
  ViolationSet shows = 0;
  bool shows_bad_end = false;
  bool until_shown = false;  // the search stops when it has found all that
};

using Budget = std::array<uint8_t, kActs>;

struct SearchState {
  // Before the first choice.
  explicit SearchState(const Scenario& scenario);
  std::vector<Choice> Choices(const Scenario& scenario, bool all = false) const;
  void Apply(const Choice& choice);
  uint64_t Hash(const Scenario& scenario, bool all = false) const;

  World world;
  Budget budget;
  uint8_t early = 0;     // timers that may still fire before their time
  bool altered = false;  // the switch's table has just been filled or emptied

 private:
  // No operation is under way, or will be.
  bool Over() const;
  // A controller may have to read the journal.
  bool JournalMatters(const Scenario& scenario) const;
  bool Eager(const Scenario& scenario, std::vector<Choice>* choices) const;
  void AddFaults(const Scenario& scenario, bool all, std::vector<Choice>* choices) const;
};

World BeginOf(const Scenario& scenario);

}  // namespace uhaul::faults
