// Search: every interleaving of a small scenario, on the real machines. Breadth first, so that the first trace found to
// anything is a shortest one; a state is remembered by its 64-bit hash (n states are confused with one another with
// probability n^2 / 2^65) and its way back; only the worlds at the border are kept whole.
//
// In each state the search may let the next packet of any flow reach the switch, let any link deliver its head, and use
// up a fault of the scenario's budget. Timers fire when nothing is in flight: they stand for times much longer than a
// network's (a scenario may let some of them fire at any time). Faults strike only while an operation is under way.
//
// That the hash is fit for this is checked as it goes: of the states that were reached again a sample is expanded too,
// and must lead to where the first one led.
//
// Checked are, in every state, the violations that the scenario's scheme promises not to show; in every state without a
// next one, World::EndFault; and that from every state an end without fault can be reached.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/faults/world.h"

namespace uhaul::faults {

struct Scenario {
  std::string name;
  std::string what;  // for people
  WorldOptions options;
  uint32_t warm_up = 1;  // packets of each flow that are processed before the search begins
  uint32_t packets = 3;  // of each flow, in the search
  ViolationSet promised = 0;
  uint8_t early_timers = 0;                     // so many may fire at any time
  std::array<uint8_t, kActs> budget{};          // of aborts and faults
  std::array<uint8_t, 2 + kMostNfs> crashes{};  // of each machine, at most
  bool restarts = true;                         // NFs that crashed come back; otherwise the operator declares them dead
  bool late = false;                            // what is under way may outlive its connection, or its sender
  uint8_t most_timers = 255;
  uint8_t table_left = 0;  // Act::kFill leaves this many entries
  // What the scenario is to show (empty, 0: nothing, it is to be free of faults).
  ViolationSet shows = 0;
  bool shows_bad_end = false;
  bool large = false;        // has not been exhausted yet: searched only if it is named
  bool until_shown = false;  // the search stops when it has found all that
};

struct SearchOptions {
  uint64_t most_states = 20'000'000;
  uint64_t check_every = 64;  // of so many states reached again, one is compared with the first one of its hash
  bool until_shown = false;   // stops when everything that the scenario is to show was found
};

struct SearchResult {
  uint64_t states = 0;
  uint64_t transitions = 0;
  uint64_t ends = 0;
  uint64_t bad_ends = 0;
  uint64_t stuck = 0;  // states from which no good end can be reached; only of a complete search
  bool complete = true;
  uint64_t compared = 0;
  uint64_t confused = 0;  // of those, how many went on otherwise: Hash() leaves something out
  ViolationSet violations = 0;
  std::map<std::string, uint64_t> end_faults;
  std::map<Violation, std::vector<Choice>> traces;  // a shortest one each
  std::vector<Choice> bad_end_trace;
  std::vector<Choice> stuck_trace;
};

World BeginOf(const Scenario& scenario);
std::vector<Choice> ChoicesIn(const Scenario& scenario, const World& world, const std::array<uint8_t, kActs>& budget,
                              bool early_timers = false);
SearchResult Search(const Scenario& scenario, const SearchOptions& options);
// What happens along the way, in lines.
std::vector<std::string> Replay(const Scenario& scenario, const std::vector<Choice>& trace);
// "states=... transitions=..."
std::string SummaryOf(const SearchResult& result);

}  // namespace uhaul::faults
