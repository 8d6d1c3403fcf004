#include "experiments/engine_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "experiments/signal_watch.h"
#include "experiments/tool_process.h"

namespace uhaul {
namespace {

constexpr size_t kLongestLine = 64 * 1024;

struct Pipe {
  int read = -1;
  int write = -1;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error{fmt::format("cannot make a pipe: {}", std::strerror(errno))};
  return Pipe{ends[0], ends[1]};
}

// In the child. `uhaul` has one thread, so allocating between fork and exec is safe.
[[noreturn]] void Exec(const std::vector<std::string>& words, int keep_open, int as_stdout) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  if (as_stdout >= 0) ::dup2(as_stdout, STDOUT_FILENO);
  if (keep_open >= 0) ::fcntl(keep_open, F_SETFD, 0);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

int ExitCodeOf(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// Hands out whole lines; a line that is too long is dropped.
class Lines {
 public:
  void Add(const char* data, size_t size, const OnProgress& on_progress) {
    for (size_t i = 0; i < size; ++i) {
      if (data[i] != '\n') {
        if (line_.size() <= kLongestLine) line_ += data[i];
        continue;
      }
      if (!line_.empty() && line_.size() <= kLongestLine) on_progress(line_);
      line_.clear();
    }
  }

 private:
  std::string line_;
};

bool HasEnded(pid_t child) {
  siginfo_t info = {};
  // WNOWAIT keeps the process group's number ours until everything in it has been ended.
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
}

void Drain(int fd, Lines* lines, const OnProgress& on_progress) {
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size <= 0) return;
    lines->Add(buffer, static_cast<size_t>(size), on_progress);
  }
}

}  // namespace

std::string EngineBeside(const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? name : (self.parent_path() / name).string();
}

Result<std::string> EngineBuildId(const std::string& engine) {
  if (::access(engine.c_str(), X_OK) != 0) {
    const bool runtime = std::filesystem::path(engine).filename() == "uhaul-runtime";
    return Error{fmt::format("no engine at {}; build it ({}=ON), or give --engine-path", engine,
                             runtime ? "UHAUL_RUNTIME" : "UHAUL_SIM")};
  }
  const Result<ToolEnd> end = RunTool({{engine, "--build-id"}, "", "", {}});
  if (!end.ok()) return end.error();
  std::string text = end->out.substr(0, kLongestLine);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (end->exit_code != 0 || text.empty() || text.find('\n') != std::string::npos) {
    return Error{fmt::format("{} --build-id failed (exit {}) {}", engine, end->exit_code, end->err)};
  }
  return text;
}

Result<EngineEnd> RunEngine(const EngineRun& run, const OnProgress& on_progress) {
  const Result<Pipe> pipe = MakePipe();
  if (!pipe.ok()) return pipe.error();
  std::vector<std::string> words = {
      run.engine, "--plan", run.plan, "--jobs", fmt::to_string(run.jobs), "--progress-fd", fmt::to_string(pipe->write)};
  words.insert(words.end(), run.extra.begin(), run.extra.end());
  SignalWatch signals;
  const pid_t child = ::fork();
  if (child < 0) return Error{fmt::format("cannot fork: {}", std::strerror(errno))};
  if (child == 0) {
    ::setpgid(0, 0);
    signals.Undo();
    Exec(words, pipe->write, STDERR_FILENO);  // whatever an engine prints is a log
  }
  ::setpgid(child, child);
  ::close(pipe->write);
  ::fcntl(pipe->read, F_SETFL, O_NONBLOCK);
  EngineEnd end;
  Lines lines;
  bool open = true;
  while (!HasEnded(child)) {
    const short ready = signals.Wait(open ? pipe->read : -1, 200);
    if (const int number = signals.Take(); number != 0) {
      ::kill(-child, end.interrupted ? SIGKILL : number);
      end.interrupted = true;
    }
    if ((ready & POLLIN) != 0) {
      Drain(pipe->read, &lines, on_progress);
    } else if (ready != 0) {
      open = false;  // hung up: only its end is still to come
    }
    on_progress("");
  }
  Drain(pipe->read, &lines, on_progress);
  ::close(pipe->read);
  ::kill(-child, SIGKILL);  // what a crashed engine left behind
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  end.exit_code = ExitCodeOf(status);
  if (end.exit_code == 130) end.interrupted = true;
  return end;
}

}  // namespace uhaul
