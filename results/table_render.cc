#include <fmt/format.h>

#include "results/table_cells.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

std::string Definition(const TableCell& cell) {
  return cell.epoch > 0 ? fmt::to_string(cell.epoch) : ThresholdText(cell.threshold_bytes);
}

std::optional<double> RatioOf(const TableCell& cell) {
  if (!cell.ours || cell.paper == 0) return std::nullopt;
  return *cell.ours / cell.paper;
}

std::string FirstColumn(const Table& table) { return table.number == 8 ? "epoch" : "definition"; }

// Ours against the paper's, of one series.
TextGrid Comparison(const Table& table, const std::string& series) {
  TextGrid grid;
  grid.columns = {{FirstColumn(table), true}, {"paper", false}, {"ours", false},   {"ratio", false},
                  {"90 % band", false},       {"class", true},  {"verdict", true}, {"traces", false}};
  for (const TableCell& cell : table.cells) {
    if (cell.series != series) continue;
    const std::string traces =
        cell.missing == 0 ? fmt::to_string(cell.traces) : fmt::format("{} (-{})", cell.traces, cell.missing);
    grid.rows.push_back({Definition(cell), fmt::format("{}", cell.paper), Fixed(cell.ours, table.decimals),
                         Fixed(RatioOf(cell), 2), BandText(cell.band, table.decimals),
                         std::string(EvidenceName(cell.evidence)), std::string(VerdictName(cell.verdict)), traces});
  }
  return grid;
}

// Other readings, and what a reader needs.
TextGrid Beside(const Table& table, const std::string& series) {
  TextGrid grid;
  grid.columns.push_back({FirstColumn(table), true});
  for (const TableColumn& column : table.other_columns) grid.columns.push_back({column.title, false});
  for (const TableCell& cell : table.cells) {
    if (cell.series != series) continue;
    std::vector<std::string> row = {Definition(cell)};
    for (size_t i = 0; i < cell.others.size(); ++i) {
      row.push_back(Fixed(cell.others[i], table.other_columns[i].decimals));
    }
    grid.rows.push_back(std::move(row));
  }
  return grid;
}

TextGrid CsvGrid(const Table& table) {
  TextGrid grid;
  for (const char* title : {"table", "series", "workload", "threshold_bytes", "epoch", "unit", "paper", "ours", "ratio",
                            "band_low", "band_high", "class", "verdict", "traces", "missing"}) {
    grid.columns.push_back({title, true});
  }
  for (const TableColumn& column : table.other_columns) grid.columns.push_back({ScriptName(column.title), true});
  for (const TableCell& cell : table.cells) {
    std::vector<std::string> row = {fmt::to_string(table.number),
                                    cell.series,
                                    cell.workload,
                                    cell.threshold_bytes > 0 ? fmt::to_string(cell.threshold_bytes) : "",
                                    cell.epoch > 0 ? fmt::to_string(cell.epoch) : "",
                                    table.unit,
                                    Exact(cell.paper),
                                    Exact(cell.ours),
                                    Exact(RatioOf(cell)),
                                    cell.band ? Exact(cell.band->low) : "",
                                    cell.band ? Exact(cell.band->high) : "",
                                    std::string(EvidenceName(cell.evidence)),
                                    std::string(VerdictName(cell.verdict)),
                                    fmt::to_string(cell.traces),
                                    fmt::to_string(cell.missing)};
    for (const auto& other : cell.others) row.push_back(Exact(other));
    grid.rows.push_back(std::move(row));
  }
  return grid;
}

}  // namespace

std::string RenderTable(const Table& table, const RenderOptions& options) {
  if (options.format == RenderFormat::kCsv) return RenderCsv(CsvGrid(table));
  std::string out = Heading(2, fmt::format("Table {}: {} ({})", table.number, table.title, table.unit), options.format);
  std::vector<std::string> series;
  for (const TableCell& cell : table.cells) {
    if (series.empty() || series.back() != cell.series) series.push_back(cell.series);
  }
  for (const std::string& name : series) {
    if (options.format == RenderFormat::kText || name != series.front()) out += "\n";
    out += Heading(3, name, options.format);
    out += RenderGrid(Comparison(table, name), options) + "\n";
    out += RenderGrid(Beside(table, name), options);
  }
  out += "\n";
  for (const std::string& note : table.notes) out += Bullet(note, options.format);
  return out;
}

}  // namespace uhaul
