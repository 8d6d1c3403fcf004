// All points as one table: for scripts a line per point, for a look the means over traces.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "results/paper_tables.h"
#include "results/point_store.h"

namespace uhaul {

// CSV: id, engine, every key of any point's spec, then the metrics of results/metrics.h; a line per point, sorted by
// its values, so that the same points give the same octets. Numbers in full precision, empty where there is none.
std::string CollectCsv(std::span<const StoredPoint> points);

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
SweepMeans MeansOf(std::span<const StoredPoint> points);
std::string RenderMeans(const SweepMeans& means, const RenderOptions& options);

// Only the keys that differ between points, without workload.trace, over which the rest are means; `n` points each.
std::string CollectMeans(std::span<const StoredPoint> points, const RenderOptions& options);

}  // namespace uhaul
