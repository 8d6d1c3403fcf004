// Takes SIGINT, SIGTERM and SIGHUP while it lives. They arrive only inside Wait, so that none is missed between a look
// and a wait. A SIGHUP that nohup had ignored stays ignored.
#pragma once

#include <signal.h>

#include <array>

namespace uhaul {

class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // Until the file descriptor (-1: none) has something, a signal comes, or the time is over: poll's revents.
  short Wait(int fd, int milliseconds);
  // The last signal that came; 0: none since the last call.
  int Take();

  // In a child, before exec. What we pass on shall reach it even where a shell started us with SIGINT ignored.
  void Undo() const;

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  sigset_t before_;
  std::array<struct sigaction, kSignals.size()> actions_;
};

}  // namespace uhaul
