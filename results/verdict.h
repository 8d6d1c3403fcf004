// What is said about one number of the paper: its class of evidence, the band of ours, and the verdict.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace uhaul {

// How much a cell can prove. Only predicted cells are evidence.
enum class Evidence : uint8_t {
  kFitted,              // an input was tuned to it
  kDefinitionSelected,  // a reading was chosen because it fits
  kPredicted,
  kSetting,  // not a result: what the paper did
};
inline constexpr int kEvidenceClasses = 4;

// What the project knows of a cell beforehand.
enum class Mark : uint8_t {
  kNone,
  kModelFails,     // a known miss of this model, to be called that where it falls outside the band
  kNotComparable,  // the paper's own print contradicts it, provably
};

enum class Verdict : uint8_t {
  kIn,             // in the band
  kOut,            // outside the band
  kUninformative,  // in a band wider than a factor 2: being in it says little
  kModelFails,     // outside, and known to be
  kNotComparable,
  kNoBand,  // fewer than 30 traces
};
inline constexpr int kVerdicts = 6;

struct Band {
  double low = 0;
  double high = 0;
};

std::string_view EvidenceName(Evidence evidence);
std::string_view VerdictName(Verdict verdict);
std::optional<Evidence> ParseEvidence(std::string_view name);
std::optional<Mark> ParseMark(std::string_view name);

// A band from zero to more than zero is wider than any factor; one of zero alone has no width.
bool IsWide(const Band& band);
// A number outside a wide band is still outside: width excuses only what lies within.
Verdict Judge(double paper, const std::optional<Band>& band, Mark mark);

}  // namespace uhaul
