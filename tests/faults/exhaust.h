// Exhaust: the same as Search (search.h), depth first. It keeps ten octets of a state and the worlds of one path only,
// so that hundreds of millions of states fit into memory; what it finds it shows by some way that leads there, not by a
// shortest one.
//
// These worlds do not go in circles: packets, faults and timers are used up, and every message that is answered is
// gone. Therefore a state has a way to a good end if one of its successors has, and all of them are known when it is
// left. A circle would be counted, and the search not be complete.
#pragma once

#include "tests/faults/search.h"

namespace uhaul::faults {

SearchResult Exhaust(const Scenario& scenario, const SearchOptions& options);

}  // namespace uhaul::faults
