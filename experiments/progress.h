// Progress of a run on stderr: a bar on a terminal, plain lines now and then in a log.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace uhaul {

class Progress {
 public:
  explicit Progress(size_t total);
  void Count(bool failed);
  // Redraws if it is time to.
  void Tick();
  // The last word: the bar is completed and left, a line is written.
  void Finish();
  // "12/40 points, 1 failed, 3.1/s, 9 s left"
  static std::string Line(size_t done, size_t failed, size_t total, double seconds);

 private:
  using Clock = std::chrono::steady_clock;
  void Draw();

  size_t total_;
  size_t done_ = 0;  // failed ones included
  size_t failed_ = 0;
  bool terminal_;
  Clock::time_point began_;
  Clock::time_point drawn_;
};

}  // namespace uhaul
