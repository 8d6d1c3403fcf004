// uhaul table, claims, summary: from stored points to text.
#include <fmt/format.h>

#include "experiments/cli_points.h"
#include "results/claims.h"

namespace uhaul {

int TableCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul table NUMBER|all [options]",
      "Prints Table 1 to 13 of the paper (all: every one) beside ours: paper, ours, ratio, band, class of evidence, "
      "verdict.",
      "uhaul table 12 --format md");
  AddPointOptions(&line);
  AddFormatOption(&line);
  line.Positional("number", 1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("number")) return line.Usage("which table?");
  const std::string& text = line.Get<std::vector<std::string>>("number").front();
  if (text == "all") {
    return PrintFrom(line, "all tables", "tables", [](auto points, const auto& options) -> Result<std::string> {
      const auto tables = BuildAllTables(Study(points, options));
      if (!tables.ok()) return tables.error();
      return RenderTables(*tables, options);
    });
  }
  const Result<int64_t> number = ParseInteger(text);
  if (!number.ok() || *number < 1 || *number > kPaperTables) {
    return line.Usage(fmt::format("there is no table {} (1 to {}, or all)", Quoted(text), kPaperTables));
  }
  return PrintFrom(line, "table " + text, fmt::format("table-{:02}", *number), [&](auto points, const auto& options) {
    return RenderTable(static_cast<int>(*number), points, options);
  });
}

int ClaimsCommand(const Arguments& arguments) {
  CommandLine line("uhaul claims [options]", "Prints the paper's claims beside ours: holds, reverses or undecided.",
                   "uhaul claims --format csv");
  AddPointOptions(&line);
  AddFormatOption(&line);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  return PrintFrom(line, "claims", "claims", [](auto points, const auto& options) -> Result<std::string> {
    const auto claims = BuildClaims(Study(points, options));
    if (!claims.ok()) return claims.error();
    return RenderClaims(*claims, options);
  });
}

int SummaryCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul summary [options]",
      "Counts the cells of all tables that are in, out, ... by class of evidence; the tables' envelope tests.",
      "uhaul summary");
  AddPointOptions(&line);
  AddFormatOption(&line);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  return PrintFrom(line, "summary", "tables", [](auto points, const auto& options) -> Result<std::string> {
    const Study study(points, options);
    const auto tables = BuildAllTables(study);
    if (!tables.ok()) return tables.error();
    return RenderSummary(study, *tables, options);
  });
}

}  // namespace uhaul
