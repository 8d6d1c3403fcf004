// The report: one HTML page that asks nothing of anybody (no request, no script needed), with every table and figure,
// the verdicts in plain words, and where each number came from. Colours follow the reader's preference for light or
// dark.
//
//   opening       what of the paper stands, what does not, and where the saving lies
//   robustness    the claims over what the paper leaves open, where that was run
//   claims, verdicts, tables 1-13, figures, the paper against itself
//   validation    if there is a second set of results
//   one run       a migration over time
//   performance   what the points cost to make
//   provenance    builds, hosts, commands
//
// A report on somebody's own sweep has means and charts of them in place of the paper.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "results/answers.h"
#include "results/collect.h"
#include "results/figure_data.h"
#include "results/point_store.h"
#include "results/robustness.h"
#include "results/validate.h"

namespace uhaul {

// A figure of the paper or of a sweep: its charts, and what was drawn of them.
struct ReportFigure {
  std::string id;     // "figure-7"
  std::string title;  // its alternative text, too
  std::string table;  // its data, as a fragment of HTML
  std::vector<Chart> charts;
  std::string svg;  // as gnuplot gave it; empty: not drawn
};

struct ReportValidation {
  std::string a;  // folders
  std::string b;
  Comparison comparison;
  ValidateOptions options;
};

struct ReportInput {
  std::string title;
  std::string about;                             // of a sweep: the definition's sentence
  const Answers* answers = nullptr;              // to the paper; none: of a sweep
  std::span<const StoredPoint> points;           // of the tables, or of the sweep
  std::span<const StoredPoint> engine_points{};  // of the validation
  std::vector<ReportFigure> figures;
  std::optional<Robustness> robustness;
  std::optional<ReportValidation> validation;
  const StoredPoint* run = nullptr;  // whose timeline is drawn
  std::vector<Provenance> provenance;
  std::string command;             // that wrote the report
  std::vector<std::string> notes;  // what is missing
  std::string script;              // enhances the charts; the page is whole without
};

// Errors: the paper's numbers cannot be read.
Result<std::string> RenderReport(const ReportInput& input, const RenderOptions& options);

// Charts of a sweep's means along its axis with the most values that are numbers; none if no axis is.
std::vector<ReportFigure> SweepFigures(const SweepMeans& means);

}  // namespace uhaul
