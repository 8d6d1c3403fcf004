// Draws with gnuplot (Debian: gnuplot-nox), a process of its own that takes a script and gives a picture.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "results/gnuplot.h"

namespace uhaul {

// The picture. Errors: gnuplot is not there (with the cure), or did not like the script (with what it said).
Result<std::string> DrawPicture(const std::string& title, const std::vector<Chart>& panels, PictureFormat format);

}  // namespace uhaul
