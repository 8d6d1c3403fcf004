#include "runtime/fault_guard.h"

#include <csignal>

namespace uhaul::runtime {

thread_local sigjmp_buf FaultGuard::return_;
thread_local volatile bool FaultGuard::active_ = false;

void FaultGuard::Install() {
  struct sigaction action = {};
  action.sa_handler = OnFault;
  action.sa_flags = SA_NODEFER;  // the handler is left by a jump
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

void FaultGuard::OnFault(int signal) {
  if (active_) siglongjmp(return_, 1);
  std::signal(signal, SIG_DFL);  // and the instruction faults again
}

}  // namespace uhaul::runtime
