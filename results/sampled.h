// A figure over all traces together with its values on the resampled traces. Figures are combined draw by draw, so that
// "the largest over thresholds" or "the difference of two schemes" keeps what their runs share. Private to results/.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "results/claims.h"
#include "results/table_cells.h"

namespace uhaul {

struct Sampled {
  std::optional<double> value;
  std::vector<std::optional<double>> samples;  // empty: no bands

  std::optional<Band> band() const { return samples.empty() ? std::nullopt : Band90(samples); }
};

Sampled Sample(const WorkloadRuns& runs, const Statistic& statistic);
// The sum of `part` over the sum of `whole`, over the runs of a draw that give both.
Statistic RatioOfMeans(const WorkloadRuns& runs, const RunFigure& part, const RunFigure& whole);

using Values = std::vector<double>;
// Draw by draw. What is missing is left out; with nothing left the result is missing.
Sampled Combine(const std::vector<Sampled>& all, const std::function<double(const Values&)>& operation);
Sampled Least(const std::vector<Sampled>& all);
Sampled Largest(const std::vector<Sampled>& all);
Sampled Mean(const std::vector<Sampled>& all);
Sampled Transform(const Sampled& one, const std::function<double(double)>& operation);
// a - b; missing where either is.
Sampled Difference(const Sampled& a, const Sampled& b);

// Positive is what the paper claims.
Direction DirectionOf(const Sampled& effect);

// The share of draws in which each of `all` is the least; all zero without samples. Ties are shared.
std::vector<double> ShareOfLeast(const std::vector<Sampled>& all);

}  // namespace uhaul
