// Starts port_peer at the other end of a port, reads what it says, and ends it; a network namespace that ends with the
// test.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/places.h"

namespace uhaul::runtime {

// Holds a namespace of its own, in which `setup` was run; gone when this is.
class NetworkNamespace {
 public:
  explicit NetworkNamespace(const std::string& setup) {
    int ready[2], end[2];
    REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
    REQUIRE(pipe2(end, O_CLOEXEC) == 0);
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      close(end[1]);
      const bool ok = unshare(CLONE_NEWNET) == 0 && std::system((setup + " >/dev/null 2>&1").c_str()) == 0;
      char c = ok ? 'y' : 'n';
      if (write(ready[1], &c, 1) == 1) (void)!read(end[0], &c, 1);  // until the parent is gone
      _exit(0);
    }
    close(ready[1]);
    close(end[0]);
    end_ = end[1];
    char c = 'n';
    (void)!read(ready[0], &c, 1);
    close(ready[0]);
    made_ = c == 'y';
    fd_ = open(("/proc/" + std::to_string(child_) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC);
  }
  ~NetworkNamespace() {
    close(end_);
    if (fd_ >= 0) close(fd_);
    waitpid(child_, nullptr, 0);
  }
  NetworkNamespace(const NetworkNamespace&) = delete;
  NetworkNamespace& operator=(const NetworkNamespace&) = delete;
  bool made() const { return made_; }
  int fd() const { return fd_; }
  pid_t pid() const { return child_; }

 private:
  pid_t child_ = -1;
  int end_ = -1;
  int fd_ = -1;
  bool made_ = false;
};

class PeerProcess {
 public:
  PeerProcess(std::vector<std::string> arguments, int network = -1) {
    int in[2], out[2];
    REQUIRE(pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
    arguments.insert(arguments.begin(), std::string(UHAUL_BIN_DIR "/port_peer"));
    std::vector<char*> words;
    for (std::string& word : arguments) words.push_back(word.data());
    words.push_back(nullptr);
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      if (network >= 0 && setns(network, CLONE_NEWNET) != 0) _exit(126);
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      execv(words[0], words.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    in_ = in[1];
    out_ = out[0];
  }
  ~PeerProcess() {
    if (child_ > 0) Kill();
    if (in_ >= 0) close(in_);
    close(out_);
  }
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  // Reads until a line contains `text`; false if the process ends, or says nothing for a minute.
  bool Await(const std::string& text) {
    while (true) {
      for (size_t end = log_.find('\n', seen_); end != std::string::npos; end = log_.find('\n', seen_)) {
        line_ = log_.substr(seen_, end - seen_);
        seen_ = end + 1;
        if (line_.find(text) != std::string::npos) return true;
      }
      pollfd output{.fd = out_, .events = POLLIN, .revents = 0};
      char buffer[4096];
      if (poll(&output, 1, 60'000) <= 0) return false;
      const ssize_t n = read(out_, buffer, sizeof buffer);
      if (n <= 0) return false;
      log_.append(buffer, static_cast<size_t>(n));
    }
  }
  // Ends its standard input, and reads its result; the exit code is 0 if all is well.
  int Finish() {
    if (in_ >= 0) close(in_);
    in_ = -1;
    Await("result ");
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void Kill() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    child_ = -1;
  }
  // A number of the line that was read last: "result ... name=N ...".
  int64_t Figure(const std::string& name) const {
    const size_t at = line_.find(" " + name + "=");
    return at == std::string::npos ? -1 : std::strtoll(line_.c_str() + at + name.size() + 2, nullptr, 10);
  }
  const std::string& log() const { return log_; }

 private:
  pid_t child_ = -1;
  int in_ = -1;
  int out_ = -1;
  std::string log_;
  size_t seen_ = 0;
  std::string line_;
};

}  // namespace uhaul::runtime
