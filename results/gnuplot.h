// Charts as a script for gnuplot 5.4, which draws the paper-style figures as SVG or PDF. The script says everything
// that could differ between machines (size, font, colours, order), so that the same charts give the same SVG, octet by
// octet.
#pragma once

#include <string>
#include <vector>

#include "results/chart.h"

namespace uhaul {

enum class PictureFormat : uint8_t { kSvg, kPdf };

// Panels stand left to right under the title. The picture comes on gnuplot's standard output.
std::string GnuplotScript(const std::string& title, const std::vector<Chart>& panels, PictureFormat format);

}  // namespace uhaul
