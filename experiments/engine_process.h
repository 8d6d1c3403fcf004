// An engine as a child process (plan.h has the contract). It leads a process group of its own; SIGINT, SIGTERM and
// SIGHUP that reach `uhaul` are passed on to that group, a second one ends it at once. Finished points stay.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace uhaul {

// The engine's executable: beside this one, as `uhaul-sim`.
std::string EngineBeside(const std::string& name);

// What `ENGINE --build-id` prints, one line.
Result<std::string> EngineBuildId(const std::string& engine);

struct EngineRun {
  std::string engine;
  std::string plan;
  unsigned jobs = 1;
  std::vector<std::string> extra{};  // further arguments
};

struct EngineEnd {
  bool interrupted = false;
  int exit_code = 0;  // 128 + signal if a signal ended it
};

// Called for each line of progress, and about five times a second with an empty line.
using OnProgress = std::function<void(const std::string& line)>;

Result<EngineEnd> RunEngine(const EngineRun& run, const OnProgress& on_progress);

}  // namespace uhaul
