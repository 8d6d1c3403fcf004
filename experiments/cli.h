// The `uhaul` command: what its sub-commands share. A sub-command is a function from its arguments to an exit code;
// results go to stdout, logs and progress to stderr.
#pragma once

#include <boost/program_options.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/definition.h"

namespace uhaul {

namespace exit_code {
inline constexpr int kOk = 0;
inline constexpr int kSomeFailed = 1;
inline constexpr int kOutside = 2;    // validate: two sets of results do not agree
inline constexpr int kUsage = 64;     // the command line, --set included
inline constexpr int kBadInput = 65;  // files: missing or bad
inline constexpr int kInternal = 70;
inline constexpr int kInterrupted = 130;
}  // namespace exit_code

using Arguments = std::vector<std::string>;

int UhaulMain(int argc, char** argv);

int RunCommand(const Arguments& arguments);
int SweepCommand(const Arguments& arguments);
int TableCommand(const Arguments& arguments);
int FigureCommand(const Arguments& arguments);
int ClaimsCommand(const Arguments& arguments);
int RobustnessCommand(const Arguments& arguments);
int SummaryCommand(const Arguments& arguments);
int ReportCommand(const Arguments& arguments);
int CollectCommand(const Arguments& arguments);
int ValidateCommand(const Arguments& arguments);
int ImportCommand(const Arguments& arguments);
int DetectCommand(const Arguments& arguments);
int TraceCommand(const Arguments& arguments);
int ReplayCommand(const Arguments& arguments);
int SchemaCommand(const Arguments& arguments);
int SchemesCommand(const Arguments& arguments);
int ManualCommand(const Arguments& arguments);
int CompletionCommand(const Arguments& arguments);
int CalibrateCommand(const Arguments& arguments);
int NodeCommand(const Arguments& arguments);
int ControllerCommand(const Arguments& arguments);
int MoveCommand(const Arguments& arguments);
int StatusCommand(const Arguments& arguments);
int AbortCommand(const Arguments& arguments);
int DeclareDeadCommand(const Arguments& arguments);

// What a command takes, as data: for the man page and for completion.
struct OptionDescription {
  std::string name;
  char letter = 0;
  bool takes_value = false;
  std::string default_text;
  std::string help;
};
struct CommandDescription {
  std::string name;  // "trace generate"
  std::string summary;
  std::string usage;  // empty, with all that follows, where the command is a program of its own
  std::string about;
  std::string example;
  std::vector<OptionDescription> options;
};
// In the order of the help.
std::vector<CommandDescription> DescribeCommands();

// One sub-command's command line. Abbreviated options are not guessed.
class CommandLine {
 public:
  // `usage`: "uhaul run EXPERIMENT... [options]"; `about` says what it does; `example` is one command to copy.
  CommandLine(std::string usage, std::string about, std::string example);

  boost::program_options::options_description& options() { return options_; }
  // Positional arguments are collected under `name`, at most `most` (-1: any number).
  void Positional(const std::string& name, int most);
  // Nothing if the command should go on; else its exit code (--help: 0, a usage error: 64).
  std::optional<int> Parse(const Arguments& arguments);

  bool Has(const std::string& name) const { return values_.count(name) > 0 && !values_[name].defaulted(); }
  template <class T>
  const T& Get(const std::string& name) const {
    return values_[name].as<T>();
  }
  // A usage error: prints it and the way to help; 64.
  int Usage(const std::string& message) const;

 private:
  void Describe(CommandDescription* description) const;

  std::string usage_;
  std::string about_;
  std::string example_;
  boost::program_options::options_description options_{"Options"};
  boost::program_options::options_description hidden_;
  boost::program_options::positional_options_description positional_;
  boost::program_options::variables_map values_;
};

// Prints "uhaul: MESSAGE" to stderr, returns `code`.
int Fail(int code, const std::string& message);
// Errors that begin with "--set" are the command line's: 64; others are files': 65.
int FailFor(const Error& error);

// A definition by path, or by name (with or without .yaml) in the definitions folder or its paper/. $UHAUL_EXPERIMENTS
// replaces the folder of the build.
Result<std::string> FindDefinition(const std::string& name);
// The definition with --set applied.
Result<Definition> LoadWithSets(const std::string& name, const std::vector<std::string>& sets);
// $UHAUL_RESULTS, else ./uhaul-results.
std::string DefaultResultsDirectory();

// Errors name the file.
Status WriteTextFile(const std::string& path, const std::string& text);

// "10%" or "0.1", at most `most`; the error names the option.
Result<double> ParseShare(const std::string& option, double most, const std::string& text);
// A value by a parameter's rules ("--window" by fit.window's); the error names the option.
Result<Value> ParseOption(const std::string& option, const std::string& key, const std::string& text);

}  // namespace uhaul
