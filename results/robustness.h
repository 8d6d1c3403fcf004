// The robustness matrix: what becomes of each claim of the paper in every combination of what the paper leaves open:
// how flows share the link, load, what things cost, which tables of flow sizes. In each setting a claim's direction
// holds, reverses or is undecided, by the rule of claims.h; together they say which claims rest on the setting.
//
// Settings are added one by one, so that the points of one setting at a time are in memory.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "results/claims.h"

namespace uhaul {

// Where a workload's name ends so, its sizes were fitted to Table 8 instead.
inline constexpr std::string_view kOtherTables = "_tab8";

struct RobustnessSetting {
  std::string profile;
  std::string tables;  // "main", or "tab8"
  std::string senders;
  std::string load;
  bool operator==(const RobustnessSetting&) const = default;
};

struct RobustnessCell {
  Direction direction = Direction::kNone;  // kNone: no data
  std::optional<double> ours;
  std::optional<Band> band;
};

struct RobustClaim {
  std::string key;
  std::string text;
  std::string unit;
  std::vector<RobustnessCell> cells;  // by Robustness::settings

  size_t Count(Direction direction) const;
};

struct Robustness {
  std::vector<RobustnessSetting> settings;
  std::vector<RobustClaim> claims;
  size_t traces = 0;  // per workload, the fewest
};

// What can be said of a claim over all settings.
enum class Standing : uint8_t {
  kHoldsEverywhere,
  kNeverReverses,  // but is undecided somewhere
  kDepends,        // holds here, reverses there
  kNeverHolds,     // reverses somewhere
  kUndecided,      // everywhere
};
Standing StandingOf(const RobustClaim& claim);
std::string_view StandingName(Standing standing);

// The claims of one setting's points; their workloads may be of other tables. Errors: the paper's numbers cannot be
// read.
Status AddSetting(const RobustnessSetting& setting, std::vector<StoredPoint> points, const RenderOptions& options,
                  Robustness* robustness);

// A line per claim: how often it holds/reverses/is undecided, in all and by each value of what was varied. As CSV a
// line per claim and setting.
std::string RenderRobustness(const Robustness& robustness, const RenderOptions& options);
// The same as a picture: a row per claim, a column per setting.
std::string RobustnessSvg(const Robustness& robustness);

// To be kept beside the points: it takes minutes to make.
std::string EncodeRobustness(const Robustness& robustness);
Result<Robustness> DecodeRobustness(const std::string& text);

}  // namespace uhaul
