// CapturePoints: the same traffic captured at two points, before and behind what is being tested (at the generator and
// at the sink, say), packet by packet: what was lost, what was repeated, what changed its order, and when each flow was
// first sent and last seen.
//
// A packet is recognised by its contents: the octets from the transport header on that were captured at both points,
// its five-tuple and its length; link headers, time to live and checksums of the IP header may differ. Packets of a
// flow that are alike are taken in order. Both captures must be taken by one clock; otherwise only times of one point
// compare.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"
#include "workloads/capture_flows.h"

namespace uhaul {

struct PointFlow {
  FiveTuple tuple;
  TimePoint first_sent;  // since the first packet of the capture before
  TimePoint last_sent;
  TimePoint finished = TimePoint::Never();  // the last packet behind; Never: none came
  uint64_t sent = 0;
  uint64_t received = 0;   // once each
  uint64_t repeated = 0;   // more often behind than before
  uint64_t reordered = 0;  // received after a packet of their flow that had been sent later
  uint64_t lost() const { return sent - received; }
};

struct PointComparison {
  std::vector<PointFlow> flows;  // in order of their first packets before
  uint64_t unsent = 0;           // packets behind of flows that were never sent
};

struct PointOptions {
  uint32_t compared_octets = 64;         // from the transport header on; at most what the smaller snap length kept
  size_t max_packets = size_t{1} << 26;  // about 100 octets of memory each
};

Result<PointComparison> CompareCaptures(const std::string& before, const std::string& behind,
                                        PointOptions options = {});

}  // namespace uhaul
