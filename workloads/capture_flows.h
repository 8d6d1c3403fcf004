// The flows of a capture: one per five-tuple, thus one per direction, as a trace has them. The two directions of a
// connection are two flows that know of each other (`peer`); the one whose packet came first is the initiator's. A
// five-tuple that is used again later is the same flow. Fragments have no ports (packet_parser.h), so those of one pair
// of hosts and one protocol are a flow of their own.
//
// Bytes are IP octets by the IP header, whatever was captured of the frame. Times are since the capture's first packet;
// where recorded times go backwards (several interfaces, clock adjustments) a packet counts at the latest time so far.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"
#include "core/flow/flow_map.h"
#include "workloads/capture_file.h"
#include "workloads/packet_parser.h"
#include "workloads/trace.h"

namespace uhaul {

inline constexpr uint32_t kNoFlow = UINT32_MAX;

struct CaptureFlow {
  FiveTuple tuple;
  TimePoint first;
  TimePoint last;
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint32_t peer = kNoFlow;  // number of the other direction's flow
  bool reverse = false;     // the responder's
};

struct CaptureTotals {
  uint64_t frames = 0;     // in the file
  uint64_t packets = 0;    // of flows: those that parse
  uint64_t bytes = 0;      // theirs
  uint64_t cut = 0;        // frames of which not everything was captured
  uint64_t backwards = 0;  // frames recorded as older than one before
  int64_t start_ns = 0;    // the first frame, since 1970
  TimePoint end;           // the last one, since the first
  ParseCounters parsed;
};

// Reads frames and numbers flows, in order of their first packets.
class CaptureFlows {
 public:
  struct Seen {
    CapturePacket packet;
    ParsedFrame frame;
    TimePoint at;
    uint32_t flow = 0;
  };

  explicit CaptureFlows(CaptureReader reader) : reader_(std::move(reader)) {}

  // The next packet that belongs to a flow; false at the end of the file. Other frames are counted and passed over. At
  // most 2^24 flows, further ones are an error.
  Result<bool> Next(Seen* seen);
  const std::vector<CaptureFlow>& flows() const { return flows_; }
  const CaptureTotals& totals() const { return totals_; }
  // The number of the flow whose packet came first of the two directions: a name for the connection.
  uint32_t ConnectionOf(uint32_t flow) const { return flows_[flow].reverse ? flows_[flow].peer : flow; }

 private:
  TimePoint Count(const CapturePacket& packet);
  Result<uint32_t> FlowOf(const FiveTuple& tuple, TimePoint at);

  CaptureReader reader_;
  FlowHasher hasher_{HashKey{0x636170, 0x666c6f77}};
  FlowMap<uint32_t> numbers_;
  std::vector<CaptureFlow> flows_;
  CaptureTotals totals_;
};

// A whole file.
struct CaptureSummary {
  std::vector<CaptureFlow> flows;
  CaptureTotals totals;
};
Result<CaptureSummary> ReadCaptureFlows(const std::string& path);

// As a trace whose comments name the file. An error names a capture that is too long or a
// flow that is too large for the trace format.
Result<Trace> TraceOf(const CaptureSummary& capture, const std::string& path);

}  // namespace uhaul
