#include "experiments/engine_runner.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "experiments/engine_group.h"
#include "experiments/engine_store.h"
#include "experiments/signals.h"
#include "results/point_store.h"

namespace uhaul {
namespace {

constexpr int kSomeFailed = 1;
constexpr int kBadInput = 65;
constexpr int kInterrupted = 130;

// Counts, and tells the caller.
class Progress {
 public:
  Progress(int fd, std::string program) : fd_(fd), program_(std::move(program)) {}

  void Done(const std::string& id) { Tell({{"done", id}}); }
  void Failed(const std::string& id, const std::string& error) {
    ++failed_;
    std::fprintf(stderr, "%s: point %s: %s\n", program_.c_str(), id.c_str(), error.c_str());
    Tell({{"failed", id}, {"error", error}});
  }
  int exit_code() const { return failed_ == 0 ? 0 : kSomeFailed; }

 private:
  void Tell(const nlohmann::ordered_json& line) const {
    if (fd_ < 0) return;
    const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t n = write(fd_, text.data() + sent, text.size() - sent);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return;  // nobody listens any more
      sent += static_cast<size_t>(n);
    }
  }

  int fd_;
  std::string program_;
  int failed_ = 0;
};

// The groups' processes and what they report.
class Groups {
 public:
  Groups(const PlanSource& plan, const RunnerOptions& options, const MakeEngine& make_engine, Progress* progress)
      : plan_(plan), options_(options), make_engine_(make_engine), progress_(progress) {}
  ~Groups() {
    if (signals_ >= 0) close(signals_);
  }
  Groups(const Groups&) = delete;
  Groups& operator=(const Groups&) = delete;

  int Run() {
    sigset_t set = SignalsHeld::Interrupts();
    sigaddset(&set, SIGCHLD);
    sigset_t old;
    sigprocmask(SIG_BLOCK, &set, &old);
    signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    UHAUL_CHECK(signals_ >= 0);
    const int code = Loop();
    sigprocmask(SIG_SETMASK, &old, nullptr);
    return code;
  }

 private:
  struct Running {
    size_t group = 0;
    int pipe = -1;
    std::string partial;         // of a line
    std::vector<bool> reported;  // by point
    LogCapture log;
  };

  int Loop() {
    const size_t jobs = static_cast<size_t>(std::max(1, options_.jobs));
    const size_t side_by_side = std::max<size_t>(1, std::min(jobs, plan_.groups()));
    const int children = static_cast<int>(std::max<size_t>(1, jobs / side_by_side));
    size_t next = 0;
    while (next < plan_.groups() || !running_.empty()) {
      while (next < plan_.groups() && running_.size() < side_by_side) Launch(next++, children);
      if (running_.empty()) continue;
      Wait();
      if (interrupted_) {
        for (const auto& [pid, running] : running_) kill(pid, SIGTERM);
        while (!running_.empty()) Collect(0);
        return kInterrupted;
      }
      Collect(WNOHANG);
    }
    return progress_->exit_code();
  }

  void Launch(size_t group, int children) {
    int ends[2];
    UHAUL_CHECK(pipe2(ends, O_CLOEXEC) == 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    Running running{group, ends[0], "", std::vector<bool>(plan_.points(group), false), LogCapture()};
    std::fflush(nullptr);
    const pid_t self = getpid();
    const pid_t pid = fork();
    UHAUL_CHECK(pid >= 0);
    if (pid == 0) {
      BecomeChild(self);
      running.log.Redirect();
      for (const auto& [other_pid, other] : running_) close(other.pipe);
      close(signals_);
      close(ends[0]);
      const Result<std::vector<PlannedPoint>> points = plan_.Group(group);
      if (!points.ok()) {
        std::fprintf(stderr, "%s\n", points.error().message.c_str());
        _exit(kBadInput);
      }
      const std::unique_ptr<Engine> engine = make_engine_();
      RunGroup(*points, {.out = plan_.out(), .command = options_.command, .children = children, .report_fd = ends[1]},
               *engine);
    }
    close(ends[1]);
    running_.emplace(pid, std::move(running));
  }

  // Until a report, a dead child or a signal.
  void Wait() {
    std::vector<pollfd> fds{{signals_, POLLIN, 0}};
    for (const auto& [pid, running] : running_) {
      if (running.pipe >= 0) fds.push_back({running.pipe, POLLIN, 0});
    }
    poll(fds.data(), fds.size(), -1);
    signalfd_siginfo info;
    while (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM) interrupted_ = true;
    }
    for (auto& [pid, running] : running_) ReadReports(&running);
  }

