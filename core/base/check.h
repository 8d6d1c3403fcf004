// CHECK: a programmer's assumption, always on, one condition each. It never guards input: what comes from
// a wire, a file or a command line is answered with a Result.
#pragma once

namespace uhaul {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
}

#define UHAUL_CHECK(condition)                              \
  do {                                                      \
    if (!(condition)) [[unlikely]] {                        \
      ::uhaul::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                       \
  } while (false)
