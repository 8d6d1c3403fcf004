// Numbers that only grow, and secrets that nobody can guess.
#include "runtime/transport/fresh.h"

#include <catch2/catch.hpp>

namespace uhaul::runtime {

TEST_CASE("Fresh: a secret is another one each time; numbers do not fall, and are far from a first controller's") {
  const Result<HashKey> one = DrawSecret();
  const Result<HashKey> two = DrawSecret();
  REQUIRE(one.ok());
  REQUIRE(two.ok());
  CHECK((one->k0 != two->k0 || one->k1 != two->k1));
  const uint32_t number = FreshNumber();
  CHECK(FreshNumber() >= number);
  CHECK(number > 1'000'000'000);
  const uint64_t incarnation = FreshIncarnation();
  CHECK(FreshIncarnation() >= incarnation);
  CHECK(incarnation > number);
}

}  // namespace uhaul::runtime
