// The search finds in OpenNF's move what it is known to get wrong, and nothing else.
#include "tests/faults/search.h"

#include <catch2/catch.hpp>
#include <set>

#include "tests/faults/exhaust.h"
#include "tests/faults/scenarios.h"

using namespace uhaul::faults;

namespace {

// Those that take more than a second or two belong to the long suite (`faults search`).
bool Quick(const Scenario& s) { return s.name != "O5" && s.name != "O9"; }

}  // namespace

TEST_CASE("Search: every OpenNF scenario shows the races and hangs that it is known for, and no others") {
  for (const Scenario& s : OpenNfScenarios()) {
    if (!Quick(s)) continue;
    const SearchResult r = Search(s, {});
    INFO(s.name << " (" << s.what << "): " << SummaryOf(r) << "\nreplay: faults search " << s.name << " --trace");
    CHECK(r.complete);
    CHECK(ViolationText(r.violations) == ViolationText(s.shows));
    CHECK((r.bad_ends > 0) == s.shows_bad_end);
    CHECK((r.stuck > 0) == s.shows_bad_end);
    CHECK(r.compared > 0);
    CHECK(r.confused == 0);
  }
}

TEST_CASE("Search: what is left out because it does not matter does not: the same is found, and the same ends") {
  const std::set<std::string> some = {
      "O2", "O4", "O7", "opennf-lf/refuse", "opennf-op/full", "U24", "U29", "U36", "U37", "U38", "U39", "U41", "U50"};
  size_t run = 0;
  uint64_t left_out = 0;
  for (const Scenario& s : AllScenarios()) {
    if (some.count(s.name) == 0) continue;
    ++run;
    SearchOptions options;
    const SearchResult less = Exhaust(s, options);
    options.all = true;
    const SearchResult all = Exhaust(s, options);
    INFO(s.name << ": " << SummaryOf(less) << " against " << SummaryOf(all));
    CHECK(less.violations == all.violations);
    CHECK((less.stuck > 0) == (all.stuck > 0));
    CHECK(less.complete);
    CHECK(all.confused == 0);
    std::set<std::string> ends, all_ends;
    for (const auto& [fault, count] : less.end_faults) ends.insert(fault);
    for (const auto& [fault, count] : all.end_faults) all_ends.insert(fault);
    CHECK(ends == all_ends);
    CHECK(less.states <= all.states);
    left_out += all.states - less.states;
  }
  CHECK(run == some.size());
  CHECK(left_out > 10'000);
}

TEST_CASE("Search: depth first finds as many states, steps and ends as breadth first, and as many that are stuck") {
  for (const Scenario& s : AllScenarios()) {
    if (s.name != "O4" && s.name != "U12" && s.name != "opennf-lf/crash2") continue;
    const SearchResult broad = Search(s, {});
    const SearchResult deep = Exhaust(s, {});
    INFO(s.name << ": " << SummaryOf(broad) << " against " << SummaryOf(deep));
    CHECK(deep.states == broad.states);
    CHECK(deep.transitions == broad.transitions);
    CHECK(deep.end_faults == broad.end_faults);
    CHECK(deep.stuck == broad.stuck);
    CHECK(deep.violations == broad.violations);
    CHECK(deep.complete);
    CHECK(deep.compared > 0);
    CHECK(deep.confused == 0);
  }
}

TEST_CASE("Search: a trace replays to the violation that it leads to, the same lines each time") {
  for (const Scenario& s : OpenNfScenarios()) {
    if (s.name != "O2") continue;
    const SearchResult r = Search(s, {});
    const auto found = r.traces.find(Violation::kReorder);
    REQUIRE(found != r.traces.end());
    const auto lines = Replay(s, found->second);
    CHECK(lines == Replay(s, found->second));
    CHECK(lines.back().find("<-- REORDER") != std::string::npos);
    // Without its last step it leads nowhere: the trace is minimal in that sense at least.
    World world = BeginOf(s);
    for (size_t i = 0; i + 1 < found->second.size(); ++i) world.Apply(found->second[i]);
    CHECK(world.violations() == 0);
  }
}

TEST_CASE("World: a copy goes on as the original would, and neither touches the other") {
  for (const Scenario& s : OpenNfScenarios()) {
    if (s.name != "opennf-op/abort") continue;
    SearchState state(s);
    uint64_t step = 0;
    for (auto choices = state.Choices(s); !choices.empty(); choices = state.Choices(s)) {
      const Choice choice = choices[step++ % choices.size()];
      SearchState copy = state;
      const uint64_t before = state.Hash(s);
      copy.Apply(choice);
      CHECK(state.Hash(s) == before);
      state.Apply(choice);
      CHECK(state.Hash(s) == copy.Hash(s));
    }
    CHECK(step > 20);
  }
}
