// What a capture held, for people: frames, packets, bytes, and what became of frames that are no packets of a flow.
#pragma once

#include <string>

#include "workloads/capture_flows.h"

namespace uhaul {

std::string CaptureText(const CaptureTotals& totals);

}  // namespace uhaul
