#include "core/node/scheme.h"

namespace uhaul {
namespace {

constexpr auto kActive = MoveFlows::kActive;
constexpr auto kElephants = MoveFlows::kElephants;
constexpr auto kNg = Guarantee::kNone;
constexpr auto kLf = Guarantee::kLossFree;
constexpr auto kOp = Guarantee::kOrderPreserving;
constexpr auto kByPeer = Transfer::kPeer;
constexpr auto kAtDst = HoldAt::kDestination;

// name, flows, guarantee, PL, ER, LL, relay, after, idle time-out (us), count diverted, transfer, hold
const SchemeOptions kSchemes[] = {
    {"none", MoveFlows::kNone, kNg, false, false, false, false, AfterMove::kKeep, 0},
    {"opennf", kActive, kLf, true, true, false, false, AfterMove::kKeep, 0},
    {"opennf-ng", kActive, kNg, false, false, false, false, AfterMove::kKeep, 0},
    {"opennf-ng-pl", kActive, kNg, true, false, false, false, AfterMove::kKeep, 0},
    {"opennf-lf", kActive, kLf, false, false, false, false, AfterMove::kKeep, 0},
    {"opennf-lf-pl", kActive, kLf, true, false, false, false, AfterMove::kKeep, 0},
    {"opennf-lf-pl-er", kActive, kLf, true, true, false, false, AfterMove::kKeep, 0},
    {"opennf-lf-ll", kActive, kLf, true, true, true, false, AfterMove::kKeep, 0},
    {"opennf-op", kActive, kOp, false, false, false, false, AfterMove::kKeep, 0},
    {"opennf-op-pl", kActive, kOp, true, false, false, false, AfterMove::kKeep, 0},
    {"opennf-op-pl-er", kActive, kOp, true, true, false, false, AfterMove::kKeep, 0},
    {"opennf-op-code", kActive, kOp, false, false, false, false, AfterMove::kKeep, 0, false},
    {"uhaul", kElephants, kLf, true, true, false, true, AfterMove::kKeep, 0},
    {"uhaul-ng", kElephants, kNg, true, false, false, true, AfterMove::kKeep, 0},
    // Elephants that the EDM chose have often ended already: OpenNF's order-preserving move would wait for their next
    // packet for ever, hence a time-out.
    {"uhaul-op", kElephants, kOp, true, true, false, true, AfterMove::kKeep, 10'000},
    // PL and ER are in the nature of the hand-over.
    {"handover", kActive, kOp, true, true, false, false, AfterMove::kKeep, 0, true, kByPeer, kAtDst},
    {"uhaul-handover", kElephants, kOp, true, true, false, false, AfterMove::kKeep, 0, true, kByPeer, kAtDst},
};

}  // namespace

Result<SchemeOptions> FindScheme(std::string_view name) {
  for (const SchemeOptions& scheme : kSchemes) {
    if (scheme.name == name) return scheme;
  }
  std::string known;
  for (const std::string& n : SchemeNames()) known += (known.empty() ? "" : ", ") + n;
  return Error{"unknown scheme '" + std::string(name) + "' (one of " + known + ")"};
}

std::vector<std::string> SchemeNames() {
  std::vector<std::string> names;
  for (const SchemeOptions& scheme : kSchemes) names.push_back(scheme.name);
  return names;
}

}  // namespace uhaul
