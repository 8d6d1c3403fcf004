// CaptureReplay: a capture as traffic, pulled one packet at a time, as PacketSource gives a trace's: real packets with
// their octets, flags and flows. It leaves out what is not IP or does not parse (totals().parsed counts it).
//
// Pace: as recorded, faster or slower by a factor, or everything at once (as fast as the receiver takes it).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "workloads/capture_flows.h"

namespace uhaul {

struct CaptureReplayOptions {
  enum class Pace : uint8_t { kRecorded, kAtOnce };
  // What tells packets apart for machines that compare them (Packet::digest).
  enum class Digest : uint8_t {
    kNumber,    // 0, 1, 2, ... within the connection: no two are alike
    kContents,  // a hash of the captured octets, as a switch without numbers would have to; copies are alike
  };
  Pace pace = Pace::kRecorded;
  double speed = 1;  // kRecorded: 2 plays twice as fast; above 0
  Digest digest = Digest::kNumber;
};

struct CaptureReplayPacket {
  TimePoint at;        // when it is to be sent
  TimePoint recorded;  // since the capture's first frame; never falls
  std::span<const uint8_t> octets;
  uint32_t wire_octets = 0;
  uint32_t ip_octets = 0;
  uint32_t flow = 0;        // number: flows()[flow]
  uint32_t sequence = 0;    // in the flow, from 0
  uint32_t connection = 0;  // number of the initiator's flow
  bool reverse = false;     // from the responder
  bool first = false;       // of the flow
  uint8_t tcp_flags = 0;
  uint64_t digest = 0;
};

class CaptureReplay {
 public:
  static Result<CaptureReplay> Open(const std::string& path, CaptureReplayOptions options = {});

  // When the next packet is to be sent; Never at the end of the file, and at a place that cannot be read: status().
  TimePoint NextTime();
  // The packet of NextTime(), which must not be Never. Its octets are valid until the next call.
  CaptureReplayPacket Pop();
  const Status& status() const { return status_; }

  // As far as packets were read: one further than Pop has given.
  const std::vector<CaptureFlow>& flows() const { return flows_.flows(); }
  const CaptureTotals& totals() const { return flows_.totals(); }

 private:
  CaptureReplay(CaptureReader reader, CaptureReplayOptions options) : flows_(std::move(reader)), options_(options) {}
  TimePoint Paced(TimePoint recorded) const;

  CaptureFlows flows_;
  CaptureReplayOptions options_;
  CaptureFlows::Seen next_;
  bool loaded_ = false;
  bool over_ = false;
  Status status_;
};

}  // namespace uhaul
