#include "core/flow/elephant_detector.h"

#include <algorithm>
#include <array>
#include <bit>

namespace uhaul {
namespace {

// In the order in which flows are moved: decreasing current size; five-tuples differ, so the order is total.
void SortBySize(std::vector<ActiveFlow>* flows) {
  std::sort(flows->begin(), flows->end(), [](const ActiveFlow& a, const ActiveFlow& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.flow.tuple < b.flow.tuple;
  });
}

// Current sizes by magnitude: 16 classes to each power of two.
class SizeHistogram {
 public:
  size_t Add(Bytes bytes) {  // its class
    const size_t c = ClassOf(bytes);
    bytes_[c] += bytes.count();
    total_ += bytes.count();
    return c;
  }
  uint64_t total() const { return total_; }

  static size_t ClassOf(Bytes bytes) {
    const uint64_t n = bytes.count();
    if (n < kSteps) return n;
    const int shift = std::bit_width(n) - 1 - kStepBits;
    return static_cast<size_t>(shift + 1) * kSteps + ((n >> shift) & (kSteps - 1));
  }
  // The class in which the largest flows together reach `rho` of all bytes; 0 if they never do.
  size_t ClassReaching(double rho) const {
    uint64_t sum = 0;
    for (size_t c = bytes_.size(); c-- > 1;) {
      sum += bytes_[c];
      if (!(static_cast<double>(sum) / static_cast<double>(total_) < rho)) return c;
    }
    return 0;
  }

 private:
  static constexpr int kStepBits = 4;
  static constexpr size_t kSteps = size_t{1} << kStepBits;
  std::array<uint64_t, (64 - kStepBits + 1) * kSteps> bytes_{};
  uint64_t total_ = 0;
};

}  // namespace

// U-HAUL 3.1: the largest flows first, until they hold the target proportion of the active bytes. Only flows of the
// class in which that happens, and larger ones, are sorted: elephants are few.
Selection ProportionDetector::Select(std::span<const ActiveFlow> active) const {
  Selection selection;
  SizeHistogram histogram;
  std::vector<uint16_t> classes(active.size());  // kept, so that the flows themselves are read once
  for (size_t i = 0; i < active.size(); ++i) classes[i] = static_cast<uint16_t>(histogram.Add(active[i].bytes));
  selection.total_bytes = Bytes(histogram.total());
  const auto total = static_cast<double>(histogram.total());
  if (!(total > 0 && 0 < rho_)) return selection;
  const size_t least = histogram.ClassReaching(rho_);
  for (size_t i = 0; i < active.size(); ++i) {
    if (classes[i] >= least) selection.flows.push_back(active[i]);
  }
  SortBySize(&selection.flows);
  size_t taken = 0;
  while (taken < selection.flows.size() && static_cast<double>(selection.selected_bytes.count()) / total < rho_) {
    selection.selected_bytes += selection.flows[taken].bytes;
    ++taken;
  }
  selection.flows.resize(taken);
  return selection;
}

// DECISIONS 5: current size at or above the threshold.
Selection SizeDetector::Select(std::span<const ActiveFlow> active) const {
  Selection selection;
  for (const ActiveFlow& flow : active) {
    selection.total_bytes += flow.bytes;
    if (flow.bytes < threshold_) continue;
    selection.selected_bytes += flow.bytes;
    selection.flows.push_back(flow);
  }
  SortBySize(&selection.flows);
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
