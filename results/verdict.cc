#include "results/verdict.h"

#include <array>

namespace uhaul {
namespace {

constexpr double kWidestFactor = 2;
constexpr std::array<std::string_view, kEvidenceClasses> kEvidenceNames = {"fitted", "definition-selected", "predicted",
                                                                           "setting"};
constexpr std::array<std::string_view, kVerdicts> kVerdictNames = {
    "in", "out", "uninformative", "model fails", "not comparable", "no band"};
constexpr std::array<std::string_view, 3> kMarkNames = {"", "model-fails", "not-comparable"};

template <class T, size_t kSize>
std::optional<T> Find(const std::array<std::string_view, kSize>& names, std::string_view name) {
  for (size_t i = 0; i < kSize; ++i) {
    if (names[i] == name) return static_cast<T>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view EvidenceName(Evidence evidence) { return kEvidenceNames[static_cast<size_t>(evidence)]; }
std::string_view VerdictName(Verdict verdict) { return kVerdictNames[static_cast<size_t>(verdict)]; }
std::optional<Evidence> ParseEvidence(std::string_view name) { return Find<Evidence>(kEvidenceNames, name); }
std::optional<Mark> ParseMark(std::string_view name) { return Find<Mark>(kMarkNames, name); }

bool IsWide(const Band& band) {
  if (band.low <= 0) return band.high > band.low;
  return band.high > kWidestFactor * band.low;
}

Verdict Judge(double paper, const std::optional<Band>& band, Mark mark) {
  if (mark == Mark::kNotComparable) return Verdict::kNotComparable;
  if (!band) return Verdict::kNoBand;
  if (paper < band->low || paper > band->high) {
    return mark == Mark::kModelFails ? Verdict::kModelFails : Verdict::kOut;
  }
  return IsWide(*band) ? Verdict::kUninformative : Verdict::kIn;
}

}  // namespace uhaul
