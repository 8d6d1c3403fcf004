// uhaul manual, uhaul completion: the man page and bash's completion, from the same tables as --help and the checks.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "experiments/cli.h"
#include "experiments/schema.h"

namespace uhaul {
namespace {

// For roff, in text: nothing begins a request, a '-' is one that can be copied.
std::string Roff(const std::string& text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    line_begins = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

void AppendOptions(const CommandDescription& command, std::string* out) {
  for (const OptionDescription& option : command.options) {
    std::string names = "\\-\\-" + Roff(option.name);
    if (option.letter != 0) names = fmt::format("\\-{}\\fR, \\fB{}", option.letter, names);
    *out += fmt::format(".TP\n\\fB{}\\fR{}\n{}{}\n", names, option.takes_value ? " \\fIVALUE\\fR" : "",
                        Roff(option.help.empty() ? "See above." : option.help),
                        option.default_text.empty() ? "" : Roff(fmt::format(" (default: {})", option.default_text)));
  }
}

std::string ManPage() {
  std::string out =
      ".TH UHAUL 1 \"\" \"uhaul " UHAUL_VERSION
      "\" \"User commands\"\n.ad l\n.nh\n.SH NAME\nuhaul \\- state migration for network functions, elephants only or everything\n"
      ".SH SYNOPSIS\n.B uhaul\n.I COMMAND\n.RI [ OPTIONS ]\n.SH DESCRIPTION\n"
      "Expands definitions of experiments into points, has an engine make those that are missing, and reads tables, "
      "figures,\nclaims and a report off the results. Results go to standard output, logs and progress to standard "
      "error.\n.SH COMMANDS\n";
  for (const CommandDescription& command : DescribeCommands()) {
    out += fmt::format(".SS {}\n", Roff("uhaul " + command.name));
    if (command.usage.empty()) {
      out += Roff(fmt::format("{}. 'uhaul {} --help' lists its options.", command.summary, command.name)) + "\n";
      continue;
    }
    out += fmt::format("\\fB{}\\fR\n.PP\n{}\n", Roff(command.usage), Roff(command.about));
    AppendOptions(command, &out);
    out += fmt::format(".PP\nExample:\n.PP\n.nf\n.RS\n{}\n.RE\n.fi\n", Roff(command.example));
  }
  out += ".SH PARAMETERS\nOf a point, in definitions and after \\-\\-set.\n";
  for (const ParameterText& p : ParameterTexts()) {
    out += fmt::format(".TP\n\\fB{}\\fR\n{}. Default {}; {}.\n", Roff(p.key), Roff(p.help), Roff(p.default_text),
                       Roff(p.allowed));
  }
  out +=
      ".SH EXIT STATUS\n0 ok, 1 some points failed, 2 validate: outside, 64 usage, 65 bad or missing file, 70 "
      "internal, 130\n"
      "interrupted.\n.SH ENVIRONMENT\n.TP\n\\fBUHAUL_RESULTS\\fR\nThe folder of results (./uhaul\\-results).\n"
      ".TP\n\\fBUHAUL_EXPERIMENTS\\fR, \\fBUHAUL_WORKLOADS\\fR, \\fBUHAUL_PAPER\\fR\n"
      "Folders of the shipped definitions, distributions and numbers of the paper.\n"
      ".TP\n\\fBNO_COLOR\\fR\nVerdicts without colours.\n";
  return out;
}

// The definitions that are shipped.
std::vector<std::string> DefinitionNames() {
  std::vector<std::string> names;
  const Result<std::string> base = FindDefinition("base");
  if (!base.ok()) return names;
  const std::filesystem::path folder = std::filesystem::path(*base).parent_path();
  for (const std::filesystem::path& place : {folder, folder / "paper"}) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(place, ignored)) {
      if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string BashCompletion() {
  std::string commands;
  std::string cases;
  for (const CommandDescription& command : DescribeCommands()) {
    const size_t space = command.name.find(' ');
    if (space == std::string::npos || !commands.ends_with(command.name.substr(0, space))) {
      commands += (commands.empty() ? "" : " ") + command.name.substr(0, space);
    }
    std::string words;
    for (const OptionDescription& option : command.options) words += " --" + option.name;
    if (!words.empty()) cases += fmt::format("    '{}') words='{}' ;;\n", command.name, words.substr(1));
  }
  std::string keys;
  for (const std::string& key : ParameterKeys()) keys += (keys.empty() ? "" : " ") + key + "=";
  return fmt::format(R"(# bash completion for uhaul; made by 'uhaul completion'.
_uhaul() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}} words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{0} --help --version' -- "$word"))
    return
  fi
  if [ "$command" = trace ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W 'generate show from-pcap' -- "$word"))
      return
    fi
    command="trace ${{COMP_WORDS[2]}}"
  fi
  case $before in
    -s | --set)
      COMPREPLY=($(compgen -W '{1}' -- "$word"))
      compopt -o nospace 2>/dev/null
      return ;;
    --format | -f) COMPREPLY=($(compgen -W 'text md csv latex' -- "$word")); return ;;
    --engine) COMPREPLY=($(compgen -W 'sim runtime' -- "$word")); return ;;
    --executor) COMPREPLY=($(compgen -W 'local slurm' -- "$word")); return ;;
    --clock) COMPREPLY=($(compgen -W 'tsc virtual' -- "$word")); return ;;
  esac
  case $command in
{2}  esac
  case $word in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")); return ;;
  esac
  case $command in
    run | collect | report) COMPREPLY=($(compgen -W '{3}' -- "$word")) ;;
  esac
  COMPREPLY+=($(compgen -f -- "$word"))
}}
complete -o filenames -F _uhaul uhaul
)",
                     commands, keys, cases, fmt::join(DefinitionNames(), " "));
}

}  // namespace

int ManualCommand(const Arguments& arguments) {
  CommandLine line("uhaul manual", "Prints the man page, from the tables that --help and the checks are made from.",
                   "uhaul manual > uhaul.1 && man -l uhaul.1");
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  fmt::print("{}", ManPage());
  return exit_code::kOk;
}

int CompletionCommand(const Arguments& arguments) {
  CommandLine line("uhaul completion", "Prints the completion of uhaul's commands, options and parameters for bash.",
                   "uhaul completion > ~/.local/share/bash-completion/completions/uhaul");
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  fmt::print("{}", BashCompletion());
  return exit_code::kOk;
}

}  // namespace uhaul
