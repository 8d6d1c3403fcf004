// uhaul table, figure, claims, summary: from stored points to text.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "experiments/cli.h"
#include "experiments/point_reader.h"
#include "results/claims.h"
#include "results/paper_tables.h"
#include "results/point_store.h"
#include "results/text_grid.h"
#include "workloads/distribution.h"

namespace uhaul {
namespace {

namespace po = boost::program_options;

constexpr uint64_t kMostTraces = 100'000;

void AddOptions(CommandLine* line) {
  line->options().add_options()("set,s", po::value<std::vector<std::string>>()->composing()->default_value({}, ""),
                                "as for 'uhaul run': which points to read")(
      "results", po::value<std::string>()->default_value(DefaultResultsDirectory()),
      "folder of results ($UHAUL_RESULTS)")("format,f", po::value<std::string>()->default_value("text"),
                                            "text, md or csv")(
      "definition", po::value<std::string>()->default_value(""), "read another definition's points")(
      "resamples", po::value<uint32_t>()->default_value(2000), "of traces, for the bands")(
      "seed", po::value<uint64_t>()->default_value(1), "of the resampling");
}

Result<RenderOptions> ReadOptions(const CommandLine& line) {
  RenderOptions options;
  const std::string format = line.Get<std::string>("format");
  if (format == "md") {
    options.format = RenderFormat::kMarkdown;
  } else if (format == "csv") {
    options.format = RenderFormat::kCsv;
  } else if (format != "text") {
    return Error{fmt::format("--format has no value {} (one of text, md, csv)", Quoted(format))};
  }
  options.resamples = line.Get<uint32_t>("resamples");
  if (options.resamples < 1 || options.resamples > 1'000'000) return Error{"--resamples must be between 1 and 1000000"};
  options.seed = line.Get<uint64_t>("seed");
  options.color = ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  return options;
}

// The definition's points of one trace number, with every other value as it stands.
Result<std::vector<PointSpec>> OfTrace(Definition definition, uint64_t trace) {
  Result<Axis> axis = ParseSet(1, fmt::format("workload.trace={}", trace));
  UHAUL_CHECK(axis.ok());
  ApplySets({*axis}, &definition);
  return Expand(definition);
}

bool AllExist(const std::string& directory, const std::vector<PointSpec>& specs) {
  for (const PointSpec& spec : specs) {
    if (!PointExists(directory, PointId(spec))) return false;
  }
  return !specs.empty();
}

// The definition's points; where its traces were not set by hand, also the further traces (6, 7, ...) that are there
// completely, so that `uhaul table` sees all that an earlier `uhaul run --set workload.trace=1..30` made.
Result<PointReader> CollectPoints(const std::string& directory, const Definition& definition, bool traces_set) {
  PointReader reader(directory);
  const Result<std::vector<PointSpec>> specs = Expand(definition);
  if (!specs.ok()) return specs.error();
  if (Status s = reader.Read(PointIdsOf(*specs)); !s.ok()) return s.error();
  if (traces_set || reader.missing() > 0) return reader;
  uint64_t last = 0;
  for (const PointSpec& spec : *specs) last = std::max(last, spec.trace);
  for (uint64_t trace = last + 1; trace <= kMostTraces; ++trace) {
    const Result<std::vector<PointSpec>> more = OfTrace(definition, trace);
    if (!more.ok()) return more.error();
    if (!AllExist(directory, *more)) break;
    if (Status s = reader.Read(PointIdsOf(*more)); !s.ok()) return s.error();
  }
  return reader;
}

using Render = std::function<Result<std::string>(std::span<const StoredPoint>, const RenderOptions&)>;

int RenderFrom(const CommandLine& line, const std::string& what, const std::string& definition_name,
               const Render& render) {
  const Result<RenderOptions> options = ReadOptions(line);
  if (!options.ok()) return line.Usage(options.error().message);
  const std::string& other = line.Get<std::string>("definition");
  const std::string& name = other.empty() ? definition_name : other;
  const std::vector<std::string>& sets = line.Get<std::vector<std::string>>("set");
  const Result<Definition> definition = LoadWithSets(name, sets);
  if (!definition.ok()) return FailFor(definition.error());
  bool traces_set = false;
  for (const std::string& set : sets) traces_set = traces_set || set.starts_with("workload.trace=");
  const std::string& directory = line.Get<std::string>("results");
  const Result<PointReader> collected = CollectPoints(directory, *definition, traces_set);
  if (!collected.ok()) return FailFor(collected.error());
  if (collected->missing() > 0) {
    std::string command = fmt::format("uhaul run {} --results '{}'", name, directory);
    for (const std::string& set : sets) command += fmt::format(" --set '{}'", set);
    fmt::print(stderr, "uhaul: {}: {} of {} points are missing in {}; to make them: {}\n", what, collected->missing(),
               collected->missing() + collected->points().size(), directory, command);
  }
  const Result<std::string> text = render(collected->points(), *options);
  if (!text.ok()) return Fail(exit_code::kBadInput, text.error().message);
  fmt::print("{}{}", *text, text->ends_with('\n') ? "" : "\n");
  return exit_code::kOk;
}

}  // namespace

int TableCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul table NUMBER [options]",
      "Prints Table 1 to 13 of the paper beside ours: paper, ours, ratio, band, class of evidence, verdict.",
      "uhaul table 12 --format md");
  AddOptions(&line);
  line.Positional("number", 1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("number")) return line.Usage("which table?");
  const std::string& text = line.Get<std::vector<std::string>>("number").front();
  const Result<int64_t> number = ParseInteger(text);
  if (!number.ok() || *number < 1 || *number > kPaperTables) {
    return line.Usage(fmt::format("there is no table {} (1 to {})", Quoted(text), kPaperTables));
  }
  return RenderFrom(line, "table " + text, fmt::format("table-{:02}", *number), [&](auto points, const auto& options) {
    return RenderTable(static_cast<int>(*number), points, options);
  });
}

