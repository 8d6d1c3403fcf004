#include "experiments/cli_points.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace uhaul {
namespace {

namespace po = boost::program_options;

constexpr uint64_t kMostTraces = 100'000;

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

}  // namespace

void AddPointOptions(CommandLine* line) {
  line->options().add_options()("set,s", po::value<std::vector<std::string>>()->composing()->default_value({}, ""),
                                "as for 'uhaul run': which points to read")(
      "results", po::value<std::string>()->default_value(DefaultResultsDirectory()),
      "folder of results ($UHAUL_RESULTS)")("definition", po::value<std::string>()->default_value(""),
                                            "read another definition's points")(
      "resamples", po::value<uint32_t>()->default_value(2000), "of traces, for the bands")(
      "seed", po::value<uint64_t>()->default_value(1), "of the resampling");
}

void AddFormatOption(CommandLine* line) {
  line->options().add_options()("format,f", po::value<std::string>()->default_value("text"), "text, md, csv or latex");
}

Result<RenderOptions> ReadResampling(const CommandLine& line) {
  RenderOptions options;
  options.resamples = line.Get<uint32_t>("resamples");
  if (options.resamples < 1 || options.resamples > 1'000'000) return Error{"--resamples must be between 1 and 1000000"};
  options.seed = line.Get<uint64_t>("seed");
  options.color = ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  return options;
}

std::optional<RenderFormat> FormatNamed(std::string_view name) {
  constexpr std::pair<std::string_view, RenderFormat> kFormats[] = {{"text", RenderFormat::kText},
                                                                    {"md", RenderFormat::kMarkdown},
                                                                    {"csv", RenderFormat::kCsv},
                                                                    {"latex", RenderFormat::kLatex}};
  for (const auto& [known, format] : kFormats) {
    if (name == known) return format;
  }
  return std::nullopt;
}

Result<RenderFormat> ReadFormat(const CommandLine& line) {
  const std::string& name = line.Get<std::string>("format");
  if (const std::optional<RenderFormat> format = FormatNamed(name)) return *format;
  return Error{fmt::format("--format has no value {} (one of text, md, csv, latex)", Quoted(name))};
}

Result<RenderOptions> ReadRendering(const CommandLine& line) {
  Result<RenderOptions> options = ReadResampling(line);
  if (!options.ok()) return options;
  const Result<RenderFormat> format = ReadFormat(line);
  if (!format.ok()) return format.error();
  options->format = *format;
  return options;
}

Result<PointReader> ReadDefinition(const std::string& directory, const std::string& name,
                                   const std::vector<std::string>& sets, const std::string& what) {
  const Result<Definition> definition = LoadWithSets(name, sets);
  if (!definition.ok()) return definition.error();
  bool traces_set = false;
  for (const std::string& set : sets) traces_set = traces_set || set.starts_with("workload.trace=");
  Result<PointReader> collected = CollectPoints(directory, *definition, traces_set);
  if (collected.ok()) {
    SayMissing(what, collected->missing(), collected->missing() + collected->points().size(), directory, name, sets);
  }
  return collected;
}

void SayMissing(const std::string& what, size_t missing, size_t of, const std::string& directory,
                const std::string& definition, const std::vector<std::string>& sets) {
  if (missing == 0) return;
  std::string command = fmt::format("uhaul run {} --results '{}'", definition, directory);
  for (const std::string& set : sets) command += fmt::format(" --set '{}'", set);
  fmt::print(stderr, "uhaul: {}: {} of {} points are missing in {}; to make them: {}\n", what, missing, of, directory,
             command);
}

Result<PointReader> ReadDefinition(const CommandLine& line, const std::string& name, const std::string& what) {
  const std::string& other = line.Get<std::string>("definition");
  return ReadDefinition(line.Get<std::string>("results"), other.empty() ? name : other,
                        line.Get<std::vector<std::string>>("set"), what);
}

std::string DefinitionOfFigure(const std::string& figure) {
  if (figure == "cost") return "cost-per-flow";
  return figure == "sweet-spot" ? "claims" : "figure-" + figure;
}

int PrintFrom(const CommandLine& line, const std::string& what, const std::string& definition,
              const RenderPoints& render) {
  const Result<RenderOptions> options = ReadRendering(line);
  if (!options.ok()) return line.Usage(options.error().message);
  const Result<PointReader> collected = ReadDefinition(line, definition, what);
  if (!collected.ok()) return FailFor(collected.error());
  const Result<std::string> text = render(collected->points(), *options);
  if (!text.ok()) return Fail(exit_code::kBadInput, text.error().message);
  fmt::print("{}{}", *text, text->ends_with('\n') ? "" : "\n");
  return exit_code::kOk;
}

}  // namespace uhaul
