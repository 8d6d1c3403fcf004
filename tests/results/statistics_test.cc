#include "results/statistics.h"

#include <catch2/catch.hpp>

#include "core/base/random.h"

namespace uhaul {
namespace {

TEST_CASE("statistics: the same seed draws the same traces, another seed or stream others") {
  const auto draws = DrawTraces(30, 5, 200, 7, 1);
  CHECK(draws == DrawTraces(30, 5, 200, 7, 1));
  CHECK(draws != DrawTraces(30, 5, 200, 8, 1));
  CHECK(draws != DrawTraces(30, 5, 200, 7, 2));
  REQUIRE(draws.size() == 200);
  std::vector<int> seen(30, 0);
  for (const Draw& draw : draws) {
    REQUIRE(draw.size() == 5);
    for (const uint32_t trace : draw) {
      REQUIRE(trace < 30);
      ++seen[trace];
    }
  }
  for (const int count : seen) CHECK(count > 0);
}

TEST_CASE("statistics: the band holds the middle nine tenths of what the draws gave") {
  std::vector<std::optional<double>> values;
  for (int i = 0; i <= 100; ++i) values.emplace_back(100 - i);
  const auto band = Band90(values);
  REQUIRE(band);
  CHECK(band->low == Approx(5));
  CHECK(band->high == Approx(95));
}

TEST_CASE("statistics: draws without a value leave no band when they are more than a tenth") {
  std::vector<std::optional<double>> values(100, 1.0);
  for (int i = 0; i < 10; ++i) values[static_cast<size_t>(i)] = std::nullopt;
  CHECK(Band90(values));
  values[10] = std::nullopt;
  CHECK_FALSE(Band90(values));
  CHECK_FALSE(Band90({}));
}

double Noise(Random& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.Uniform();
  return sum;
}
// Vectors of 16 cells that share a part.
std::vector<double> Vector(Random& random) {
  const double shared = Noise(random);
  std::vector<double> vector;
  for (int i = 0; i < 16; ++i) vector.push_back(shared + Noise(random));
  return vector;
}

TEST_CASE("statistics: the envelope test keeps its level on vectors of the same law and rejects shifted ones") {
  Random random(1, 1);
  std::vector<std::vector<double>> samples;
  for (int i = 0; i < 400; ++i) samples.push_back(Vector(random));
  int rejected = 0;
  int rejected_shifted = 0;
  constexpr int kTrials = 200;
  for (int i = 0; i < kTrials; ++i) {
    std::vector<double> observed = Vector(random);
    rejected += EnvelopeP(observed, samples) < 0.05;
    observed[3] += 8;  // one cell of sixteen
    rejected_shifted += EnvelopeP(observed, samples) < 0.05;
  }
  CHECK(rejected < kTrials / 10);
  CHECK(rejected_shifted == kTrials);
}

TEST_CASE("statistics: an observation like every sample is not extreme") {
  const std::vector<std::vector<double>> samples(50, {1.0, 2.0});
  CHECK(EnvelopeP({1.0, 2.0}, samples) == 1);
  CHECK(EnvelopeP({1.0, 3.0}, samples) == Approx(1.0 / 51));
}

TEST_CASE("statistics: Holm's correction by hand") {
  const auto adjusted = Holm({0.01, 0.04, 0.03, 0.005});
  REQUIRE(adjusted.size() == 4);
  CHECK(adjusted[0] == Approx(0.03));
  CHECK(adjusted[1] == Approx(0.06));  // 1 x 0.04 is less than the one before it
  CHECK(adjusted[2] == Approx(0.06));
  CHECK(adjusted[3] == Approx(0.02));
  CHECK(Holm({0.9, 0.8})[1] == 1);
  CHECK(Holm({}).empty());
}

TEST_CASE("verdict: a number is judged by its band, the band's width and its mark") {
  struct Case {
    double paper;
    std::optional<Band> band;
    Mark mark;
    Verdict verdict;
  };
  const Band narrow{1, 1.5};
  const Band wide{1, 2.5};
  const Case cases[] = {
      {1.2, narrow, Mark::kNone, Verdict::kIn},
      {1.0, narrow, Mark::kNone, Verdict::kIn},
      {1.6, narrow, Mark::kNone, Verdict::kOut},
      {1.6, narrow, Mark::kModelFails, Verdict::kModelFails},
      {1.2, narrow, Mark::kModelFails, Verdict::kIn},  // what was expected is not what counts
      {1.2, wide, Mark::kNone, Verdict::kUninformative},
      {3.0, wide, Mark::kNone, Verdict::kOut},
      {2.0, Band{1, 2}, Mark::kNone, Verdict::kIn},  // exactly a factor 2
      {0.0, Band{0, 0}, Mark::kNone, Verdict::kIn},
      {0.1, Band{0, 0}, Mark::kNone, Verdict::kOut},
      {0.0, Band{0, 0.4}, Mark::kNone, Verdict::kUninformative},
      {1.2, std::nullopt, Mark::kModelFails, Verdict::kNoBand},
      {1.2, narrow, Mark::kNotComparable, Verdict::kNotComparable},
      {1.2, std::nullopt, Mark::kNotComparable, Verdict::kNotComparable},
  };
  for (const Case& c : cases) {
    INFO(c.paper << " in " << (c.band ? c.band->low : -1) << " " << (c.band ? c.band->high : -1));
    CHECK(Judge(c.paper, c.band, c.mark) == c.verdict);
  }
}

TEST_CASE("statistics: the interval of a median is the pair of order statistics of exact 95 % coverage") {
  std::vector<double> values = {5, 4, 3, 2, 1};
  CHECK_FALSE(MedianInterval95(values));
  CHECK_FALSE(MedianInterval95({}));
  values.push_back(6);
  REQUIRE(MedianInterval95(values));
  CHECK(MedianInterval95(values)->low == 1);
  CHECK(MedianInterval95(values)->high == 6);
  // Ten values: second to ninth (97.9 %); twenty-five: eighth to eighteenth (95.7 %).
  values.clear();
  for (int i = 1; i <= 25; ++i) {
    values.push_back(i);
    if (i == 10) CHECK((MedianInterval95(values)->low == 2 && MedianInterval95(values)->high == 9));
  }
  CHECK((MedianInterval95(values)->low == 8 && MedianInterval95(values)->high == 18));
}

}  // namespace
}  // namespace uhaul
