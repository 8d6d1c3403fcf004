// InstallWindow: how many flows may be between INSTALL and ACTIVE. A flow's packets wait at dst for that long, and src
// exports one flow after the other: more of them than keep src busy only make every flow wait longer. The least time
// seen is what the path and one export take; the window grows while flows take less than twice that, and shrinks when
// they take more than three times: a flow waits for about as long as it must, whatever export and path cost. Where that
// is less than somebody would notice (`unnoticed`), it grows up to that instead: fewer turns, each of more flows.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/hash.h"
#include "core/base/units.h"

namespace uhaul {

class InstallWindow {
 public:
  size_t size() const { return window_ / kUnit; }

  // A flow became active `time` after its INSTALL was sent.
  void OnActive(Duration time, Duration unnoticed);
  // Of how many flows at `rate`, four times what they send in one such time fits into `buffer`; one at least.
  size_t Fitting(Bytes buffer, BitRate rate) const {
    const unsigned __int128 octet_nanos = static_cast<unsigned __int128>(buffer.count()) * 8'000'000'000ULL;
    const unsigned __int128 each =
        static_cast<unsigned __int128>(rate.bits_per_second()) * static_cast<uint64_t>(latest_ns_) * 4;
    return each == 0 ? kLimit : static_cast<size_t>(std::clamp<unsigned __int128>(octet_nanos / each, 1, kLimit));
  }
  void Hash(StateHash& hash) const {
    hash.Add(window_);
    hash.Add(static_cast<uint64_t>(latest_ns_));
    hash.Add(static_cast<uint64_t>(least_ns_) << 1 | (growing_ ? 1U : 0U));
  }

 private:
  static constexpr size_t kUnit = 1024;
  static constexpr size_t kFewest = 2;
  static constexpr size_t kLimit = 4096;

  size_t window_ = 4 * kUnit;  // flows * kUnit
  int64_t least_ns_ = 0;       // 0: none yet
  int64_t latest_ns_ = 0;
  bool growing_ = true;  // until the first queue
};

}  // namespace uhaul
