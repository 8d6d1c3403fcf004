#include "results/pairing.h"

#include <fmt/format.h>

#include <map>

namespace uhaul {
namespace {

using Runs = std::vector<const StoredPoint*>;
using Spec = std::map<std::string, std::string>;
using BySpec = std::map<Spec, Runs>;

BySpec Collect(std::span<const StoredPoint> points) {
  BySpec runs;
  for (const StoredPoint& point : points) runs[point.spec].push_back(&point);
  return runs;
}

Spec Reduced(const Spec& spec, const PairRule& rule) {
  Spec reduced;
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

// The groups of runs under their reduced specs.
std::map<Spec, std::vector<Runs>> Reduce(const BySpec& runs, const PairRule& rule) {
  std::map<Spec, std::vector<Runs>> reduced;
  for (const auto& [spec, group] : runs) reduced[Reduced(spec, rule)].push_back(group);
  return reduced;
}

// Which of several is meant, only matters where there is a counterpart.
Status CheckOne(const std::vector<Runs>& groups, const char* side) {
  if (groups.size() == 1) return {};
  const StoredPoint& one = *groups[0].front();
  const StoredPoint& other = *groups[1].front();
  return Error{
      fmt::format("two points of {} could be the same run of the other set ({} and {}: {}); choose one with --set, "
                  "or ignore fewer keys with --ignore",
                  side, one.id, other.id, Contrast(one, other))};
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

void Counterparts::Add(std::span<const StoredPoint> points) {
  for (const StoredPoint& point : points) {
    exact_.insert(point.spec);
    reduced_.insert(Reduced(point.spec, rule_));
  }
}

bool Counterparts::MayHave(const StoredPoint& point) const {
  return (rule_.join.empty() && exact_.contains(point.spec)) || reduced_.contains(Reduced(point.spec, rule_));
}

Result<Pairing> PairPoints(std::span<const StoredPoint> a, std::span<const StoredPoint> b, const PairRule& rule) {
  BySpec runs_a = Collect(a);
  BySpec runs_b = Collect(b);
  std::map<Spec, PointPair> pairs;  // by A's spec
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
  auto rest_b = Reduce(runs_b, rule);
  for (auto& [spec, groups] : Reduce(runs_a, rule)) {
    const auto same = rest_b.find(spec);
    if (same == rest_b.end()) {
      for (const Runs& group : groups) out.only_a.push_back(group.front());
      continue;
    }
    if (Status s = CheckOne(groups, "A"); !s.ok()) return s.error();
    if (Status s = CheckOne(same->second, "B"); !s.ok()) return s.error();
    pairs[groups[0].front()->spec] = {groups[0], same->second[0]};
    rest_b.erase(same);
  }
  for (const auto& [spec, groups] : rest_b) {
    for (const Runs& group : groups) out.only_b.push_back(group.front());
  }
  for (auto& [spec, pair] : pairs) out.pairs.push_back(std::move(pair));
  return out;
}

}  // namespace uhaul
