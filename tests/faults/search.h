// Search: every interleaving of a small scenario, on the real machines. Breadth first, so that the first trace found to
// anything is a shortest one; a state is remembered by its 64-bit hash (n states are confused with one another with
// probability n^2 / 2^65) and its way back; only the worlds at the border are kept whole.
//
// That the hash is fit for this is checked as it goes: of the states that were reached again a sample is expanded too,
// and must lead to where the first one led.
//
// Checked are, in every state, the violations that the scenario's scheme promises not to show; in every state without a
// next one, World::EndFault; and that from every state an end without fault can be reached.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/faults/search_state.h"

namespace uhaul::faults {

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

struct SearchOptions {
  uint64_t most_states = 20'000'000;
  uint64_t check_every = 64;  // of so many states reached again, one is compared with the first one of its hash
  bool all = false;           // leaves nothing out (search_state.h)
  bool first = false;         // stops at the first violation or bad end
  std::function<void(const SearchResult&)> progress{};  // Exhaust: now and then
};

SearchResult Search(const Scenario& scenario, const SearchOptions& options);
// What happens along the way, in lines.
std::vector<std::string> Replay(const Scenario& scenario, const std::vector<Choice>& trace);
// "states=... transitions=..."
std::string SummaryOf(const SearchResult& result);

}  // namespace uhaul::faults
