#include "results/pairing.h"

#include <fmt/format.h>

#include <map>

namespace uhaul {
namespace {

using Runs = std::vector<const StoredPoint*>;
using BySpec = std::map<std::map<std::string, std::string>, Runs>;

BySpec Collect(std::span<const StoredPoint> points) {
  BySpec runs;
  for (const StoredPoint& point : points) runs[point.spec].push_back(&point);
  return runs;
}

std::map<std::string, std::string> Reduced(const std::map<std::string, std::string>& spec, const PairRule& rule) {
  std::map<std::string, std::string> reduced;
  for (const auto& [key, value] : spec) {
    const bool counts = rule.join.empty() ? !MatchesKey(rule.ignore, key) : MatchesKey(rule.join, key);
    if (counts) reduced.emplace(key, value);
  }
  return reduced;
}

// "profile.get=2500 or 2750": the first key in which two specs differ.
std::string Contrast(const StoredPoint& one, const StoredPoint& other) {
  for (const auto& [key, value] : one.spec) {
    const auto found = other.spec.find(key);
    const std::string theirs = found == other.spec.end() ? "none" : found->second;
    if (theirs != value) return fmt::format("{}={} or {}", key, value, theirs);
  }
  return "more keys or fewer";
}

// The runs under their reduced spec, which must be a spec's own.
Result<BySpec> Reduce(BySpec& runs, const PairRule& rule, const char* side) {
  BySpec reduced;
  for (auto& [spec, group] : runs) {
    const auto [at, fresh] = reduced.emplace(Reduced(spec, rule), group);
    if (fresh) continue;
    return Error{
        fmt::format("two points of {} could be the same run of the other set ({} and {}: {}); choose one with --set, "
                    "or ignore fewer keys with --ignore",
                    side, at->second.front()->id, group.front()->id, Contrast(*at->second.front(), *group.front()))};
  }
  return reduced;
}

}  // namespace

bool MatchesKey(const std::vector<std::string>& patterns, std::string_view key) {
  for (const std::string& pattern : patterns) {
    const bool all_below = pattern.ends_with(".*");
    if (all_below ? key.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1)) : key == pattern) {
      return true;
    }
  }
  return false;
}

Result<Pairing> PairPoints(std::span<const StoredPoint> a, std::span<const StoredPoint> b, const PairRule& rule) {
  BySpec runs_a = Collect(a);
  BySpec runs_b = Collect(b);
  std::map<std::map<std::string, std::string>, PointPair> pairs;  // by A's spec
  if (rule.join.empty()) {
    for (auto it = runs_a.begin(); it != runs_a.end();) {
      const auto same = runs_b.find(it->first);
      if (same == runs_b.end()) {
        ++it;
        continue;
      }
      pairs[it->first] = {std::move(it->second), std::move(same->second)};
      runs_b.erase(same);
      it = runs_a.erase(it);
    }
  }
  Pairing out;
  Result<BySpec> rest_b = Reduce(runs_b, rule, "B");
  if (!rest_b.ok()) return rest_b.error();
  Result<BySpec> rest_a = Reduce(runs_a, rule, "A");
  if (!rest_a.ok()) return rest_a.error();
  for (auto& [spec, group] : *rest_a) {
    const auto same = rest_b->find(spec);
    if (same == rest_b->end()) {
      out.only_a.push_back(group.front());
      continue;
    }
    PointPair& pair = pairs[group.front()->spec];
    pair = {std::move(group), std::move(same->second)};
    rest_b->erase(same);
  }
  for (const auto& [spec, group] : *rest_b) out.only_b.push_back(group.front());
  for (auto& [spec, pair] : pairs) out.pairs.push_back(std::move(pair));
  return out;
}

}  // namespace uhaul
