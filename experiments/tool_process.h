// A tool of the system (gnuplot, sbatch) as a child process: given its input whole, waited for, its output taken whole.
// Its output goes to files without a name, on which nothing can block as on a pipe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace uhaul {

struct ToolRun {
  std::vector<std::string> words;  // the first is looked for in PATH
  std::string package;             // Debian's, that has it
  std::string input{};
  std::optional<std::vector<std::string>> environment{};  // NAME=value; none: ours
};

struct ToolEnd {
  int exit_code = 0;  // 128 + signal if a signal ended it
  std::string out;
  std::string err;
};

// Errors: it is not there (with the cure) or cannot be run. A tool that fails is no error.
Result<ToolEnd> RunTool(const ToolRun& run);

}  // namespace uhaul
