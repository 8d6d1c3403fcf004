// What the process of one trace group does: the warm-up, then a child per point. It tells its parent about each point
// in a line on a pipe: "INDEX ID\n" for a point that is written, "INDEX ID TEXT\n" for one that failed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "experiments/engine.h"
#include "experiments/plan.h"

namespace uhaul {

struct GroupOptions {
  std::string out;
  std::string command;
  int children = 1;  // at once
  int report_fd = -1;
};

inline constexpr size_t kMaxReport = 2000;  // octets of a line: written whole (PIPE_BUF)

// Does not return. `engine` has done nothing yet.
[[noreturn]] void RunGroup(const std::vector<PlannedPoint>& points, const GroupOptions& options, Engine& engine);

// Tells the parent; an error is cut and put on one line.
void Report(int fd, size_t index, const std::string& id, std::string_view error);

// After a fork: ends this process when its parent ends, and gives it ordinary signals.
void BecomeChild(pid_t parent);

// A process's standard error, kept in memory for the case that it dies.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(LogCapture&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  LogCapture& operator=(LogCapture&& other) noexcept;
  void Redirect() const;  // in the child
  std::string Tail() const;

 private:
  int fd_ = -1;
};

// "ended with exit code 3" or "was ended by signal 11", and the log's tail.
std::string DescribeEnd(int wait_status, const LogCapture& log);

}  // namespace uhaul
