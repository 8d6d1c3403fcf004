#include "runtime/cost_fit.h"

#include <catch2/catch.hpp>

using namespace uhaul;            // NOLINT
using namespace uhaul::runtime;   // NOLINT
using namespace uhaul::literals;  // NOLINT

TEST_CASE("FitLine: points on a line give that line") {
  const Result<Line> line = FitLine({{100, 700'000}, {1000, 5'200'000}, {382, 2'110'000}});
  REQUIRE(line.ok());
  CHECK(line->intercept == Approx(200'000));
  CHECK(line->slope == Approx(5'000));
}

TEST_CASE("FitLine: neither term is below zero") {
  const Result<Line> no_start = FitLine({{100, 100'000}, {1000, 2'000'000}});
  REQUIRE(no_start.ok());
  CHECK(no_start->intercept == 0);
  CHECK(no_start->slope > 1'000);
  CHECK(no_start->slope < 2'000);
  const Result<Line> falling = FitLine({{100, 900'000}, {1000, 600'000}});
  REQUIRE(falling.ok());
  CHECK(falling->slope == 0);
  CHECK(falling->intercept > 600'000);
  CHECK(falling->intercept < 900'000);
}

TEST_CASE("FitLine: one size, or a move without time, is an error") {
  CHECK_FALSE(FitLine({}).ok());
  CHECK_FALSE(FitLine({{100, 900'000}, {100, 600'000}}).ok());
  CHECK_FALSE(FitLine({{100, 0}, {1000, 600'000}}).ok());
}

namespace {

Profile Parts() {
  Profile parts = *FindProfile("native");
  parts.get = {{}, 1_us, {}};
  parts.put = {{}, 1_us, {}};
  parts.del = {{}, 500_ns, {}};
  parts.message = {{}, 1_us, {}};
  parts.nf_event = {{}, 100_ns, {}};
  parts.control_delay = 10_us;
  return parts;
}

}  // namespace

TEST_CASE("EventShare: what makes loss-free moves so much slower") {
  // 8 d = 800 us; b n doubles.
  const MoveFit fit{{600'000, 5'000}, {{100, 1'800'000}, {1000, 10'800'000}}, 800'000};
  CHECK(EventShare(fit) == Approx(0.5));
  CHECK(EventShare({{600'000, 5'000}, {{100, 1'000}}, 800'000}) == 0);
  CHECK(EventShare({{600'000, 5'000}, {{100, 1e12}}, 800'000}) == Approx(0.9));
}

TEST_CASE("FittedProfile: get takes what a state takes but del, messages what is left, events the rest") {
  const Profile fitted = FittedProfile(Parts(), {{600'000, 5'000}, {{100, 1'800'000}, {1000, 10'800'000}}, 800'000});
  CHECK(fitted.get == Cost{{}, 4'500_ns, {}});
  CHECK(fitted.control_delay == 100_us);
  CHECK(fitted.nf_event.per_item == 625_ns);  // half of the time between two packets
  CHECK(fitted.put == Parts().put);
}

TEST_CASE("FittedProfile: nothing becomes cheaper than it was alone") {
  const Profile fitted = FittedProfile(Parts(), {{0, 900}, {{1000, 800'000}}, 800'000});
  CHECK(fitted == Parts());
}
