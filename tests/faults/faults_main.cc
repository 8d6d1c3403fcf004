// faults: the fault world by hand. See Usage().
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "tests/faults/scenarios.h"

using namespace uhaul::faults;

namespace {

void PrintTrace(const Scenario& scenario, const char* to, const std::vector<Choice>& trace) {
  std::printf("  -- a shortest way to %s: %zu steps\n", to, trace.size());
  for (const std::string& line : Replay(scenario, trace)) std::printf("     %s\n", line.c_str());
}

// 1 if a scenario shows other things than it is known for.
int RunSearch(const char* only, bool traces) {
  uint64_t total = 0;
  int wrong = 0;
  for (const Scenario& s : AllScenarios()) {
    if (only != nullptr && s.name != only && s.name.find(std::string(only) + "/") != 0) continue;
    const auto begin = std::chrono::steady_clock::now();
    const SearchResult r = Search(s, {});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const bool as_known = r.violations == s.shows && (r.bad_ends > 0) == s.shows_bad_end && r.confused == 0 &&
                          (r.complete || s.until_shown);
    std::printf("%-18s %s: %s  %.1f s%s\n", s.name.c_str(), s.what.c_str(), SummaryOf(r).c_str(), took.count(),
                as_known ? "" : "\n    NOT WHAT IT IS KNOWN FOR");
    total += r.states;
    if (!as_known) ++wrong;
    if (!traces) continue;
    for (const auto& [violation, trace] : r.traces) PrintTrace(s, ViolationName(violation), trace);
    if (r.bad_ends > 0) {
      PrintTrace(s, "a bad end", r.bad_end_trace);
    } else if (r.stuck > 0) {
      PrintTrace(s, "a state without a good end", r.stuck_trace);
    }
  }
  std::printf("%llu states, %d scenarios not as known\n", static_cast<unsigned long long>(total), wrong);
  return wrong == 0 ? 0 : 1;
}

int Usage() {
  std::fputs(
      "usage: faults list                     the scenarios\n"
      "       faults search [NAME] [--trace]  all interleavings of one (or of all, or of all NAME/...); --trace: a\n"
      "                                       shortest way to each thing found\n",
      stderr);
  return 64;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "list") {
    for (const Scenario& s : AllScenarios()) std::printf("%-18s %s\n", s.name.c_str(), s.what.c_str());
    return 0;
  }
  if (command != "search") return Usage();
  const char* only = nullptr;
  bool traces = false;
  for (int i = 2; i < argc; ++i) {
    if (std::strcmp(argv[i], "--trace") == 0) {
      traces = true;
    } else if (only != nullptr || argv[i][0] == '-') {
      return Usage();
    } else {
      only = argv[i];
    }
  }
  return RunSearch(only, traces);
}
