// uhaul-runtime calibrate, as a program. No figure is asserted: only that all are there.
#include "runtime/calibrate.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/runtime/engines.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

TEST_CASE("MeasureComponents: every component of a profile is measured, and takes time") {
  const auto components = MeasureComponents({.rounds = 7, .flows = 64});
  REQUIRE(components.ok());
  std::string names;
  for (const ComponentCost& component : *components) {
    CAPTURE(component.name);
    names += component.name + " ";
    CHECK(component.ns > 0);
    CHECK(component.spread_ns >= 0);
    CHECK_FALSE(component.how.empty());
  }
  CHECK(names == "packet get put del nf_event detect message event packet_out rule control_delay ");
}

TEST_CASE("Summed: the median and the interquartile range") {
  const ComponentCost cost = Summed("x", {9, 1, 5, 3, 7}, "so");
  CHECK(cost.ns == 5);
  CHECK(cost.spread_ns == 4);
}

TEST_CASE("uhaul-runtime calibrate: a quick calibration writes a profile that can be read") {
  const Place place;
  const std::string file = place / "machine.yaml";
  const int code = place.Engine("uhaul-runtime", "calibrate --quick --json --name test-machine --out " + file);
  INFO(place.log());
  REQUIRE(code == 0);
  const Result<ProfileFile> profile = LoadProfile(file);
  REQUIRE(profile.ok());
  const Profile& p = profile->profile;
  CHECK(p.name == "test-machine");
  for (const Cost& cost : {p.get, p.put, p.del, p.nf_event, p.detect, p.message, p.event, p.packet_out, p.rule}) {
    CHECK(cost.per_item > Duration());
  }
  CHECK(p.control_delay > Duration());
  CHECK(profile->measured.size() == 5);
  const auto json = nlohmann::json::parse(place.log(), nullptr, false);
  REQUIRE(json.is_object());
  CHECK(json["components"].size() == 11);
  CHECK(json["name"] == "test-machine");
  CHECK(place.Engine("uhaul-runtime", "calibrate --quick --no-such") == 64);
}
