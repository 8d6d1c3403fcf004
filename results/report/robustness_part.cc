// The claims over everything that the paper leaves open.
#include <fmt/format.h>

#include "results/markup.h"
#include "results/report/parts.h"

namespace uhaul {
namespace {

std::string ListOf(const Robustness& robustness, Standing standing, const std::string& title) {
  std::string items;
  size_t count = 0;
  for (const RobustClaim& claim : robustness.claims) {
    if (StandingOf(claim) != standing || claim.Count(Direction::kNone) == claim.cells.size()) continue;
    ++count;
    items += fmt::format("<li>{}: holds in {}, reverses in {}, undecided in {}</li>\n", EscapeMarkup(claim.text),
                         claim.Count(Direction::kHolds), claim.Count(Direction::kReverses),
                         claim.Count(Direction::kUndecided));
  }
  if (count == 0) return "";
  return fmt::format("<h3>{} ({})</h3>\n<ul>\n{}</ul>\n", title, count, items);
}

}  // namespace

std::string RobustnessOpening(const Robustness& robustness) {
  return Paragraph(fmt::format(
             "The paper does not say how flows share the link, what the control plane costs beside export, or which "
             "tables of sizes its traces were drawn from, and it has one load. So each claim was asked again in {} "
             "settings of these, with {} traces per workload:",
             robustness.settings.size(), robustness.traces)) +
         ListOf(robustness, Standing::kHoldsEverywhere, "Holds in every setting") +
         ListOf(robustness, Standing::kNeverReverses, "Never reverses, but is not decided everywhere") +
         ListOf(robustness, Standing::kDepends, "Depends on the setting") +
         ListOf(robustness, Standing::kNeverHolds, "Never holds") +
         ListOf(robustness, Standing::kUndecided, "Decided nowhere");
}

std::string RobustnessPart(const Robustness& robustness) {
  RenderOptions html;
  html.format = RenderFormat::kHtml;
  return Section("robustness", "The claims over what the paper leaves open",
                 fmt::format("<figure id=\"robustness-figure\">\n<figcaption>A row per claim, a column per "
                             "setting</figcaption>\n<div class=\"picture\" tabindex=\"0\" role=\"group\" "
                             "aria-label=\"A row per claim, a column per setting\">\n{}</div>\n</figure>\n",
                             RobustnessSvg(robustness)) +
                     RenderRobustness(robustness, html));
}

}  // namespace uhaul
