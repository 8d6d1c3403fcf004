// A scheme is a row of choices, in data: what moves, under which guarantee, with which optimisations (PROTOCOL.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace uhaul {

enum class MoveFlows : uint8_t { kNone, kActive, kTable, kElephants };
enum class Guarantee : uint8_t { kNone, kLossFree, kOrderPreserving };
// How a flow's state travels, and where its packets wait meanwhile, if they do. Peer to peer, with the packets at the
// destination, is the hand-over (core/node/hand_over.h); both by the controller is OpenNF's move.
enum class Transfer : uint8_t { kController, kPeer };
enum class HoldAt : uint8_t { kController, kDestination };
// What becomes of the traffic that was not moved (DECISIONS 6).
enum class AfterMove : uint8_t { kKeep, kFlip, kShare };
// What becomes of packets that src relays when the rules send their flow straight to dst. Plain: nothing, they are
// overtaken, as the paper has it. Marked: dst holds what would overtake them until a marker has come behind the last.
enum class RelayEnd : uint8_t { kPlain, kMarked };

struct SchemeOptions {
  std::string name;
  MoveFlows flows = MoveFlows::kActive;
  Guarantee guarantee = Guarantee::kLossFree;
  bool parallelize = true;     // PL: put each chunk as it arrives
  bool early_release = true;   // ER: a flow's held packets go out as soon as its own put is acknowledged
  bool late_lock = false;      // LL: events start flow by flow
  bool relay_unknown = false;  // U-HAUL 3: src creates no state for new flows during the move
  AfterMove after = AfterMove::kKeep;
  // Order-preserving only: waits at most this long for a first packet-in before it reroutes without one. 0: for ever,
  // as OpenNF's published algorithm does (it hangs on idle flows).
  int64_t idle_timeout_us = 0;
  // Order-preserving only: dst lets its buffer go when it has processed the last packet that the switch diverted, by
  // the switch's count. false: when it has processed the last packet-in so far, as OpenNF's released controller does.
  bool count_diverted = true;
  Transfer transfer = Transfer::kController;
  HoldAt hold = HoldAt::kController;
  RelayEnd relay_end = RelayEnd::kPlain;
  bool operator==(const SchemeOptions&) const = default;
};

// Named rows: "none", "opennf-ng", "opennf-lf", "opennf-lf-pl", "opennf-lf-pl-er", "opennf-op", "opennf-op-pl-er",
// "opennf-op-code", "opennf" (= lf-pl-er, the paper's setting), "uhaul" (elephants, lf-pl-er), "uhaul-op", "handover"
// (every active flow), "uhaul-handover" (elephants).
Result<SchemeOptions> FindScheme(std::string_view name);
std::vector<std::string> SchemeNames();

}  // namespace uhaul
