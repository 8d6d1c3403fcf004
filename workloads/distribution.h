// A flow-size distribution: a cumulative table, linear in bytes between its points, sampled by inverse transform.
//
// File (CSV): comment lines start with '#'; then `bytes,cumulative_probability` lines, both non-decreasing (bytes
// strictly increasing), finite, the last probability exactly 1. Comments of the form `# key: value` carry the
// provenance; a shipped file must have `evidence:` (independent | fitted | synthetic) and `source:`. A key that comes
// again continues its text. A first point with a probability above 0 is an atom: that share of the flows has exactly
// its size. Errors name file:line.
#pragma once

#include <functional>
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
  // `name`: a shipped one (web_search, facebook_cache, azure_wan, facebook_cache_tab8, azure_wan_tab8) or a file's
  // path. Shipped ones lie in the directory of the build, or in the one that the environment variable UHAUL_WORKLOADS
  // names.
  static Result<SizeDistribution> Load(const std::string& name);
  static std::vector<std::string> Shipped();

  double MeanBytes() const;
  // Size of a flow in whole bytes, at least 1.
  uint64_t Sample(Random& random) const;
  // The size below which a share `u` of the flows lies, 0 <= u <= 1; rounded to whole bytes, at least 1.
  uint64_t Quantile(double u) const;
  // P(size <= bytes).
  double Cumulative(double bytes) const;
  // Share of all bytes that comes from flows of at least `threshold`: the operator's rho (U-HAUL 3.1).
  double ByteShareAbove(Bytes threshold) const;

  const std::vector<Point>& points() const { return points_; }
  // Provenance by key, from the file's comments.
  const std::map<std::string, std::string>& about() const { return about_; }

 private:
  SizeDistribution() = default;
  // `whole` names the table in errors, `place(i)` its point i.
  static Result<SizeDistribution> FromPlacedPoints(std::vector<Point> points, const std::string& whole,
                                                   const std::function<std::string(size_t)>& place);

  std::vector<Point> points_;
  std::map<std::string, std::string> about_;
};

}  // namespace uhaul
