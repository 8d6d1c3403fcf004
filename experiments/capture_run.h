// CaptureRun: a capture through the machines of core/, offline: a switch, NF 1 and NF 2 with asset monitors, and a
// controller that moves flows from the one to the other in the middle. It answers whether state migration changes what
// a monitor finds: the records of both instances together are those of a single one without a move, to the octet, if
// the move loses nothing and keeps the order of packets.
//
// The world is lossless and deterministic: links have a delay and no rate, the control plane costs what the profile
// says (but its links have no rate either), time jumps from event to event, ties go by insertion. Packets enter at
// their recorded times, and the monitors' records carry those times (AssetClock::kStamp), not the times at which a
// packet that was held got through.
//
// Both directions of a connection travel under the initiator's five-tuple (core/flow/packet.h), so the FIT, the
// detector and the rules count a connection once, with the bytes of both directions. Nothing is ever forgotten for
// being idle: memory grows with the number of connections, up to a million per monitor.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/flow/elephant_detector.h"
#include "core/nf/asset_text.h"
#include "core/node/controller.h"
#include "workloads/capture_replay.h"

namespace uhaul {

struct CaptureRunOptions {
  MoveRequest move;  // a scheme that moves nothing: NF 1 sees everything
  TimePoint move_at;
  DetectorSpec detector;  // if the scheme moves elephants
  Profile profile;
  FlowTableOptions fit;
  uint32_t switch_table = 65536;
  Duration link_delay = Duration::Micros(1);
};

struct CaptureRunResult {
  std::vector<AssetRecord> records;      // of both instances, in five-tuple order, NF 1 first
  std::array<uint64_t, 2> records_at{};  // at NF 1, at NF 2
  uint64_t split = 0;                    // connections with a record at each
  uint64_t sent = 0;
  uint64_t processed = 0;
  uint64_t dropped = 0;        // a buffer was full
  uint64_t relayed = 0;        // NF 1 to NF 2, flows that NF 1 did not know
  uint64_t by_controller = 0;  // packets that went by the controller
  uint64_t reordered = 0;      // processed after a later packet of their connection
  uint64_t unwatched = 0;      // no room for their connection in a monitor
  uint64_t fit_full = 0;       // likewise in a FIT
  uint64_t selected = 0;       // flows of the move
  std::map<FlowOutcome, uint64_t> outcomes;
  std::map<OperationStep, TimePoint> steps;  // the last of each
  CaptureTotals capture;
};

// Reads the file once. An error: the file, or a move that is refused.
Result<CaptureRunResult> RunCapture(const std::string& path, const CaptureRunOptions& options);

}  // namespace uhaul
