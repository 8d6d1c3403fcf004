// The count of verdicts by class of evidence: predicted cells first, for only they are evidence.
#include <fmt/format.h>

#include <array>

#include "results/table_cells.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

constexpr double kSignificant = 0.05;

using Counts = std::array<std::array<size_t, kVerdicts>, kEvidenceClasses>;

TextGrid CountGrid(const Counts& counts) {
  TextGrid grid;
  grid.columns = {{"class", true}, {"cells", false}};
  for (int v = 0; v < kVerdicts; ++v) {
    grid.columns.push_back({std::string(VerdictName(static_cast<Verdict>(v))), false});
  }
  for (const Evidence evidence : {Evidence::kPredicted, Evidence::kDefinitionSelected, Evidence::kFitted}) {
    const auto& row_counts = counts[static_cast<size_t>(evidence)];
    size_t all = 0;
    for (const size_t n : row_counts) all += n;
    std::vector<std::string> row = {std::string(EvidenceName(evidence)), fmt::to_string(all)};
    for (const size_t n : row_counts) row.push_back(fmt::to_string(n));
    grid.rows.push_back(std::move(row));
  }
  return grid;
}

TextGrid EnvelopeGrid(std::span<const Table> tables) {
  std::vector<double> p;
  for (const Table& table : tables) {
    if (table.envelope_p) p.push_back(*table.envelope_p);
  }
  const auto adjusted = Holm(p);
  TextGrid grid;
  grid.columns = {{"table", true}, {"cells", false}, {"p", false}, {"p (Holm)", false}, {"all cells at once", true}};
  size_t next = 0;
  for (const Table& table : tables) {
    std::vector<std::string> row = {fmt::to_string(table.number), fmt::to_string(table.cells.size()), "-", "-",
                                    "no band"};
    if (table.envelope_p) {
      row[2] = Fixed(p[next], 4);
      row[3] = Fixed(adjusted[next], 4);
      row[4] = adjusted[next] < kSignificant ? "out" : "in";
      ++next;
    }
    grid.rows.push_back(std::move(row));
  }
  return grid;
}

size_t MissingCells(std::span<const Table> tables) {
  size_t missing = 0;
  for (const Table& table : tables) {
    for (const TableCell& cell : table.cells) missing += !cell.ours.has_value();
  }
  return missing;
}

}  // namespace

std::string RenderSummary(const Study& study, std::span<const Table> tables, const RenderOptions& options) {
  Counts counts{};
  for (const Table& table : tables) {
    for (const TableCell& cell : table.cells) {
      ++counts[static_cast<size_t>(cell.evidence)][static_cast<size_t>(cell.verdict)];
    }
  }
  if (options.format == RenderFormat::kCsv) return RenderCsv(CountGrid(counts));
  std::string out = Heading(2, "Verdicts on the cells of Tables 1-13, by class of evidence", options.format);
  if (options.format == RenderFormat::kText) out += "\n";
  out += RenderGrid(CountGrid(counts), options) + "\n";
  out += RenderGrid(EnvelopeGrid(tables), options) + "\n";
  for (const char* workload : kPaperWorkloads) {
    const WorkloadRuns& runs = study.Of(workload);
    out += Bullet(fmt::format("{}: {} traces{}.", WorkloadTitle(workload), runs.traces.size(),
                              runs.HasBands() ? "" : fmt::format(", no bands (they take {})", kTracesForBands)),
                  options.format);
  }
  out += Bullet(
      "Only predicted cells are evidence: fitted cells had an input tuned to them, for definition-selected ones a "
      "reading "
      "was chosen because it fits.",
      options.format);
  out += Bullet(
      "in: the paper's number lies in the 90 % band of our five-run means, no wider than a factor 2; uninformative: in "
      "a "
      "wider one; out, model fails: outside (the latter known beforehand); not comparable: the paper's own "
      "print excludes it. Cells of a table hang together: the envelope tests judge each table at once.",
      options.format);
  if (const size_t missing = MissingCells(tables); missing > 0) {
    out += Bullet(fmt::format("{} cells have no value: their points are missing.", missing), options.format);
  }
  return out;
}

}  // namespace uhaul
