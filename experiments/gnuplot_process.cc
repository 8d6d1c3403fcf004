#include "experiments/gnuplot_process.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace uhaul {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// A file without a name, that is gone when it is closed. Nothing can block on it, as on a pipe.
File Scratch() { return {std::tmpfile(), std::fclose}; }

std::string ReadAll(std::FILE* file) {
  std::rewind(file);
  std::string text;
  std::array<char, 1 << 14> part;
  for (size_t n; (n = std::fread(part.data(), 1, part.size(), file)) > 0;) text.append(part.data(), n);
  return text;
}

// The exit status, as waitpid gives it; below zero: it could not be started, and errno says why.
int Run(const char* program, std::FILE* in, std::FILE* out, std::FILE* err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(in), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(out), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(err), STDERR_FILENO);
  char* const arguments[] = {const_cast<char*>(program), nullptr};
  // The person's own gnuplot settings and locale must not change the picture.
  char home[] = "HOME=/nonexistent";
  char locale[] = "LC_ALL=C.UTF-8";
  std::string path = "PATH=";
  if (const char* set = ::getenv("PATH")) path += set;
  char* const environment[] = {home, locale, path.data(), nullptr};
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, program, &actions, nullptr, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    errno = failed;
    return -1;
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status;
}

}  // namespace

Result<std::string> DrawPicture(const std::string& title, const std::vector<Chart>& panels, PictureFormat format) {
  const std::string script = GnuplotScript(title, panels, format);
  const File in = Scratch();
  const File out = Scratch();
  const File err = Scratch();
  if (!in || !out || !err) return Error{fmt::format("no temporary file for gnuplot: {}", std::strerror(errno))};
  const bool written = std::fwrite(script.data(), 1, script.size(), in.get()) == script.size();
  if (!written || std::fflush(in.get()) != 0) return Error{"the temporary file for gnuplot cannot be written"};
  std::rewind(in.get());
  const int status = Run("gnuplot", in.get(), out.get(), err.get());
  if (status < 0) {
    if (errno == ENOENT)
      return Error{"gnuplot, which draws figures, is not installed (Debian: apt install gnuplot-nox)"};
    return Error{fmt::format("gnuplot cannot be run: {}", std::strerror(errno))};
  }
  std::string picture = ReadAll(out.get());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || picture.empty()) {
    return Error{fmt::format("gnuplot failed: {}", ReadAll(err.get()))};
  }
  return picture;
}

}  // namespace uhaul
