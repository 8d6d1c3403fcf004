// How figures are written down as data. Private to results/.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "results/figure_data.h"
#include "results/sampled.h"

namespace uhaul {

using FigureRow = std::vector<FigureCell>;

struct FigureWriter {
  const PaperNumbers& paper;
  FigureData data;

  void Numbers(std::initializer_list<const char*> names, int decimals) {
    for (const char* name : names) data.columns.push_back({name, FigureUnit::kNumber, decimals});
  }
  // A value with the lower and upper end of its band: NAME, NAME_low, NAME_high.
  void Banded(const std::string& name, int decimals) {
    for (const char* end : {"", "_low", "_high"}) data.columns.push_back({name + end, FigureUnit::kNumber, decimals});
  }
  void Texts(std::initializer_list<const char*> names) {
    for (const char* name : names) data.columns.push_back({name, FigureUnit::kText});
  }
  void Threshold() { data.columns.push_back({"threshold", FigureUnit::kThreshold}); }
  void Add(FigureRow row) { data.rows.push_back(std::move(row)); }
};

inline FigureCell Text(std::string text) { return {std::move(text), std::nullopt}; }
inline FigureCell Number(std::optional<double> value) { return {"", value}; }
template <class Integer>
FigureCell Count(Integer value) {
  return Number(static_cast<double>(value));
}

// The value and the ends of its band.
inline void AppendBanded(FigureRow& row, const Sampled& sampled) {
  const auto band = sampled.band();
  row.push_back(Number(sampled.value));
  row.push_back(Number(band ? std::optional<double>(band->low) : std::nullopt));
  row.push_back(Number(band ? std::optional<double>(band->high) : std::nullopt));
}

inline Sampled MeanAt(const WorkloadRuns& runs, uint64_t threshold,
                      std::function<std::optional<double>(const UhaulRun&)> figure) {
  return Sample(runs, MeanOf(runs, AtThreshold(threshold, std::move(figure))));
}

// The best threshold by total time, alone and among those that shift enough traffic.
void WriteSweetSpot(FigureWriter& writer, const Study& study, double least_shifted_percent);
// Total time over the cost of a flow's state; the points are of several costs.
void WriteCostPerFlow(FigureWriter& writer, std::span<const StoredPoint> points, const RenderOptions& options);

}  // namespace uhaul
