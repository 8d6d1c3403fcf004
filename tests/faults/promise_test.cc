// What is said of the schemes (core/node/scheme_promise.h) against what the search finds.
#include <algorithm>
#include <catch2/catch.hpp>

#include "core/node/scheme_promise.h"
#include "tests/faults/scenarios.h"

using namespace uhaul;          // NOLINT
using namespace uhaul::faults;  // NOLINT

namespace {

bool ShowsSomething(const Scenario& s) { return s.shows != 0 || s.shows_bad_end; }

}  // namespace

TEST_CASE("SchemePromise: every breach names a scenario that is known to show one, of a scheme of its kind") {
  const std::vector<Scenario> all = AllScenarios();
  size_t named = 0;
  for (const std::string& name : SchemeNames()) {
    const SchemeOptions scheme = *FindScheme(name);
    for (const Breach& breach : PromiseOf(scheme).breaches) {
      INFO(name << ": " << breach.when << ": " << breach.scenario);
      const auto found =
          std::find_if(all.begin(), all.end(), [&](const Scenario& s) { return s.name == breach.scenario; });
      REQUIRE(found != all.end());
      CHECK(ShowsSomething(*found));
      const SchemeOptions& searched = found->options.moves[0].request.scheme;
      CHECK(searched.transfer == scheme.transfer);
      if (!searched.relay_unknown) CHECK(searched.guarantee == scheme.guarantee);
      if (breach.then.find("never ends") != std::string::npos) CHECK(found->shows_bad_end);
      if (breach.then.find("order") != std::string::npos) CHECK((found->shows & Bit(Violation::kReorder)) != 0);
      if (breach.then.find("twice") != std::string::npos) CHECK((found->shows & Bit(Violation::kDuplicate)) != 0);
      ++named;
    }
  }
  CHECK(named > 100);
}

TEST_CASE("SchemePromise: every scenario that shows something is named by its scheme") {
  size_t showing = 0;
  for (const Scenario& s : AllScenarios()) {
    if (!ShowsSomething(s)) continue;
    ++showing;
    const SchemePromise promise = PromiseOf(s.options.moves[0].request.scheme);
    INFO(s.name << " (" << s.what << ")");
    CHECK(std::any_of(promise.breaches.begin(), promise.breaches.end(),
                      [&](const Breach& breach) { return breach.scenario == s.name; }));
  }
  CHECK(showing > 30);
}
