// Figure 1a: the flow-size distributions themselves, at their own points. It needs no run.
#pragma once

#include "core/base/result.h"
#include "results/figure_data.h"

namespace uhaul {

Result<FigureData> BuildFlowSizes();

}  // namespace uhaul
