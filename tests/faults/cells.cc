#include "tests/faults/cells.h"

#include <bit>
#include <cstdio>

namespace uhaul::faults {
namespace {

constexpr const char* kStates[kCustodies] = {"NONE",      "OWN",     "ARMED",        "EXPORTING",   "SENT", "WAIT",
                                             "IMPORTING", "REFUSED", "RETURN_ARMED", "RETURN_SENT", "HOLD"};
constexpr const char* kColumns[kInputs] = {"packet",  "marker",   "PREPARE", "ARM",      "COMMIT", "CANCEL",
                                           "REVERT",  "FRESH",    "HOLD",    "ARM_BACK", "WATCH",  "STATE",
                                           "RET.PKT", "RETURNED", "opened",  "closed"};

}  // namespace

void Cells::Add(const Cells& other) {
  for (size_t s = 0; s < kCustodies; ++s) {
    for (size_t i = 0; i < kInputs; ++i) {
      cells_[s][i].times += other.cells_[s][i].times;
      cells_[s][i].faults |= other.cells_[s][i].faults;
    }
  }
}

std::string Cells::Table() const {
  char text[96];
  std::string table = "             ";
  for (const char* column : kColumns) {
    std::snprintf(text, sizeof text, " %11s", column);
    table += text;
  }
  table += "\n";
  for (size_t s = 0; s < kCustodies; ++s) {
    std::snprintf(text, sizeof text, "%-13s", kStates[s]);
    table += text;
    for (const Cell& cell : cells_[s]) {
      if (cell.times == 0) {
        std::snprintf(text, sizeof text, " %11s", "-");
      } else {
        std::snprintf(text, sizeof text, " %8llu/%-2d", static_cast<unsigned long long>(cell.times),
                      std::popcount(cell.faults));
      }
      table += text;
    }
    table += "\n";
  }
  uint32_t kinds = 0;
  int reached = 0, pairs = 0;
  for (const auto& row : cells_) {
    for (const Cell& cell : row) {
      kinds |= cell.faults;
      reached += cell.times > 0 ? 1 : 0;
      pairs += std::popcount(cell.faults);
    }
  }
  const int possible = reached * std::popcount(kinds);
  std::snprintf(text, sizeof text, "%d of %zu cells; ", reached, kCustodies * kInputs);
  table += text;
  std::snprintf(text, sizeof text, "%d of %d pairs of these and one of %d kinds of faults\n", pairs, possible,
                std::popcount(kinds));
  return table + text;
}

}  // namespace uhaul::faults
