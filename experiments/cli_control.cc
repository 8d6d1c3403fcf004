// The commands that talk to a running controller are a program of their own, beside this one: it takes this process's
// place.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "experiments/cli.h"
#include "experiments/engine_process.h"

namespace uhaul {
namespace {

int BecomeControl(const std::string& command, const Arguments& arguments) {
  const std::string program = EngineBeside("uhaul-control");
  std::vector<char*> words = {const_cast<char*>(program.c_str()), const_cast<char*>(command.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  ::execv(program.c_str(), words.data());
  return Fail(exit_code::kInternal, fmt::format("cannot start {}: {}; is it built?", program, std::strerror(errno)));
}

}  // namespace

int ControllerCommand(const Arguments& arguments) { return BecomeControl("controller", arguments); }
int MoveCommand(const Arguments& arguments) { return BecomeControl("move", arguments); }
int StatusCommand(const Arguments& arguments) { return BecomeControl("status", arguments); }
int AbortCommand(const Arguments& arguments) { return BecomeControl("abort", arguments); }

}  // namespace uhaul
