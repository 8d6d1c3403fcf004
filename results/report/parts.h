// The report's parts. Private to results/report/.
#pragma once

#include <string>

#include "results/report/report.h"

namespace uhaul {

// Everything between <head> and the first heading, and after the last section.
std::string PageHead(const std::string& title);
std::string PageFoot(const ReportInput& input);

// What stands, what does not, in plain words.
std::string OpeningPart(const ReportInput& input);
std::string RobustnessPart(const Robustness& robustness);
// Its sentences for the first page.
std::string RobustnessOpening(const Robustness& robustness);
std::string FiguresPart(const ReportInput& input);
Result<std::string> ContradictionsPart();
std::string ValidationPart(const ReportValidation& validation);
std::string TimelinePart(const StoredPoint& run);
// Empty where the points have no provenance.
std::string PerformancePart(const ReportInput& input);
std::string ProvenancePart(const ReportInput& input);

// gnuplot's SVG, to stand in a page beside others: no prolog, names of its own, the page's text colour for black.
std::string InlineSvg(const std::string& svg, const std::string& id, const std::string& alternative);

std::string Paragraph(const std::string& text);
// <section> with a heading; `body` is markup.
std::string Section(const std::string& id, const std::string& title, const std::string& body);

}  // namespace uhaul
