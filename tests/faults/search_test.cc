// The search finds in OpenNF's move what it is known to get wrong, and nothing else.
#include "tests/faults/search.h"

#include <catch2/catch.hpp>

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
    World world = BeginOf(s);
    uint64_t step = 0;
    for (auto choices = ChoicesIn(s, world, s.budget); !choices.empty(); choices = ChoicesIn(s, world, {})) {
      const Choice choice = choices[step++ % choices.size()];
      World copy = world;
      const uint64_t before = world.Hash();
      copy.Apply(choice);
      CHECK(world.Hash() == before);
      world.Apply(choice);
      CHECK(world.Hash() == copy.Hash());
    }
    CHECK(step > 20);
  }
}
