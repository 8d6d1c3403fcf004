// Tables 1-13 of the paper beside ours. A table is built from stored points alone, as a structure (Table) and as text,
// Markdown or CSV. The points may be a mixture: each table takes what it needs (workload.name, workload.trace,
// scheme.name, edm.threshold, edm.rho) from the setting that most of them share, and says in its notes what it left
// out. What is missing is '-', and counted; nothing is filled in.
//
//   columns: definition | paper, ours, ours/paper, 90 % band of five-run means | class of evidence, verdict
//            | the same by other readings | what a reader needs and the paper does not print
//
// Verdicts: ARCHITECTURE.md, "Verdicts on the paper's numbers"; README.md of this room.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "results/paper_numbers.h"
#include "results/point_store.h"
#include "results/render_options.h"
#include "results/study.h"
#include "results/verdict.h"

namespace uhaul {

inline constexpr int kPaperTables = 13;

// One number that the paper prints, and ours.
struct TableCell {
  std::string series;            // "FP rate", "FN rate", or the workload where a table has one line per workload
  std::string workload;          // as in workload.name
  uint64_t threshold_bytes = 0;  // 0 where the cell has an epoch
  int epoch = 0;                 // Table 8: 1..10
  double paper = 0;
  std::optional<double> ours;  // over all traces
  std::optional<Band> band;    // none below 30 traces
  Evidence evidence = Evidence::kPredicted;
  Verdict verdict = Verdict::kNoBand;
  size_t traces = 0;                          // that gave a value
  size_t missing = 0;                         // traces of this workload without one
  std::vector<std::optional<double>> others;  // by Table::other_columns
};

struct TableColumn {
  std::string title;
  int decimals = 1;
};

struct Table {
  int number = 0;
  std::string title;
  std::string unit;
  int decimals = 1;
  std::vector<TableCell> cells;
  std::vector<TableColumn> other_columns;
  std::optional<double> envelope_p;  // all cells at once; none below 30 traces
  std::vector<std::string> notes;
};

// Errors: no such table, or the paper's numbers cannot be read.
Result<Table> BuildTable(int number, std::span<const StoredPoint> points, const RenderOptions& options);
std::string RenderTable(const Table& table, const RenderOptions& options);
Result<std::string> RenderTable(int number, std::span<const StoredPoint> points, const RenderOptions& options);
// All thirteen.
Result<std::vector<Table>> BuildAllTables(const Study& study);
std::string RenderTables(std::span<const Table> tables, const RenderOptions& options);

// How many cells of all tables are in, out, ... by class of evidence, and the tables' envelope tests after Holm's
// correction: what `./reproduce` ends with. `tables`: all of the study.
std::string RenderSummary(const Study& study, std::span<const Table> tables, const RenderOptions& options);

}  // namespace uhaul
