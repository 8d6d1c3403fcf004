#include "tests/faults/truth.h"

#include <bit>

namespace uhaul::faults {

const char* ViolationName(Violation violation) {
  switch (violation) {
    case Violation::kDuplicate:
      return "DUPLICATE";
    case Violation::kReorder:
      return "REORDER";
    case Violation::kStaleState:
      return "STALE-STATE";
    case Violation::kSilentLoss:
      return "SILENT-LOSS";
    case Violation::kTwoOwners:
      return "TWO-OWNERS";
    case Violation::kLeftover:
      return "LEFTOVER";
  }
  UHAUL_CHECK(false);
}

std::string ViolationText(ViolationSet set) {
  std::string text;
  for (int i = 0; i < kViolations; ++i) {
    if ((set >> i & 1) == 0) continue;
    text += (text.empty() ? "" : ",") + std::string(ViolationName(static_cast<Violation>(i)));
  }
  return text.empty() ? "none" : text;
}

ViolationSet Truth::OnProcessed(uint32_t flow, uint8_t nf, const Processed& what) {
  FlowTruth& f = flows_[flow];
  UHAUL_CHECK(what.number < f.sent);
  const uint64_t bit = uint64_t{1} << what.number;
  ViolationSet wrong = 0;
  if ((f.processed & bit) != 0) wrong |= Bit(Violation::kDuplicate);
  const uint64_t before = bit - 1;
  const bool overtakes = ((f.processed | f.lost) & before) != before;
  const bool overtaken = (f.processed & ~before & ~bit) != 0;
  if (overtakes || overtaken) wrong |= Bit(Violation::kReorder);
  const auto seen = static_cast<uint64_t>(std::popcount(f.processed));
  if (what.version != seen && !f.state_excused) wrong |= Bit(Violation::kStaleState);
  f.processed |= bit;
  f.last_nf = nf;
  return wrong;
}

uint64_t Truth::processed() const {
  uint64_t n = 0;
  for (const FlowTruth& f : flows_) n += static_cast<uint64_t>(std::popcount(f.processed));
  return n;
}
uint64_t Truth::lost() const {
  uint64_t n = 0;
  for (const FlowTruth& f : flows_) n += static_cast<uint64_t>(std::popcount(f.lost));
  return n;
}
uint64_t Truth::sent() const {
  uint64_t n = 0;
  for (const FlowTruth& f : flows_) n += f.sent;
  return n;
}

void Truth::Hash(StateHash& hash) const {
  for (const FlowTruth& f : flows_) {
    hash.Add(f.processed);
    hash.Add(f.lost);
    hash.Add(f.sent);
    hash.Add((uint64_t{f.last_nf} << 1) | (f.state_excused ? 1U : 0U));
  }
}

}  // namespace uhaul::faults
