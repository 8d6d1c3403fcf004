// Testbed: the paper's testbed in one process (RUNTIME: roles joined by bursts), as the engine sees it. Two kinds:
//
//   by a schedule   virtual_testbed.h: time comes from the generator's schedule and from links that take as long as wires
//                   do; one packet at a time, deterministic.
//   in real time    real_testbed.h: packets leave at the trace's times as far as this machine can, in bursts; the
//                   controller is a thread of its own behind a socket.
//
//   RunToStart();            // the warm-up, up to t0
//   StartOperation(point);   // takes the point's profile, starts its move
//   RunToEnd();              // until the operation is closed and every flow with a row has ended, or the cap
#pragma once

#include "core/base/result.h"
#include "core/record/record.h"
#include "experiments/point_spec.h"
#include "runtime/plane.h"

namespace uhaul::runtime {

enum class ClockKind : uint8_t { kVirtual, kTsc };

class Testbed {
 public:
  virtual ~Testbed() = default;
  virtual Status RunToStart() = 0;
  virtual Status StartOperation(const PointSpec& point) = 0;
  virtual Result<RunRecord> RunToEnd() = 0;
  virtual const Plane& plane() const = 0;
  virtual const Punctuality& punctuality() const = 0;  // all zero by a schedule
};

}  // namespace uhaul::runtime
