// Truth: what happened to every packet, kept by the world, outside the system. From it come the verdicts: P1 each
// packet is processed once, P2 in the order of the switch, P3 on the latest state, P9 what was lost was reported.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/hash.h"
#include "tests/faults/oracle_nf.h"

namespace uhaul::faults {

enum class Violation : uint8_t {
  kDuplicate,   // a packet was processed twice
  kReorder,     // a packet was processed before an earlier one of its flow, or after a later one
  kStaleState,  // a packet met state that had not seen all that was processed
  kTwoOwners,   // two instances were ready to process a flow, and one did
  kDropped,     // a packet was dropped, and not because a buffer was full
};
inline constexpr int kViolations = 5;
const char* ViolationName(Violation violation);

using ViolationSet = uint32_t;
constexpr ViolationSet Bit(Violation v) { return 1U << static_cast<int>(v); }
inline constexpr ViolationSet kAllViolations = (1U << kViolations) - 1;
std::string ViolationText(ViolationSet set);

// Packets of a flow are numbered from 0; at most 64 of them.
inline constexpr uint32_t kMostPackets = 64;
inline constexpr uint8_t kMostNfs = 4;

struct FlowTruth {
  uint64_t processed = 0;  // bit per packet
  uint64_t reverse = 0;    // bit per packet: of the other direction; each has an order of its own
  uint64_t lost = 0;       // bit per packet: dropped, or inside what crashed, for all to see
  uint64_t at_risk =
      0;  // bit per packet: was inside an NF that died, another may have it still; or went to its successor
  std::array<uint64_t, kMostNfs> inside{};  // bit per packet: was handed to this NF, which has not processed it
  uint8_t sent = 0;
  uint8_t ended_at = 0;     // packets that had been processed when the flow ended last; its state began anew
  bool crashed = false;     // an NF died that may have held its state
  bool owner_died = false;  // it did
  bool reported = false;    // somebody said that its state is lost, in doubt or out of reach
  bool went_stale = false;  // after the crash a packet met older state

  uint64_t all() const { return sent == kMostPackets ? ~uint64_t{0} : (uint64_t{1} << sent) - 1; }
  uint64_t missing() const { return all() & ~(processed | lost | at_risk); }
};

class Truth {
 public:
  explicit Truth(uint32_t flows) : flows_(flows) {}

  FlowTruth& flow(uint32_t n) { return flows_[n]; }
  const FlowTruth& flow(uint32_t n) const { return flows_[n]; }
  uint32_t flow_count() const { return static_cast<uint32_t>(flows_.size()); }

  // What is wrong with it (0: nothing).
  ViolationSet OnProcessed(uint32_t flow, const Processed& what);
  void OnInside(uint32_t flow, uint8_t nf, uint64_t number) { flows_[flow].inside[nf] |= uint64_t{1} << number; }
  void OnLost(uint32_t flow, uint64_t number) { flows_[flow].lost |= uint64_t{1} << number; }
  void OnNfDied(uint8_t nf);
  uint64_t processed() const;
  uint64_t lost() const;
  uint64_t sent() const;
  void Hash(StateHash& hash) const;

 private:
  std::vector<FlowTruth> flows_;
};

}  // namespace uhaul::faults
