#include "results/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/random.h"
#include "results/metrics.h"

namespace uhaul {
namespace {

// The values of one cell in order, with the continuous rank of each: between its neighbours' ranks by its distance to
// them; outside all others the nearer to 0 (or n) the farther off; equal values share their mean rank.
class CellRanks {
 public:
  explicit CellRanks(std::vector<double> values) : sorted_(std::move(values)) {
    std::sort(sorted_.begin(), sorted_.end());
  }
  // From the nearer side: 0 is the most extreme.
  double Depth(double value) const {
    const double rank = Rank(value);
    return std::min(rank, static_cast<double>(sorted_.size()) - rank);
  }

 private:
  double Rank(double value) const {
    const auto first = std::lower_bound(sorted_.begin(), sorted_.end(), value);
    const auto end = std::upper_bound(first, sorted_.end(), value);
    const auto below = static_cast<double>(first - sorted_.begin());
    const auto n = static_cast<double>(sorted_.size());
    if (end - first > 1) return below + static_cast<double>(end - first) / 2;
    if (first == sorted_.begin()) return Beyond(*end - value, sorted_.back() - *end);
    if (end == sorted_.end()) return n - Beyond(value - *(first - 1), *(first - 1) - sorted_.front());
    return below + (value - *(first - 1)) / (*end - *(first - 1));
  }
  static double Beyond(double distance, double range) { return range > 0 ? std::exp(-distance / range) : 0; }

  std::vector<double> sorted_;
};

}  // namespace

std::vector<Draw> DrawTraces(size_t traces, size_t size, uint32_t resamples, uint64_t seed, uint64_t stream) {
  UHAUL_CHECK(traces > 0);
  Random random(seed, stream);
  std::vector<Draw> draws(resamples, Draw(size));
  for (Draw& draw : draws) {
    for (uint32_t& trace : draw) trace = static_cast<uint32_t>(random.Below(traces));
  }
  return draws;
}

std::vector<std::optional<double>> Resample(const Statistic& statistic, const std::vector<Draw>& draws) {
  std::vector<std::optional<double>> values;
  values.reserve(draws.size());
  for (const Draw& draw : draws) values.push_back(statistic(draw));
  return values;
}

std::optional<Band> Band90(const std::vector<std::optional<double>>& values) {
  std::vector<double> given;
  for (const auto& value : values) {
    if (value) given.push_back(*value);
  }
  if (given.empty() || given.size() * 10 < values.size() * 9) return std::nullopt;
  Band band;
  band.low = Quantile(given, 0.05);
  band.high = Quantile(given, 0.95);
  return band;
}

std::optional<Band> MedianInterval95(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  // P(at most k of n values lie below the median), from k = 0.
  double log_term = -n * std::log(2.0);
  double below = std::exp(log_term);
  size_t k = 0;
  if (values.empty() || below > 0.025) return std::nullopt;
  for (;;) {
    log_term += std::log((n - static_cast<double>(k)) / static_cast<double>(k + 1));
    below += std::exp(log_term);
    if (below > 0.025) break;
    ++k;
  }
  return Band{values[k], values[values.size() - 1 - k]};
}

double EnvelopeP(const std::vector<double>& observed, const std::vector<std::vector<double>>& samples) {
  UHAUL_CHECK(!observed.empty());
  UHAUL_CHECK(!samples.empty());
  std::vector<const std::vector<double>*> vectors = {&observed};
  for (const auto& sample : samples) {
    UHAUL_CHECK(sample.size() == observed.size());
    vectors.push_back(&sample);
  }
  std::vector<double> least(vectors.size(), static_cast<double>(vectors.size()));
  for (size_t cell = 0; cell < observed.size(); ++cell) {
    std::vector<double> values;
    for (const auto* vector : vectors) values.push_back((*vector)[cell]);
    const CellRanks ranks(std::move(values));
    for (size_t i = 0; i < vectors.size(); ++i) least[i] = std::min(least[i], ranks.Depth((*vectors[i])[cell]));
  }
  const auto as_extreme = std::count_if(least.begin(), least.end(), [&](double depth) { return depth <= least[0]; });
  return static_cast<double>(as_extreme) / static_cast<double>(least.size());
}

std::vector<double> Holm(const std::vector<double>& p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(p.size() - i) * p[order[i]]));
    adjusted[order[i]] = largest;
  }
  return adjusted;
}

}  // namespace uhaul
