// The commands that talk to a running controller are a program of their own, beside this one: it takes this process's
// place.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "experiments/cli.h"
#include "experiments/engine_process.h"

namespace uhaul {
namespace {

int Become(const std::string& name, const std::string& command, const Arguments& arguments) {
  const std::string program = EngineBeside(name);
  std::vector<char*> words = {const_cast<char*>(program.c_str()), const_cast<char*>(command.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  ::execv(program.c_str(), words.data());
  return Fail(exit_code::kInternal, fmt::format("cannot start {}: {}; is it built?", program, std::strerror(errno)));
}

int BecomeControl(const std::string& command, const Arguments& arguments) {
  return Become("uhaul-control", command, arguments);
}

}  // namespace

// One role of a testbed of several processes: the controller has a program without DPDK, the others are the engine.
int NodeCommand(const Arguments& arguments) {
  CommandLine line("uhaul node --role ROLE --config FILE [--patience SECONDS] [--capture PORT=FILE] [-- EAL ARGUMENTS]",
                   "Runs one role of a testbed of several processes or hosts until SIGINT or SIGTERM: controller,\n"
                   "generator (which is the sink, too), switch, nf1 or nf2. FILE has a section 'testbed' that says\n"
                   "where the controller listens and which ports each role has; a definition with such a section is\n"
                   "run by these processes: uhaul run FILE --engine runtime.",
                   "uhaul node --role switch --config testbed.yaml -- -l 2");
  line.options().add_options()("role", boost::program_options::value<std::string>(),
                               "controller, generator, switch, nf1 or nf2")(
      "config", boost::program_options::value<std::string>(), "a file with a section 'testbed'")(
      "patience", boost::program_options::value<std::string>(),
      "seconds to wait for the controller; default: for ever")(
      "capture", boost::program_options::value<std::vector<std::string>>()->composing(),
      "PORT=FILE.pcap, what is on the wire of one of the role's ports, both ways; the file is whole when the role "
      "ends");
  const auto eal = std::find(arguments.begin(), arguments.end(), "--");
  if (const auto exit = line.Parse(Arguments(arguments.begin(), eal))) return *exit;
  if (!line.Has("role") || !line.Has("config")) return line.Usage("--role and --config are needed");
  const auto& role = line.Get<std::string>("role");
  const auto& config = line.Get<std::string>("config");
  const auto captures =
      line.Has("capture") ? line.Get<std::vector<std::string>>("capture") : std::vector<std::string>();
  if (role == "controller" && !captures.empty()) return line.Usage("--capture: the controller has no ports");
  if (role == "controller") return BecomeControl("controller", {"--testbed", config});
  Arguments rest = {"--role", role, "--config", config};
  if (line.Has("patience")) rest.insert(rest.end(), {"--patience", line.Get<std::string>("patience")});
  for (const std::string& capture : captures) rest.insert(rest.end(), {"--capture", capture});
  rest.insert(rest.end(), eal, arguments.end());
  return Become("uhaul-runtime", "node", rest);
}

// Measures this machine with the engine, and writes a profile.
int CalibrateCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul calibrate [--out FILE] [--name NAME] [--quick] [--json] [--repeat N] [-- EAL ARGUMENTS]",
      "Measures what the control plane costs on this machine, component by component and by real moves at\n"
      "10 Gbps, and writes a profile for the simulator: --set profile.name=FILE. About a minute; nothing\n"
      "else should run meanwhile.",
      "uhaul calibrate --out this-machine.yaml");
  line.options().add_options()("out", boost::program_options::value<std::string>(), "the profile's file")(
      "name", boost::program_options::value<std::string>(), "the profile's name; default: this-machine")(
      "quick", "short runs: a first look")("json", "the figures as JSON")(
      "repeat", boost::program_options::value<std::string>(), "runs of each move; default: 9, with --quick 1");
  const auto eal = std::find(arguments.begin(), arguments.end(), "--");
  if (const auto exit = line.Parse(Arguments(arguments.begin(), eal))) return *exit;
  return Become("uhaul-runtime", "calibrate", arguments);
}

int ControllerCommand(const Arguments& arguments) { return BecomeControl("controller", arguments); }
int MoveCommand(const Arguments& arguments) { return BecomeControl("move", arguments); }
int StatusCommand(const Arguments& arguments) { return BecomeControl("status", arguments); }
int AbortCommand(const Arguments& arguments) { return BecomeControl("abort", arguments); }
int DeclareDeadCommand(const Arguments& arguments) { return BecomeControl("declare-dead", arguments); }

}  // namespace uhaul
