#include "experiments/engine_group.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "core/base/check.h"

using namespace uhaul;  // NOLINT

namespace {

// What DescribeEnd says of a child that ends as `end` does.
template <class End>
std::string Describe(End end) {
  const LogCapture log;
  std::fflush(nullptr);
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    signal(SIGABRT, SIG_DFL);
    log.Redirect();
    end();
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return DescribeEnd(status, log);
}

}  // namespace

TEST_CASE("DescribeEnd: a child that fails a check is described with the end of its log") {
  const std::string text = Describe([] { UHAUL_CHECK(1 + 1 == 3); });
  CHECK(text.find("was ended by signal 6") == 0);
  CHECK(text.find("1 + 1 == 3") != std::string::npos);
  CHECK(Describe([] { _exit(3); }) == "ended with exit code 3");
  const std::string tail = Describe([] {
    for (int i = 0; i < 10000; ++i) std::fprintf(stderr, "line %d\n", i);
  });
  CHECK(tail.find("line 9999") != std::string::npos);
  CHECK(tail.size() < 2000);
}

TEST_CASE("Report: one line per point, whatever the error holds, short enough to be written whole") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  Report(ends[1], 7, "a1", "");
  Report(ends[1], 8, "b2", "two\nlines");
  Report(ends[1], 9, "c3", std::string(10'000, 'x'));
  close(ends[1]);
  std::string text;
  std::array<char, 4096> buffer{};
  ssize_t n = 0;
  while ((n = read(ends[0], buffer.data(), buffer.size())) > 0) text.append(buffer.data(), static_cast<size_t>(n));
  close(ends[0]);
  const std::string start = "7 a1\n8 b2 two lines\n9 c3 xxxx";
  CHECK(text.substr(0, start.size()) == start);
  CHECK(text.size() < start.size() + kMaxReport);
  CHECK(text.back() == '\n');
}
