#include "results/claims.h"

#include <fmt/format.h>

#include "results/claim_builders.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

int DecimalsOf(const Claim& claim) { return claim.unit == "MB" ? 1 : claim.unit == "ms" ? 2 : 1; }

TextGrid ClaimGrid(std::span<const Claim> claims) {
  TextGrid grid;
  grid.columns = {{"claim", true},      {"unit", true},  {"paper", false},  {"ours", false},
                  {"90 % band", false}, {"class", true}, {"verdict", true}, {"direction", true}};
  for (const Claim& claim : claims) {
    const int decimals = DecimalsOf(claim);
    grid.rows.push_back(
        {claim.text, claim.unit, claim.paper ? fmt::format("{:.4g}", *claim.paper) : "-", Fixed(claim.ours, decimals),
         BandText(claim.band, decimals), std::string(EvidenceName(claim.evidence)),
         claim.paper ? std::string(VerdictName(claim.verdict)) : "-", std::string(DirectionName(claim.direction))});
  }
  return grid;
}

TextGrid ClaimCsv(std::span<const Claim> claims) {
  TextGrid grid;
  for (const char* title : {"key", "claim", "unit", "paper", "ours", "band_low", "band_high", "class", "verdict",
                            "direction", "sentence"}) {
    grid.columns.push_back({title, true});
  }
  for (const Claim& claim : claims) {
    grid.rows.push_back({claim.key, claim.text, claim.unit, Exact(claim.paper), Exact(claim.ours),
                         claim.band ? Exact(claim.band->low) : "", claim.band ? Exact(claim.band->high) : "",
                         std::string(EvidenceName(claim.evidence)), std::string(VerdictName(claim.verdict)),
                         std::string(DirectionName(claim.direction)), claim.sentence});
  }
  return grid;
}

void AppendContradictions(const PaperNumbers& paper, RenderFormat format, std::string& out) {
  for (const Contradiction& c : paper.contradictions) {
    for (const std::string& touched : c.touches) {
      if (touched != "claims") continue;
      out += Bullet(fmt::format("The paper against itself, {}: {}", c.number, c.sentence), format);
    }
  }
}

}  // namespace

std::string_view DirectionName(Direction direction) {
  switch (direction) {
    case Direction::kHolds:
      return "holds";
    case Direction::kReverses:
      return "reverses";
    case Direction::kUndecided:
      return "undecided";
    case Direction::kNone:
      return "-";
  }
  UHAUL_CHECK(direction <= Direction::kNone);
  return "";
}

Result<std::vector<Claim>> BuildClaims(const Study& study) {
  const auto paper = LoadPaperNumbers();
  if (!paper) return paper.error();
  ClaimList list{study, *paper, {}};
  AddPerformanceClaims(list);
  AddDetectionClaims(list);
  AddTradeoffClaims(list);
  return std::move(list.claims);
}

Result<std::string> RenderClaims(std::span<const Claim> claims, const RenderOptions& options) {
  if (options.format == RenderFormat::kCsv) return RenderCsv(ClaimCsv(claims));
  const auto paper = LoadPaperNumbers();
  if (!paper) return paper.error();
  std::string out = Heading(2, "The paper's claims", options.format);
  if (options.format == RenderFormat::kText) out += "\n";
  out += RenderGrid(ClaimGrid(claims), options) + "\n";
  for (const Claim& claim : claims) {
    if (!claim.sentence.empty()) out += Bullet(claim.sentence, options.format);
  }
  AppendContradictions(*paper, options.format, out);
  out += Bullet(
      "holds, reverses: the whole 90 % band of five-run means lies on the claim's side, on the other; undecided: "
      "neither, "
      "or fewer than 30 traces. In the setting of these points only: no claim rests on one setting.",
      options.format);
  return out;
}

}  // namespace uhaul
