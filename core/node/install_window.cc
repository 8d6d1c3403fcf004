#include "core/node/install_window.h"

namespace uhaul {

void InstallWindow::OnActive(Duration time, Duration unnoticed) {
  // What was sent before an answer came is on its way: the window does not grow faster than by a quarter in one time,
  // nor do waits get longer than that beyond what is unnoticed.
  constexpr size_t kGently = kUnit / 4;
  latest_ns_ = std::max<int64_t>(time.nanos(), 1);
  least_ns_ = least_ns_ == 0 ? latest_ns_ : std::min(least_ns_, latest_ns_);
  const size_t step = kUnit * kUnit / window_;  // one flow per window of answers
  const bool spare = unnoticed.nanos() > 3 * least_ns_;
  if (latest_ns_ < 2 * least_ns_) {
    window_ += growing_ ? kUnit : step;
  } else {
    growing_ = false;
    if (spare && latest_ns_ < unnoticed.nanos()) window_ += kGently;
    if (latest_ns_ > (spare ? unnoticed.nanos() + unnoticed.nanos() / 4 : 3 * least_ns_)) {
      window_ -= spare ? kGently : step;
    }
  }
  window_ = std::clamp(window_, kFewest * kUnit, kLimit * kUnit);
}

}  // namespace uhaul
