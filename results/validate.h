// Validation: two sets of points, metric by metric. A is the model (the simulator, say), B what it is held against (an
// engine in real time, a testbed). Points are paired (results/pairing.h) and grouped by workload, scheme and threshold.
//
//   value of a pair    median of its repeated runs, on each side
//   value of a group   mean of its pairs' values; only pairs with a value on both sides count
//   interval           of B's value, 95 %: one pair: order statistics of its runs (exact binomial, from six runs);
//                      several: runs resampled within each pair, from two runs in each
//   difference         (A - B) / |B|
//
// What a side cannot say is "no data", never zero.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "results/metric_table.h"
#include "results/pairing.h"
#include "results/paper_tables.h"
#include "results/statistics.h"

namespace uhaul {

// In order: a summary is as bad as its worst group.
enum class Agreement : uint8_t {
  kNoData,        // not on both sides
  kEqual,         // every pair, to the last digit
  kWithin,        // |difference| <= tolerance
  kWithinSpread,  // beyond it, but A lies in B's interval
  kOutside,
};
inline constexpr int kAgreements = 5;
std::string_view AgreementName(Agreement agreement);

struct ValidateOptions {
  PairRule rule;
  double tolerance = 0.10;
  std::vector<std::string> metrics;                  // by name; empty: all that Metrics() marks as compared
  uint64_t mice_below = 3'000'000;                   // for points without a threshold of their own
  std::function<bool(const StoredPoint&)> held_out;  // not used by the calibration
  uint32_t resamples = 2000;
  uint64_t seed = 1;
};

struct MetricComparison {
  const Metric* metric = nullptr;
  std::optional<double> a;
  std::optional<double> b;
  std::optional<Band> interval;      // of b
  std::optional<double> spread;      // interquartile range of B's runs, mean over pairs; none with single runs
  std::optional<double> difference;  // none also where b is 0 and a is not
  std::optional<double> worst;       // largest |difference| of a pair
  size_t pairs = 0;                  // with a value on both sides
  size_t one_sided = 0;              // pairs with a value on one side only
  size_t runs = 0;                   // of B
  Agreement agreement = Agreement::kNoData;
};

// How downtime would be predicted without a simulator: cost of get per flow x flows selected.
struct Baseline {
  double predicted_ms = 0;
  // |A - B| / |predicted - B|; below 1 A is the closer one. None where the baseline hits B exactly.
  std::optional<double> error_ratio;
};

struct GroupComparison {
  std::string workload;
  std::string scheme;
  std::optional<uint64_t> threshold;
  bool held_out = false;
  size_t pairs = 0;
  std::vector<MetricComparison> metrics;
  std::optional<Baseline> baseline;
};

// One metric over all groups of a kind.
struct MetricSummary {
  const Metric* metric = nullptr;
  bool held_out = false;
  std::array<size_t, kAgreements> groups{};
  std::optional<double> median_difference;  // of the groups' |difference|
  std::optional<double> worst_difference;
  Agreement agreement = Agreement::kNoData;
};

struct Comparison {
  std::vector<GroupComparison> groups;
  std::vector<MetricSummary> summaries;  // calibrated-on first
  std::vector<std::string> only_a;       // "ID (web_search, uhaul, 3 MB, trace 1)"
  std::vector<std::string> only_b;
  size_t pairs = 0;
  Agreement agreement = Agreement::kNoData;

  bool Agrees() const { return agreement != Agreement::kNoData && agreement != Agreement::kOutside; }
};

// Errors: an ambiguous pairing; a metric that does not exist.
Result<Comparison> Compare(std::span<const StoredPoint> a, std::span<const StoredPoint> b,
                           const ValidateOptions& options);

// The virtual clock's claim: every run of B equals A's record field by field.
struct ExactDifference {
  std::string point;
  std::string text;  // "flows[3].t0_bytes: 12 in A, 13 in B"
};
struct ExactComparison {
  size_t pairs = 0;
  size_t runs = 0;
  std::vector<ExactDifference> differences;  // one a run that differs
  std::vector<std::string> only_a;
  std::vector<std::string> only_b;
};
Result<ExactComparison> CompareExactly(std::span<const StoredPoint> a, std::span<const StoredPoint> b,
                                       const PairRule& rule);

// "web_search, uhaul, 3 MB"; with the trace if there is one.
std::string PointTitle(const StoredPoint& point);

// validate_text.cc, validate_json.cc
std::string RenderComparison(const Comparison& comparison, const ValidateOptions& options, const RenderOptions& render);
// Only the groups' tables.
std::string RenderGroups(const Comparison& comparison, const RenderOptions& render);
std::string RenderExact(const ExactComparison& comparison);
// A row per metric and group.
std::string ComparisonCsv(const Comparison& comparison);
// A against B, all groups and metrics, as SVG.
std::string ComparisonSvg(const Comparison& comparison, const ValidateOptions& options, const std::string& a_name,
                          const std::string& b_name);
std::string ComparisonJson(const Comparison& comparison, const ValidateOptions& options);
std::string ExactJson(const ExactComparison& comparison);

}  // namespace uhaul
