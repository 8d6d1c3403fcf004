// How results are written down, and resampled for their bands.
#pragma once

#include <cstdint>

namespace uhaul {

// kHtml: a fragment of a page. kLatex: tabulars for the package booktabs; headings and notes are comments.
enum class RenderFormat : uint8_t { kText, kMarkdown, kCsv, kHtml, kLatex };

struct RenderOptions {
  RenderFormat format = RenderFormat::kText;
  bool color = false;         // text only: verdicts in ANSI colours
  uint32_t resamples = 2000;  // B
  uint64_t seed = 1;          // of the resampling
  // The least share of the traffic still to come that a threshold must shift to count as one that moves load.
  double least_shifted_percent = 25;
};

}  // namespace uhaul
