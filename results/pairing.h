// Which points of two sets are the same run. Points of one set with equal specs are repetitions of one another. A point
// of A goes with the point of B that has the very same spec; where there is none, with the one that has the same spec
// but for the ignored keys (a simulator with a calibrated profile, an engine with its own costs).
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "results/point_store.h"

namespace uhaul {

struct PairRule {
  // "profile.*" is every key that begins with "profile.".
  std::vector<std::string> ignore = {"profile.*"};
  // If not empty: only these keys have to agree, and nothing else counts.
  std::vector<std::string> join{};
};

struct PointPair {
  std::vector<const StoredPoint*> a;  // repetitions; at least one
  std::vector<const StoredPoint*> b;
};

struct Pairing {
  std::vector<PointPair> pairs;  // by A's spec
  // One of each spec that has no counterpart.
  std::vector<const StoredPoint*> only_a;
  std::vector<const StoredPoint*> only_b;
};

// An error if several specs of a set are the same under the rule and have a counterpart: there is no telling which is
// meant.
Result<Pairing> PairPoints(std::span<const StoredPoint> a, std::span<const StoredPoint> b, const PairRule& rule);

// Says of a point, before its record is read, whether it may go with one of those added.
class Counterparts {
 public:
  explicit Counterparts(PairRule rule) : rule_(std::move(rule)) {}
  void Add(std::span<const StoredPoint> points);
  bool MayHave(const StoredPoint& point) const;

 private:
  PairRule rule_;
  std::set<std::map<std::string, std::string>> exact_;
  std::set<std::map<std::string, std::string>> reduced_;
};

// Whether `key` is one of `patterns`.
bool MatchesKey(const std::vector<std::string>& patterns, std::string_view key);

}  // namespace uhaul
