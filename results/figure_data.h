// The data behind a figure of the paper: one line per bar or point. What is printed, written as CSV and drawn all comes
// from this one table, so that a picture shows exactly what its CSV holds.
//
//   "1a"            flow sizes; made from workloads/, not from points, by the `uhaul` command
//   "2a", "2b"      downtime by scheme, and by number of states
//   "4", "5", "6"   "accuracy" of detection, which is recall
//   "7", "8", "9"   downtime and buffer
//   "10"            missed flows
//   "sweet-spot"    total time by threshold, and how often each is the best; not in the paper
//   "cost"          total time over the cost of a flow's state; not in the paper
//
// The figures themselves survive only as far as the paper's text quotes them; where it does, the number stands beside.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "results/chart.h"
#include "results/paper_tables.h"
#include "results/study.h"

namespace uhaul {

enum class FigureUnit : uint8_t {
  kText,
  kNumber,
  kThreshold,  // bytes; "3 MB" for people
};

struct FigureColumn {
  std::string name;
  FigureUnit unit = FigureUnit::kNumber;
  int decimals = 0;  // for people
};

struct FigureCell {
  std::string text;              // kText; else printed instead of the number, if not empty (">= 268")
  std::optional<double> number;  // none: missing
};

struct FigureData {
  std::string name;
  std::string title;
  std::vector<FigureColumn> columns;
  std::vector<std::vector<FigureCell>> rows;
  std::vector<std::string> notes;

  // The column of that name, which must be there.
  size_t Column(std::string_view column) const;
};

// The figures that are made from points.
std::vector<std::string> FigureNames();
// Whether it is read off the study of the tables; the others have runs of their own.
bool IsOfStudy(const std::string& name);
// Errors: no such figure; the paper's numbers cannot be read.
Result<FigureData> BuildFigure(const std::string& name, const Study& study, const RenderOptions& options);
Result<FigureData> BuildFigure(const std::string& name, std::span<const StoredPoint> points,
                               const RenderOptions& options);
// Figure 1a's last rows: the shares of flows that the paper's text gives, in place of a workload "paper".
Status AddPaperShares(FigureData* figure);
// The sentences in which the paper contradicts itself about a figure.
Result<std::vector<std::string>> ContradictionsOf(const std::string& what);

// "Figure 7: ..."; of a figure that is not the paper's the title alone.
std::string FigureTitle(const FigureData& figure);
std::string RenderFigure(const FigureData& figure, const RenderOptions& options);

// The panels of the picture, left to right; none of a figure without data.
std::vector<Chart> ChartsOf(const FigureData& figure);

}  // namespace uhaul
