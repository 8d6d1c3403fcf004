// Experiment definitions: YAML files that say which points to run (experiments/README.md describes the format).
//
// A definition is a list of grids. A grid sets some parameters to one value and others to several (an axis); its points
// are the product of its axes. `variants` and `include` make further grids; the points of a definition are the union of
// all. Order is fixed: grids in the order of the file, axes in the order of first mention, workload.trace innermost.
//
// Errors read "file:line:column: error: ...", or "--set #1 'key=value': error: ...", and name the cure where there is
// one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/schema.h"

namespace uhaul {

inline constexpr size_t kLargestDefinition = size_t{1} << 20;  // octets of one file
inline constexpr size_t kMostPoints = 1'000'000;               // of one definition, before duplicates are dropped

struct Axis {
  const Parameter* parameter = nullptr;
  std::vector<Value> values;
  std::string place;  // "file:line:column", or "--set #1 'key=value'"
};

struct Grid {
  std::string file;
  std::vector<Axis> axes;  // in the order of first mention

  // Replaces the axis of the same parameter where it stands, or appends.
  void Set(const Axis& axis);
  const Axis* Find(std::string_view key) const;
  size_t PointCount() const;  // the product of the axes, at most kMostPoints + 1
};

struct Definition {
  std::string name;
  std::string about;
  std::vector<std::string> paper;  // "Table 1", "Figure 4", ...
  std::vector<Grid> grids;
};

Result<Definition> LoadDefinition(const std::string& path);

// "key=value", "key=value,value", "key=3..10MB"; `number` counts from 1 and stands in the error.
Result<Axis> ParseSet(int number, const std::string& text);
void ApplySets(const std::vector<Axis>& sets, Definition* definition);

// All points in order, with duplicates; an error where a combination is impossible or there are too many.
Result<std::vector<PointSpec>> Expand(const Definition& definition);

// "40 points = edm.threshold[8] x trace[5]"; a sum where there are several grids; " (25 distinct)" where points
// coincide.
std::string Summarize(const Definition& definition, size_t distinct);

}  // namespace uhaul
