// Figures on the page: the picture, and its data behind a fold.
#include <fmt/format.h>

#include "results/markup.h"
#include "results/report/parts.h"
#include "results/scatter_svg.h"
#include "results/text_grid.h"
#include "results/timeline_svg.h"

namespace uhaul {
namespace {

void ReplaceAll(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::string Drawn(const std::string& id, const std::string& svg, const std::string& caption, const std::string& data) {
  std::string out = fmt::format(
      "<figure id=\"{}\">\n<div class=\"picture\" tabindex=\"0\" role=\"group\" "
      "aria-label=\"{}\">\n{}</div>\n<figcaption>{}</figcaption>\n",
      EscapeMarkup(id), EscapeMarkup(caption), svg, EscapeMarkup(caption));
  if (!data.empty()) {
    out += fmt::format("<details><summary>Data of {}</summary>\n{}</details>\n", EscapeMarkup(caption), data);
  }
  return out + "</figure>\n";
}

}  // namespace

std::string InlineSvg(const std::string& svg, const std::string& id, const std::string& alternative) {
  const size_t begin = svg.find("<svg");
  const size_t open_end = begin == std::string::npos ? begin : svg.find('>', begin);
  if (open_end == std::string::npos) return "";
  std::string body = svg.substr(open_end + 1);
  const std::string head = svg.substr(begin, open_end - begin);
  // Names are the document's, not the picture's.
  for (const char* quote : {"'", "\""}) {
    ReplaceAll(body, fmt::format(" id={}", quote), fmt::format(" id={}{}-", quote, id));
    ReplaceAll(body, fmt::format("href={}#", quote), fmt::format("href={}#{}-", quote, id));
    ReplaceAll(body, fmt::format("={}black{}", quote, quote), fmt::format("={}currentColor{}", quote, quote));
    ReplaceAll(body, fmt::format("={}rgb(  0,   0,   0){}", quote, quote),
               fmt::format("={}currentColor{}", quote, quote));
  }
  ReplaceAll(body, "url(#", fmt::format("url(#{}-", id));
  // The page's own background shows.
  ReplaceAll(body, "fill=\"#ffffff\"", "fill=\"none\"");
  ReplaceAll(body, "<title>Gnuplot</title>", "");
  return fmt::format("{} role=\"img\" aria-label=\"{}\" color=\"currentColor\">{}", head, EscapeMarkup(alternative),
                     body);
}

std::string FiguresPart(const ReportInput& input) {
  std::string body;
  for (const ReportFigure& figure : input.figures) {
    const std::string svg =
        figure.svg.empty() ? Paragraph("Not drawn.") : InlineSvg(figure.svg, figure.id, figure.title);
    body += Drawn(figure.id, svg, figure.title, figure.table);
  }
  return body.empty() ? "" : Section("figures", "Figures", body);
}

std::string TimelinePart(const StoredPoint& run) {
  const std::string title = PointTitle(run);
  return Section("timeline", "One migration over time",
                 Drawn("timeline-figure", RenderTimeline(title, run.record), TimelineSentence(title, run.record), ""));
}

std::string ValidationPart(const ReportValidation& validation) {
  RenderOptions html;
  html.format = RenderFormat::kHtml;
  const std::string caption = fmt::format("{} against {}, all groups and metrics", validation.a, validation.b);
  const std::string svg = ComparisonSvg(validation.comparison, validation.options, validation.a, validation.b);
  return Section(
      "validation", "The simulator against the runtime",
      Paragraph(fmt::format("A is {}, B is {}. A metric is within where A differs from B by at most {:g} %, within "
                            "spread where A lies in the interval of B's repeated runs.",
                            validation.a, validation.b, 100 * validation.options.tolerance)) +
          Drawn("validation-figure", InlineSvg(svg, "validation", caption), caption, "") +
          RenderComparison(validation.comparison, validation.options, html));
}

}  // namespace uhaul
