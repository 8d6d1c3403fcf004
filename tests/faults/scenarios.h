// The named scenarios of the search: which races OpenNF's move has, and when its guarantee holds; U-HAUL's relay; the
// hand-over under faults. `build/release/bin/faults search` runs them.
#pragma once

#include <vector>

#include "tests/faults/search.h"

namespace uhaul::faults {

std::vector<Scenario> OpenNfScenarios();
std::vector<Scenario> HandOverScenarios();
std::vector<Scenario> AllScenarios();

}  // namespace uhaul::faults
