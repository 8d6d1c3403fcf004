// Resampling of traces, and what follows from it. A trace is drawn whole: all schemes, thresholds and metrics that were
// run on it come along, so that cells which depend on each other vary together. The paper's numbers are means of five
// runs; hence bands of five-run means.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "results/verdict.h"

namespace uhaul {

inline constexpr size_t kTracesForBands = 30;
inline constexpr size_t kRunsOfThePaper = 5;

// One draw: indices of traces, repetitions possible.
using Draw = std::vector<uint32_t>;
// `resamples` draws of `size` out of `traces`, with replacement. The same arguments give the same draws anywhere.
std::vector<Draw> DrawTraces(size_t traces, size_t size, uint32_t resamples, uint64_t seed, uint64_t stream);

// A figure from the runs of some traces; nullopt if they give none.
using Statistic = std::function<std::optional<double>(const Draw&)>;

// The statistic of each draw.
std::vector<std::optional<double>> Resample(const Statistic& statistic, const std::vector<Draw>& draws);
// From the 5 % to the 95 % quantile of what the draws gave; nullopt if more than a tenth of them gave nothing.
std::optional<Band> Band90(const std::vector<std::optional<double>>& values);

// Of the median of independent values: from one order statistic to its mirror, as near as they may be for a coverage of
// at least 95 % by the exact binomial, whatever the distribution; nullopt below six values.
std::optional<Band> MedianInterval95(std::vector<double> values);

// Global envelope test by extreme rank, two-sided, with continuous ranks (Hahn 2015; Mrkvicka et al. 2022, "cont"): how
// often do `samples`, vectors of the same cells, hold one whose most extreme cell is at least as extreme as that of
// `observed`? Whole ranks would tie every vector that is first or last in any cell, and hide how far off one lies.
// Needs one cell and one sample at least.
double EnvelopeP(const std::vector<double>& observed, const std::vector<std::vector<double>>& samples);

// Holm's step-down correction, in the order given.
std::vector<double> Holm(const std::vector<double>& p);

}  // namespace uhaul
