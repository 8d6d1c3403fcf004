// The paper's claims beside ours: each with the paper's figure, ours, a band from the same joint resamples of traces as
// the tables', the class of evidence, whether its direction holds, reverses or is undecided, and a plain sentence. "At
// least" and "up to" have distributions of their own: the extreme over thresholds is taken inside each resample.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "results/paper_tables.h"

namespace uhaul {

// Of what is claimed to be more or less than something; kNone for a plain number.
enum class Direction : uint8_t { kHolds, kReverses, kUndecided, kNone };
std::string_view DirectionName(Direction direction);

struct Claim {
  std::string key;   // "downtime-reduction-min.web_search"
  std::string text;  // what the paper says
  std::string unit;
  std::optional<double> paper;
  std::optional<double> ours;
  std::optional<Band> band;
  Evidence evidence = Evidence::kPredicted;
  Verdict verdict = Verdict::kNoBand;
  Direction direction = Direction::kUndecided;
  std::string sentence;
};

Result<std::vector<Claim>> BuildClaims(const Study& study);
Result<std::string> RenderClaims(std::span<const Claim> claims, const RenderOptions& options);

}  // namespace uhaul
