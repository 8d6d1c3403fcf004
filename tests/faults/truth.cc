#include "tests/faults/truth.h"

#include <bit>
#include <utility>

namespace uhaul::faults {

const char* ViolationName(Violation violation) {
  switch (violation) {
    case Violation::kDuplicate:
      return "DUPLICATE";
    case Violation::kReorder:
      return "REORDER";
    case Violation::kStaleState:
      return "STALE-STATE";
    case Violation::kTwoOwners:
      return "TWO-OWNERS";
    case Violation::kDropped:
      return "DROPPED";
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

ViolationSet Truth::OnProcessed(uint32_t flow, const Processed& what) {
  FlowTruth& f = flows_[flow];
  UHAUL_CHECK(what.number < f.sent);
  const uint64_t bit = uint64_t{1} << what.number;
  const uint64_t before = bit - 1;
  ViolationSet wrong = 0;
  if ((f.processed & bit) != 0) wrong |= Bit(Violation::kDuplicate);
  const uint64_t same = (f.reverse & bit) != 0 ? f.reverse : ~f.reverse;  // direction
  const bool overtakes = ((f.processed | f.lost | f.at_risk) & before & same) != (before & same);
  const bool overtaken = (f.processed & ~before & ~bit & same) != 0;
  if (overtakes || overtaken) wrong |= Bit(Violation::kReorder);
  if (what.version + f.ended_at != static_cast<uint64_t>(std::popcount(f.processed))) {
    if (f.crashed || f.reported) {
      f.went_stale = true;
    } else {
      wrong |= Bit(Violation::kStaleState);
    }
  }
  f.processed |= bit;
  for (uint64_t& inside : f.inside) inside &= ~bit;
  if (what.fin) f.ended_at = static_cast<uint8_t>(std::popcount(f.processed));
  return wrong;
}

void Truth::OnNfDied(uint8_t nf) {
  for (FlowTruth& f : flows_) {
    f.crashed = true;
    f.at_risk |= std::exchange(f.inside[nf], 0) & ~f.processed;
  }
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
    hash.Add(f.reverse);
    hash.Add(f.lost);
    hash.Add(f.at_risk);
    for (const uint64_t inside : f.inside) hash.Add(inside & ~f.processed);
    hash.Add((uint64_t{f.sent} << 24) | (uint64_t{f.ended_at} << 16) | (f.crashed ? 1U : 0U) |
             (f.owner_died ? 2U : 0U) | (f.reported ? 4U : 0U) | (f.went_stale ? 8U : 0U));
  }
}

}  // namespace uhaul::faults
