// uhaul-runtime: the DPDK engine. Takes a plan and writes point files (experiments/plan.h).
#include <unistd.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "experiments/engine_runner.h"
#include "runtime/calibrate.h"
#include "runtime/node.h"
#include "runtime/remote_engine.h"
#include "runtime/runtime_engine.h"

namespace {

namespace po = boost::program_options;

constexpr int kUsage = 64;
constexpr int kBadInput = 65;
constexpr int kInternal = 70;

constexpr const char* kHelp =
    R"(usage: uhaul-runtime --plan FILE [--clock tsc|virtual] [--jobs N] [--progress-fd FD] [-- EAL ARGUMENTS]
       uhaul-runtime calibrate [--out FILE] [--name NAME] [--quick] [--json] [--repeat N] [-- EAL ARGUMENTS]
       uhaul-runtime node --role generator|switch|nf1|nf2 --config FILE [--patience SECONDS] [-- EAL ARGUMENTS]

Runs the points of a plan on DPDK and writes ID.json and ID.prov.json for each into the plan's directory: generator,
switch, two NF instances and sink in one process on one lcore. It needs no root, no hugepages and no NIC.

With --clock tsc packets leave at the trace's times as far as this machine can, one point after the other, whatever
--jobs says; --rate-scale 0.1 makes the run's time pass ten times slower. With --clock virtual time is that of the generator's schedule and of the links: deterministic. With --testbed FILE the runs are made by the
processes of a testbed ('uhaul node --help').

)";
constexpr const char* kExample = R"(
example: uhaul run base --engine runtime --clock virtual
         uhaul-runtime --plan plan.json --clock tsc -- -l 1

exit codes: 0 all points written, 1 some failed, 64 usage, 65 bad plan, 70 internal error, 130 interrupted
)";

po::options_description Options() {
  po::options_description options("options");
  options.add_options()                                                                                         //
      ("plan", po::value<std::string>(), "the plan file")                                                       //
      ("clock", po::value<std::string>()->default_value("tsc"), "tsc or virtual")                               //
      ("rate-scale", po::value<double>()->default_value(1), "how fast the run's time passes (tsc), at most 1")  //
      ("lcores", po::value<int>()->default_value(1), "1, or 2: generator and sink on one of their own (tsc)")   //
      ("attempt", po::value<int>()->default_value(1), "which attempt this is, for the provenance (tsc)")        //
      ("testbed", po::value<std::string>(), "a file with a section 'testbed': its processes make the runs")     //
      ("out", po::value<std::string>(), "of calibrate: the profile's file")                                     //
      ("name", po::value<std::string>()->default_value("this-machine"), "of calibrate: the profile's name")     //
      ("repeat", po::value<int>()->default_value(0), "of calibrate: runs of each move; 0: 9, with --quick 1")   //
      ("quick", "of calibrate: short runs")                                                                     //
      ("json", "of calibrate: the figures as JSON")                                                             //
      ("role", po::value<std::string>(), "of a node")                                                           //
      ("config", po::value<std::string>(), "of a node: a file with a section 'testbed'")                        //
      ("patience", po::value<double>()->default_value(0),
       "of a node: seconds to wait for the controller; 0: for ever")  //
      ("capture", po::value<std::vector<std::string>>()->composing(),
       "LINK=FILE.pcap: what a link carries (generator-switch, switch-nf1, nf1-sink, ...); of a node: "
       "PORT=FILE.pcap")  //
      ("telemetry",
       "answer to dpdk-telemetry.py while a run goes on (tsc): /uhaul/fit, /uhaul/migration, /uhaul/switch")  //
      ("jobs", po::value<int>()->default_value(static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN))),              //
       "processes at work at once (virtual clock)")                                                           //
      ("progress-fd", po::value<int>()->default_value(-1), "write a JSON line per point to this descriptor")  //
      ("no-fork", "make a whole run of each point, in one process")                                           //
      ("build-id", "print the id of this build")                                                              //
      ("version", "print versions")                                                                           //
      ("help", "print this");
  return options;
}

struct CommandLine {
  std::string command;  // node, calibrate; empty: a plan
  po::variables_map values;
  uhaul::runtime::RuntimeOptions runtime;
  std::string text;
};

CommandLine Parse(int argc, char** argv, const po::options_description& options) {
  CommandLine line;
  std::vector<std::string> ours;
  bool eal = false;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    line.text += (i > 0 ? " " : "") + word;
    if (i == 0) continue;
    if (i == 1 && (word == "node" || word == "calibrate")) {
      line.command = word;
      continue;
    }
    if (!eal && word == "--") {
      eal = true;
      continue;
    }
    (eal ? line.runtime.eal : ours).push_back(word);
  }
  const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
  po::store(po::command_line_parser(ours).options(options).positional({}).style(style).run(), line.values);
  po::notify(line.values);
  if (line.values["jobs"].as<int>() < 1) throw po::error("--jobs must be at least 1");
  if (line.values.count("telemetry") > 0) line.runtime.eal.push_back("--telemetry");
  const auto& clock = line.values["clock"].as<std::string>();
  if (clock != "tsc" && clock != "virtual") throw po::error("--clock is tsc or virtual");
  line.runtime.rate_scale = line.values["rate-scale"].as<double>();
  if (!(line.runtime.rate_scale >= 0.0001 && line.runtime.rate_scale <= 1))
    throw po::error("--rate-scale is 0.0001 to 1");
  line.runtime.attempt = line.values["attempt"].as<int>();
  line.runtime.lcores = line.values["lcores"].as<int>();
  if (line.runtime.lcores < 1 || line.runtime.lcores > 2) throw po::error("--lcores is 1 or 2");
  line.runtime.clock = clock == "tsc" ? uhaul::runtime::ClockKind::kTsc : uhaul::runtime::ClockKind::kVirtual;
  return line;
}

