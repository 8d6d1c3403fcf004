// uhaul collect: the points of a sweep as one CSV, or as means over traces.
#include <fmt/format.h>

#include <set>

#include "experiments/cli.h"
#include "experiments/point_reader.h"
#include "results/collect.h"

namespace uhaul {
namespace {

namespace po = boost::program_options;

// Identities of the named definitions' points; of every point in the folder if none is named.
Result<std::vector<std::string>> WantedIds(const std::vector<std::string>& definitions,
                                           const std::vector<std::string>& sets, const std::string& directory) {
  if (definitions.empty()) return PointIdsIn(directory);
  std::set<std::string> ids;
  for (const std::string& name : definitions) {
    const Result<Definition> definition = LoadWithSets(name, sets);
    if (!definition.ok()) return definition.error();
    const Result<std::vector<PointSpec>> specs = Expand(*definition);
    if (!specs.ok()) return specs.error();
    for (const PointSpec& spec : *specs) ids.insert(PointId(spec));
  }
  return std::vector<std::string>(ids.begin(), ids.end());
}

}  // namespace

int CollectCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul collect [EXPERIMENT...] [options]",
      "Prints points as one CSV, a line each (all in the folder if no experiment is named), or with --mean "
      "the means over traces.",
      "uhaul collect web_search --mean");
  line.options().add_options()("set,s", po::value<std::vector<std::string>>()->composing()->default_value({}, ""),
                               "as for 'uhaul run': which points to read")(
      "results", po::value<std::string>()->default_value(DefaultResultsDirectory()),
      "folder of results ($UHAUL_RESULTS)")("mean", po::bool_switch(), "means over traces, only what differs")(
      "format,f", po::value<std::string>()->default_value("text"), "of --mean: text, md or csv");
  line.Positional("experiment", -1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  RenderOptions options;
  const std::string& format = line.Get<std::string>("format");
  if (format != "text" && format != "md" && format != "csv") {
    return line.Usage(fmt::format("--format has no value '{}' (one of text, md, csv)", format));
  }
  if (format == "md") options.format = RenderFormat::kMarkdown;
  if (format == "csv") options.format = RenderFormat::kCsv;

  const std::string& directory = line.Get<std::string>("results");
  const auto& sets = line.Get<std::vector<std::string>>("set");
  const std::vector<std::string> definitions =
      line.Has("experiment") ? line.Get<std::vector<std::string>>("experiment") : std::vector<std::string>{};
  if (definitions.empty() && !sets.empty()) return line.Usage("--set needs an experiment to apply to");
  const Result<std::vector<std::string>> ids = WantedIds(definitions, sets, directory);
  if (!ids.ok()) return FailFor(ids.error());
  PointReader reader(directory);
  if (const Status read = reader.Read(*ids); !read.ok()) return FailFor(read.error());
  if (reader.missing() > 0) {
    fmt::print(stderr, "uhaul: {} of {} points are missing in {}\n", reader.missing(), ids->size(), directory);
  }
  fmt::print("{}", line.Get<bool>("mean") ? CollectMeans(reader.points(), options) : CollectCsv(reader.points()));
  return exit_code::kOk;
}

}  // namespace uhaul
