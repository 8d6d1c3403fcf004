// What takes two runs of one trace: OpenNF's and U-HAUL's. Flows are paired by five-tuple; only flows that ended in
// both runs are averaged, the others are counted (DECISIONS 9).
#pragma once

#include <array>
#include <optional>

#include "results/metrics.h"

namespace uhaul {

// Mice: final size below the threshold.
enum class MicePopulation : uint8_t {
  kUnselected,  // of A, not selected by U-HAUL: the paper's
  kAlive,       // of those, the ones alive at t0
  kArrived,     // first packet sent during OpenNF's T: those that OpenNF hurts most
  kAll,         // kUnselected and kArrived
};
inline constexpr int kMicePopulations = 4;

struct FctRatio {
  size_t flows = 0;                      // that ended in both runs
  size_t unfinished = 0;                 // that did not
  size_t unpaired = 0;                   // absent from U-HAUL's record
  std::optional<double> ratio_of_means;  // FCT under OpenNF / FCT under U-HAUL
  std::optional<double> mean_of_ratios;
  std::optional<double> median;  // of the flows' ratios
  std::optional<double> p99;
  std::optional<double> from_arrival;  // ratio of means, with waiting before the first packet
  std::optional<double> arithmetic;    // the paper's: (FCT + T of OpenNF) / FCT, FCT under U-HAUL, ratio of means
};
// By MicePopulation.
using FctRatios = std::array<FctRatio, kMicePopulations>;
FctRatios JoinFct(const RunRecord& opennf, const RunRecord& uhaul, uint64_t threshold);

// 100 (1 - part / whole); nullopt if either is missing or whole is 0.
std::optional<double> ReductionPercent(std::optional<double> part, std::optional<double> whole);
// 1 - 1 / ratio in percent: how 4.6 becomes 78.3 %.
std::optional<double> LatencyReduction(std::optional<double> ratio);

}  // namespace uhaul
