// Hand-made records for the tests of results/.
#pragma once

#include <string>

#include "results/point_store.h"

namespace uhaul::sample {

inline constexpr int64_t kMs = 1'000'000;
inline constexpr int64_t kT0 = 2'000 * kMs;

// A flow of A, its last packet 1 ms before t0, ended then; its number names it.
inline FlowRow Row(uint8_t number, uint64_t final_bytes, uint64_t t0_bytes) {
  FlowRow row;
  row.tuple.source = {10, 0, 0, number};
  row.tuple.source_port = 1000;
  row.tuple.destination = {10, 1, 0, 1};
  row.tuple.destination_port = 80;
  row.arrival_ns = kT0 - 50 * kMs;
  row.first_sent_ns = kT0 - 40 * kMs;
  row.last_processed_ns = kT0 - 1 * kMs;
  row.finished_ns = kT0 - 1 * kMs;
  row.final_bytes = final_bytes;
  row.t0_bytes = t0_bytes;
  row.t0_last_packet_ns = kT0 - 1 * kMs;
  row.active = true;
  return row;
}

// A run whose operation takes 5 ms, and whose rules and buffers are done after 6 ms.
inline RunRecord Record() {
  RunRecord record;
  record.t0_ns = kT0;
  record.steps_ns[static_cast<size_t>(OperationStep::kAccepted)] = kT0;
  record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] = kT0 + 5 * kMs;
  record.steps_ns[static_cast<size_t>(OperationStep::kDone)] = kT0 + 6 * kMs;
  record.ended_ns = kT0 + 100 * kMs;
  return record;
}

inline StoredPoint Point(const std::string& workload, const std::string& trace, const std::string& scheme,
                         const std::string& threshold = "3000000") {
  const bool elephants = scheme.starts_with("uhaul");
  StoredPoint point;
  point.engine = "sim";
  point.build = "b1";
  point.spec = {{"workload.name", workload}, {"workload.trace", trace}, {"scheme.name", scheme}};
  if (elephants) {
    point.spec["edm.threshold"] = threshold;
    point.spec["edm.rho"] = "offline";
    point.spec["edm.detector"] = "proportion";
  }
  point.id = workload + "-" + trace + "-" + scheme + (elephants ? "-" + threshold : "");
  point.record = Record();
  point.record.elephant_bytes_threshold = elephants ? std::stoull(threshold) : 0;
  return point;
}

}  // namespace uhaul::sample
