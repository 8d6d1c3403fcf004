// Cells: which inputs every state of a flow's custody has met, and under which faults. A cell that no run reaches is
// one that no run tests.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "core/node/flow_custody.h"

namespace uhaul::faults {

enum class Input : uint8_t {
  kPacket,
  kMarker,
  kPrepare,
  kArm,
  kCommit,
  kCancel,
  kRevert,
  kFresh,
  kHold,
  kArmBack,
  kWatch,
  kState,
  kReturnedPacket,
  kReturned,
  kStreamOpened,
  kStreamClosed,
};
inline constexpr size_t kInputs = 16;
inline constexpr size_t kCustodies = 11;

class Cells {
 public:
  // `faults`: bit per kind of fault that has struck this world.
  void Count(Custody state, Input input, uint32_t faults) {
    Cell& cell = cells_[static_cast<size_t>(state)][static_cast<size_t>(input)];
    ++cell.times;
    cell.faults |= faults;
  }
  void Add(const Cells& other);
  uint64_t times(Custody state, Input input) const {
    return cells_[static_cast<size_t>(state)][static_cast<size_t>(input)].times;
  }
  // A row per state, a column per input: how often, and after how many kinds of faults; and how many there were.
  std::string Table() const;

 private:
  struct Cell {
    uint64_t times = 0;
    uint32_t faults = 0;
  };
  std::array<std::array<Cell, kInputs>, kCustodies> cells_{};
};

}  // namespace uhaul::faults
