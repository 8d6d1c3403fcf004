// faults: the fault world by hand. See Usage().
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include "tests/faults/campaign.h"
#include "tests/faults/exhaust.h"
#include "tests/faults/scenarios.h"

using namespace uhaul::faults;

namespace {

void PrintTrace(const Scenario& scenario, const char* to, const std::vector<Choice>& trace) {
  std::printf("  -- a shortest way to %s: %zu steps\n", to, trace.size());
  for (const std::string& line : Replay(scenario, trace)) std::printf("     %s\n", line.c_str());
}

struct SearchCall {
  const char* only = nullptr;
  bool traces = false;
  SearchOptions options;
};

SearchResult SearchOne(const Scenario& s, const SearchCall& call) {
  SearchOptions options = call.options;
  // Shortest traces take more memory.
  if (call.traces || options.first || s.until_shown) return Search(s, options);
  options.progress = [](const SearchResult& r) {
    std::fprintf(stderr, "%llu million states, %llu million transitions ...\n",
                 static_cast<unsigned long long>(r.states / 1'000'000),
                 static_cast<unsigned long long>(r.transitions / 1'000'000));
  };
  options.most_states = std::max<uint64_t>(options.most_states, 420'000'000);  // 8 GB
  return Exhaust(s, options);
}

// 1 if a scenario shows other things than it is known for.
int RunSearch(const SearchCall& call) {
  uint64_t total = 0;
  int wrong = 0;
  for (const Scenario& s : AllScenarios()) {
    if (call.only != nullptr && s.name != call.only && s.name.find(std::string(call.only) + "/") != 0) continue;
    const auto begin = std::chrono::steady_clock::now();
    const SearchResult r = SearchOne(s, call);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const bool as_known = r.violations == s.shows && (r.bad_ends > 0) == s.shows_bad_end && r.confused == 0 &&
                          (r.complete || s.until_shown);
    std::printf("%-18s %s: %s  %.1f s%s\n", s.name.c_str(), s.what.c_str(), SummaryOf(r).c_str(), took.count(),
                as_known ? "" : "\n    NOT WHAT IT IS KNOWN FOR");
    total += r.states;
    if (!as_known) ++wrong;
    if (!call.traces) continue;
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

struct RandomOptions {
  uint64_t seed = 1;
  uint64_t count = 10'000;
  int jobs = 1;
  bool log = false;
  bool open_nf = false;
};

// 1 if a seed fails.
int RunRandom(const RandomOptions& options) {
  const Family family = options.open_nf ? Family::kOpenNf : Family::kHandOver;
  if (options.log) {
    std::vector<std::string> log;
    const RunResult r = RunSeed(family, options.seed, &log, nullptr);
    for (const std::string& line : log) std::printf("%s\n", line.c_str());
    return r.fault.empty() ? 0 : 1;
  }
  std::atomic<uint64_t> next{options.seed};
  std::mutex mutex;
  Cells cells;
  RunResult total;
  uint64_t failed = 0;
  const auto work = [&] {
    Cells mine;
    RunResult sum;
    for (uint64_t seed = next++; seed < options.seed + options.count; seed = next++) {
      const RunResult r = RunSeed(family, seed, nullptr, &mine);
      sum.moves += r.moves;
      sum.steps += r.steps;
      for (size_t i = 0; i < kActs; ++i) sum.acts[i] += r.acts[i];
      if (r.fault.empty()) continue;
      const std::lock_guard lock(mutex);
      if (++failed <= 20) {
        std::printf("seed %llu: %s\n  replay: faults random --seed %llu --log%s\n",
                    static_cast<unsigned long long>(seed), r.fault.c_str(), static_cast<unsigned long long>(seed),
                    options.open_nf ? " --opennf" : "");
      }
    }
    const std::lock_guard lock(mutex);
    cells.Add(mine);
    total.moves += sum.moves;
    total.steps += sum.steps;
    for (size_t i = 0; i < kActs; ++i) total.acts[i] += sum.acts[i];
  };
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < options.jobs; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%llu worlds, %llu migrations, %llu events, %llu failed; %.0f migrations a minute\n",
              static_cast<unsigned long long>(options.count), static_cast<unsigned long long>(total.moves),
              static_cast<unsigned long long>(total.steps), static_cast<unsigned long long>(failed),
              static_cast<double>(total.moves) / took.count() * 60);
  constexpr const char* kNames[kActs] = {"packets",       "deliveries",    "timers",         "moves",        "syncs",
                                         "declared dead", "restarts",      "rules followed", "aborts",       "refusals",
                                         "table filled",  "table emptied", "lost",           "markers lost", "repeated",
                                         "breaks",        "peer breaks",   "crashes"};
  for (size_t i = static_cast<size_t>(Act::kDeclare); i < kActs; ++i) {
    if (total.acts[i] > 0) std::printf("  %llu %s\n", static_cast<unsigned long long>(total.acts[i]), kNames[i]);
  }
  if (!options.open_nf)
    std::printf("state x input: times / kinds of faults that had struck before\n%s", cells.Table().c_str());
  return failed == 0 ? 0 : 1;
}

int Usage() {
  std::fputs(
      "usage: faults list                     the scenarios\n"
      "       faults search [NAME] [--trace] [--first] [--all]\n"
      "                                       all interleavings of one (or of all, or of all NAME/...);\n"
      "                                       --trace: a shortest way to each thing found; --first: stops at the "
      "first;\n"
      "                                       --all: with all that does not matter\n"
      "       faults random [--seed N] [--count N] [--jobs N] [--opennf] [--log]\n"
      "                                       worlds of those seeds; --log: what happens in the first\n",
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
  if (command == "random") {
    RandomOptions options;
    for (int i = 2; i < argc; ++i) {
      const std::string option = argv[i];
      const bool more = i + 1 < argc;
      if (option == "--seed" && more) {
        options.seed = std::strtoull(argv[++i], nullptr, 10);
      } else if (option == "--count" && more) {
        options.count = std::strtoull(argv[++i], nullptr, 10);
      } else if (option == "--jobs" && more) {
        options.jobs = std::max(1, std::atoi(argv[++i]));
      } else if (option == "--log") {
        options.log = true;
      } else if (option == "--opennf") {
        options.open_nf = true;
      } else {
        return Usage();
      }
    }
    return RunRandom(options);
  }
  if (command != "search") return Usage();
  SearchCall call;
  for (int i = 2; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--trace") {
      call.traces = true;
    } else if (option == "--all") {
      call.options.all = true;
    } else if (option == "--first") {
      call.options.first = true;
    } else if (call.only != nullptr || argv[i][0] == '-') {
      return Usage();
    } else {
      call.only = argv[i];
    }
  }
  return RunSearch(call);
}
