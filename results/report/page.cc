// The frame of the page, and its order.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "results/claims.h"
#include "results/markup.h"
#include "results/report/parts.h"
#include "results/report/style.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

nlohmann::ordered_json ToJson(const Chart& chart) {
  constexpr const char* kMarks[] = {"bars", "line", "curve", "paper"};
  nlohmann::ordered_json series = nlohmann::ordered_json::array();
  for (const ChartSeries& one : chart.series) {
    nlohmann::ordered_json points = nlohmann::ordered_json::array();
    for (const ChartPoint& point : one.points) {
      if (!point.y) continue;
      nlohmann::ordered_json entry = {{"x", point.x}, {"y", *point.y}};
      if (point.band) entry["low"] = point.band->low, entry["high"] = point.band->high;
      points.push_back(std::move(entry));
    }
    series.push_back({{"name", one.name}, {"mark", kMarks[static_cast<size_t>(one.mark)]}, {"points", points}});
  }
  return {{"title", chart.title}, {"x", chart.x_label},  {"y", chart.y_label},
          {"log", chart.log_x},   {"logY", chart.log_y}, {"categories", chart.categories},
          {"series", series}};
}

// What the script draws: nothing that the static page does not show.
std::string ChartData(const ReportInput& input) {
  nlohmann::ordered_json figures = nlohmann::ordered_json::array();
  for (const ReportFigure& figure : input.figures) {
    nlohmann::ordered_json charts = nlohmann::ordered_json::array();
    for (const Chart& chart : figure.charts) charts.push_back(ToJson(chart));
    figures.push_back({{"id", figure.id}, {"title", figure.title}, {"charts", charts}});
  }
  return EscapeScriptJson(figures.dump());
}

std::string Contents(const std::vector<std::pair<const char*, const char*>>& parts) {
  std::string items;
  for (const auto& [id, title] : parts) items += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", id, title);
  return "<nav aria-label=\"Contents\"><ul>\n" + items + "</ul></nav>\n";
}

Result<std::string> PaperParts(const ReportInput& input, const RenderOptions& html) {
  const Answers& answers = *input.answers;
  const auto claims = RenderClaims(answers.claims, html);
  if (!claims) return claims.error();
  const auto contradictions = ContradictionsPart();
  if (!contradictions) return contradictions.error();
  return (input.robustness ? RobustnessPart(*input.robustness) : "") + Section("claims", "Claims", *claims) +
         Section("verdicts", "Verdicts", RenderSummary(answers.study, answers.tables, html)) + FiguresPart(input) +
         Section("tables", "Tables 1-13", RenderTables(answers.tables, html)) + *contradictions;
}

std::vector<std::pair<const char*, const char*>> PartsOf(const ReportInput& input, bool performance) {
  std::vector<std::pair<const char*, const char*>> parts;
  if (input.answers != nullptr) {
    parts = {{"opening", "What stands"}};
    if (input.robustness) parts.emplace_back("robustness", "Robustness");
    parts.emplace_back("claims", "Claims");
    parts.emplace_back("verdicts", "Verdicts");
  } else {
    parts = {{"opening", "What was run"}, {"means", "Means"}};
  }
  if (!input.figures.empty()) parts.emplace_back("figures", "Figures");
  if (input.answers != nullptr) {
    parts.emplace_back("tables", "Tables 1-13");
    parts.emplace_back("contradictions", "The paper against itself");
  }
  if (input.validation) parts.emplace_back("validation", "Validation");
  if (input.run != nullptr) parts.emplace_back("timeline", "One migration over time");
  if (performance) parts.emplace_back("performance", "Performance");
  parts.emplace_back("provenance", "Provenance");
  return parts;
}

}  // namespace

std::string Paragraph(const std::string& text) { return "<p>" + EscapeMarkup(text) + "</p>\n"; }

std::string Section(const std::string& id, const std::string& title, const std::string& body) {
  return fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n", EscapeMarkup(id),
                     EscapeMarkup(title), body);
}

Result<std::string> ContradictionsPart() {
  const auto paper = LoadPaperNumbers();
  if (!paper) return paper.error();
  std::string items;
  for (const Contradiction& c : paper->contradictions) {
    std::string touches;
    for (const std::string& what : c.touches) touches += (touches.empty() ? "" : ", ") + what;
    items += fmt::format("<li value=\"{}\">{} <small>({})</small></li>\n", c.number, EscapeMarkup(c.sentence),
                         EscapeMarkup(touches));
  }
  return Section(
      "contradictions", "The paper against itself",
      Paragraph("By number, as the tables' notes name them. A number that the paper's own print excludes is not "
                "compared.") +
          "<ol>\n" + items + "</ol>\n");
}

std::string PageHead(const std::string& title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      // Nothing may be fetched, whatever stands in the page.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>{0}</title>\n<style>\n{1}</style>\n</head>\n<body>\n"
      "<a class=\"skip\" href=\"#opening\">Skip to the text</a>\n<header><h1>{0}</h1></header>\n",
      EscapeMarkup(title), kPageStyle);
}

std::string PageFoot(const ReportInput& input) {
  if (input.script.empty()) return "</body>\n</html>\n";
  return fmt::format(
      "<script type=\"application/json\" id=\"chart-data\">{}</script>\n<script>{}</script>\n</body>\n</html>\n",
      ChartData(input), input.script);
}

Result<std::string> RenderReport(const ReportInput& input, const RenderOptions& options) {
  RenderOptions html = options;
  html.format = RenderFormat::kHtml;
  const std::string performance = PerformancePart(input);
  std::string out =
      PageHead(input.title) + Contents(PartsOf(input, !performance.empty())) + "<main>\n" + OpeningPart(input);
  if (input.answers != nullptr) {
    const auto paper = PaperParts(input, html);
    if (!paper) return paper.error();
    out += *paper;
  } else {
    out +=
        Section("means", "Means over traces", RenderMeans(MeansOf(LinesOf(input.points)), html)) + FiguresPart(input);
  }
  if (input.validation) out += ValidationPart(*input.validation);
  if (input.run != nullptr) out += TimelinePart(*input.run);
  return out + performance + ProvenancePart(input) + "</main>\n" + PageFoot(input);
}

}  // namespace uhaul
