#include "results/robustness.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "results/statistics.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<Direction, 3> kDirections = {Direction::kHolds, Direction::kReverses, Direction::kUndecided};

// What was varied, in the order in which it is shown.
struct Dimension {
  const char* name;
  std::string RobustnessSetting::*value;
};
constexpr std::array<Dimension, 4> kDimensions = {{{"senders", &RobustnessSetting::senders},
                                                   {"load", &RobustnessSetting::load},
                                                   {"profile", &RobustnessSetting::profile},
                                                   {"tables", &RobustnessSetting::tables}}};

// Values in the order of their first setting.
std::vector<std::string> ValuesOf(const Robustness& robustness, const Dimension& dimension) {
  std::vector<std::string> values;
  for (const RobustnessSetting& setting : robustness.settings) {
    const std::string& value = setting.*dimension.value;
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }
  return values;
}

// "12/0/4": holds, reverses, undecided, of the settings that `wanted` chooses.
template <class Wanted>
std::string Counts(const Robustness& robustness, const RobustClaim& claim, Wanted wanted) {
  std::array<size_t, kDirections.size()> counts{};
  for (size_t i = 0; i < claim.cells.size(); ++i) {
    if (!wanted(robustness.settings[i])) continue;
    for (size_t d = 0; d < kDirections.size(); ++d) counts[d] += claim.cells[i].direction == kDirections[d];
  }
  return fmt::format("{}", fmt::join(counts, "/"));
}

TextGrid MatrixGrid(const Robustness& robustness) {
  TextGrid grid;
  grid.columns = {{"claim", true}, {"standing", true}, {"all", false}};
  for (const Dimension& dimension : kDimensions) {
    for (const std::string& value : ValuesOf(robustness, dimension)) {
      grid.columns.push_back({fmt::format("{} {}", dimension.name, value), false});
    }
  }
  for (const RobustClaim& claim : robustness.claims) {
    std::vector<std::string> row = {claim.text, std::string(StandingName(StandingOf(claim))),
                                    Counts(robustness, claim, [](const auto&) { return true; })};
    for (const Dimension& dimension : kDimensions) {
      for (const std::string& value : ValuesOf(robustness, dimension)) {
        row.push_back(Counts(robustness, claim, [&](const auto& s) { return s.*dimension.value == value; }));
      }
    }
    grid.rows.push_back(std::move(row));
  }
  return grid;
}

TextGrid CellGrid(const Robustness& robustness) {
  TextGrid grid;
  for (const char* title :
       {"key", "claim", "unit", "profile", "tables", "senders", "load", "direction", "ours", "band_low", "band_high"}) {
    grid.columns.push_back({title, true});
  }
  for (const RobustClaim& claim : robustness.claims) {
    for (size_t i = 0; i < claim.cells.size(); ++i) {
      const RobustnessSetting& setting = robustness.settings[i];
      const RobustnessCell& cell = claim.cells[i];
      grid.rows.push_back({claim.key, claim.text, claim.unit, setting.profile, setting.tables, setting.senders,
                           setting.load, std::string(DirectionName(cell.direction)), Exact(cell.ours),
                           cell.band ? Exact(cell.band->low) : "", cell.band ? Exact(cell.band->high) : ""});
    }
  }
  return grid;
}

// The fewest traces of any workload.
size_t TracesOf(std::span<const StoredPoint> points) {
  std::map<std::string, std::set<std::string>> traces;
  for (const StoredPoint& point : points) {
    const auto name = point.spec.find("workload.name");
    const auto trace = point.spec.find("workload.trace");
    if (name != point.spec.end() && trace != point.spec.end()) traces[name->second].insert(trace->second);
  }
  size_t fewest = 0;
  for (const auto& [name, of_workload] : traces) {
    if (fewest == 0 || of_workload.size() < fewest) fewest = of_workload.size();
  }
  return fewest;
}

// What is asked in each setting: the direction alone, without the paper's number that the text leads up to.
std::string DirectionText(std::string text) {
  const std::array<std::pair<std::string_view, std::string_view>, 4> kEnds = {
      {{" by at least", " (at its least)"}, {" by up to", " (at its most)"}, {" by", ""}, {" by (", " ("}}};
  for (const auto& [end, instead] : kEnds) {
    const size_t at = text.rfind(end);
    if (at == std::string::npos || (!end.ends_with('(') && at + end.size() != text.size())) continue;
    return text.replace(at, end.size(), instead);
  }
  return text;
}

Json Number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }
std::optional<double> NumberOf(const Json& json) {
  return json.is_number() ? std::optional<double>(json.get<double>()) : std::nullopt;
}

}  // namespace

size_t RobustClaim::Count(Direction direction) const {
  return static_cast<size_t>(
      std::count_if(cells.begin(), cells.end(), [&](const RobustnessCell& c) { return c.direction == direction; }));
}

Standing StandingOf(const RobustClaim& claim) {
  const size_t holds = claim.Count(Direction::kHolds);
  const size_t reverses = claim.Count(Direction::kReverses);
  if (holds > 0 && reverses > 0) return Standing::kDepends;
  if (holds > 0 && holds == claim.cells.size()) return Standing::kHoldsEverywhere;
  if (holds > 0) return Standing::kNeverReverses;
  return reverses > 0 ? Standing::kNeverHolds : Standing::kUndecided;
}

