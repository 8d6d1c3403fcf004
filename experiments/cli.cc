#include "experiments/cli.h"

#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace uhaul {
namespace {

namespace po = boost::program_options;

struct Command {
  const char* name;
  int (*run)(const Arguments&);
  const char* summary;
  std::vector<std::string> words{};  // sub-commands
  bool own_program = false;          // which has its options
};

const Command kCommands[] = {
    {"run", RunCommand, "run the points of a definition that are missing"},
    {"sweep", SweepCommand, "the same, with the grid on the command line"},
    {"table", TableCommand, "a table of the paper beside ours, from results"},
    {"figure", FigureCommand, "a figure of the paper, drawn or as data, from results"},
    {"claims", ClaimsCommand, "the paper's claims: holds, reverses, undecided"},
    {"robustness", RobustnessCommand, "in which settings each claim holds, reverses or is undecided"},
    {"summary", SummaryCommand, "how many of the paper's cells are in, by class of evidence"},
    {"report", ReportCommand, "one page with everything, from results: HTML without a request"},
    {"collect", CollectCommand, "points as one CSV, or their means over traces"},
    {"validate", ValidateCommand, "two sets of results, metric by metric: within, outside"},
    {"import", ImportCommand, "a run of somebody else's testbed, from CSV files"},
    {"detect", DetectCommand, "which flows of a trace the EDM would choose at an instant"},
    {"trace",
     TraceCommand,
     "generate or show flow traces, or make them from captures",
     {"generate", "show", "from-pcap"}},
    {"replay", ReplayCommand, "a capture through two monitors, with a move between them; their records"},
    {"schema", SchemaCommand, "every parameter: unit, default, limits"},
    {"schemes", SchemesCommand, "what each scheme promises, when that holds, and what breaks it"},
    {"manual", ManualCommand, "the man page"},
    {"completion", CompletionCommand, "bash's completion"},
    {"calibrate", CalibrateCommand, "measures this machine and writes a profile"},
    {"node", NodeCommand, "one role of a testbed of several processes"},
    {"controller", ControllerCommand, "run a controller for NFs and a switch that connect to it", {}, true},
    {"move", MoveCommand, "at a running controller: move flows from one NF to another", {}, true},
    {"status", StatusCommand, "at a running controller: operations, peers, what it holds", {}, true},
    {"abort", AbortCommand, "at a running controller: end an operation early", {}, true},
    {"declare-dead", DeclareDeadCommand, "at a running controller: an NF will not come back", {}, true},
};

// Where a command line is to be described instead of read; while DescribeCommands runs.
CommandDescription* g_description = nullptr;

void PrintHelp() {
  fmt::print(
      "uhaul: state migration for network functions, elephants only or everything\n\nusage: uhaul COMMAND "
      "[options]\n\n");
  for (const Command& command : kCommands) fmt::print("  {:<12} {}\n", command.name, command.summary);
  fmt::print(
      "\n'uhaul COMMAND --help' shows a command's options and an example. --version prints the version.\n"
      "Exit codes: 0 ok, 1 some points failed, 2 validate: outside, 64 usage, 65 bad or missing file, 70 internal, 130 "
      "interrupted.\n");
}

int Dispatch(const Arguments& arguments) {
  if (arguments.empty()) {
    fmt::print(stderr, "uhaul: no command given; 'uhaul --help' lists them\n");
    return exit_code::kUsage;
  }
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    PrintHelp();
    return exit_code::kOk;
  }
  if (name == "--version" || name == "version") {
    fmt::print("uhaul {}\n", UHAUL_VERSION);
    return exit_code::kOk;
  }
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (name == command.name) return command.run(Arguments(arguments.begin() + 1, arguments.end()));
    names.push_back(command.name);
  }
  return Fail(exit_code::kUsage,
              fmt::format("unknown command {}{} ('uhaul --help' lists them)", Quoted(name), DidYouMean(name, names)));
}

// An installed uhaul (PREFIX/bin) has what it reads under PREFIX/share/uhaul; engines that it starts find it likewise.
void UseInstalledData() {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path share = fs::read_symlink("/proc/self/exe", error).parent_path() / "../share/uhaul";
  if (error) return;
  constexpr std::pair<const char*, const char*> kFolders[] = {
      {"UHAUL_EXPERIMENTS", "experiments"}, {"UHAUL_WORKLOADS", "workloads"}, {"UHAUL_PAPER", "paper"}};
  for (const auto& [variable, folder] : kFolders) {
    const fs::path path = fs::weakly_canonical(share / folder, error);
    if (!error && fs::is_directory(path, error)) ::setenv(variable, path.c_str(), 0);
  }
}

}  // namespace

std::vector<CommandDescription> DescribeCommands() {
  std::vector<CommandDescription> all;
  for (const Command& command : kCommands) {
    const std::vector<std::string> none = {""};
    for (const std::string& word : command.words.empty() ? none : command.words) {
      CommandDescription description;
      description.name = command.name + (word.empty() ? "" : " " + word);
      description.summary = command.summary;
      g_description = &description;
      if (!command.own_program) command.run(word.empty() ? Arguments() : Arguments{word});
      g_description = nullptr;
      all.push_back(std::move(description));
    }
  }
  return all;
}