  void ReadReports(Running* running) {
    if (running->pipe < 0) return;
    char buffer[4096];
    ssize_t n = 0;
    while ((n = read(running->pipe, buffer, sizeof buffer)) > 0)
      running->partial.append(buffer, static_cast<size_t>(n));
    if (n == 0) {
      close(running->pipe);
      running->pipe = -1;
    }
    for (size_t end = running->partial.find('\n'); end != std::string::npos; end = running->partial.find('\n')) {
      OnReport(running, running->partial.substr(0, end));
      running->partial.erase(0, end + 1);
    }
  }

  void OnReport(Running* running, const std::string& line) {
    char* end = nullptr;
    const size_t index = std::strtoul(line.c_str(), &end, 10);
    UHAUL_CHECK(index < running->reported.size() && *end == ' ');
    running->reported[index] = true;
    const std::string rest = end + 1;
    const size_t space = rest.find(' ');
    if (space == std::string::npos) {
      progress_->Done(rest);
    } else {
      progress_->Failed(rest.substr(0, space), rest.substr(space + 1));
    }
  }

  void Collect(int flags) {
    int status = 0;
    for (;;) {
      const pid_t pid = waitpid(-1, &status, flags);
      if (pid < 0 && errno == EINTR) continue;
      if (pid <= 0) return;
      const auto it = running_.find(pid);
      if (it == running_.end()) continue;
      ReadReports(&it->second);
      if (it->second.pipe >= 0) close(it->second.pipe);
      if (!interrupted_) FailUnreported(it->second, status);
      running_.erase(it);
      if (flags == 0) return;
    }
  }

  void FailUnreported(const Running& running, int status) {
    if (std::all_of(running.reported.begin(), running.reported.end(), [](bool reported) { return reported; })) return;
    const std::string error = "the group's process " + DescribeEnd(status, running.log);
    const Result<std::vector<PlannedPoint>> points = plan_.Group(running.group);
    if (!points.ok()) return progress_->Failed("of a group", error + " (and " + points.error().message + ")");
    for (size_t i = 0; i < running.reported.size(); ++i) {
      if (running.reported[i]) continue;
      const std::string& id = (*points)[i].id;
      const Status written = WriteFailure(plan_.out(), id, error);
      progress_->Failed(id, written ? error : error + " (and " + written.error().message + ")");
    }
  }

  const PlanSource& plan_;
  const RunnerOptions& options_;
  const MakeEngine& make_engine_;
  Progress* progress_;
  int signals_ = -1;
  bool interrupted_ = false;
  std::map<pid_t, Running> running_;
};

Status MakeHere(const PlanSource& plan, const PlannedPoint& point, const RunnerOptions& options, Engine& engine) {
  const Stopwatch stopwatch;
  if (const Status warm = engine.WarmUp(point.spec); !warm) return warm;
  Result<RunRecord> record = engine.Finish(point.spec);
  if (!record) return record.error();
  return StoreRun(plan.out(), point, std::move(record).value(), engine, stopwatch, options.command);
}

int RunWithoutFork(const PlanSource& plan, const RunnerOptions& options, const MakeEngine& make_engine,
                   Progress* progress) {
  struct sigaction action {};
  action.sa_handler = [](int) { _exit(kInterrupted); };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  for (size_t i = 0; i < plan.groups(); ++i) {
    const Result<std::vector<PlannedPoint>> group = plan.Group(i);
    if (!group.ok()) {
      progress->Failed("of a group", group.error().message);
      continue;
    }
    for (const PlannedPoint& point : *group) {
      const Status stored = MakeHere(plan, point, options, *make_engine());
      if (stored) {
        progress->Done(point.id);
        continue;
      }
      std::string error = stored.error().message;
      if (const Status written = WriteFailure(plan.out(), point.id, error); !written) {
        error += " (and " + written.error().message + ")";
      }
      progress->Failed(point.id, error);
    }
  }
  return progress->exit_code();
}

}  // namespace

int RunPlan(const PlanSource& plan, const RunnerOptions& options, const MakeEngine& make_engine) {
  const std::string program = "uhaul-" + make_engine()->build().engine;
  std::error_code failed;
  std::filesystem::create_directories(plan.out(), failed);
  if (failed) {
    std::fprintf(stderr, "%s: cannot make the directory %s: %s\n", program.c_str(), plan.out().c_str(),
                 failed.message().c_str());
    return kBadInput;
  }
  // For all processes below: what reading the plan left in the heap, and the time zone's file, which each of them would
  // read anew to say when it ran.
  malloc_trim(0);
  tzset();
  signal(SIGPIPE, SIG_IGN);  // a reader of progress may leave
  signal(SIGCHLD, SIG_DFL);
  Progress progress(options.progress_fd, program);
  if (!options.fork) return RunWithoutFork(plan, options, make_engine, &progress);
  return Groups(plan, options, make_engine, &progress).Run();
}

}  // namespace uhaul
