#include "experiments/gnuplot_process.h"

#include <fmt/format.h>

#include <cstdlib>

#include "experiments/tool_process.h"

namespace uhaul {

Result<std::string> DrawPicture(const std::string& title, const std::vector<Chart>& panels, PictureFormat format) {
  // The person's own gnuplot settings and locale must not change the picture.
  const char* path = std::getenv("PATH");
  ToolRun run{{"gnuplot"}, "gnuplot-nox", GnuplotScript(title, panels, format), {}};
  run.environment = {"HOME=/nonexistent", "LC_ALL=C.UTF-8", fmt::format("PATH={}", path == nullptr ? "" : path)};
  Result<ToolEnd> end = RunTool(run);
  if (!end.ok()) return end.error();
  if (end->exit_code != 0 || end->out.empty()) return Error{fmt::format("gnuplot failed: {}", end->err)};
  return std::move(end->out);
}

}  // namespace uhaul
