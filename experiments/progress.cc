#include "experiments/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>

namespace uhaul {
namespace {

constexpr int kBarWidth = 24;

std::string Left(double seconds) {
  const auto whole = static_cast<long>(std::ceil(seconds));
  if (whole < 100) return fmt::format("{} s", whole);
  if (whole < 6000) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace

Progress::Progress(size_t total) : total_(total), began_(Clock::now()), drawn_(began_) {
  const char* term = std::getenv("TERM");
  terminal_ = ::isatty(STDERR_FILENO) != 0 && (term == nullptr || std::string(term) != "dumb");
}

void Progress::Count(bool failed) {
  ++done_;
  if (failed) ++failed_;
  Tick();
}

void Progress::Tick() {
  const std::chrono::duration<double> since = Clock::now() - drawn_;
  if (since.count() >= (terminal_ ? 0.1 : 5.0)) Draw();
}

void Progress::Finish() {
  Draw();
  if (terminal_) fmt::print(stderr, "\n");
}

std::string Progress::Line(size_t done, size_t failed, size_t total, double seconds) {
  std::string text = fmt::format("{}/{} points", done, total);
  if (failed > 0) text += fmt::format(", {} failed", failed);
  if (done == 0 || seconds <= 0) return text;
  const double rate = static_cast<double>(done) / seconds;
  text += fmt::format(", {:.1f}/s", rate);
  if (done < total) text += fmt::format(", {} left", Left(static_cast<double>(total - done) / rate));
  return text;
}

void Progress::Draw() {
  drawn_ = Clock::now();
  const std::string line = Line(done_, failed_, total_, std::chrono::duration<double>(drawn_ - began_).count());
  if (!terminal_) {
    fmt::print(stderr, "uhaul: {}\n", line);
    return;
  }
  const auto filled = total_ == 0 ? kBarWidth : static_cast<int>(done_ * kBarWidth / total_);
  fmt::print(stderr, "\r[{}{}] {}\x1b[K", std::string(static_cast<size_t>(filled), '#'),
             std::string(static_cast<size_t>(kBarWidth - filled), '.'), line);
  std::fflush(stderr);
}

}  // namespace uhaul
