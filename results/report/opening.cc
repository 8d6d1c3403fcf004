// The first page: what of the paper stands, in plain words.
#include <fmt/format.h>

#include <array>

#include "results/claims.h"
#include "results/markup.h"
#include "results/report/parts.h"
#include "results/study.h"
#include "results/table_cells.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

std::string ClaimLine(const Claim& claim) {
  std::string line = EscapeMarkup(claim.text);
  const std::string unit = claim.unit.empty() ? "" : " " + EscapeMarkup(claim.unit);
  if (claim.ours) line += fmt::format(": {}{} here", Fixed(claim.ours, 1), unit);
  if (claim.paper) line += fmt::format(", {:.4g}{} in the paper", *claim.paper, unit);
  return "<li>" + line + "</li>\n";
}

std::string ClaimList(const std::vector<Claim>& claims, Direction direction, const std::string& title) {
  std::string items;
  size_t count = 0;
  for (const Claim& claim : claims) {
    if (claim.direction != direction) continue;
    items += ClaimLine(claim);
    ++count;
  }
  if (count == 0) return "";
  return fmt::format("<h3>{} ({})</h3>\n<ul>\n{}</ul>\n", EscapeMarkup(title), count, items);
}

struct Counts {
  size_t cells = 0;
  std::array<size_t, kVerdicts> verdicts{};
  size_t of(Verdict verdict) const { return verdicts[static_cast<size_t>(verdict)]; }
};

Counts CountPredicted(const std::vector<Table>& tables) {
  Counts counts;
  for (const Table& table : tables) {
    for (const TableCell& cell : table.cells) {
      if (cell.evidence != Evidence::kPredicted) continue;
      ++counts.cells;
      ++counts.verdicts[static_cast<size_t>(cell.verdict)];
    }
  }
  return counts;
}

std::string VerdictSentence(const Counts& counts) {
  if (counts.of(Verdict::kNoBand) + counts.of(Verdict::kNotComparable) == counts.cells) {
    return fmt::format(
        "These results hold fewer than {} traces per workload. That is too few to say how far five-run means scatter, "
        "so "
        "no number of the paper is judged here: the tables show the paper's numbers and ours side by side, and no "
        "more.",
        kTracesForBands);
  }
  const size_t out = counts.of(Verdict::kOut) + counts.of(Verdict::kModelFails);
  return fmt::format(
      "Of the {} numbers of Tables 1-13 that nothing here was tuned to, {} lie where five runs of ours would put them, "
      "{} "
      "do not ({} of these are known misses of the model), {} lie within a range too wide to say much, {} could not be "
      "judged for want of traces, and {} the paper's own print excludes.",
      counts.cells, counts.of(Verdict::kIn), out, counts.of(Verdict::kModelFails), counts.of(Verdict::kUninformative),
      counts.of(Verdict::kNoBand), counts.of(Verdict::kNotComparable));
}

// How much of what OpenNF moves had already ended.
std::string EndedFlows(const Study& study) {
  double all_active = 0, all_alive = 0;
  TextGrid grid;
  grid.columns = {{"workload", true},
                  {"flows in the table at t0"},
                  {"of them still sending"},
                  {"selected by U-HAUL"},
                  {"of these still sending"}};
  for (const char* workload : kPaperWorkloads) {
    double active = 0, alive = 0, selected = 0, selected_alive = 0, runs = 0;
    for (const TraceRuns& trace : study.Of(workload).traces) {
      for (const auto& [threshold, run] : trace.uhaul) {
        active += static_cast<double>(run.metrics.active);
        alive += static_cast<double>(run.metrics.active_alive);
        selected += static_cast<double>(run.metrics.selected);
        selected_alive += static_cast<double>(run.metrics.selected_alive);
        ++runs;
      }
    }
    if (runs == 0) continue;
    all_active += active;
    all_alive += alive;
    grid.rows.push_back({WorkloadTitle(workload), Fixed(active / runs, 1), Fixed(alive / runs, 1),
                         Fixed(selected / runs, 1), Fixed(selected_alive / runs, 1)});
  }
  // It is so in the paper's setting; runs in another one may not show it.
  if (grid.rows.empty() || 2 * all_alive > all_active) return "";
  RenderOptions html;
  html.format = RenderFormat::kHtml;
  return "<h3>Where the saving lies</h3>\n" +
         Paragraph(
             "Most of the saving that the paper prints lies in not moving flows that have already ended. OpenNF "
             "moves every flow that the first network function still has in its table; nearly all of these have no "
             "byte left to send. A scheme that moved only flows which still send would move fewer than either. "
             "Means over traces and thresholds:") +
         RenderGrid(grid, html);
}

std::string Missing(const ReportInput& input) {
  std::string out;
  for (const std::string& note : input.notes) out += Bullet(note, RenderFormat::kHtml);
  return out;
}

}  // namespace

std::string OpeningPart(const ReportInput& input) {
  if (input.answers == nullptr) {
    std::string body = input.about.empty() ? "" : Paragraph(input.about + ".");
    body += Paragraph(fmt::format("{} points.", input.points.size())) + Missing(input);
    return Section("opening", "What was run", body);
  }
  const auto& [study, tables, claims] = *input.answers;
  std::string body = Paragraph(
      "U-HAUL moves the state of elephant flows between network functions and lets mice finish where they are; OpenNF "
      "moves "
      "every flow. The paper (APSys 2016) says how much time, buffer and latency that saves. Here is what a "
      "packet-level "
      "simulation of both says of it.");
  body += Paragraph(VerdictSentence(CountPredicted(tables))) + Missing(input);
  body += EndedFlows(study);
  if (input.robustness) body += RobustnessOpening(*input.robustness);
  const std::string here = input.robustness ? " in the paper's setting, as read here" : "";
  body += ClaimList(claims, Direction::kHolds, "What stands" + here);
  body += ClaimList(claims, Direction::kReverses, "What does not: the opposite is found" + here);
  const std::string undecided = ClaimList(claims, Direction::kUndecided, "What these runs do not decide");
  if (!undecided.empty()) {
    body += "<details><summary>What these runs do not decide</summary>\n" + undecided + "</details>\n";
  }
  return Section("opening", "What stands, and what does not", body);
}

}  // namespace uhaul
