// A flow-size distribution: a cumulative table, linear in bytes between its points, sampled by inverse transform.
//
// File (CSV): comment lines start with '#'; then `bytes,cumulative_probability` lines, both non-decreasing (bytes strictly
// increasing), finite, the last probability exactly 1. Comments of the form `# key: value` carry the provenance; a shipped
// file must have `evidence:` (independent | fitted | synthetic) and `source:`.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/base/result.h"
#include "core/base/units.h"

namespace uhaul {

class SizeDistribution {
 public:
  struct Point {
    double bytes = 0;
    double probability = 0;
  };
  static Result<SizeDistribution> FromPoints(std::vector<Point> points, std::string where);
  // `name`: a shipped one (web_search, facebook_cache, azure_wan, facebook_cache_tab8, azure_wan_tab8) or a file's path.
  static Result<SizeDistribution> Load(const std::string& name);
  static std::vector<std::string> Shipped();

  double MeanBytes() const;
  // Size of a flow in whole bytes, at least 1.
  uint64_t Sample(Random& random) const;
  uint64_t Quantile(double u) const;
  // P(size <= bytes).
  double Cumulative(double bytes) const;
  // Share of all bytes that comes from flows of at least `threshold`: the operator's rho (U-HAUL 3.1).
  double ByteShareAbove(Bytes threshold) const;

  const std::vector<Point>& points() const { return points_; }
  // Provenance by key, from the file's comments.
  const std::map<std::string, std::string>& about() const { return about_; }

 private:
  std::vector<Point> points_;
  std::map<std::string, std::string> about_;
};

}  // namespace uhaul
