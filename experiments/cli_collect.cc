// uhaul collect: the points of a sweep as one table, or as means over traces.
#include <fmt/format.h>

#include <set>

#include "experiments/cli_points.h"
#include "experiments/point_reader.h"
#include "results/collect.h"
#include "results/sqlite_file.h"

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

// What --out asks for.
struct Outputs {
  std::string csv;
  std::string sqlite;
  bool flows = false;  // of every point, into the SQLite file
};

Result<Outputs> ReadOutputs(const CommandLine& line) {
  Outputs outputs;
  outputs.flows = line.Has("flows");
  for (const std::string& path : line.Get<std::vector<std::string>>("out")) {
    if (path.ends_with(".csv")) {
      outputs.csv = path;
    } else if (path.ends_with(".sqlite")) {
      outputs.sqlite = path;
    } else {
      return Error{fmt::format("--out takes a file that ends in .csv or .sqlite, not {}", Quoted(path))};
    }
  }
  if (outputs.flows && outputs.sqlite.empty()) return Error{"--flows needs an --out that ends in .sqlite"};
  if (line.Has("mean") && !line.Get<std::vector<std::string>>("out").empty()) {
    return Error{"--mean is printed; --out takes every point"};
  }
  return outputs;
}

// Point by point, so that a sweep of any size fits in memory; `ids` are sorted.
Result<std::vector<PointLine>> ReadLines(const std::string& directory, const std::vector<std::string>& ids,
                                         SqliteFile* flows) {
  std::vector<PointLine> lines;
  for (const std::string& id : ids) {
    if (!PointExists(directory, id)) continue;
    const Result<StoredPoint> point = ReadPoint(directory, id);
    if (!point.ok()) return point.error();
    lines.push_back(LineOf(*point));
    if (flows == nullptr) continue;
    if (Status s = flows->AddFlows(*point); !s.ok()) return s.error();
  }
  return lines;
}

Result<std::vector<PointLine>> Write(const std::string& directory, const std::vector<std::string>& ids,
                                     const Outputs& outputs) {
  std::optional<SqliteFile> sqlite;
  if (!outputs.sqlite.empty()) {
    Result<SqliteFile> file = SqliteFile::Create(outputs.sqlite);
    if (!file.ok()) return file.error();
    sqlite.emplace(*std::move(file));
  }
  Result<std::vector<PointLine>> lines = ReadLines(directory, ids, outputs.flows ? &*sqlite : nullptr);
  if (!lines.ok()) return lines;
  if (sqlite) {
    if (Status s = sqlite->Finish(*lines); !s.ok()) return s.error();
  }
  if (!outputs.csv.empty()) {
    if (Status s = WriteTextFile(outputs.csv, CollectCsv(*lines)); !s.ok()) return s.error();
  }
  return lines;
}

}  // namespace

int CollectCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul collect [EXPERIMENT...] [options]",
      "Points as one table, a line each (all in the folder if no experiment is named): into files, or on stdout as "
      "CSV;\n"
      "with --mean the means over traces. results/notebook.md shows how to go on in R, Python, gnuplot and SQL.",
      "uhaul collect web_search --out results.csv --out results.sqlite");
  line.options().add_options()("set,s", po::value<std::vector<std::string>>()->composing()->default_value({}, ""),
                               "as for 'uhaul run': which points to read")(
      "results", po::value<std::string>()->default_value(DefaultResultsDirectory()),
      "folder of results ($UHAUL_RESULTS)")("out,o",
                                            po::value<std::vector<std::string>>()->composing()->default_value({}, ""),
                                            "a file that ends in .csv or .sqlite; may be given twice")(
      "flows", "into the SQLite file also every flow of every record")("mean", "means over traces, only what differs")(
      "format,f", po::value<std::string>()->default_value("text"), "of --mean: text, md, csv or latex");
  line.Positional("experiment", -1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  const Result<RenderFormat> format = ReadFormat(line);
  if (!format.ok()) return line.Usage(format.error().message);
  RenderOptions options;
  options.format = *format;
  const Result<Outputs> outputs = ReadOutputs(line);
  if (!outputs.ok()) return line.Usage(outputs.error().message);

  const std::string& directory = line.Get<std::string>("results");
  const auto& sets = line.Get<std::vector<std::string>>("set");
  const std::vector<std::string> definitions =
      line.Has("experiment") ? line.Get<std::vector<std::string>>("experiment") : std::vector<std::string>{};
  if (definitions.empty() && !sets.empty()) return line.Usage("--set needs an experiment to apply to");
  const Result<std::vector<std::string>> ids = WantedIds(definitions, sets, directory);
  if (!ids.ok()) return FailFor(ids.error());
  const Result<std::vector<PointLine>> lines = Write(directory, *ids, *outputs);
  if (!lines.ok()) return FailFor(lines.error());
  if (lines->size() < ids->size()) {
    fmt::print(stderr, "uhaul: {} of {} points are missing in {}\n", ids->size() - lines->size(), ids->size(),
               directory);
  }
  if (line.Has("mean")) {
    fmt::print("{}", CollectMeans(*lines, options));
  } else if (outputs->csv.empty() && outputs->sqlite.empty()) {
    fmt::print("{}", CollectCsv(*lines));
  }
  return exit_code::kOk;
}

}  // namespace uhaul
