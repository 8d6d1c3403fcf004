// Small random traces with many ties: arrivals on a coarse grid, sizes around multiples of a packet.
#pragma once

#include "core/base/random.h"
#include "workloads/trace.h"

namespace uhaul::test {

inline Trace SmallTrace(uint64_t seed, uint32_t flows, int64_t grid_ns, uint64_t max_packets) {
  Random random(seed, 0x7465);
  Trace trace;
  int64_t at = 0;
  for (uint32_t i = 0; i < flows; ++i) {
    at += static_cast<int64_t>(random.Below(4)) * grid_ns;
    TraceFlow flow;
    flow.arrival = TimePoint::FromNanos(at);
    flow.bytes = random.Below(max_packets) * 1500 + 1 + (random.Below(2) == 0 ? 1499 : random.Below(1500));
    flow.tuple.source = FiveTuple::Ipv4(10, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i));
    flow.tuple.source_port = 40000;
    flow.tuple.destination_port = 80;
    trace.flows.push_back(flow);
  }
  return trace;
}

}  // namespace uhaul::test
