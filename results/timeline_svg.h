// One migration over time as SVG text: when each step was reached, what was held in buffers meanwhile, and how long the
// flows that were selected had to pause. The same record gives the same octets. Colours follow the page's text colour.
#pragma once

#include <string>

#include "core/record/record.h"

namespace uhaul {

// What the picture shows, in one sentence: its alternative text. `title` names the run.
std::string TimelineSentence(const std::string& title, const RunRecord& record);
// Needs a record whose operation was accepted.
std::string RenderTimeline(const std::string& title, const RunRecord& record);

}  // namespace uhaul
