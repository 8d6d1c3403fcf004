// RecordedTraffic: a capture as an engine's traffic, whole in memory: every packet's frame, size and time, and the
// connections that they belong to as a trace.
//
// Both directions of a connection are one flow here, named by its initiator's five-tuple (core/flow/packet.h), since
// state, rules and locks are a connection's. A packet's number counts its connection's packets from 0, in the order in
// which they were captured: by it a sink tells loss, repetition and order (TCP's sequence numbers count octets, and
// come again). What is not IP or does not parse is left out and counted.
//
// Of a frame the first 160 octets are kept, and its length on the wire.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "workloads/capture_flows.h"
#include "workloads/trace.h"

namespace uhaul {

enum class RecordedPace : uint8_t {
  kRecorded,  // at the recorded times
  kFast,      // one after the other, as fast as the link takes them
};

struct RecordedPacket {
  TimePoint at;     // when it is sent: each later than the one before, if only by a nanosecond
  TimePoint stamp;  // when a monitor counts it: as recorded, or `at` if the pace is not the recorded one
  uint64_t octets_at = 0;
  uint32_t flow = 0;
  uint32_t number = 0;       // in its flow
  uint32_t bytes = 0;        // by the IP header: what links carry and flows are charged
  uint16_t octets = 0;       // kept of its frame
  uint16_t link_octets = 0;  // of the frame, before the IP header
  uint8_t tcp_flags = 0;
  bool reverse = false;  // from the responder
};

struct RecordedOptions {
  RecordedPace pace = RecordedPace::kRecorded;
  BitRate link{10'000'000'000};
};

class RecordedTraffic {
 public:
  static constexpr size_t kFrameOctets = 160;
  static constexpr size_t kMostPackets = size_t{1} << 24;

  // An error names the file and what is wrong with it: unreadable, without a packet, too long, headers that do not fit.
  static Result<RecordedTraffic> Load(const std::string& path, const RecordedOptions& options = {});

  const Trace& trace() const { return trace_; }
  const CaptureTotals& totals() const { return totals_; }
  std::span<const RecordedPacket> packets() const { return packets_; }  // in order of `at`
  uint32_t PacketsOf(uint32_t flow) const { return first_[flow + 1] - first_[flow]; }
  const RecordedPacket& Of(uint32_t flow, uint32_t number) const { return packets_[by_flow_[first_[flow] + number]]; }
  std::span<const uint8_t> OctetsOf(const RecordedPacket& packet) const {
    return {octets_.data() + packet.octets_at, packet.octets};
  }

 private:
  RecordedTraffic() = default;
  void Index();

  Trace trace_;
  CaptureTotals totals_;
  std::vector<RecordedPacket> packets_;
  std::vector<uint8_t> octets_;
  std::vector<uint32_t> by_flow_;  // indices of packets_, flow by flow
  std::vector<uint32_t> first_;    // of each flow in by_flow_, and the end
};

}  // namespace uhaul
