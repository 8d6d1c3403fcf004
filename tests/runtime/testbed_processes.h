// A testbed of processes for tests: `uhaul node` for each role, `uhaul run` as the driver. Whatever becomes of the
// test, they end with it: each is the leader of a group that is killed by id, and dies with its parent.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "results/record_json.h"
#include "tests/places.h"
#include "tests/runtime/engines.h"

namespace uhaul::runtime {

// True as soon as `condition` is, false if it is not within a minute.
inline bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    usleep(10'000);
  }
  return false;
}

class Process {
 public:
  // `network`: a descriptor of the network namespace to start in, or -1. What it prints goes to the end of `log`.
  Process(std::vector<std::string> words, const std::string& log, int network = -1) {
    words.front() = std::string(UHAUL_BIN_DIR "/") + words.front();
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t parent = getpid();
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ != 0) return;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(125);
    if (network >= 0 && setns(network, CLONE_NEWNET) != 0) _exit(126);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  ~Process() {
    if (child_ > 0) Kill();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool Running() {
    if (child_ <= 0) return false;
    int status = 0;
    if (waitpid(child_, &status, WNOHANG) != child_) return true;
    child_ = -1;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return false;
  }
  void Signal(int number) {
    if (child_ > 0) kill(child_, number);
  }
  void Kill() {
    kill(-child_, SIGKILL);
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    child_ = -1;
  }
  // The exit code; -1 if it does not end within a minute.
  int Code() {
    if (!Eventually([this] { return !Running(); })) return -1;
    return code_;
  }

 private:
  pid_t child_ = -1;
  int code_ = -1;
};

inline const std::vector<std::string> kRolesAndController = {"controller", "generator", "switch", "nf1", "nf2"};

class TestbedProcesses {
 public:
  // `testbed`: the section's text, in which DIR is replaced by a folder of the test's own.
  TestbedProcesses(const std::string& schemes, const std::string& testbed)
      : TestbedProcesses(Parameters{"  workload: {name: web_search, trace: 3, load: 0.5, duration: 400ms}\n"
                                    "  migration: {after: 200ms, within: 50ms, lead: 5ms}\n"
                                    "  edm.threshold: 1MB\n"
                                    // a trace may end while an order-preserving move waits for its next packet
                                    "  scheme.idle_timeout: 50ms\n"
                                    "  scheme.name: [" +
                                    schemes +
                                    "]\n"
                                    "  profile.name: native\n"
                                    "  run.cap: 2s\n"},
                         testbed) {}
  // The lines of a definition's section `parameters`, in which DIR is replaced, too.
  struct Parameters {
    std::string text;
  };
  TestbedProcesses(const Parameters& parameters, const std::string& testbed) {
    std::string text = "name: testbed\nparameters:\n" + parameters.text + testbed;
    const std::string directory = place_ / "x";
    for (size_t at = text.find("DIR"); at != std::string::npos; at = text.find("DIR")) {
      text.replace(at, 3, directory.substr(0, directory.size() - 2));
    }
    std::ofstream(config()) << text;
  }
  // Joined by shared memory on this host.
  static std::string Memif(const std::string& rate_scale) {
    return "testbed:\n"
           "  controller: unix:DIR/c.sock\n"
           "  rate_scale: " +
           rate_scale +
           "\n"
           "  generator: {switch: \"memif:DIR/gs.sock\", nf1: \"memif:DIR/1g.sock\", nf2: \"memif:DIR/2g.sock\"}\n"
           "  switch: {generator: \"memif:DIR/gs.sock,role=client\", nf1: \"memif:DIR/s1.sock\", nf2: "
           "\"memif:DIR/s2.sock\"}\n"
           "  nf1: {switch: \"memif:DIR/s1.sock,role=client\", sink: \"memif:DIR/1g.sock,role=client\"}\n"
           "  nf2: {switch: \"memif:DIR/s2.sock,role=client\", sink: \"memif:DIR/2g.sock,role=client\"}\n";
  }

  Place& place() { return place_; }
  const Place& place() const { return place_; }
  std::string config() const { return place_ / "testbed.yaml"; }
  void Start(const std::string& role, int network = -1, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"uhaul", "node", "--role", role, "--config", config()};
    words.insert(words.end(), more.begin(), more.end());
    started_[role] = std::make_unique<Process>(std::move(words), place_ / (role + ".log"), network);
  }
  void StartAll() {
    for (const std::string& role : kRolesAndController) Start(role);
  }
  Process& role(const std::string& name) { return *started_.at(name); }
  std::string Log(const std::string& name) const { return place_.Read(name + ".log"); }
  bool AwaitLog(const std::string& name, const std::string& text, size_t times = 1) {
    return Eventually([&] {
      const std::string log = Log(name);
      size_t count = 0;
      for (size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
      return count >= times;
    });
  }
  // `uhaul run` in the background; what it prints is Log(results).
  std::unique_ptr<Process> Drive(const std::string& results, int network = -1) {
    return std::make_unique<Process>(
        std::vector<std::string>{"uhaul", "run", config(), "--engine", "runtime", "--results", place_ / results},
        place_ / (results + ".log"), network);
  }
  int Run(const std::string& results, int network = -1) { return Drive(results, network)->Code(); }
  // The points of a `uhaul run`, by scheme.
  std::map<std::string, StoredPoint> Points(const std::string& results) const {
    std::map<std::string, StoredPoint> points;
    for (const auto& [name, text] : place_.Results(results + "/testbed")) {
      if (!name.ends_with(".json")) continue;
      Result<StoredPoint> point = DecodePoint(text);
      REQUIRE(point.ok());
      points.emplace(point->spec.at("scheme.name"), std::move(point).value());
    }
    return points;
  }
  // Frames for which ports had no room because their process did not get the processor, over all nodes of a run.
  uint64_t Missed(const std::string& results, const StoredPoint& point) const {
    const auto provenance = DecodeProvenance(place_.Read(results + "/testbed/" + point.id + ".prov.json"));
    REQUIRE(provenance.ok());
    uint64_t missed = 0;
    for (const auto& [key, value] : provenance->measurements) {
      if (key.ends_with("_missed")) missed += std::stoull(value);
    }
    return missed;
  }
  std::string Logs() const {
    std::string all;
    for (const auto& [role, process] : started_) all += "---- " + role + "\n" + Log(role);
    return all;
  }
  // Ends every role as an operator would: exit code 0, and nothing left behind.
  void EndAll() {
    for (auto& [role, process] : started_) process->Signal(SIGTERM);
    for (auto& [role, process] : started_) {
      CAPTURE(role, Log(role));
      CHECK(process->Code() == 0);
    }
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(config()).parent_path())) {
      CAPTURE(entry.path().string());
      CHECK_FALSE(entry.is_socket());
    }
  }

 private:
  Place place_;
  std::map<std::string, std::unique_ptr<Process>> started_;  // gone before the folder
};

}  // namespace uhaul::runtime
