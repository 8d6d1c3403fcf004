// uhaul-control: the controller as a process, and its northbound calls from a shell. `uhaul move` and its like start
// this program.
#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <exception>

#include "experiments/cli.h"
#include "experiments/schema.h"
#include "runtime/transport/controller_service.h"
#include "runtime/transport/coordinator.h"
#include "runtime/transport/fresh.h"
#include "runtime/transport/northbound.h"

namespace uhaul::runtime {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::json;

constexpr const char* kDefaultAddress = "unix:uhaul.sock";
constexpr Duration kPatience = Duration::Seconds(5);

ControllerService* g_service = nullptr;  // the one that signals stop

void OnSignal(int) { g_service->Stop(); }

void StopOnSignals(ControllerService* service) {
  g_service = service;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int ControllerCommand(const Arguments& arguments) {
  CommandLine line("uhaul controller [--listen ADDRESS]... [options]",
                   "Runs the controller until SIGINT or SIGTERM. NFs, the switch and drivers connect to it.",
                   "uhaul controller --listen unix:/tmp/uhaul.sock --listen tcp:127.0.0.1:7000 --log");
  line.options().add_options()("listen", po::value<std::vector<std::string>>()->composing(),
                               "unix:PATH, tcp:HOST:PORT or tcp:[V6]:PORT; default unix:uhaul.sock")(
      "profile", po::value<std::string>()->default_value("ideal"), "costs until a move names others")(
      "nfs", po::value<int>()->default_value(2), "number of NF instances")(
      "journal", po::value<std::string>(), "a file: the next controller carries through what this one leaves open")(
      "log", "say on stderr who comes and goes")(
      "testbed", po::value<std::string>(), "a file with a section 'testbed': make runs on its nodes ('uhaul node')");
  if (const auto exit = line.Parse(arguments)) return *exit;
  const Result<Profile> profile = FindProfile(line.Get<std::string>("profile"));
  if (!profile) return line.Usage(profile.error().message);
  const int nfs = line.Get<int>("nfs");
  if (nfs < 2 || nfs > 64) return line.Usage("--nfs is 2 to 64");
  ControllerServiceOptions options;
  const Result<HashKey> hash_key = DrawSecret();
  const Result<HashKey> secret = DrawSecret();
  if (!hash_key || !secret) return Fail(exit_code::kInternal, (hash_key ? secret : hash_key).error().message);
  options.controller = {.profile = *profile, .hash_key = *hash_key, .nf_count = static_cast<uint8_t>(nfs)};
  options.controller.secret = *secret;  // a journal has its own
  options.controller.first_generation = options.controller.first_operation = FreshNumber();
  if (line.Has("log")) options.log = [](const std::string& text) { fmt::print(stderr, "uhaul-control: {}\n", text); };
  std::optional<TestbedConfig> testbed;
  std::optional<Coordinator> coordinator;
  if (line.Has("testbed")) {
    const Result<TestbedConfig> config = LoadTestbed(line.Get<std::string>("testbed"));
    if (!config) return FailFor(config.error());
    testbed = *config;
    coordinator.emplace(*testbed, [](const std::string& text) { fmt::print(stderr, "uhaul-control: {}\n", text); });
    coordinator->Bind(&options);
  }
  ControllerService service(std::move(options));
  if (coordinator) coordinator->Attach(&service);
  std::string journal = testbed ? testbed->journal : "";
  if (line.Has("journal")) journal = line.Get<std::string>("journal");
  if (!journal.empty()) {
    const Status opened = service.OpenJournal(journal);
    if (!opened) return Fail(exit_code::kBadInput, opened.error().message);
  }
  Arguments addresses = {testbed ? testbed->controller : kDefaultAddress};
  if (line.Has("listen")) addresses = line.Get<Arguments>("listen");
  for (const std::string& text : addresses) {
    const Result<Address> address = Address::Parse(text);
    if (!address) return line.Usage(address.error().message);
    const Result<Address> bound = service.Listen(*address);
    if (!bound) return Fail(exit_code::kBadInput, bound.error().message);
    fmt::print("listening on {}\n", bound->ToString());
  }
  std::fflush(stdout);
  StopOnSignals(&service);
  const Status run = service.Run();
  return run ? exit_code::kOk : Fail(exit_code::kInternal, run.error().message);
}

void AddController(CommandLine* line) {
  line->options().add_options()("controller", po::value<std::string>()->default_value(kDefaultAddress),
                                "where it listens")("timeout", po::value<double>()->default_value(30),
                                                    "seconds to wait for an answer or a step");
}

// Seconds as a time, within reason.
Duration Patience(const CommandLine& line) {
  return Duration::Millis(static_cast<int64_t>(std::clamp(line.Get<double>("timeout"), 0.0, 1e6) * 1000));
}

Result<Northbound> ConnectTo(const CommandLine& line) {
  const Result<Address> address = Address::Parse(line.Get<std::string>("controller"));
  if (!address) return address.error();
  return Northbound::Connect(*address, std::min(Patience(line), kPatience));
}

// "--set edm.threshold=3MB" in canonical form.
Result<Json> SpecOf(const CommandLine& line) {
  Json spec = Json::object();
  Arguments sets = line.Has("set") ? line.Get<Arguments>("set") : Arguments();
  if (line.Has("scheme")) sets.insert(sets.begin(), "scheme.name=" + line.Get<std::string>("scheme"));
  for (const std::string& set : sets) {
    const size_t equals = set.find('=');
    if (equals == std::string::npos) return Error{"--set needs KEY=VALUE, as in edm.threshold=3MB"};
    const std::string key = set.substr(0, equals);
    const Parameter* parameter = FindParameter(key);
    if (parameter == nullptr) {
      return Error{fmt::format("--set: unknown parameter {}{}", Quoted(key), DidYouMean(key, ParameterKeys()))};
    }
    const Result<Value> value = ParseValue(*parameter, set.substr(equals + 1));
    if (!value) return Error{"--set: " + value.error().message};
    spec[key] = value->canonical;
  }
  return spec;
}

int MoveCommand(const Arguments& arguments) {
  CommandLine line("uhaul move --src N --dst N [options]",
                   "Moves flows and their state from one NF instance to another, and waits until it is done.",
                   "uhaul move --src 0 --dst 1 --scheme uhaul --rho 0.87 --set edm.threshold=3MB");
  line.options().add_options()("src", po::value<int>()->default_value(0), "from this NF instance")(
      "dst", po::value<int>()->default_value(1), "to this one")(
      "scheme", po::value<std::string>(), "what moves and how ('uhaul schema': scheme.name); default uhaul")(
      "set", po::value<Arguments>()->composing(), "KEY=VALUE of scheme.*, move.*, edm.*, profile.*")(
      "rho", po::value<double>(), "share of traffic that elephants make up")(
      "until", po::value<std::string>()->default_value("closed"), "the step to wait for; 'accepted': at once");
  AddController(&line);
  if (const auto exit = line.Parse(arguments)) return *exit;
  const Result<Json> spec = SpecOf(line);
  if (!spec) return line.Usage(spec.error().message);
  Json call = {{"call", "move"}, {"src", line.Get<int>("src")}, {"dst", line.Get<int>("dst")}, {"spec", *spec}};
  for (const char* end : {"src", "dst"}) {
    if (line.Get<int>(end) < 0) return line.Usage(fmt::format("--{} is an NF instance, from 0", end));
    call[end] = static_cast<unsigned>(line.Get<int>(end));
  }
  if (line.Has("rho")) call["rho"] = line.Get<double>("rho");
  Result<Northbound> northbound = ConnectTo(line);
  if (!northbound) return Fail(exit_code::kBadInput, northbound.error().message);
  const Result<Json> reply = northbound->Call(std::move(call), Patience(line));
  if (!reply) return Fail(exit_code::kSomeFailed, reply.error().message);
  const auto operation = (*reply)["operation"].get<uint64_t>();
  fmt::print("operation {}\n", operation);
  const auto& until = line.Get<std::string>("until");
  if (until == "accepted") return exit_code::kOk;
  const Status done = northbound->AwaitStep(operation, until, Patience(line));
  if (!done) return Fail(exit_code::kSomeFailed, done.error().message);
  fmt::print("{}\n", until);
  return exit_code::kOk;
}

// A call without values: prints the reply.
int CallCommand(const CommandLine& line, Json call) {
  Result<Northbound> northbound = ConnectTo(line);
  if (!northbound) return Fail(exit_code::kBadInput, northbound.error().message);
  Result<Json> reply = northbound->Call(std::move(call), Patience(line));
  if (!reply) return Fail(exit_code::kSomeFailed, reply.error().message);
  reply->erase("reply");
  if (!reply->empty()) fmt::print("{}\n", reply->dump(2));
  return exit_code::kOk;
}

int StatusCommand(const Arguments& arguments) {
  CommandLine line("uhaul status [options]", "Shows operations, peers and what the controller holds, as JSON.",
                   "uhaul status --controller unix:/tmp/uhaul.sock");
  AddController(&line);
  if (const auto exit = line.Parse(arguments)) return *exit;
  return CallCommand(line, {{"call", "status"}});
}

int AbortCommand(const Arguments& arguments) {
  CommandLine line("uhaul abort --operation N [options]",
                   "Ends an operation whose transfer is not over: what has moved stays moved, the rest stays.",
                   "uhaul abort --operation 3");
  line.options().add_options()("operation", po::value<uint32_t>()->required(), "the number that move printed");
  AddController(&line);
  if (const auto exit = line.Parse(arguments)) return *exit;
  return CallCommand(line, {{"call", "abort"}, {"operation", line.Get<uint32_t>("operation")}});
}

int DeclareDeadCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul declare-dead --nf N [options]",
      "Tells the controller that an NF instance will not come back: what it was part of is decided without it.",
      "uhaul declare-dead --nf 1");
  line.options().add_options()("nf", po::value<uint32_t>()->required(), "the NF instance, from 0");
  AddController(&line);
  if (const auto exit = line.Parse(arguments)) return *exit;
  return CallCommand(line, {{"call", "declare-dead"}, {"nf", line.Get<uint32_t>("nf")}});
}

int Main(const Arguments& arguments) {
  const std::string command = arguments.empty() ? "" : arguments.front();
  const Arguments rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (command == "controller") return ControllerCommand(rest);
  if (command == "move") return MoveCommand(rest);
  if (command == "status") return StatusCommand(rest);
  if (command == "abort") return AbortCommand(rest);
  if (command == "declare-dead") return DeclareDeadCommand(rest);
  const bool help = command == "--help" || command == "-h";
  fmt::print(
      help ? stdout : stderr,
      "usage: uhaul-control controller | move | status | abort | declare-dead [options]; COMMAND --help says more\n");
  return help ? exit_code::kOk : exit_code::kUsage;
}

}  // namespace
}  // namespace uhaul::runtime

int main(int argc, char** argv) {
  try {
    return uhaul::runtime::Main(uhaul::Arguments(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    return uhaul::Fail(uhaul::exit_code::kInternal, error.what());
  }
}
