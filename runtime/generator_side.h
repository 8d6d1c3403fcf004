// GeneratorSide: what the process or thread that is generator and sink says of a run: when t0 is, and when all that is of
// interest has arrived. It alone knows what was sent and what came out; which flows A has is the source NF's to say.
#pragma once

#include <optional>

#include "experiments/run_control.h"

namespace uhaul::runtime {

class GeneratorSide {
 public:
  // `run` outlives it: this side's own, whose record nobody reads.
  explicit GeneratorSide(RunControl* run) : run_(run) {}

  // True once, when t0 has come.
  bool TakeStart(TimePoint now) {
    if (asked_ || now < run_->FirstLook()) return false;
    asked_ = true;
    return true;
  }
  // The operation begins. Every flow that is under way may be of A.
  void Begin(TimePoint t0, const PointSpec& point);
  // The operation is closed.
  void OnOver() { over_ = true; }
  struct End {
    TimePoint at;
    bool capped = false;
  };
  // Once.
  std::optional<End> Ended(TimePoint now);

 private:
  RunControl* run_;
  bool asked_ = false;
  bool begun_ = false;
  bool over_ = false;
  bool ended_ = false;
};

}  // namespace uhaul::runtime
