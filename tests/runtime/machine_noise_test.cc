#include "runtime/machine_noise.h"

#include <catch2/catch.hpp>

namespace uhaul::runtime {

TEST_CASE("StolenShare: of the processors' time between two readings, bounded, and nothing where there is none") {
  CHECK(StolenShare({1, 100}, {3, 110}) == Approx(0.2));
  CHECK(StolenShare({1, 100}, {1, 100}) == 0);
  CHECK(StolenShare({3, 100}, {1, 110}) == 0);  // counters of processors that went away
  CHECK(StolenShare({0, 0}, {5, 4}) == 1);
}

TEST_CASE("ReadHostTime: time goes on, and no more of it is stolen than there is") {
  const HostTime before = ReadHostTime();
  const HostTime after = ReadHostTime();
  CHECK(before.all_s > 0);
  CHECK(after.all_s >= before.all_s);
  CHECK(before.stolen_s >= 0);
  CHECK(before.stolen_s <= before.all_s);
}

}  // namespace uhaul::runtime
