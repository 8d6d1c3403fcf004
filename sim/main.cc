// uhaul-sim: the ns-3 engine. Takes a plan and writes point files (experiments/plan.h).
#include <unistd.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "experiments/engine_runner.h"
#include "sim/point_run.h"

namespace {

namespace po = boost::program_options;

constexpr int kUsage = 64;
constexpr int kBadInput = 65;
constexpr int kInternal = 70;

constexpr const char* kHelp = R"(usage: uhaul-sim --plan FILE [--jobs N] [--progress-fd FD] [--no-fork]
                 [--granularity train|packet]

Simulates the points of a plan on ns-3 and writes ID.json and ID.prov.json for each into the plan's directory.
Points of one trace share their warm-up: at the migration instant a child is forked for each.

)";
constexpr const char* kExample = R"(
example: uhaul run experiments/table10.yaml --dry-run     # shows what a plan would hold
         uhaul-sim --plan plan.json --jobs 2

exit codes: 0 all points written, 1 some failed, 64 usage, 65 bad plan, 70 internal error, 130 interrupted
)";

po::options_description Options() {
  po::options_description options("options");
  options.add_options()                                                                                       //
      ("plan", po::value<std::string>(), "the plan file")                                                     //
      ("jobs", po::value<int>()->default_value(static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN))),              //
       "processes at work at once")                                                                           //
      ("progress-fd", po::value<int>()->default_value(-1), "write a JSON line per point to this descriptor")  //
      ("no-fork", "make a whole run of each point, in one process")                                           //
      ("granularity", po::value<std::string>(),                                                               //
       "train, or packet: every action an event of ns-3 (slower, the same results)")                          //
      ("build-id", "print the id of this build")                                                              //
      ("version", "print versions")                                                                           //
      ("help", "print this");
  return options;
}

void SetGranularity(const std::string& name) {
  if (name != "train" && name != "packet") throw po::error("--granularity is train or packet");
  uhaul::SetDefaultGranularity(name == "packet" ? uhaul::Granularity::kPacket : uhaul::Granularity::kTrain);
}

int Run(const po::variables_map& values, const std::string& command) {
  const auto plan = uhaul::PlanFile::Open(values["plan"].as<std::string>());
  if (!plan) {
    std::fprintf(stderr, "uhaul-sim: %s\n", plan.error().message.c_str());
    return kBadInput;
  }
  return uhaul::RunPlan(**plan,
                        {.jobs = values["jobs"].as<int>(),
                         .progress_fd = values["progress-fd"].as<int>(),
                         .fork = values.count("no-fork") == 0,
                         .command = command},
                        [] { return std::make_unique<uhaul::SimEngine>(); });
}

}  // namespace

int main(int argc, char** argv) {
  const po::options_description options = Options();
  po::variables_map values;
  try {
    const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(argc, argv).options(options).positional({}).style(style).run(), values);
    po::notify(values);
    if (values.count("granularity") != 0) SetGranularity(values["granularity"].as<std::string>());
    if (values["jobs"].as<int>() < 1) throw po::error("--jobs must be at least 1");
  } catch (const po::error& error) {
    std::fprintf(stderr, "uhaul-sim: %s (see --help)\n", error.what());
    return kUsage;
  }
  const uhaul::BuildInfo& build = uhaul::SimBuildInfo();
  if (values.count("help") != 0) {
    std::cout << kHelp << options << kExample;
    return 0;
  }
  if (values.count("build-id") != 0) {
    std::cout << build.id << "\n";
    return 0;
  }
  if (values.count("version") != 0) {
    std::cout << "uhaul-sim " << build.version << "\nbuild " << build.id << "\ncommit "
              << (build.commit.empty() ? "unknown" : build.commit) << (build.dirty ? " (changed)" : "") << "\nns-3 "
              << build.library_version << "\n"
              << build.compiler << "\n";
    return 0;
  }
  if (values.count("plan") == 0) {
    std::fprintf(stderr, "uhaul-sim: --plan FILE is missing (see --help)\n");
    return kUsage;
  }
  std::string command;
  for (int i = 0; i < argc; ++i) command += (i > 0 ? " " : "") + std::string(argv[i]);
  try {
    return Run(values, command);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "uhaul-sim: %s\n", error.what());
    return kInternal;
  }
}
