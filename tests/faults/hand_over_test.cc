// Every interleaving of small hand-overs under faults: nothing promised is broken, and a good end can always be
// reached.
#include <catch2/catch.hpp>
#include <set>

#include "tests/faults/exhaust.h"
#include "tests/faults/scenarios.h"

using namespace uhaul::faults;

TEST_CASE(
    "Hand-over: in every interleaving of the small scenarios all promises hold, and an end is always within reach") {
  // The others take longer: the long suite (`faults search`) has them all.
  const std::set<std::string> quick = {"U1",  "U2",  "U12", "U15", "U16", "U19", "U24", "U29", "U31", "U34", "U35",
                                       "U36", "U37", "U38", "U39", "U41", "U43", "U50", "U51", "U20", "U40", "U57",
                                       "U58", "U59", "U61", "U62", "U64", "U66", "U68", "U69", "U76", "U78", "U79"};
  size_t run = 0;
  for (const Scenario& s : HandOverScenarios()) {
    if (quick.count(s.name) == 0) continue;
    ++run;
    const SearchResult r = Exhaust(s, {});
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

TEST_CASE(
    "Hand-over: where a switch's data path lags by more than the grace time, order is lost, and the search sees it") {
  for (const Scenario& s : HandOverScenarios()) {
    if (s.name != "U63") continue;
    const SearchResult r = Exhaust(s, {});
    INFO(SummaryOf(r));
    CHECK(r.complete);
    CHECK(r.violations == s.shows);
    CHECK(r.violations != 0);
    CHECK(r.stuck == 0);
  }
}