std::vector<std::string> Captures(const CommandLine& line) {
  return line.values.count("capture") == 0 ? std::vector<std::string>()
                                           : line.values["capture"].as<std::vector<std::string>>();
}

int Node(const CommandLine& line) {
  for (const char* needed : {"role", "config"}) {
    if (line.values.count(needed) > 0) continue;
    std::fprintf(stderr, "uhaul-runtime: node needs --%s (see --help)\n", needed);
    return kUsage;
  }
  const uhaul::Status ran = uhaul::runtime::RunNode({.role = line.values["role"].as<std::string>(),
                                                     .config = line.values["config"].as<std::string>(),
                                                     .patience_s = line.values["patience"].as<double>(),
                                                     .eal = line.runtime.eal,
                                                     .capture = Captures(line)});
  if (ran) return 0;
  std::fprintf(stderr, "uhaul-runtime: %s\n", ran.error().message.c_str());
  return kBadInput;
}

int Calibrate(const CommandLine& line) {
  const bool quick = line.values.count("quick") > 0;
  const int repeat = line.values["repeat"].as<int>();
  return uhaul::runtime::RunCalibrate({.out = line.values.count("out") > 0 ? line.values["out"].as<std::string>() : "",
                                       .name = line.values["name"].as<std::string>(),
                                       .quick = quick,
                                       .json = line.values.count("json") > 0,
                                       .repeat = repeat > 0 ? repeat
                                                 : quick    ? 1
                                                            : 9,
                                       .eal = line.runtime.eal});
}

int Run(const CommandLine& line) {
  const auto plan = uhaul::PlanFile::Open(line.values["plan"].as<std::string>());
  if (!plan) {
    std::fprintf(stderr, "uhaul-runtime: %s\n", plan.error().message.c_str());
    return kBadInput;
  }
  if (!line.runtime.captures.empty() && ((*plan)->groups() != 1 || (*plan)->points(0) != 1)) {
    std::fprintf(stderr, "uhaul-runtime: --capture is for one point; this plan has more\n");
    return kUsage;
  }
  if (line.values.count("testbed") > 0) {
    if (!line.runtime.captures.empty()) {
      std::fprintf(stderr, "uhaul-runtime: --capture: of a testbed's processes each captures its own ports\n");
      return kUsage;
    }
    const uhaul::Result<uhaul::TestbedConfig> config = uhaul::LoadTestbed(line.values["testbed"].as<std::string>());
    if (!config) {
      std::fprintf(stderr, "%s\n", config.error().message.c_str());
      return kBadInput;
    }
    return uhaul::RunPlan(**plan,
                          {.jobs = 1,
                           .progress_fd = line.values["progress-fd"].as<int>(),
                           .fork = line.values.count("no-fork") == 0,
                           .command = line.text},
                          [&] { return std::make_unique<uhaul::runtime::RemoteEngine>(*config); });
  }
  // In real time a second run beside the first would only disturb it.
  const bool real = line.runtime.clock == uhaul::runtime::ClockKind::kTsc;
  return uhaul::RunPlan(**plan,
                        {.jobs = real ? 1 : line.values["jobs"].as<int>(),
                         .progress_fd = line.values["progress-fd"].as<int>(),
                         .fork = line.values.count("no-fork") == 0,
                         .command = line.text},
                        [&] { return std::make_unique<uhaul::runtime::RuntimeEngine>(line.runtime); });
}

void PrintVersion(const uhaul::BuildInfo& build) {
  std::cout << "uhaul-runtime " << build.version << "\nbuild " << build.id << "\ncommit "
            << (build.commit.empty() ? "unknown" : build.commit) << (build.dirty ? " (changed)" : "") << "\nDPDK "
            << build.library_version << "\n"
            << build.compiler << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  const po::options_description options = Options();
  CommandLine line;
  try {
    line = Parse(argc, argv, options);
  } catch (const po::error& error) {
    std::fprintf(stderr, "uhaul-runtime: %s (see --help)\n", error.what());
    return kUsage;
  }
  const uhaul::BuildInfo& build = uhaul::runtime::RuntimeEngine(line.runtime).build();
  if (line.values.count("help") != 0) {
    std::cout << kHelp << options << kExample;
    return 0;
  }
  if (line.values.count("build-id") != 0) {
    std::cout << build.id << "\n";
    return 0;
  }
  if (line.values.count("version") != 0) {
    PrintVersion(build);
    return 0;
  }
  if (line.command == "node") return Node(line);
  if (line.command == "calibrate") return Calibrate(line);
  for (const std::string& capture : Captures(line)) {
    if (const uhaul::Status added = uhaul::runtime::AddCapture(capture, &line.runtime.captures); !added) {
      std::fprintf(stderr, "uhaul-runtime: %s\n", added.error().message.c_str());
      return kUsage;
    }
  }
  if (line.values.count("plan") == 0) {
    std::fprintf(stderr, "uhaul-runtime: --plan FILE is missing (see --help)\n");
    return kUsage;
  }
  try {
    return Run(line);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "uhaul-runtime: %s\n", error.what());
    return kInternal;
  }
}
