// Random moves under random faults keep their promises. A seed that fails prints the command that replays it; the long
// suite runs millions of them.
#include "tests/faults/campaign.h"

#include <catch2/catch.hpp>

using namespace uhaul::faults;

namespace {

void RequireAllWell(Family family, const char* option, uint64_t seeds) {
  uint64_t moves = 0, faults = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const RunResult r = RunSeed(family, seed, nullptr, nullptr);
    INFO("replay: faults random --log" << option << " --seed " << seed);
    CHECK(r.fault == "");
    moves += r.moves;
    for (size_t act = static_cast<size_t>(Act::kRefuse); act < kActs; ++act) faults += r.acts[act];
  }
  CHECK(moves >= seeds);
  CHECK(faults > seeds / 2);
}

}  // namespace

TEST_CASE("Hand-over: whatever breaks, packets are processed once, in order, on the latest state, or it is said") {
  RequireAllWell(Family::kHandOver, "", 2000);
}

TEST_CASE("OpenNF: refusals, aborts, full tables and full buffers break no promise silently") {
  RequireAllWell(Family::kOpenNf, " --opennf", 500);
}

TEST_CASE("Campaign: the same seed gives the same event log, another one another") {
  std::vector<std::string> first, again, other;
  RunSeed(Family::kHandOver, 7, &first, nullptr);
  RunSeed(Family::kHandOver, 7, &again, nullptr);
  RunSeed(Family::kHandOver, 8, &other, nullptr);
  CHECK(first.size() > 50);
  CHECK(first == again);
  CHECK(first != other);
}
