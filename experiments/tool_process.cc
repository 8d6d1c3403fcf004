#include "experiments/tool_process.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace uhaul {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File Scratch() { return {std::tmpfile(), std::fclose}; }

std::string ReadAll(std::FILE* file) {
  std::rewind(file);
  std::string text;
  std::array<char, 1 << 14> part;
  for (size_t n; (n = std::fread(part.data(), 1, part.size(), file)) > 0;) text.append(part.data(), n);
  return text;
}

// Into `words`, which must outlive them.
std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}
std::vector<char*> Pointers(std::vector<std::string>&& words) = delete;

// The process; 0: it could not be started, and errno says why.
pid_t Start(const ToolRun& run, std::FILE* in, std::FILE* out, std::FILE* err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(in), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(out), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(err), STDERR_FILENO);
  const std::vector<char*> arguments = Pointers(run.words);
  const std::vector<std::string> environment = run.environment.value_or(std::vector<std::string>{});
  const std::vector<char*> own = Pointers(environment);
  pid_t pid = 0;
  const int failed =
      ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), run.environment ? own.data() : ::environ);
  posix_spawn_file_actions_destroy(&actions);
  errno = failed;
  return failed == 0 ? pid : 0;
}

}  // namespace

Result<ToolEnd> RunTool(const ToolRun& run) {
  const std::string& name = run.words.front();
  const File in = Scratch();
  const File out = Scratch();
  const File err = Scratch();
  if (!in || !out || !err) return Error{fmt::format("no temporary file for {}: {}", name, std::strerror(errno))};
  const bool written = std::fwrite(run.input.data(), 1, run.input.size(), in.get()) == run.input.size();
  if (!written || std::fflush(in.get()) != 0) {
    return Error{fmt::format("the temporary file for {} cannot be written", name)};
  }
  std::rewind(in.get());
  const pid_t pid = Start(run, in.get(), out.get(), err.get());
  if (pid == 0 && errno == ENOENT) {
    return Error{fmt::format("{} is not installed (Debian: apt install {})", name, run.package)};
  }
  if (pid == 0) return Error{fmt::format("{} cannot be run: {}", name, std::strerror(errno))};
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return Error{fmt::format("{} cannot be waited for: {}", name, std::strerror(errno))};
  }
  return ToolEnd{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), ReadAll(out.get()),
                 ReadAll(err.get())};
}

}  // namespace uhaul
