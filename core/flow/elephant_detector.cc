#include "core/flow/elephant_detector.h"

#include <algorithm>

namespace uhaul {
namespace {

// In the order in which flows are moved: decreasing current size; five-tuples differ, so the order is total.
Selection SortedBySize(std::span<const ActiveFlow> active) {
  Selection selection;
  selection.flows.assign(active.begin(), active.end());
  std::sort(selection.flows.begin(), selection.flows.end(), [](const ActiveFlow& a, const ActiveFlow& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.flow.tuple < b.flow.tuple;
  });
  for (const ActiveFlow& flow : active) selection.total_bytes += flow.bytes;
  return selection;
}

}  // namespace

// U-HAUL 3.1: the largest flows first, until they hold the target proportion of the active bytes.
Selection ProportionDetector::Select(std::span<const ActiveFlow> active) const {
  Selection selection = SortedBySize(active);
  const double total = static_cast<double>(selection.total_bytes.count());
  size_t taken = 0;
  while (taken < selection.flows.size() && total > 0 &&
         static_cast<double>(selection.selected_bytes.count()) / total < rho_) {
    selection.selected_bytes += selection.flows[taken].bytes;
    ++taken;
  }
  selection.flows.resize(taken);
  return selection;
}

// DECISIONS 5: current size at or above the threshold.
Selection SizeDetector::Select(std::span<const ActiveFlow> active) const {
  Selection selection = SortedBySize(active);
  size_t taken = 0;
  while (taken < selection.flows.size() && selection.flows[taken].bytes >= threshold_) {
    selection.selected_bytes += selection.flows[taken].bytes;
    ++taken;
  }
  selection.flows.resize(taken);
  return selection;
}

std::unique_ptr<ElephantDetector> MakeDetector(const DetectorSpec& spec) {
  switch (spec.kind) {
    case DetectorSpec::Kind::kProportion:
      return std::make_unique<ProportionDetector>(spec.rho);
    case DetectorSpec::Kind::kSize:
      return std::make_unique<SizeDetector>(spec.threshold);
  }
  UHAUL_CHECK(spec.kind <= DetectorSpec::Kind::kSize);
  return nullptr;
}

}  // namespace uhaul
