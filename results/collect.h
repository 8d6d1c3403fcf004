// All points as one table: for scripts a line per point, for a look the means over traces. A point's line is light:
// what the point is, and its metrics; its flows are let go, so that a large sweep can be gone through point by point.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "results/paper_tables.h"
#include "results/point_store.h"

namespace uhaul {

struct PointLine {
  std::string id;
  std::string engine;
  std::string build;
  std::map<std::string, std::string> spec;
  std::vector<std::optional<double>> metrics;  // by Metrics()
};
PointLine LineOf(const StoredPoint& point);
std::vector<PointLine> LinesOf(std::span<const StoredPoint> points);

// Every key of any line's spec, sorted.
std::vector<std::string> KeysOf(std::span<const PointLine> lines);
// By `keys`; empty where a line has none.
std::vector<std::string> ValuesOf(const PointLine& line, const std::vector<std::string>& keys);
// By their values, numbers by size: the same points stand in the same order however they came.
std::vector<PointLine> Sorted(std::vector<PointLine> lines);

// CSV: id, engine, every key of any point's spec, then the metrics of results/metrics.h; a line per point, sorted, so
// that the same points give the same octets. Numbers in full precision, empty where there is none.
std::string CollectCsv(std::span<const PointLine> lines);

// The same as data.
struct SweepMeans {
  struct Line {
    std::vector<std::string> values;  // by key; empty where the points have none
    size_t runs = 0;
    std::vector<std::optional<double>> metrics;  // by Metrics()
  };
  std::vector<std::string> keys;
  std::vector<Line> lines;  // sorted by values
};
SweepMeans MeansOf(std::span<const PointLine> lines);
std::string RenderMeans(const SweepMeans& means, const RenderOptions& options);

// Only the keys that differ between points, without workload.trace, over which the rest are means; `n` points each.
std::string CollectMeans(std::span<const PointLine> lines, const RenderOptions& options);

}  // namespace uhaul
