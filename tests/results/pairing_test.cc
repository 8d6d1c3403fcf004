#include "results/pairing.h"

#include <catch2/catch.hpp>

namespace uhaul {
namespace {

StoredPoint Point(const std::string& trace, const std::string& profile) {
  StoredPoint point;
  point.id = trace + profile;
  point.spec = {{"workload.trace", trace}, {"profile.name", profile}, {"profile.get", profile + "-get"}};
  return point;
}

TEST_CASE("pairing: equal specs go together, and repeated runs are one pair") {
  const std::vector<StoredPoint> a = {Point("1", "p"), Point("2", "p"), Point("3", "p")};
  const std::vector<StoredPoint> b = {Point("2", "p"), Point("1", "p"), Point("1", "p"), Point("4", "p")};
  const Result<Pairing> pairing = PairPoints(a, b, {});
  REQUIRE(pairing.ok());
  REQUIRE(pairing->pairs.size() == 2);
  CHECK(pairing->pairs[0].a.front()->id == "1p");
  CHECK(pairing->pairs[0].b.size() == 2);
  REQUIRE(pairing->only_a.size() == 1);
  CHECK(pairing->only_a[0]->id == "3p");
  REQUIRE(pairing->only_b.size() == 1);
  CHECK(pairing->only_b[0]->id == "4p");
}

TEST_CASE("pairing: the ignored keys may differ where there is no equal, unless that is ambiguous") {
  const std::vector<StoredPoint> b = {Point("1", "native")};
  REQUIRE(PairPoints(std::vector{Point("1", "calibrated")}, b, {}).ok());
  CHECK(PairPoints(std::vector{Point("1", "calibrated")}, b, {})->pairs.size() == 1);
  CHECK(PairPoints(std::vector{Point("1", "calibrated")}, b, {.ignore = {}})->pairs.empty());
  const Result<Pairing> ambiguous = PairPoints(std::vector{Point("1", "calibrated"), Point("1", "paper")}, b, {});
  REQUIRE_FALSE(ambiguous.ok());
  CHECK_THAT(ambiguous.error().message, Catch::Contains("calibrated-get or paper-get") && Catch::Contains("--set"));
  // One of them has an equal: that is the one.
  const Result<Pairing> exact = PairPoints(std::vector{Point("1", "native"), Point("1", "paper")}, b, {});
  REQUIRE(exact.ok());
  CHECK(exact->pairs.size() == 1);
  CHECK(exact->only_a.size() == 1);
}

TEST_CASE("pairing: points that nothing of the other set could be are no ambiguity") {
  const std::vector<StoredPoint> a = {Point("1", "native"), Point("1", "paper"), Point("2", "native"),
                                      Point("2", "paper")};
  const std::vector<StoredPoint> b = {Point("1", "native"), Point("3", "native"), Point("3", "other")};
  const Result<Pairing> pairing = PairPoints(a, b, {});
  REQUIRE(pairing.ok());
  CHECK(pairing->pairs.size() == 1);
  CHECK(pairing->only_a.size() == 3);
  CHECK(pairing->only_b.size() == 2);
}

TEST_CASE("counterparts: whom a point may go with shows in the specs alone") {
  const auto may_have = [](const PairRule& rule, const StoredPoint& there, const StoredPoint& asked) {
    Counterparts counterparts(rule);
    counterparts.Add(std::vector{there});
    return counterparts.MayHave(asked);
  };
  CHECK(may_have({}, Point("1", "native"), Point("1", "native")));
  CHECK(may_have({}, Point("1", "native"), Point("1", "paper")));
  CHECK_FALSE(may_have({}, Point("1", "native"), Point("2", "native")));
  CHECK_FALSE(may_have({.ignore = {}}, Point("1", "native"), Point("1", "paper")));
  CHECK(may_have({.ignore = {}, .join = {"workload.trace"}}, Point("1", "native"), Point("1", "paper")));
}

TEST_CASE("pairing: with join keys nothing else counts") {
  const Result<Pairing> pairing = PairPoints(std::vector{Point("1", "p")}, std::vector{Point("1", "q")},
                                             {.ignore = {}, .join = {"workload.trace"}});
  REQUIRE(pairing.ok());
  CHECK(pairing->pairs.size() == 1);
}

TEST_CASE("pairing: a pattern with a star is every key below it") {
  CHECK(MatchesKey({"profile.*"}, "profile.get"));
  CHECK_FALSE(MatchesKey({"profile.*"}, "profiles"));
  CHECK(MatchesKey({"edm.rho"}, "edm.rho"));
  CHECK_FALSE(MatchesKey({"edm.rho"}, "edm.rho2"));
}

}  // namespace
}  // namespace uhaul
