// Elephant detection (EDM, U-HAUL 3.1) and its rivals. A detector is a pure function from the FIT's live flows to the
// flows worth moving, in the order in which they are to be moved.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/flow/flow_table.h"

namespace uhaul {

struct Selection {
  std::vector<ActiveFlow> flows;  // in decreasing current size, ties in five-tuple order
  Bytes selected_bytes;           // S'
  Bytes total_bytes;              // S
};

class ElephantDetector {
 public:
  virtual ~ElephantDetector() = default;
  // `active` comes in no particular order, and flows are moved in the order of the selection: sort what you select, by
  // something that differs between any two flows in the end (the five-tuple does), or runs will not repeat.
  virtual Selection Select(std::span<const ActiveFlow> active) const = 0;
};

// U-HAUL's: takes flows in decreasing current size until S'/S >= rho. rho <= 0 selects none; rho > 1 selects all.
class ProportionDetector final : public ElephantDetector {
 public:
  explicit ProportionDetector(double rho) : rho_(rho) {}
  Selection Select(std::span<const ActiveFlow> active) const override;

 private:
  double rho_;
};

// The rival of Tables 4-5: every flow whose current size is at least the threshold.
class SizeDetector final : public ElephantDetector {
 public:
  explicit SizeDetector(Bytes threshold) : threshold_(threshold) {}
  Selection Select(std::span<const ActiveFlow> active) const override;

 private:
  Bytes threshold_;
};

// A detector by value, as it travels in getElephant.
struct DetectorSpec {
  enum class Kind : uint8_t { kProportion = 0, kSize = 1 };
  Kind kind = Kind::kProportion;
  double rho = 0;
  Bytes threshold;
  bool operator==(const DetectorSpec&) const = default;
};
std::unique_ptr<ElephantDetector> MakeDetector(const DetectorSpec& spec);

}  // namespace uhaul
