#include "experiments/slurm_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <optional>

#include "core/base/hash.h"
#include "experiments/signal_watch.h"
#include "experiments/tool_process.h"

namespace uhaul {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPointsOfAChunk = 10;
constexpr size_t kUsualMaxArraySize = 1001;
constexpr unsigned kMostStrikes = 3;
constexpr int kPauseMs = 1000;
constexpr auto kLongestSilence = std::chrono::hours(1);
// Looking for points may take this share of the time.
constexpr int kLookingShare = 20;

size_t CountPoints(const Plan& plan) {
  size_t count = 0;
  for (const auto& group : plan.groups) count += group.size();
  return count;
}

// For a shell, whatever stands in it.
std::string ShellWord(const std::string& word) {
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// What the tool printed; an error if it failed.
Result<std::string> Slurm(std::vector<std::string> words, std::string input = "") {
  const std::string name = words.front();
  Result<ToolEnd> end = RunTool({std::move(words), "slurm-client", std::move(input), {}});
  if (!end.ok()) return end.error();
  if (end->exit_code != 0) return Error{fmt::format("{} failed (exit {}): {}", name, end->exit_code, end->err)};
  return std::move(end->out);
}

class SlurmRounds {
 public:
  SlurmRounds(const SlurmRun& run, const StillMissing& still_missing, const OnMissing& on_missing)
      : run_(run), still_missing_(still_missing), on_missing_(on_missing) {
    const std::string& folder = run.folder;
    StateHash hash;
    for (const char c : folder) hash.Add(static_cast<unsigned char>(c));
    name_ = fmt::format("uhaul-{:016x}", hash.value());
    scratch_ = folder + "/slurm";
  }

  Result<EngineEnd> Run(const Plan& plan) {
    const Result<std::string> queued = Queued();
    if (!queued.ok()) return queued.error();
    if (!queued->empty()) {
      return Error{fmt::format("jobs of {} are in Slurm's queue already; wait for them, or: scancel --name={}",
                               run_.folder, name_)};
    }
    const Result<std::string> config = Slurm({"scontrol", "show", "config"});
    if (!config.ok()) return config.error();
    most_ = MaxArraySizeIn(*config);
    SignalWatch signals;  // from before there are jobs
    Plan missing = plan;
    unsigned strikes = 0;
    while (!missing.groups.empty() && strikes < kMostStrikes && !interrupted_) {
      if (Status s = Submit(missing); !s.ok()) return s.error();
      if (Status s = Watch(missing, signals); !s.ok()) return s.error();
      Plan left = still_missing_(missing);
      strikes = CountPoints(left) < CountPoints(missing) ? 0 : strikes + 1;
      if (!left.groups.empty() && !interrupted_ && strikes < kMostStrikes) {
        fmt::print(stderr, "uhaul: {} points are missing after round {}: submitted again\n", CountPoints(left),
                   round_ + 1);
      }
      missing = std::move(left);
      ++round_;
    }
    if (missing.groups.empty()) {
      std::error_code ignored;
      std::filesystem::remove_all(scratch_, ignored);
    }
    return EngineEnd{interrupted_, missing.groups.empty() ? 0 : 1};
  }

 private:
  // Lines of the queue that are this folder's jobs.
  Result<std::string> Queued() const {
    return Slurm({"squeue", "--noheader", "--format=%i", "--me", "--name=" + name_});
  }

  Status Submit(const Plan& missing) {
    std::error_code error;
    std::filesystem::create_directories(scratch_, error);
    if (error) return Error{fmt::format("cannot make {}: {}", scratch_, error.message())};
    const std::vector<Plan> chunks = Chunks(missing, run_.chunks, most_);
    const std::string plans = fmt::format("{}/plan-{}-", scratch_, round_);
    for (size_t i = 0; i < chunks.size(); ++i) {
      if (Status s = WritePlan(chunks[i], fmt::format("{}{}.json", plans, i)); !s.ok()) return s;
    }
    std::vector<std::string> words = {"sbatch",
                                      "--parsable",
                                      "--no-requeue",
                                      "--job-name=" + name_,
                                      fmt::format("--array=0-{}", chunks.size() - 1),
                                      "--ntasks=1",
                                      fmt::format("--cpus-per-task={}", run_.jobs),
                                      fmt::format("--output={}/log-{}-%a", scratch_, round_)};
    words.insert(words.end(), run_.options.begin(), run_.options.end());
    const Result<std::string> job = Slurm(std::move(words), TaskScript(run_, plans));
    return job.ok() ? Status() : Status(job.error());
  }

  // Until none of the jobs is in the queue.
  Status Watch(const Plan& submitted, SignalWatch& signals) {
    auto answered = Clock::now();
    auto look = Clock::now();
    for (;;) {
      signals.Wait(-1, kPauseMs);
      if (signals.Take() != 0) {
        if (interrupted_) return {};
        interrupted_ = true;
        const Result<std::string> cancelled = Slurm({"scancel", "--name=" + name_});
        if (!cancelled.ok()) return cancelled.error();
      }
      const Result<std::string> queued = Queued();
      if (queued.ok()) answered = Clock::now();
      // A controller that restarts does not answer for a while; its jobs go on.
      if (!queued.ok() && Clock::now() - answered > kLongestSilence) return queued.error();
      if (Clock::now() >= look) {
        const auto began = Clock::now();
        on_missing_(CountPoints(still_missing_(submitted)));
        look = Clock::now() + (Clock::now() - began) * kLookingShare;
      }
      if (queued.ok() && queued->empty()) return {};
    }
  }

  const SlurmRun& run_;
  const StillMissing& still_missing_;
  const OnMissing& on_missing_;
  std::string name_;
  std::string scratch_;
  size_t most_ = 1;
  unsigned round_ = 0;
  bool interrupted_ = false;
};

}  // namespace

std::vector<Plan> Chunks(const Plan& plan, unsigned chunks, size_t most) {
  const size_t points = CountPoints(plan);
  size_t count = chunks > 0 ? chunks : (points + kPointsOfAChunk - 1) / kPointsOfAChunk;
  count = std::max<size_t>(1, std::min({count, most, plan.groups.size()}));
  std::vector<Plan> parts;
  size_t done = 0;
  std::optional<size_t> open;
  for (const auto& group : plan.groups) {
    // The part into which the group's first point falls: their sizes differ by a group at most.
    const size_t part = done * count / points;
    if (part != open) parts.push_back({plan.out, {}});
    open = part;
    parts.back().groups.push_back(group);
    done += group.size();
  }
  return parts;
}

size_t MaxArraySizeIn(const std::string& config) {
  const size_t key = config.find("MaxArraySize");
  const size_t equals = key == std::string::npos ? key : config.find('=', key);
  if (equals == std::string::npos) return kUsualMaxArraySize;
  const size_t digit = config.find_first_not_of(' ', equals + 1);
  size_t value = 0;
  if (digit != std::string::npos) std::from_chars(config.data() + digit, config.data() + config.size(), value);
  return value > 0 ? value : kUsualMaxArraySize;
}

std::string TaskScript(const SlurmRun& run, const std::string& plans) {
  std::string script = fmt::format("#!/bin/sh\nexec {} --plan {}\"$SLURM_ARRAY_TASK_ID\".json --jobs {}",
                                   ShellWord(run.engine), ShellWord(plans), run.jobs);
  for (const std::string& word : run.extra) script += " " + ShellWord(word);
  return script + "\n";
}

Result<EngineEnd> RunOnSlurm(const SlurmRun& run, const Plan& plan, const StillMissing& still_missing,
                             const OnMissing& on_missing) {
  return SlurmRounds(run, still_missing, on_missing).Run(plan);
}

}  // namespace uhaul
