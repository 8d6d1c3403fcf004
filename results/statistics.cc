#include "results/statistics.h"

#include <algorithm>
#include <numeric>

#include "core/base/random.h"
#include "results/metrics.h"

namespace uhaul {
namespace {

// How deep each vector lies in each cell, from both sides; the smallest depths first.
using Depths = std::vector<uint32_t>;

void AddDepths(const std::vector<const std::vector<double>*>& vectors, size_t cell, std::vector<Depths>& depths) {
  std::vector<double> sorted;
  sorted.reserve(vectors.size());
  for (const auto* vector : vectors) sorted.push_back((*vector)[cell]);
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < vectors.size(); ++i) {
    const double value = (*vectors[i])[cell];
    const auto not_above = std::upper_bound(sorted.begin(), sorted.end(), value) - sorted.begin();
    const auto not_below = sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), value);
    depths[i].push_back(static_cast<uint32_t>(std::min(not_above, not_below)));
  }
}

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

double EnvelopeP(const std::vector<double>& observed, const std::vector<std::vector<double>>& samples) {
  UHAUL_CHECK(!observed.empty());
  UHAUL_CHECK(!samples.empty());
  std::vector<const std::vector<double>*> vectors = {&observed};
  for (const auto& sample : samples) {
    UHAUL_CHECK(sample.size() == observed.size());
    vectors.push_back(&sample);
  }
  std::vector<Depths> depths(vectors.size());
  for (size_t cell = 0; cell < observed.size(); ++cell) AddDepths(vectors, cell, depths);
  for (Depths& d : depths) std::sort(d.begin(), d.end());
  size_t as_extreme = 0;
  for (const Depths& d : depths) as_extreme += d <= depths[0];
  return static_cast<double>(as_extreme) / static_cast<double>(depths.size());
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
