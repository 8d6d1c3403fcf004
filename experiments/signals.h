// Small guards around POSIX signals and processes, for the runner.
#pragma once

#include <signal.h>
#include <sys/types.h>

namespace uhaul {

// SIGINT and SIGTERM wait while this lives.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t set = Interrupts();
    sigprocmask(SIG_BLOCK, &set, &old_);
  }
  ~SignalsHeld() { sigprocmask(SIG_SETMASK, &old_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

  static sigset_t Interrupts() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
  }

 private:
  sigset_t old_;
};

}  // namespace uhaul