std::string_view StandingName(Standing standing) {
  switch (standing) {
    case Standing::kHoldsEverywhere:
      return "holds everywhere";
    case Standing::kNeverReverses:
      return "never reverses";
    case Standing::kDepends:
      return "depends on the setting";
    case Standing::kNeverHolds:
      return "never holds";
    case Standing::kUndecided:
      return "undecided";
  }
  UHAUL_CHECK(standing <= Standing::kUndecided);
  return "";
}

Status AddSetting(const RobustnessSetting& setting, std::vector<StoredPoint> points, const RenderOptions& options,
                  Robustness* robustness) {
  for (StoredPoint& point : points) {
    std::string& name = point.spec["workload.name"];
    if (name.ends_with(kOtherTables)) name.resize(name.size() - kOtherTables.size());
  }
  const size_t traces = TracesOf(points);
  robustness->traces = robustness->settings.empty() ? traces : std::min(robustness->traces, traces);
  const auto claims = BuildClaims(Study(points, options));
  if (!claims) return claims.error();
  robustness->settings.push_back(setting);
  for (const Claim& claim : *claims) {
    if (claim.direction == Direction::kNone) continue;
    auto& all = robustness->claims;
    auto at = std::find_if(all.begin(), all.end(), [&](const RobustClaim& c) { return c.key == claim.key; });
    if (at == all.end()) at = all.insert(at, {claim.key, DirectionText(claim.text), claim.unit, {}});
    at->cells.resize(robustness->settings.size() - 1);
    at->cells.push_back({claim.ours ? claim.direction : Direction::kNone, claim.ours, claim.band});
  }
  for (RobustClaim& claim : robustness->claims) claim.cells.resize(robustness->settings.size());
  return {};
}

std::string RenderRobustness(const Robustness& robustness, const RenderOptions& options) {
  if (options.format == RenderFormat::kCsv) return RenderCsv(CellGrid(robustness));
  std::string out = Heading(2, "The paper's claims over what it leaves open", options.format);
  if (options.format == RenderFormat::kText) out += "\n";
  out += RenderGrid(MatrixGrid(robustness), options) + "\n";
  out +=
      Bullet(fmt::format("A cell is holds/reverses/undecided: in how many of the settings. {} settings, {} traces per "
                         "workload; the rule is that of 'uhaul claims'.",
                         robustness.settings.size(), robustness.traces),
             options.format);
  if (robustness.traces < kTracesForBands) {
    out += Bullet(fmt::format("Below {} traces nothing is decided, but best thresholds.", kTracesForBands),
                  options.format);
  }
  out += Bullet(
      "A load of exactly 1.0 has no stationary law: the backlog grows, and what is seen depends on when one looks.",
      options.format);
  return out;
}

std::string EncodeRobustness(const Robustness& robustness) {
  Json settings = Json::array();
  for (const RobustnessSetting& s : robustness.settings) {
    settings.push_back({{"profile", s.profile}, {"tables", s.tables}, {"senders", s.senders}, {"load", s.load}});
  }
  Json claims = Json::array();
  for (const RobustClaim& claim : robustness.claims) {
    Json cells = Json::array();
    for (const RobustnessCell& cell : claim.cells) {
      cells.push_back({DirectionName(cell.direction), Number(cell.ours),
                       Number(cell.band ? std::optional(cell.band->low) : std::nullopt),
                       Number(cell.band ? std::optional(cell.band->high) : std::nullopt)});
    }
    claims.push_back({{"key", claim.key}, {"text", claim.text}, {"unit", claim.unit}, {"cells", std::move(cells)}});
  }
  return Json{{"uhaul_robustness", 1}, {"traces", robustness.traces}, {"settings", settings}, {"claims", claims}}
             .dump() +
         "\n";
}

Result<Robustness> DecodeRobustness(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  const Error bad{"not a robustness matrix of this version; 'uhaul robustness --out FILE.json' makes one"};
  Robustness robustness;
  try {
    if (json.at("uhaul_robustness") != 1) return bad;
    robustness.traces = json.at("traces").get<size_t>();
    for (const Json& s : json.at("settings")) {
      robustness.settings.push_back({s.at("profile").get<std::string>(), s.at("tables").get<std::string>(),
                                     s.at("senders").get<std::string>(), s.at("load").get<std::string>()});
    }
    for (const Json& c : json.at("claims")) {
      RobustClaim claim{
          c.at("key").get<std::string>(), c.at("text").get<std::string>(), c.at("unit").get<std::string>(), {}};
      for (const Json& one : c.at("cells")) {
        RobustnessCell cell;
        for (const Direction direction : kDirections) {
          if (one.at(0) == DirectionName(direction)) cell.direction = direction;
        }
        cell.ours = NumberOf(one.at(1));
        if (one.at(2).is_number() && one.at(3).is_number())
          cell.band = Band{*NumberOf(one.at(2)), *NumberOf(one.at(3))};
        claim.cells.push_back(cell);
      }
      if (claim.cells.size() != robustness.settings.size()) return bad;
      robustness.claims.push_back(std::move(claim));
    }
  } catch (const Json::exception&) {
    return bad;
  }
  return robustness;
}

}  // namespace uhaul
