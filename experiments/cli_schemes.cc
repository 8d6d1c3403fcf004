// uhaul schemes: the named schemes, what each promises, when that holds, and what shows that it does not otherwise.
#include <fmt/format.h>

#include "core/node/scheme_promise.h"
#include "experiments/cli.h"

namespace uhaul {
namespace {

std::string MovesText(MoveFlows flows) {
  switch (flows) {
    case MoveFlows::kNone:
      return "nothing";
    case MoveFlows::kActive:
      return "active flows";
    case MoveFlows::kTable:
      return "every state";
    case MoveFlows::kElephants:
      return "elephants";
  }
  return {};
}

std::string ListText() {
  std::string out;
  for (const std::string& name : SchemeNames()) {
    const Result<SchemeOptions> scheme = FindScheme(name);
    out += fmt::format("{:<18} moves {:<13} {}\n", name, MovesText(scheme->flows), PromiseOf(*scheme).promise);
  }
  return out + "\n'uhaul schemes NAME': when that holds, and what breaks it.\n";
}

std::string PromiseText(const SchemeOptions& scheme) {
  const SchemePromise promise = PromiseOf(scheme);
  std::string out =
      fmt::format("{} moves {}.\n\nPromises: {}.\n", scheme.name, MovesText(scheme.flows), promise.promise);
  if (!promise.holds_while.empty()) out += "\nHolds while\n";
  for (const std::string& condition : promise.holds_while) out += fmt::format("  - {}\n", condition);
  if (promise.breaches.empty()) return out;
  out += fmt::format("\nOtherwise{:>46}  shown by\n", "");
  for (const Breach& breach : promise.breaches) {
    out += fmt::format("  {:<66} {}\n    {}\n", breach.when, breach.scenario, breach.then);
  }
  return out +
         fmt::format(
             "\nA shortest way to each, step by step: 'build/release/bin/faults search {} --trace', in a build of\n"
             "the sources (ninja faults; tests/faults/README.md).\n",
             promise.breaches.front().scenario);
}

}  // namespace

int SchemesCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul schemes [NAME]",
      "Lists the named schemes and what each promises to the packets of the flows that it moves; of one, also\n"
      "when that holds, what happens otherwise, and what shows it.",
      "uhaul schemes opennf-op");
  line.Positional("name", 1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("name")) {
    fmt::print("{}", ListText());
    return exit_code::kOk;
  }
  const Result<SchemeOptions> scheme = FindScheme(line.Get<std::vector<std::string>>("name").front());
  if (!scheme.ok()) return line.Usage(scheme.error().message);
  fmt::print("{}", PromiseText(*scheme));
  return exit_code::kOk;
}

}  // namespace uhaul
