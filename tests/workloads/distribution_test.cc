#include "workloads/distribution.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "tests/workloads/temporary_directory.h"

namespace uhaul {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

SizeDistribution Shipped(const std::string& name) {
  Result<SizeDistribution> distribution = SizeDistribution::Load(name);
  if (!distribution) FAIL(distribution.error().message);
  return *distribution;
}

std::string ErrorOf(const std::string& text) {
  const test::TemporaryDirectory directory;
  const Result<SizeDistribution> distribution = SizeDistribution::Load(directory.Write("sizes.csv", text));
  REQUIRE_FALSE(distribution.ok());
  // The place, without the directory, which differs from run to run.
  const std::string& message = distribution.error().message;
  REQUIRE_THAT(message, StartsWith(directory.path()));
  return message.substr(directory.path().size() + 1);
}

TEST_CASE("SizeDistribution: the shipped tables have the documented means") {
  CHECK(std::llround(Shipped("web_search").MeanBytes()) == 1711250);
  CHECK(Shipped("facebook_cache").MeanBytes() == Approx(658473.75));
  CHECK(Shipped("azure_wan").MeanBytes() == Approx(250000).margin(1));
  CHECK(Shipped("facebook_cache_tab8").MeanBytes() == Approx(346823.75));
  CHECK(Shipped("azure_wan_tab8").MeanBytes() == Approx(165006.75));
}

TEST_CASE("SizeDistribution: byte shares above the paper's thresholds are the documented offline rho") {
  struct Row {
    const char* workload;
    std::vector<uint64_t> thresholds;
    std::vector<double> rho;
    double margin;
  };
  const std::vector<uint64_t> megabytes = {3'000'000, 4'000'000, 5'000'000, 6'000'000,
                                           7'000'000, 8'000'000, 9'000'000, 10'000'000};
  const std::vector<Row> rows = {
      {"web_search", megabytes, {.813, .745, .657, .612, .559, .498, .428, .351}, 0.0006},
      {"facebook_cache", megabytes, {.544, .528, .508, .484, .455, .422, .384, .342}, 0.0006},
      {"azure_wan", {1'000'000, 1'500'000, 2'000'000, 2'500'000}, {.78, .66, .32, .20}, 0.00001}};
  for (const Row& row : rows) {
    const SizeDistribution distribution = Shipped(row.workload);
    for (size_t i = 0; i < row.rho.size(); ++i) {
      INFO(row.workload << " at " << row.thresholds[i]);
      CHECK(distribution.ByteShareAbove(Bytes(row.thresholds[i])) == Approx(row.rho[i]).margin(row.margin));
    }
    CHECK(distribution.ByteShareAbove(Bytes(0)) == Approx(1));
    CHECK(distribution.ByteShareAbove(Bytes(100'000'000)) == 0);
  }
}

TEST_CASE("SizeDistribution: every shipped table says where it comes from and what kind of evidence it is") {
  const std::map<std::string, std::string> evidence = {{"web_search", "independent"},
                                                       {"facebook_cache", "fitted"},
                                                       {"azure_wan", "synthetic"},
                                                       {"facebook_cache_tab8", "fitted"},
                                                       {"azure_wan_tab8", "synthetic"}};
  REQUIRE(SizeDistribution::Shipped().size() == evidence.size());
  for (const std::string& name : SizeDistribution::Shipped()) {
    INFO(name);
    const SizeDistribution distribution = Shipped(name);
    CHECK(distribution.about().at("evidence") == evidence.at(name));
    CHECK(distribution.about().at("source").size() > 20);
    CHECK(std::stod(distribution.about().at("mean_bytes")) == Approx(distribution.MeanBytes()).margin(1));
  }
}

TEST_CASE("SizeDistribution: a first point above probability zero is an atom") {
  const Result<SizeDistribution> half = SizeDistribution::FromPoints({{100, 0.5}, {300, 1}}, "half");
  REQUIRE(half.ok());
  CHECK(half->MeanBytes() == Approx(0.5 * 100 + 0.5 * 200));
  CHECK(half->Cumulative(99.9) == 0);
  CHECK(half->Cumulative(100) == 0.5);
  CHECK(half->Quantile(0.3) == 100);
  CHECK(half->Quantile(0.75) == 200);
  CHECK(half->ByteShareAbove(Bytes(100)) == Approx(1));
  CHECK(half->ByteShareAbove(Bytes(101)) == Approx(0.5 * (300 * 300 - 101 * 101) / 400. / 150));
}

TEST_CASE("SizeDistribution: a flow has at least one byte and quantiles reach both ends") {
  const SizeDistribution web = Shipped("web_search");
  CHECK(web.Quantile(0) == 1);
  CHECK(web.Quantile(0.15) == 10000);
  CHECK(web.Quantile(0.85) == 3'500'000);
  CHECK(web.Quantile(1) == 30'000'000);
}

TEST_CASE("SizeDistribution: a flat stretch holds no flows") {
  const Result<SizeDistribution> gap = SizeDistribution::FromPoints({{0, 0}, {10, 0.5}, {1000, 0.5}, {1010, 1}}, "gap");
  REQUIRE(gap.ok());
  Random random(3, 4);
  for (int i = 0; i < 10000; ++i) {
    const uint64_t bytes = gap->Sample(random);
    REQUIRE((bytes <= 10 || bytes >= 1000));
  }
  CHECK(gap->Cumulative(500) == 0.5);
}

TEST_CASE("SizeDistribution: samples follow the cumulative table") {
  constexpr int kDraws = 200'000;
  for (const std::string& name : SizeDistribution::Shipped()) {
    const SizeDistribution distribution = Shipped(name);
    Random random(20161, 7);
    std::vector<uint64_t> drawn(kDraws);
    for (uint64_t& bytes : drawn) bytes = distribution.Sample(random);
    std::sort(drawn.begin(), drawn.end());
    double worst = 0;
    for (int i = 0; i < kDraws; ++i) {
      // Rounding to whole bytes moves a size by half a byte at most.
      const double low = distribution.Cumulative(static_cast<double>(drawn[i]) - 0.5);
      const double high = distribution.Cumulative(static_cast<double>(drawn[i]) + 0.5);
      worst = std::max({worst, static_cast<double>(i) / kDraws - high, low - static_cast<double>(i + 1) / kDraws});
    }
    INFO(name);
    CHECK(worst < 1.95 / std::sqrt(kDraws));  // Kolmogorov-Smirnov at 0.1 %
  }
}

TEST_CASE("SizeDistribution: a bad file is refused at its line") {
  CHECK_THAT(ErrorOf(""), StartsWith("sizes.csv: 0 points"));
  CHECK_THAT(ErrorOf("5,1\n"), StartsWith("sizes.csv: 1 points"));
  CHECK_THAT(ErrorOf("# c\n0,0\nten,1\n"), StartsWith("sizes.csv:3: 'ten' is not a number of bytes"));
  CHECK_THAT(ErrorOf("0,0\n10,x\n"), StartsWith("sizes.csv:2: 'x' is not a probability"));
  CHECK_THAT(ErrorOf("0,0\n10\n"), StartsWith("sizes.csv:2: expected two columns"));
  CHECK_THAT(ErrorOf("0,0\n10,1,1\n"), StartsWith("sizes.csv:2: expected two columns"));
  CHECK_THAT(ErrorOf("0,0\n\n10,0.5\n10,1\n"), StartsWith("sizes.csv:4: 10 bytes after 10; sizes must increase"));
  CHECK_THAT(ErrorOf("0,0\n10,0.5\n# c\n20,0.4\n30,1\n"), StartsWith("sizes.csv:4: probability 0.4 after 0.5"));
  CHECK_THAT(ErrorOf("0,0\n10,50\n"), StartsWith("sizes.csv:2: a probability of 50"));
  CHECK_THAT(ErrorOf("0,-0.1\n10,1\n"), StartsWith("sizes.csv:1: a probability of -0.1"));
  CHECK_THAT(ErrorOf("0,0\n10,nan\n"), StartsWith("sizes.csv:2: a probability of nan"));
  CHECK_THAT(ErrorOf("0,0\ninf,1\n"), StartsWith("sizes.csv:2: a size of inf"));
  CHECK_THAT(ErrorOf("-5,0\n10,1\n"), StartsWith("sizes.csv:1: a size of -5"));
  CHECK_THAT(ErrorOf("0,0\n1e12,1\n"), StartsWith("sizes.csv:2: a size of 1000000000000"));
  CHECK_THAT(ErrorOf("0,0\n10,0.999\n"), StartsWith("sizes.csv:2: the last probability is 0.999"));
  CHECK_THAT(ErrorOf("0,1\n10,1\n"), StartsWith("sizes.csv: every flow has 0 bytes"));
  CHECK_THAT(ErrorOf("0,0\n" + std::string(513, '1') + ",1\n"), StartsWith("sizes.csv:2: the line is longer than 512"));
  CHECK_THAT(ErrorOf(std::string("0,0\n1\0,1\n", 9)), StartsWith("sizes.csv:2: the line holds control characters"));
  std::string many;
  for (int i = 0; i <= 100'000; ++i) many += std::to_string(i) + ",0\n";
  CHECK_THAT(ErrorOf(many), StartsWith("sizes.csv: 100001 points; at most 100000"));
}

TEST_CASE("SizeDistribution: points from a program are checked as those from a file") {
  const Result<SizeDistribution> bad = SizeDistribution::FromPoints({{0, 0}, {10, 0.7}, {20, 0.6}, {30, 1}}, "table");
  REQUIRE_FALSE(bad.ok());
  CHECK_THAT(bad.error().message, StartsWith("table: point 3: probability 0.6 after 0.7"));
}

TEST_CASE("SizeDistribution: header line, blanks, Windows line ends and a missing last line end are accepted") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.Write(
      "mine.csv", "# source: a lab\r\n# source: in Bonn\r\nbytes,cumulative_probability\r\n 0 ,\t0\r\n1e3,1");
  const Result<SizeDistribution> mine = SizeDistribution::Load(path);
  if (!mine) FAIL(mine.error().message);
  CHECK(mine->MeanBytes() == Approx(500));
  CHECK(mine->about().at("source") == "a lab in Bonn");
}

TEST_CASE("SizeDistribution: an unknown name lists the shipped ones and guesses what was meant") {
  const Result<SizeDistribution> near = SizeDistribution::Load("WebSerch");
  REQUIRE_FALSE(near.ok());
  CHECK_THAT(near.error().message, Contains("'WebSerch'") && Contains("did you mean 'web_search'?"));
  const Result<SizeDistribution> far = SizeDistribution::Load("hadoop");
  REQUIRE_FALSE(far.ok());
  CHECK_THAT(far.error().message, !Contains("did you mean"));
  for (const std::string& name : SizeDistribution::Shipped()) CHECK_THAT(far.error().message, Contains(name));
  CHECK_FALSE(SizeDistribution::Load("/nowhere/at/all.csv").ok());
  CHECK_FALSE(SizeDistribution::Load("/").ok());
}

TEST_CASE("SizeDistribution: UHAUL_WORKLOADS replaces the directory of the shipped tables") {
  const test::TemporaryDirectory directory;
  setenv("UHAUL_WORKLOADS", directory.path().c_str(), 1);
  const Result<SizeDistribution> missing = SizeDistribution::Load("web_search");
  directory.Write("web_search.csv", "# source: test\n0,0\n8,1\n");
  const Result<SizeDistribution> unclassified = SizeDistribution::Load("web_search");
  directory.Write("web_search.csv", "# source: test\n# evidence: synthetic\n0,0\n8,1\n");
  const Result<SizeDistribution> replaced = SizeDistribution::Load("web_search");
  unsetenv("UHAUL_WORKLOADS");

  REQUIRE_FALSE(missing.ok());
  CHECK_THAT(missing.error().message, Contains("set UHAUL_WORKLOADS"));
  REQUIRE_FALSE(unclassified.ok());
  CHECK_THAT(unclassified.error().message, Contains("evidence"));
  REQUIRE(replaced.ok());
  CHECK(replaced->MeanBytes() == Approx(4));
}

}  // namespace
}  // namespace uhaul