int UhaulMain(int argc, char** argv) {
  UseInstalledData();
  try {
    const int code = Dispatch(Arguments(argv + 1, argv + argc));
    if (std::fflush(stdout) != 0) return Fail(exit_code::kInternal, "cannot write to stdout");
    return code;
  } catch (const std::exception& e) {
    return Fail(exit_code::kInternal, fmt::format("internal error: {}", e.what()));
  }
}

CommandLine::CommandLine(std::string usage, std::string about, std::string example)
    : usage_(std::move(usage)), about_(std::move(about)), example_(std::move(example)) {
  options_.add_options()("help,h", "show this");
}

void CommandLine::Positional(const std::string& name, int most) {
  hidden_.add_options()(name.c_str(), po::value<std::vector<std::string>>()->composing());
  positional_.add(name.c_str(), most);
}

void CommandLine::Describe(CommandDescription* description) const {
  description->usage = usage_;
  description->about = about_;
  description->example = example_;
  for (const auto& option : options_.options()) {
    OptionDescription one;
    one.name = option->long_name();
    one.takes_value = option->semantic()->max_tokens() > 0;
    one.help = option->description();
    const std::string shown = option->format_name();  // "-s [ --set ]"
    if (shown.size() > 2 && shown[0] == '-' && shown[1] != '-') one.letter = shown[1];
    const std::string parameter = option->format_parameter();  // "arg (=text)"
    const size_t begin = parameter.find("(=");
    if (begin != std::string::npos) one.default_text = parameter.substr(begin + 2, parameter.rfind(')') - begin - 2);
    description->options.push_back(std::move(one));
  }
}

std::optional<int> CommandLine::Parse(const Arguments& arguments) {
  if (g_description != nullptr) {
    Describe(g_description);
    return exit_code::kOk;
  }
  po::options_description all;
  all.add(options_).add(hidden_);
  try {
    po::store(po::command_line_parser(arguments)
                  .options(all)
                  .positional(positional_)
                  .style(po::command_line_style::default_style & ~po::command_line_style::allow_guessing)
                  .run(),
              values_);
    po::notify(values_);
  } catch (const po::error& e) {
    return Usage(e.what());
  }
  if (values_.count("help") > 0) {
    std::cout << "usage: " << usage_ << "\n\n"
              << about_ << "\n\n"
              << options_ << "\nExample:\n  " << example_ << std::endl;
    return exit_code::kOk;
  }
  return std::nullopt;
}

int CommandLine::Usage(const std::string& message) const {
  fmt::print(stderr, "uhaul: {}\nusage: {}\n", message, usage_);
  return exit_code::kUsage;
}

int Fail(int code, const std::string& message) {
  fmt::print(stderr, "uhaul: {}\n", message);
  return code;
}

int FailFor(const Error& error) {
  // A definition's error stands alone at the start of the line, so that editors can jump to it.
  fmt::print(stderr, "{}\n", error.message);
  return error.message.starts_with("--") ? exit_code::kUsage : exit_code::kBadInput;
}

Result<std::string> FindDefinition(const std::string& name) {
  namespace fs = std::filesystem;
  const char* environment = std::getenv("UHAUL_EXPERIMENTS");
  const fs::path folder = environment != nullptr && *environment != '\0' ? environment : UHAUL_EXPERIMENTS_DIR;
  for (const fs::path& base : {fs::path(), folder, folder / "paper"}) {
    for (const char* ending : {"", ".yaml"}) {
      const fs::path path = base / (name + ending);
      std::error_code ignored;
      if (fs::is_regular_file(path, ignored)) return path.string();
    }
  }
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder / "paper", ignored)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return Error{
      fmt::format("{}: error: no such definition, here or in {}{}", name, folder.string(), DidYouMean(name, names))};
}

Result<Definition> LoadWithSets(const std::string& name, const std::vector<std::string>& sets) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < sets.size(); ++i) {
    Result<Axis> axis = ParseSet(static_cast<int>(i) + 1, sets[i]);
    if (!axis.ok()) return axis.error();
    axes.push_back(*std::move(axis));
  }
  const Result<std::string> path = FindDefinition(name);
  if (!path.ok()) return path.error();
  Result<Definition> definition = LoadDefinition(*path);
  if (definition.ok()) ApplySets(axes, &*definition);
  return definition;
}

std::string DefaultResultsDirectory() {
  const char* environment = std::getenv("UHAUL_RESULTS");
  return environment != nullptr && *environment != '\0' ? environment : "uhaul-results";
}

Status WriteTextFile(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return Error{fmt::format("{}: cannot be written", path)};
  return {};
}

Result<double> ParseShare(const std::string& option, double most, const std::string& text) {
  const bool percent = text.ends_with('%');
  const Result<double> value = ParseReal(percent ? text.substr(0, text.size() - 1) : text);
  const double share = value.ok() ? *value / (percent ? 100 : 1) : -1;
  if (share >= 0 && share <= most) return share;
  return Error{fmt::format("--{} is a share such as 10% or 0.1, got {}", option, Quoted(text))};
}

Result<Value> ParseOption(const std::string& option, const std::string& key, const std::string& text) {
  const Parameter* parameter = FindParameter(key);
  UHAUL_CHECK(parameter != nullptr);
  Result<Value> value = ParseValue(*parameter, text);
  if (value.ok()) return value;
  // The schema's sentence begins with the parameter's key; here it is the option's name.
  return Error{"--" + option + value.error().message.substr(key.size() + 2)};
}

}  // namespace uhaul
