// RecordedSource: the packets of a capture, in order, at their times.
#pragma once

#include <vector>

#include "core/base/check.h"
#include "workloads/packet_source.h"
#include "workloads/recorded_traffic.h"

namespace uhaul {

class RecordedSource {
 public:
  // Keeps a reference to the traffic.
  explicit RecordedSource(const RecordedTraffic& traffic) : traffic_(&traffic) {
    for (const TraceFlow& flow : traffic.trace().flows) unsent_.push_back(flow.bytes);
  }

  TimePoint NextTime() const {
    return next_ == traffic_->packets().size() ? TimePoint::Never() : traffic_->packets()[next_].at;
  }
  SourcePacket Pop() {
    UHAUL_CHECK(next_ < traffic_->packets().size());
    const RecordedPacket& p = traffic_->packets()[next_++];
    unsent_[p.flow] -= p.bytes;
    return {.at = p.at,
            .flow = p.flow,
            .sequence = p.number,
            .bytes = p.bytes,
            .first = p.number == 0,
            .last = p.number + 1 == traffic_->PacketsOf(p.flow),
            .retransmission = false};
  }
  uint64_t UnsentBytes(uint32_t flow) const { return unsent_[flow]; }
  // A flow arrives with its first packet.
  uint64_t Waiting() const { return 0; }

 private:
  const RecordedTraffic* traffic_;
  std::vector<uint64_t> unsent_;
  size_t next_ = 0;
};

}  // namespace uhaul
