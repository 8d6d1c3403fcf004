#include "experiments/engine_group.h"

#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <utility>

#include "core/base/check.h"
#include "experiments/engine_store.h"
#include "experiments/signals.h"
#include "results/point_store.h"

namespace uhaul {
namespace {

constexpr size_t kLogTail = 1500;
constexpr int kFailedAndReported = 1;
constexpr int kInterrupted = 130;

sigset_t Watched() {
  sigset_t set = SignalsHeld::Interrupts();
  sigaddset(&set, SIGCHLD);
  return set;
}

void Fail(const GroupOptions& options, const std::vector<PlannedPoint>& points, size_t index,
          const std::string& error) {
  std::string text = error;
  {
    const SignalsHeld held;
    if (const Status written = WriteFailure(options.out, points[index].id, error); !written) {
      text += " (and " + written.error().message + ")";
    }
  }
  Report(options.report_fd, index, points[index].id, text);
}

Result<RunRecord> Make(Engine& engine, const PointSpec& spec) {
  if (!engine.shares_warm_up()) {
    if (const Status warm = engine.WarmUp(spec); !warm) return warm.error();
  }
  return engine.Finish(spec);
}

[[noreturn]] void RunChild(Engine& engine, const std::vector<PlannedPoint>& points, size_t index,
                           const GroupOptions& options) {
  const Stopwatch stopwatch;
  Result<RunRecord> record = Make(engine, points[index].spec);
  if (!record) {
    Fail(options, points, index, record.error().message);
    _exit(kFailedAndReported);
  }
  const Status stored =
      StoreRun(options.out, points[index], std::move(record).value(), engine, stopwatch, options.command);
  if (!stored) {
    Fail(options, points, index, stored.error().message);
    _exit(kFailedAndReported);
  }
  Report(options.report_fd, index, points[index].id, "");
  _exit(0);
}

// The children of one group, at most so many at once.
class Children {
 public:
  Children(Engine& engine, const std::vector<PlannedPoint>& points, const GroupOptions& options)
      : engine_(engine), points_(points), options_(options) {}

  // Until all points are made; false if a signal asked for the end.
  bool Run() {
    sigset_t watched = Watched();
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    size_t next = 0;
    while (next < points_.size() || !running_.empty()) {
      while (next < points_.size() && running_.size() < static_cast<size_t>(std::max(1, options_.children))) {
        Launch(next++);
      }
      if (running_.empty()) continue;
      const int signal = sigwaitinfo(&watched, nullptr);
      if (signal == SIGINT || signal == SIGTERM) {
        End();
        return false;
      }
      Collect();
    }
    return true;
  }

 private:
  struct Running {
    size_t index = 0;
    LogCapture log;
  };

  void Launch(size_t index) {
    Running running{index, LogCapture()};
    std::fflush(nullptr);
    const pid_t self = getpid();
    const pid_t pid = fork();
    if (pid < 0) {
      Fail(options_, points_, index, "fork failed");
      return;
    }
    if (pid == 0) {
      BecomeChild(self);
      running.log.Redirect();
      RunChild(engine_, points_, index, options_);
    }
    running_.emplace(pid, std::move(running));
  }

  void Collect() {
    int status = 0;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
      const auto it = running_.find(pid);
      if (it == running_.end()) continue;
      const bool reported = WIFEXITED(status) && WEXITSTATUS(status) <= kFailedAndReported;
      if (!reported) Fail(options_, points_, it->second.index, "the run " + DescribeEnd(status, it->second.log));
      running_.erase(it);
    }
  }

  void End() {
    for (const auto& [pid, running] : running_) kill(pid, SIGTERM);
    for (const auto& [pid, running] : running_) {
      while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }

  Engine& engine_;
  const std::vector<PlannedPoint>& points_;
  const GroupOptions& options_;
  std::map<pid_t, Running> running_;
};

Status WarmUpAndFork(const std::vector<PlannedPoint>& points, const GroupOptions& options, Engine& engine) {
  if (engine.shares_warm_up()) {
    if (const Status warm = engine.WarmUp(points.front().spec); !warm) return warm.error();
  }
  // Now, once, rather than in every child: there each small chunk that is joined to its neighbours costs a page's copy.
  malloc_trim(0);
  const bool finished = Children(engine, points, options).Run();
  std::fflush(nullptr);
  _exit(finished ? 0 : kInterrupted);
}

}  // namespace

void RunGroup(const std::vector<PlannedPoint>& points, const GroupOptions& options, Engine& engine) {
  UHAUL_CHECK(!points.empty());
  const Status failed = WarmUpAndFork(points, options, engine);
  for (size_t i = 0; i < points.size(); ++i) Fail(options, points, i, failed.error().message);
  _exit(0);
}

void Report(int fd, size_t index, const std::string& id, std::string_view error) {
  std::string line = std::to_string(index) + " " + id;
  if (!error.empty()) line += " " + std::string(error.substr(0, kMaxReport - line.size() - 2));
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  while (write(fd, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

void BecomeChild(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kInterrupted);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  sigset_t watched = Watched();
  sigprocmask(SIG_UNBLOCK, &watched, nullptr);
}

LogCapture::LogCapture() : fd_(memfd_create("uhaul-log", MFD_CLOEXEC)) {}

LogCapture::~LogCapture() {
  if (fd_ >= 0) close(fd_);
}

LogCapture& LogCapture::operator=(LogCapture&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void LogCapture::Redirect() const {
  if (fd_ >= 0) dup2(fd_, STDERR_FILENO);
}

std::string LogCapture::Tail() const {
  if (fd_ < 0) return "";
  const off_t size = lseek(fd_, 0, SEEK_END);
  const off_t start = std::max<off_t>(0, size - static_cast<off_t>(kLogTail));
  std::string text(static_cast<size_t>(std::max<off_t>(0, size - start)), '\0');
  const ssize_t got = pread(fd_, text.data(), text.size(), start);
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return text;
}

std::string DescribeEnd(int wait_status, const LogCapture& log) {
  std::string text = WIFSIGNALED(wait_status) ? "was ended by signal " + std::to_string(WTERMSIG(wait_status))
                                              : "ended with exit code " + std::to_string(WEXITSTATUS(wait_status));
  if (const std::string tail = log.Tail(); !tail.empty()) text += ": " + tail;
  return text;
}

}  // namespace uhaul
