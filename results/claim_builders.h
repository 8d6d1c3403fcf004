// Where claims are made from a study. Private to results/.
#pragma once

#include <string>
#include <vector>

#include "results/sampled.h"

namespace uhaul {

struct ClaimList {
  const Study& study;
  const PaperNumbers& paper;
  std::vector<Claim> claims;
};

void AddPerformanceClaims(ClaimList& list);  // time, mice latency, buffer
void AddDetectionClaims(ClaimList& list);    // active flows, accuracy, against size-based
void AddTradeoffClaims(ClaimList& list);     // sweet spots, die-out, who is still alive

// The thresholds at which the paper has this workload.
std::vector<uint64_t> PaperThresholds(const PaperNumbers& paper, const std::string& workload);

// A claim on one number of the paper (nullptr: the paper prints none). `effect`: positive is what the paper claims.
Claim MakeClaim(std::string key, std::string text, std::string unit, const PaperNumber* number, const Sampled& ours,
                Direction direction, std::string sentence);

}  // namespace uhaul
