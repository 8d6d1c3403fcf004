// Calls a driver whose memory another thread may unmap under it. DPDK's memif driver (22.11) does so: when a peer ends,
// the EAL's interrupt thread first marks the port as not connected and then unmaps the rings, without waiting for a
// burst that is under way; a burst that the kernel suspends for that long then touches what is gone. There is no
// callback between the two, so the fault itself is what we get told. A burst touches the unmapped memory outside of any
// lock and of the mbuf pool's functions: it can be left there, and what it was carrying is lost.
//
// A fault outside of Run ends the process as it would have.
#pragma once

#include <setjmp.h>

namespace uhaul::runtime {

class FaultGuard {
 public:
  // For the whole process. Not undone: other ports may need it.
  static void Install();

  // False if the call faulted and was left.
  template <class Call>
  static bool Run(Call&& call) {
    if (sigsetjmp(return_, 0) != 0) {
      active_ = false;
      return false;
    }
    active_ = true;
    call();
    active_ = false;
    return true;
  }

 private:
  static void OnFault(int signal);
  static thread_local sigjmp_buf return_;
  static thread_local volatile bool active_;
};

}  // namespace uhaul::runtime
