#include "results/sampled.h"

#include <algorithm>
#include <numeric>

namespace uhaul {
namespace {

std::optional<double> Apply(const std::vector<std::optional<double>>& given,
                            const std::function<double(const Values&)>& operation) {
  Values values;
  for (const auto& value : given) {
    if (value) values.push_back(*value);
  }
  if (values.empty()) return std::nullopt;
  return operation(values);
}

// Draws for which every part has samples; 0 if one has none.
size_t CommonDraws(const std::vector<Sampled>& all) {
  size_t draws = all.empty() ? 0 : all[0].samples.size();
  for (const Sampled& one : all) draws = std::min(draws, one.samples.size());
  return draws;
}

}  // namespace

Sampled Sample(const WorkloadRuns& runs, const Statistic& statistic) {
  Sampled sampled;
  sampled.value = Overall(runs, statistic);
  if (runs.HasBands()) sampled.samples = Resample(statistic, runs.draws);
  return sampled;
}

Statistic RatioOfMeans(const WorkloadRuns& runs, const RunFigure& part, const RunFigure& whole) {
  std::vector<std::optional<double>> parts;
  std::vector<std::optional<double>> wholes;
  for (const TraceRuns& trace : runs.traces) {
    parts.push_back(part(trace));
    wholes.push_back(whole(trace));
  }
  return [parts = std::move(parts), wholes = std::move(wholes)](const Draw& draw) -> std::optional<double> {
    double part_sum = 0;
    double whole_sum = 0;
    for (const uint32_t i : draw) {
      if (!parts[i] || !wholes[i]) continue;
      part_sum += *parts[i];
      whole_sum += *wholes[i];
    }
    if (whole_sum <= 0) return std::nullopt;
    return part_sum / whole_sum;
  };
}

Sampled Combine(const std::vector<Sampled>& all, const std::function<double(const Values&)>& operation) {
  Sampled combined;
  std::vector<std::optional<double>> given;
  for (const Sampled& one : all) given.push_back(one.value);
  combined.value = Apply(given, operation);
  const size_t draws = CommonDraws(all);
  for (size_t draw = 0; draw < draws; ++draw) {
    given.clear();
    for (const Sampled& one : all) given.push_back(one.samples[draw]);
    combined.samples.push_back(Apply(given, operation));
  }
  return combined;
}

Sampled Least(const std::vector<Sampled>& all) {
  return Combine(all, [](const Values& v) { return *std::min_element(v.begin(), v.end()); });
}
Sampled Largest(const std::vector<Sampled>& all) {
  return Combine(all, [](const Values& v) { return *std::max_element(v.begin(), v.end()); });
}
Sampled Mean(const std::vector<Sampled>& all) {
  return Combine(
      all, [](const Values& v) { return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size()); });
}
Sampled Transform(const Sampled& one, const std::function<double(double)>& operation) {
  return Combine({one}, [&](const Values& v) { return operation(v[0]); });
}

Sampled Difference(const Sampled& a, const Sampled& b) {
  const auto minus = [](std::optional<double> x, std::optional<double> y) {
    return x && y ? std::optional<double>(*x - *y) : std::nullopt;
  };
  Sampled difference;
  difference.value = minus(a.value, b.value);
  for (size_t i = 0; i < std::min(a.samples.size(), b.samples.size()); ++i) {
    difference.samples.push_back(minus(a.samples[i], b.samples[i]));
  }
  return difference;
}

Direction DirectionOf(const Sampled& effect) {
  const auto band = effect.band();
  if (!band) return Direction::kUndecided;
  if (band->low > 0) return Direction::kHolds;
  if (band->high < 0) return Direction::kReverses;
  return Direction::kUndecided;
}

std::vector<double> ShareOfLeast(const std::vector<Sampled>& all) {
  std::vector<double> shares(all.size(), 0.0);
  const size_t draws = CommonDraws(all);
  size_t counted = 0;
  for (size_t draw = 0; draw < draws; ++draw) {
    std::vector<size_t> least;
    for (size_t i = 0; i < all.size(); ++i) {
      const auto& value = all[i].samples[draw];
      if (!value) continue;
      if (!least.empty() && *value > *all[least[0]].samples[draw]) continue;
      if (!least.empty() && *value < *all[least[0]].samples[draw]) least.clear();
      least.push_back(i);
    }
    if (least.empty()) continue;
    for (const size_t i : least) shares[i] += 1 / static_cast<double>(least.size());
    ++counted;
  }
  for (double& share : shares) share = counted == 0 ? 0 : share / static_cast<double>(counted);
  return shares;
}

}  // namespace uhaul
