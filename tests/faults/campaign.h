// Campaign: random moves under random faults. A seed draws everything: the scheme, one to a thousand flows and when
// they send, delays of every link, costs, buffers, tables, moves (one after the other, back and forth, overlapping),
// and faults at any time of them. Time jumps from event to event; the same seed gives the same event log.
//
//   build/release/bin/faults random --seed 1 --count 100000     prints each seed that fails, and the command to replay
//   it build/release/bin/faults random --seed 4711 --log           that one, line by line
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/faults/world.h"

namespace uhaul::faults {

enum class Family : uint8_t {
  kHandOver,  // hand-overs, with everything that they promise to survive
  kOpenNf,    // OpenNF's moves, with what they can: refusals, aborts, full tables and buffers
};

struct RunResult {
  std::string fault;  // empty: all went as promised
  uint64_t moves = 0;
  uint64_t steps = 0;
  std::array<uint64_t, kActs> acts{};  // how often
};

// One world, from its beginning to its rest. `log`, `cells`: may be null.
RunResult RunSeed(Family family, uint64_t seed, std::vector<std::string>* log, Cells* cells);

}  // namespace uhaul::faults
