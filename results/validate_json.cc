// A comparison as JSON.
#include <nlohmann/json.hpp>

#include "results/validate.h"

namespace uhaul {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::string Dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json MetricJson(const MetricComparison& c) {
  return {{"metric", c.metric->name},
          {"a", OrNull(c.a)},
          {"b", OrNull(c.b)},
          {"b_interval", c.interval ? Json{c.interval->low, c.interval->high} : Json(nullptr)},
          {"b_iqr", OrNull(c.spread)},
          {"pairs", c.pairs},
          {"one_sided", c.one_sided},
          {"b_runs", c.runs},
          {"difference", OrNull(c.difference)},
          {"worst_pair", OrNull(c.worst)},
          {"verdict", AgreementName(c.agreement)}};
}

Json GroupJson(const GroupComparison& group) {
  Json metrics = Json::array();
  for (const MetricComparison& c : group.metrics) metrics.push_back(MetricJson(c));
  Json out = {{"workload", group.workload},
              {"scheme", group.scheme},
              {"threshold_bytes", group.threshold ? Json(*group.threshold) : Json(nullptr)},
              {"held_out", group.held_out},
              {"pairs", group.pairs},
              {"metrics", metrics}};
  if (group.baseline) {
    out["baseline"] = {{"downtime_ms", group.baseline->predicted_ms},
                       {"error_ratio", OrNull(group.baseline->error_ratio)}};
  }
  return out;
}

}  // namespace

std::string ComparisonJson(const Comparison& comparison, const ValidateOptions& options) {
  Json groups = Json::array();
  for (const GroupComparison& group : comparison.groups) groups.push_back(GroupJson(group));
  Json summaries = Json::array();
  for (const MetricSummary& s : comparison.summaries) {
    Json counts;
    for (int i = 0; i < kAgreements; ++i) {
      counts[std::string(AgreementName(static_cast<Agreement>(i)))] = s.groups[static_cast<size_t>(i)];
    }
    summaries.push_back({{"metric", s.metric->name},
                         {"held_out", s.held_out},
                         {"groups", counts},
                         {"median_difference", OrNull(s.median_difference)},
                         {"worst_difference", OrNull(s.worst_difference)},
                         {"verdict", AgreementName(s.agreement)}});
  }
  return Dump({{"tolerance", options.tolerance},
               {"pairs", comparison.pairs},
               {"verdict", AgreementName(comparison.agreement)},
               {"groups", groups},
               {"metrics", summaries},
               {"only_a", comparison.only_a},
               {"only_b", comparison.only_b}});
}

std::string ExactJson(const ExactComparison& comparison) {
  Json differences = Json::array();
  for (const ExactDifference& d : comparison.differences) {
    differences.push_back({{"point", d.point}, {"difference", d.text}});
  }
  return Dump({{"pairs", comparison.pairs},
               {"records", comparison.runs},
               {"verdict", comparison.differences.empty() ? "equal" : "different"},
               {"differences", differences},
               {"only_a", comparison.only_a},
               {"only_b", comparison.only_b}});
}

}  // namespace uhaul