// Figure 1a needs no run: it is the distributions themselves, at their own points, with the share of all bytes above
// each.
Result<std::string> RenderFlowSizes(RenderFormat format) {
  TextGrid grid{{{"workload", true}, {"bytes"}, {"share of flows up to"}, {"share of bytes from"}, {"evidence", true}},
                {}};
  for (const char* name : {"web_search", "facebook_cache", "azure_wan"}) {
    const Result<SizeDistribution> sizes = SizeDistribution::Load(name);
    if (!sizes.ok()) return sizes.error();
    for (const SizeDistribution::Point& point : sizes->points()) {
      const Bytes bytes(static_cast<uint64_t>(point.bytes));
      const auto evidence = sizes->about().find("evidence");
      grid.rows.push_back({name, fmt::to_string(bytes.count()), fmt::format("{:.4f}", point.probability),
                           fmt::format("{:.4f}", sizes->ByteShareAbove(bytes)),
                           evidence == sizes->about().end() ? "" : evidence->second});
    }
  }
  if (format == RenderFormat::kCsv) return RenderCsv(grid);
  RenderOptions options;
  options.format = format;
  return "Figure 1a: Flow sizes of the three workloads\n\n" + RenderGrid(grid, options);
}

int FigureCommand(const Arguments& arguments) {
  CommandLine line("uhaul figure NAME [options]",
                   "Prints the data behind a figure of the paper, one line per bar or point.",
                   "uhaul figure 2a --format csv");
  AddOptions(&line);
  line.Positional("name", 1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("name")) return line.Usage("which figure?");
  const std::string& name = line.Get<std::vector<std::string>>("name").front();
  if (name == "1a") {
    const Result<RenderOptions> options = ReadOptions(line);
    if (!options.ok()) return line.Usage(options.error().message);
    const Result<std::string> text = RenderFlowSizes(options->format);
    if (!text.ok()) return Fail(exit_code::kBadInput, text.error().message);
    fmt::print("{}", *text);
    return exit_code::kOk;
  }
  std::vector<std::string> names = FigureNames();
  names.insert(names.begin(), "1a");
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return line.Usage(fmt::format("there is no figure {} (one of {})", Quoted(name), fmt::join(names, ", ")));
  }
  return RenderFrom(line, "figure " + name, "figure-" + name,
                    [&](auto points, const auto& options) { return RenderFigureData(name, points, options); });
}

int ClaimsCommand(const Arguments& arguments) {
  CommandLine line("uhaul claims [options]", "Prints the paper's claims beside ours: holds, reverses or undecided.",
                   "uhaul claims --format csv");
  AddOptions(&line);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  return RenderFrom(line, "claims", "claims",
                    [](auto points, const auto& options) { return RenderClaims(points, options); });
}

int SummaryCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul summary [options]",
      "Counts the cells of all tables that are in, out, ... by class of evidence; the tables' envelope tests.",
      "uhaul summary");
  AddOptions(&line);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  return RenderFrom(line, "summary", "tables",
                    [](auto points, const auto& options) { return RenderSummary(points, options); });
}

}  // namespace uhaul
