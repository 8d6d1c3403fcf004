// uhaul run, uhaul sweep: expand, leave out what exists, let the engine make the rest.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "experiments/cli.h"
#include "experiments/engine_process.h"
#include "experiments/plan.h"
#include "experiments/point_reader.h"
#include "experiments/progress.h"
#include "experiments/slurm_run.h"
#include "experiments/testbed_config.h"
#include "results/point_store.h"

namespace uhaul {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::json;

constexpr size_t kMostFailuresShown = 20;
constexpr unsigned kMostRepetitions = 1000;
constexpr unsigned kMostAttempts = 100;

struct RunRequest {
  std::vector<std::string> experiments;
  std::vector<std::string> sets;
  std::string engine = "sim";
  std::string clock;                  // of the runtime
  std::string rate_scale;             // of the runtime in real time
  std::string lcores;                 // the same
  std::string testbed;                // a file with that section: its processes make the runs
  std::vector<std::string> captures;  // of the runtime in one process: LINK=FILE
  bool telemetry = false;             // of the runtime in real time
  std::string engine_path;
  std::string results;
  std::string executor = "local";
  unsigned chunks = 0;              // of slurm
  std::vector<std::string> sbatch;  // options of slurm's
  std::string plan;                 // a file to write the plan to, instead of running it
  unsigned jobs = 1;
  unsigned repeat = 1;
  unsigned attempts = 1;  // of the runtime in real time
  bool dry_run = false;
  bool retry_failed = false;
  bool json = false;
};

struct Tally {
  size_t points = 0;
  size_t present = 0;
  size_t made = 0;
  std::vector<std::pair<std::string, std::string>> failed;  // identity, error
  size_t late = 0;  // of those made in real time: the engine fell behind the offered rate
  bool interrupted = false;
};

void AddRunOptions(CommandLine* line) {
  line->options().add_options()("set,s", po::value<std::vector<std::string>>()->composing()->default_value({}, ""),
                                "key=value, a list (a,b) or a range (3..10MB); replaces what the definition says")(
      "engine", po::value<std::string>()->default_value("sim"), "sim or runtime")(
      "clock", po::value<std::string>()->default_value("tsc"),
      "runtime: tsc (real time) or virtual (deterministic, the simulator's links)")(
      "rate-scale", po::value<std::string>()->default_value("1"),
      "runtime in real time: let the run's time pass so much slower, where the machine cannot keep its rate")(
      "lcores", po::value<std::string>()->default_value("1"),
      "runtime in real time: 2 gives generator and sink a processor of their own")(
      "testbed", po::value<std::string>()->default_value(""),
      "runtime: a file with a section 'testbed', whose processes make the runs; default: the definition, if it has "
      "one")("capture", po::value<std::vector<std::string>>()->composing()->default_value({}, ""),
             "runtime, one point: LINK=FILE.pcap, what a link carries (generator-switch, switch-nf1, nf1-sink, ...)")(
      "telemetry", "runtime in real time: answer to dpdk-telemetry.py while a run goes on")(
      "engine-path", po::value<std::string>()->default_value(""), "the engine's executable, if it is not beside uhaul")(
      "results", po::value<std::string>()->default_value(DefaultResultsDirectory()),
      "folder of results ($UHAUL_RESULTS)")(
      "jobs,j",
      po::value<unsigned>()->default_value(std::max(1U, std::thread::hardware_concurrency()), "all processors"),
      "processes at a time (slurm: of each task; there 1 unless said)")(
      "repeat", po::value<unsigned>()->default_value(1),
      "run every point this many times, into folders rep-1, rep-2, ... of the results")(
      "attempts", po::value<unsigned>()->default_value(1),
      "runtime in real time: make a point that fell behind its rate again, until it kept it or was made this often")(
      "executor", po::value<std::string>()->default_value("local"),
      "local: processes here; slurm: job arrays on a cluster, whose nodes see this folder and this program")(
      "chunks", po::value<unsigned>()->default_value(0), "slurm: tasks of an array; 0: about ten points each")(
      "slurm", po::value<std::vector<std::string>>()->composing()->default_value({}, ""),
      "slurm: an option for sbatch, as --slurm=--partition=long")("dry-run", "only say which points there are")(
      "plan", po::value<std::string>()->default_value(""), "write the plan of all points to this file, and stop")(
      "retry-failed", "run points again that failed with this build of the engine")("json", "the outcome as JSON");
}

Result<RunRequest> ReadRequest(const CommandLine& line, std::vector<std::string> experiments) {
  RunRequest request;
  request.experiments = std::move(experiments);
  request.sets = line.Get<std::vector<std::string>>("set");
  request.engine = line.Get<std::string>("engine");
  request.engine_path = line.Get<std::string>("engine-path");
  request.results = line.Get<std::string>("results");
  request.plan = line.Get<std::string>("plan");
  request.jobs = line.Get<unsigned>("jobs");
  request.repeat = line.Get<unsigned>("repeat");
  request.attempts = line.Get<unsigned>("attempts");
  request.dry_run = line.Has("dry-run");
  request.retry_failed = line.Has("retry-failed");
  request.json = line.Has("json");
  request.clock = line.Get<std::string>("clock");
  request.rate_scale = line.Get<std::string>("rate-scale");
  request.lcores = line.Get<std::string>("lcores");
  request.testbed = line.Get<std::string>("testbed");
  request.captures = line.Get<std::vector<std::string>>("capture");
  request.telemetry = line.Has("telemetry");
  if (request.engine != "runtime" && (request.telemetry || !request.captures.empty()))
    return Error{"--capture and --telemetry are for --engine runtime"};
  if (request.engine == "runtime" && request.clock == "tsc" && request.testbed.empty()) {
    for (const std::string& experiment : request.experiments) {
      const Result<std::string> path = FindDefinition(experiment);
      if (path.ok() && HasTestbed(*path)) request.testbed = *path;
    }
  }
  if (request.engine != "sim" && request.engine != "runtime")
    return Error{fmt::format("--engine has no value {} (one of sim, runtime)", Quoted(request.engine))};
  if (request.clock != "tsc" && request.clock != "virtual")
    return Error{fmt::format("--clock has no value {} (one of tsc, virtual)", Quoted(request.clock))};
  if (line.Has("clock") && request.engine != "runtime") return Error{"--clock is for --engine runtime"};
  request.executor = line.Get<std::string>("executor");
  request.chunks = line.Get<unsigned>("chunks");
  request.sbatch = line.Get<std::vector<std::string>>("slurm");
  if (request.executor != "local" && request.executor != "slurm")
    return Error{fmt::format("--executor has no value {} (one of local, slurm)", Quoted(request.executor))};
  const bool slurm = request.executor == "slurm";
  if (!slurm && (line.Has("chunks") || !request.sbatch.empty()))
    return Error{"--chunks and --slurm are for --executor slurm"};
  if (slurm && request.engine == "runtime" && request.clock == "tsc")
    return Error{"--executor slurm runs what does not depend on the machine: the simulator, or --clock virtual"};
  if (slurm && !line.Has("jobs")) request.jobs = 1;
  if (request.jobs < 1 || request.jobs > 1024) return Error{"--jobs must be between 1 and 1024"};
  if (request.repeat < 1 || request.repeat > kMostRepetitions) {
    return Error{fmt::format("--repeat must be between 1 and {}", kMostRepetitions)};
  }
  if (request.attempts < 1 || request.attempts > kMostAttempts) {
    return Error{fmt::format("--attempts must be between 1 and {}", kMostAttempts)};
  }
  if (request.attempts > 1 && (request.engine != "runtime" || request.clock != "tsc"))
    return Error{"--attempts is for --engine runtime in real time: elsewhere a second run equals the first"};
  if (request.repeat > 1 && !request.plan.empty()) return Error{"--plan writes one plan; it does not --repeat"};
  if (request.results.empty()) return Error{"--results needs a folder"};
  // Points are named by what they say, not by who made them: each engine and clock has a folder of its own.
  if (request.engine == "runtime")
    request.results += request.clock != "tsc" ? "/runtime-virtual" : request.testbed.empty() ? "/runtime" : "/testbed";
  if (request.engine_path.empty()) request.engine_path = EngineBeside("uhaul-" + request.engine);
  return request;
}

// All definitions' points in order; a dry run prints each definition's summary.
Result<std::vector<PointSpec>> Collect(const RunRequest& request) {
  std::vector<PointSpec> all;
  for (const std::string& experiment : request.experiments) {
    const Result<Definition> definition = LoadWithSets(experiment, request.sets);
    if (!definition.ok()) return definition.error();
    Result<std::vector<PointSpec>> points = Expand(*definition);
    if (!points.ok()) return points.error();
    if (request.dry_run && !request.json) {
      std::set<std::string> distinct;
      for (const PointSpec& point : *points) distinct.insert(PointId(point));
      fmt::print("{}: {}\n", definition->name, Summarize(*definition, distinct.size()));
    }
    std::move(points->begin(), points->end(), std::back_inserter(all));
  }
  return all;
}

bool IsPresent(const RunRequest& request, const std::string& build, const std::string& id) {
  const Result<std::string> made_by = PointBuild(request.results, id);
  return made_by.ok() && *made_by == build;
}

std::string FailurePath(const RunRequest& request, const std::string& id) {
  return request.results + "/" + id + ".failed";
}

// A failure that is younger than the engine is this engine's; an older one is history.
bool FailedWithThisEngine(const RunRequest& request, const std::string& id) {
  std::error_code error;
  const auto failed = std::filesystem::last_write_time(FailurePath(request, id), error);
  if (error) return false;
  const auto engine = std::filesystem::last_write_time(request.engine_path, error);
  return !error && failed >= engine;
}

std::string FailureText(const RunRequest& request, const std::string& id) {
  std::ifstream in(FailurePath(request, id), std::ios::binary);
  std::string text(4096, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? "the engine ended without a result" : text;
}

// What is still to be made; what is not goes to the tally.
Plan Missing(const RunRequest& request, const std::string& build, const Plan& all, Tally* tally) {
  Plan missing;
  missing.out = all.out;
  for (const auto& group : all.groups) {
    std::vector<PlannedPoint> left;
    for (const PlannedPoint& point : group) {
      ++tally->points;
      const bool again = request.attempts > 1 && FellBehind(request.results, point.id);
      if (!again && IsPresent(request, build, point.id)) {
        ++tally->present;
      } else if (!request.retry_failed && FailedWithThisEngine(request, point.id)) {
        tally->failed.emplace_back(point.id, FailureText(request, point.id));
      } else {
        left.push_back(point);
      }
    }
    if (!left.empty()) missing.groups.push_back(std::move(left));
  }
  return missing;
}

// The request of each repetition, with a folder of its own if there are several.
std::vector<RunRequest> Repetitions(const RunRequest& request) {
  std::vector<RunRequest> all;
  for (const std::string& folder : RepetitionFolders(request.results, request.repeat)) {
    all.push_back(request);
    all.back().results = folder;
  }
  return all;
}

constexpr size_t kSlowToPlan = 20'000;  // points whose plan takes seconds to write, and the engine seconds to check

size_t CountPoints(const Plan& plan) {
  size_t count = 0;
  for (const auto& group : plan.groups) count += group.size();
  return count;
}

// Counts the engine's lines. What they say is for the eye only: the files decide what was made.
void OnLine(const std::string& line, std::set<std::string>* open, Progress* progress) {
  if (line.empty()) return progress->Tick();
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return;
  for (const char* kind : {"done", "failed"}) {
    const auto found = json.find(kind);
    if (found == json.end() || !found->is_string()) continue;
    if (open->erase(found->get<std::string>()) > 0) progress->Count(std::string_view(kind) == "failed");
  }
}

// Further arguments of the engine.
std::vector<std::string> EngineArguments(const RunRequest& request) {
  std::vector<std::string> extra;
  if (request.engine == "runtime")
    extra = {"--clock", request.clock, "--rate-scale", request.rate_scale, "--lcores", request.lcores};
  for (const std::string& capture : request.captures) extra.insert(extra.end(), {"--capture", capture});
  if (request.telemetry) extra.push_back("--telemetry");
  if (!request.testbed.empty()) extra.insert(extra.end(), {"--testbed", request.testbed});
  return extra;
}

// Of the plan's points those that did not keep their rate.
Plan Late(const RunRequest& request, const Plan& plan) {
  Plan late;
  late.out = plan.out;
  for (const auto& group : plan.groups) {
    std::vector<PlannedPoint> left;
    std::copy_if(group.begin(), group.end(), std::back_inserter(left), [&](const PlannedPoint& point) {
      return PointExists(request.results, point.id) && FellBehind(request.results, point.id);
    });
    if (!left.empty()) late.groups.push_back(std::move(left));
  }
  return late;
}

Result<EngineEnd> LaunchOnSlurm(RunRequest request, const std::string& build, Plan plan) {
  // An old failure must not be taken for one of these runs.
  for (const auto& group : plan.groups) {
    for (const PlannedPoint& point : group) ::unlink(FailurePath(request, point.id).c_str());
  }
  request.retry_failed = false;
  plan.out = std::filesystem::absolute(request.results);
  Progress progress(CountPoints(plan));
  size_t done = 0;
  const size_t total = CountPoints(plan);
  const SlurmRun run = {.engine = std::filesystem::absolute(request.engine_path),
                        .extra = EngineArguments(request),
                        .folder = plan.out,
                        .jobs = request.jobs,
                        .chunks = request.chunks,
                        .options = request.sbatch};
  const Result<EngineEnd> end = RunOnSlurm(
      run, plan,
      [&](const Plan& all) {
        Tally rest;
        return Missing(request, build, all, &rest);
      },
      [&](size_t missing) {
        for (; done + missing < total; ++done) progress.Count(false);
        progress.Tick();
      });
  progress.Finish();
  return end;
}

Result<EngineEnd> Launch(const RunRequest& request, const std::string& build, const Plan& plan, unsigned attempt) {
  if (request.executor == "slurm") return LaunchOnSlurm(request, build, plan);
  const std::string path = fmt::format("{}/plan-{}.json", request.results, ::getpid());
  const size_t count = CountPoints(plan);
  if (count > kSlowToPlan) fmt::print(stderr, "uhaul: writing the plan of {} points ...\n", count);
  if (Status written = WritePlan(plan, path); !written.ok()) return written.error();
  std::set<std::string> open;
  for (const auto& group : plan.groups) {
    for (const PlannedPoint& point : group) open.insert(point.id);
  }
  Progress progress(open.size());
  std::vector<std::string> extra = EngineArguments(request);
  if (request.attempts > 1) extra.insert(extra.end(), {"--attempt", fmt::format("{}", attempt)});
  const Result<EngineEnd> end = RunEngine({request.engine_path, path, request.jobs, std::move(extra)},
                                          [&](const std::string& line) { OnLine(line, &open, &progress); });
  progress.Finish();
  ::unlink(path.c_str());
  return end;
}

void Settle(const RunRequest& request, const std::string& build, const Plan& plan, bool interrupted, Tally* tally) {
  for (const auto& group : plan.groups) {
    for (const PlannedPoint& point : group) {
      if (IsPresent(request, build, point.id)) {
        ++tally->made;
      } else if (!interrupted || FailedWithThisEngine(request, point.id)) {
        tally->failed.emplace_back(point.id, FailureText(request, point.id));
      }
    }
  }
}

void Report(const RunRequest& request, const Tally& tally) {
  for (size_t i = 0; i < tally.failed.size() && i < kMostFailuresShown; ++i) {
    fmt::print(stderr, "uhaul: point {} failed: {}\n", tally.failed[i].first, tally.failed[i].second);
  }
  if (tally.failed.size() > kMostFailuresShown) {
    fmt::print(stderr, "uhaul: and {} more; each has a file ID.failed\n", tally.failed.size() - kMostFailuresShown);
  }
  if (request.json) {
    Json failed = Json::array();
    for (const auto& [id, error] : tally.failed) failed.push_back({{"id", id}, {"error", error}});
    const Json out = {{"points", tally.points}, {"present", tally.present},   {"made", tally.made},
                      {"failed", failed},       {"results", request.results}, {"interrupted", tally.interrupted},
                      {"late", tally.late}};
    fmt::print("{}\n", out.dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  fmt::print("{} points: {} made, {} present before, {} failed{}; results in {}\n", tally.points, tally.made,
             tally.present, tally.failed.size(), tally.interrupted ? ", interrupted" : "", request.results);
  if (tally.late > 0) {
    fmt::print(
        "{} of them fell behind their rate (provenance: kept_rate \"no\"); --attempts N makes such points again\n",
        tally.late);
  }
}

int DryRun(const RunRequest& request, const Plan& plan) {
  const Result<std::string> build = EngineBuildId(request.engine_path);
  const size_t total = CountPoints(plan) * request.repeat;
  size_t present = 0;
  for (const RunRequest& repetition : Repetitions(request)) {
    for (const auto& group : plan.groups) {
      for (const PlannedPoint& point : group) present += build.ok() && IsPresent(repetition, *build, point.id) ? 1 : 0;
    }
  }
  if (request.json) {
    Json points = Json::array();
    for (const auto& group : plan.groups) {
      for (const PlannedPoint& point : group) points.push_back({{"id", point.id}, {"spec", CanonicalSpec(point.spec)}});
    }
    fmt::print("{}\n", Json{{"points", points}, {"traces", plan.groups.size()}, {"present", present}}.dump(2));
  } else {
    fmt::print("{} distinct points in {} warm-ups{}; {} present, {} to run\n", CountPoints(plan), plan.groups.size(),
               request.repeat > 1 ? fmt::format(", {} times", request.repeat) : "", present, total - present);
  }
  return exit_code::kOk;
}

// The host's pauses decide whether a run in real time keeps its rate, not what the run finds: making it again until it
// does chooses among pauses. Each point's provenance says which attempt it is.
Result<EngineEnd> LaunchUntilInTime(const RunRequest& request, const std::string& build, Plan plan) {
  for (unsigned attempt = 1;; ++attempt) {
    const Result<EngineEnd> end = Launch(request, build, plan, attempt);
    if (!end.ok() || end->interrupted || attempt == request.attempts) return end;
    Plan late = Late(request, plan);
    if (late.groups.empty()) return end;
    fmt::print(stderr, "uhaul: {} of {} points fell behind their rate; attempt {} of {}\n", CountPoints(late),
               CountPoints(plan), attempt + 1, request.attempts);
    plan = std::move(late);
  }
}

// Makes what is missing of one repetition. Not 0: the engine ended as it should not.
int RunOnce(const RunRequest& request, const std::string& build, const std::vector<PointSpec>& points, Tally* tally) {
  std::error_code error;
  std::filesystem::create_directories(request.results, error);
  if (error) return Fail(exit_code::kBadInput, fmt::format("cannot make {}: {}", request.results, error.message()));
  const Plan missing = Missing(request, build, MakePlan(points, request.results), tally);
  if (missing.groups.empty()) return exit_code::kOk;
  const Result<EngineEnd> end = LaunchUntilInTime(request, build, missing);
  if (!end.ok()) return Fail(exit_code::kInternal, end.error().message);
  tally->interrupted = end->interrupted;
  Settle(request, build, missing, end->interrupted, tally);
  if (request.engine == "runtime") tally->late += CountPoints(Late(request, missing));
  if (end->interrupted || end->exit_code == exit_code::kOk || end->exit_code == exit_code::kSomeFailed) {
    return exit_code::kOk;
  }
  fmt::print(stderr, "uhaul: {} ended with exit code {}\n", request.engine_path, end->exit_code);
  Report(request, *tally);
  return exit_code::kInternal;
}

int Run(const RunRequest& request) {
  const Result<std::vector<PointSpec>> points = Collect(request);
  if (!points.ok()) return FailFor(points.error());
  const Plan plan = MakePlan(*points, request.results);
  if (request.dry_run) return DryRun(request, plan);
  if (!request.plan.empty()) {
    const Status written = WritePlan(plan, request.plan);
    return written.ok() ? exit_code::kOk : Fail(exit_code::kBadInput, written.error().message);
  }
  const Result<std::string> build = EngineBuildId(request.engine_path);
  if (!build.ok()) return Fail(exit_code::kInternal, build.error().message);
  Tally tally;
  for (const RunRequest& repetition : Repetitions(request)) {
    if (const int code = RunOnce(repetition, *build, *points, &tally); code != exit_code::kOk) return code;
    if (tally.interrupted) break;
  }
  Report(request, tally);
  if (tally.interrupted) return exit_code::kInterrupted;
  return tally.failed.empty() ? exit_code::kOk : exit_code::kSomeFailed;
}

}  // namespace

int RunCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul run EXPERIMENT... [options]",
      "Runs the points of one or more definitions that are missing or were made by another build of the engine.\n"
      "An EXPERIMENT is a file, or the name of one in the experiments folder.",
      "uhaul run table-12 --set 'workload.trace=1..30' --jobs 2");
  AddRunOptions(&line);
  line.Positional("experiment", -1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("experiment")) return line.Usage("which experiment?");
  const Result<RunRequest> request = ReadRequest(line, line.Get<std::vector<std::string>>("experiment"));
  if (!request.ok()) return line.Usage(request.error().message);
  return Run(*request);
}

int SweepCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul sweep --set key=values... [options]",
      "Runs a grid given on the command line. What is not set is as in the paper (section 4.1); --base names\n"
      "another definition to begin with.",
      "uhaul sweep --set 'edm.threshold=1..10MB' --set 'workload.load=0.5,0.7,0.9'");
  AddRunOptions(&line);
  line.options().add_options()("base", po::value<std::string>()->default_value("base"),
                               "the definition that --set changes");
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("set")) return line.Usage("a sweep needs at least one --set");
  const Result<RunRequest> request = ReadRequest(line, {line.Get<std::string>("base")});
  if (!request.ok()) return line.Usage(request.error().message);
  return Run(*request);
}

}  // namespace uhaul
