#include "experiments/value_text.h"

#include <catch2/catch.hpp>

using namespace uhaul;

TEST_CASE("Units: decimal fractions are exact, whatever the unit") {
  CHECK(ParseQuantity(UnitKind::kDuration, "0.2625ms").value() == 262'500);
  CHECK(ParseQuantity(UnitKind::kDuration, "2.5s").value() == 2'500'000'000);
  CHECK(ParseQuantity(UnitKind::kDuration, "1.5min").value() == 90'000'000'000);
  CHECK(ParseQuantity(UnitKind::kBytes, "3MB").value() == ParseQuantity(UnitKind::kBytes, "3000KB").value());
  CHECK(ParseQuantity(UnitKind::kBytes, "1MiB").value() == 1'048'576);
  CHECK(ParseQuantity(UnitKind::kRate, "10Gbps").value() == 10'000'000'000);
}

TEST_CASE("Units: a missing unit, a fraction of a byte and an overflow are errors") {
  CHECK(ParseQuantity(UnitKind::kRate, "10Gbit").error().message ==
        "needs a unit, got '10Gbit'  (one of Gbps, Mbps, kbps, bps)");
  CHECK_FALSE(ParseQuantity(UnitKind::kBytes, "3").ok());
  CHECK_FALSE(ParseQuantity(UnitKind::kBytes, "MB").ok());
  CHECK_FALSE(ParseQuantity(UnitKind::kBytes, "0.5B").ok());
  CHECK_FALSE(ParseQuantity(UnitKind::kBytes, "1.2.3MB").ok());
  CHECK_FALSE(ParseQuantity(UnitKind::kBytes, ".5MB").ok());
  CHECK_FALSE(ParseQuantity(UnitKind::kDuration, "-1s").ok());
  CHECK_FALSE(ParseQuantity(UnitKind::kDuration, "99999999999999999999999s").ok());
  CHECK_FALSE(ParseQuantity(UnitKind::kDuration, "9999999999999s").ok());
}

TEST_CASE("Units: what is written is read back as the same number") {
  for (const int64_t value : {int64_t{0}, int64_t{1}, int64_t{999}, int64_t{1500}, int64_t{262'500}, int64_t{3'000'000},
                              int64_t{1'048'576}, int64_t{10'000'000'000}, INT64_MAX}) {
    for (const UnitKind kind : {UnitKind::kDuration, UnitKind::kBytes, UnitKind::kRate}) {
      const std::string text = FormatQuantity(kind, value);
      CAPTURE(text);
      CHECK(ParseQuantity(kind, text).value() == value);
    }
  }
  CHECK(FormatQuantity(UnitKind::kBytes, 3'000'000) == "3MB");
  CHECK(FormatQuantity(UnitKind::kDuration, 100'000'000) == "100ms");
}

TEST_CASE("Integers: leading zeros, signs, spaces and overflow are errors") {
  CHECK(ParseInteger("0").value() == 0);
  CHECK(ParseInteger("-7").value() == -7);
  for (const char* bad : {"", "-", "+1", "01", "-0", " 1", "1 ", "1e3", "0x10", "9223372036854775808"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseInteger(bad).ok());
  }
}

TEST_CASE("Reals: infinity and not-a-number are not numbers") {
  CHECK(ParseReal("0.5").value() == 0.5);
  for (const char* bad : {"", "inf", "nan", "-inf", "1,5", "0x1p3", "1e999"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseReal(bad).ok());
  }
}

TEST_CASE("Did you mean: typing errors find their word, other words find none") {
  const std::vector<std::string> names = {"edm.rho", "edm.threshold", "fit.window", "workload.window", "link.rate"};
  CHECK(DidYouMean("edm.rhoo", names) == "; did you mean 'edm.rho'?");
  CHECK(DidYouMean("edm.windo", names) == "; did you mean 'fit.window' or 'workload.window'?");
  CHECK(DidYouMean("threshold", names) == "; did you mean 'edm.threshold'?");
  CHECK(DidYouMean("completely-different", names) == "");
  CHECK(DidYouMean(std::string(100'000, 'x'), names) == "");
}

TEST_CASE("Quoted: control characters are visible and long text is cut") {
  CHECK(Quoted("a\nb") == "'a\\x0ab'");
  CHECK(Quoted("abcdef", 3) == "'abc...'");
}
