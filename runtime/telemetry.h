// What dpdk-telemetry.py and exporters see of a running system: /uhaul/fit, /uhaul/migration and /uhaul/switch of
// DPDK's telemetry (EAL argument --telemetry). The lcore publishes a copy of its figures now and then; the telemetry's
// thread reads the copy and never touches a machine. Publishing waits for nobody: if a
// reader is at the copy, the next one is published.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/result.h"

namespace uhaul::runtime {

struct FitFigures {
  uint64_t nf = 0;
  uint64_t entries = 0, capacity = 0, full = 0, evictions = 0;
};
struct OperationFigures {
  uint64_t id = 0;
  std::array<char, 24> phase{};  // its name, ended by a zero
  uint64_t flows = 0, held_bytes = 0;
};
struct SwitchFigures {
  uint64_t rules = 0, forwarded = 0, packet_ins = 0, packet_outs = 0;
};
struct TelemetrySnapshot {
  static constexpr size_t kMostFits = 16;
  static constexpr size_t kMostOperations = 16;
  uint64_t at_ns = 0;
  uint64_t fit_count = 0, operation_count = 0;  // at most so many as there is room
  std::array<FitFigures, kMostFits> fits{};
  std::array<OperationFigures, kMostOperations> operations{};
  SwitchFigures switch_figures;
};

// The commands, for the whole process; a second call does nothing.
Status RegisterTelemetry();
// By one thread.
void PublishTelemetry(const TelemetrySnapshot& snapshot);

}  // namespace uhaul::runtime
