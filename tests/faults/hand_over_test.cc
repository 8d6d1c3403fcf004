// Every interleaving of small hand-overs under faults: nothing promised is broken, and a good end can always be
// reached.
#include <catch2/catch.hpp>
#include <set>

#include "tests/faults/scenarios.h"
#include "tests/faults/search.h"

using namespace uhaul::faults;

TEST_CASE(
    "Hand-over: in every interleaving of the small scenarios all promises hold, and an end is always within reach") {
  // The others take longer: the long suite (`faults search`) has them all.
  const std::set<std::string> quick = {"U1", "U2", "U19", "U24", "U29", "U31"};
  size_t run = 0;
  for (const Scenario& s : HandOverScenarios()) {
    if (quick.count(s.name) == 0) continue;
    ++run;
    const SearchResult r = Search(s, {});
    INFO(s.name << " (" << s.what << "): " << SummaryOf(r) << "\nreplay: faults search " << s.name << " --trace");
    CHECK(r.complete);
    CHECK(ViolationText(r.violations) == "none");
    CHECK(r.bad_ends == 0);
    CHECK(r.stuck == 0);
    CHECK(r.ends > 0);
    CHECK(r.confused == 0);
  }
  CHECK(run == quick.size());
}
