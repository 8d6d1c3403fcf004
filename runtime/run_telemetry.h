// RunTelemetry: a run's figures for telemetry.h, about ten times a second and after each step of an operation: the flow
// tables and the switch as they are, the operation by its latest step.
#pragma once

#include <array>
#include <string>

#include "runtime/plane.h"
#include "runtime/telemetry.h"

namespace uhaul::runtime {

class RunTelemetry final : public EventWatcher {
 public:
  // `capacity`: of each NF's flow table.
  explicit RunTelemetry(uint32_t capacity) : capacity_(capacity) {}
  void OnEvent(const RecordEvent& event) override;
  // By the lcore, in every round.
  void PublishIfDue(TimePoint now, const Plane& plane) {
    if (now < next_) [[likely]] {
      return;
    }
    Publish(now, plane);
  }

 private:
  void Publish(TimePoint now, const Plane& plane);

  const uint32_t capacity_;
  TimePoint next_;
  bool operation_ = false;  // there was one
  OperationFigures figures_;
  std::array<uint64_t, kBufferPlaces> held_bytes_{};
  std::array<uint64_t, kNfCount> evictions_{};
};

}  // namespace uhaul::runtime
