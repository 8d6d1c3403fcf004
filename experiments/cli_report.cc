// uhaul report: the page with everything.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "experiments/cli_points.h"
#include "experiments/flow_sizes.h"
#include "experiments/gnuplot_process.h"
#include "results/pairing.h"
#include "results/report/report.h"

namespace uhaul {
namespace {

namespace po = boost::program_options;

constexpr const char* kAbout =
    "Writes one HTML page with everything: what of the paper stands, tables, figures, claims, validation, one "
    "migration\n"
    "over time, and where each number came from. It needs no network, no server and no script. With an EXPERIMENT of "
    "your\n"
    "own the page has that sweep's means and charts instead. Figures take gnuplot; without it the page has their data.";

// What the page is made from; `input` points into the rest.
struct Sources {
  std::vector<StoredPoint> points;
  std::vector<StoredPoint> model;  // of the validation
  std::vector<StoredPoint> engine;
  std::optional<Study> study;
  std::optional<Answers> answers;
  std::string text;  // of figures that no table shows
  ReportInput input;
};

// One line as a person would type it.
std::string CommandOf(const Arguments& arguments) {
  std::string command = "uhaul report";
  for (const std::string& word : arguments) {
    command += word.find_first_of(" *'\"$") == std::string::npos ? " " + word : " '" + word + "'";
  }
  return command;
}

// A figure without its picture is still its data; why there is none is said once.
void Draw(ReportFigure* figure, std::vector<std::string>* notes) {
  if (figure->charts.empty()) return;
  Result<std::string> svg = DrawPicture(figure->title, figure->charts, PictureFormat::kSvg);
  if (svg.ok()) {
    figure->svg = *std::move(svg);
    return;
  }
  const std::string note = "No pictures: " + svg.error().message;
  if (std::find(notes->begin(), notes->end(), note) == notes->end()) notes->push_back(note);
}

Status AddFigure(const Result<FigureData>& data, RenderOptions options, ReportInput* input) {
  if (!data.ok()) return data.error();
  options.format = RenderFormat::kHtml;
  ReportFigure figure{"figure-" + data->name, FigureTitle(*data), RenderFigure(*data, options), ChartsOf(*data), ""};
  Draw(&figure, &input->notes);
  input->figures.push_back(std::move(figure));
  return {};
}

void NoteMissing(const PointReader& reader, const std::string& what, ReportInput* input) {
  if (reader.missing() == 0) return;
  input->notes.push_back(fmt::format("Missing: {} of {} points of {}.", reader.missing(),
                                     reader.missing() + reader.points().size(), what));
}

void AddProvenance(const std::string& directory, std::span<const StoredPoint> points, ReportInput* input) {
  for (const StoredPoint& point : points) {
    Result<Provenance> provenance = ReadProvenance(directory, point.id);
    if (provenance.ok()) input->provenance.push_back(*std::move(provenance));
  }
}

// What `uhaul robustness` left, if it did.
Status AddRobustness(const std::string& path, ReportInput* input) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return {};
  Result<Robustness> robustness = DecodeRobustness(std::string(std::istreambuf_iterator<char>(in), {}));
  if (!robustness.ok()) return Error{path + ": " + robustness.error().message};
  input->robustness = *std::move(robustness);
  return {};
}

// Whether every point of a definition is there.
bool IsMade(const std::string& directory, const std::string& name, const std::vector<std::string>& sets) {
  const Result<Definition> definition = LoadWithSets(name, sets);
  if (!definition.ok()) return false;
  const Result<std::vector<PointSpec>> specs = Expand(*definition);
  return specs.ok() && std::all_of(specs->begin(), specs->end(),
                                   [&](const PointSpec& spec) { return PointExists(directory, PointId(spec)); });
}

Status ReadPaper(const CommandLine& line, const RenderOptions& options, Sources* sources) {
  ReportInput& input = sources->input;
  input.title = "U-HAUL: the paper, and what a simulation says of it";
  const std::string& directory = line.Get<std::string>("results");
  Result<PointReader> tables = ReadDefinition(line, "tables", "report");
  if (!tables.ok()) return tables.error();
  NoteMissing(*tables, "the tables", &input);
  sources->points = std::move(tables->points());
  AddProvenance(directory, sources->points, &input);
  if (Status s = AddFigure(BuildFlowSizes(), options, &input); !s.ok()) return s;
  // Figure 2 has runs of its own, of fewer traces.
  std::vector<std::string> sets = line.Get<std::vector<std::string>>("set");
  std::erase_if(sets, [](const std::string& set) { return set.starts_with("workload.trace="); });
  sources->study.emplace(sources->points, options);
  Result<Answers> answers = AnswerPaper(*sources->study);
  if (!answers.ok()) return answers.error();
  sources->answers.emplace(*std::move(answers));
  input.answers = &*sources->answers;
  for (const std::string& name : FigureNames()) {
    if (IsOfStudy(name)) {
      if (Status s = AddFigure(BuildFigure(name, *sources->study, options), options, &input); !s.ok()) return s;
      continue;
    }
    // Not of the paper: there where somebody ran it.
    if (name == "cost" && !IsMade(directory, DefinitionOfFigure(name), sets)) continue;
    const Result<PointReader> own = ReadDefinition(directory, DefinitionOfFigure(name), sets, "report");
    if (!own.ok()) return own.error();
    NoteMissing(*own, "Figure " + name, &input);
    AddProvenance(directory, own->points(), &input);
    const Result<FigureData> figure = BuildFigure(name, own->points(), options);
    if (Status s = AddFigure(figure, options, &input); !s.ok()) return s;
    sources->text += RenderFigure(*figure, options) + "\n";
  }
  return AddRobustness(directory + "/robustness.json", &input);
}

Status ReadSweep(const CommandLine& line, Sources* sources) {
  ReportInput& input = sources->input;
  const std::string& name = line.Get<std::vector<std::string>>("experiment").front();
  const auto& sets = line.Get<std::vector<std::string>>("set");
  const Result<Definition> definition = LoadWithSets(name, sets);
  if (!definition.ok()) return definition.error();
  Result<PointReader> read = ReadDefinition(line.Get<std::string>("results"), name, sets, "report");
  if (!read.ok()) return read.error();
  NoteMissing(*read, name, &input);
  input.title = "U-HAUL: " + definition->name;
  input.about = definition->about;
  sources->points = std::move(read->points());
  AddProvenance(line.Get<std::string>("results"), sources->points, &input);
  input.figures = SweepFigures(MeansOf(LinesOf(sources->points)));
  for (ReportFigure& figure : input.figures) Draw(&figure, &input.notes);
  return {};
}

// Against the folder of --against, else the runtime's points where there are any.
Status AddValidation(const CommandLine& line, Sources* sources) {
  const std::string& results = line.Get<std::string>("results");
  const bool asked = line.Has("against");
  const std::string other = asked ? line.Get<std::string>("against") : results + "/runtime";
  Result<RunsRead> engine = ReadRuns(other);
  if (!engine.ok()) return asked ? Status(engine.error()) : Status();
  if (engine->runs.empty()) return {};
  sources->engine = std::move(engine->runs);
  AddProvenance(other, sources->engine, &sources->input);
  ReportValidation validation{results, other, {}, {}};
  validation.options.rule.ignore = {"profile.*"};
  Counterparts counterparts(validation.options.rule);
  counterparts.Add(sources->engine);
  Result<RunsRead> model = ReadRuns(results, [&](const StoredPoint& head) { return counterparts.MayHave(head); });
  if (!model.ok()) return model.error();
  sources->model = std::move(model->runs);
  Result<Comparison> comparison = Compare(sources->model, sources->engine, validation.options);
  if (!comparison.ok()) return comparison.error();
  if (comparison->pairs == 0) {
    sources->input.notes.push_back(fmt::format("No validation: no point of {} has one in {}.", results, other));
    return {};
  }
  // Most of the model's points were never run on an engine; naming them all says nothing.
  comparison->only_a.clear();
  validation.comparison = *std::move(comparison);
  sources->input.validation = std::move(validation);
  return {};
}

// The run of --run; else U-HAUL's first one that moved anything, else any.
Status ChooseRun(const CommandLine& line, Sources* sources) {
  const std::string& wanted = line.Get<std::string>("run");
  for (const StoredPoint& point : sources->points) {
    if (point.record.t0_ns == kNever) continue;
    const bool fits = wanted.empty()
                          ? point.record.elephant_bytes_threshold > 0 && point.record.counters.flows_moved > 0
                          : point.id.starts_with(wanted);
    if (fits) {
      sources->input.run = &point;
      return {};
    }
  }
  if (wanted.empty()) return {};
  return Error{
      fmt::format("--run: no point {} with a migration among those of the report; 'uhaul collect' lists them", wanted)};
}

// What the page says, for the terminal.
Result<std::string> TextOf(const Sources& sources, const RenderOptions& options) {
  if (!sources.answers) return RenderMeans(MeansOf(LinesOf(sources.points)), options);
  const Answers& answers = *sources.answers;
  const Result<std::string> claims = RenderClaims(answers.claims, options);
  if (!claims.ok()) return claims.error();
  return RenderTables(answers.tables, options) + "\n" + sources.text + *claims + "\n" +
         RenderSummary(answers.study, answers.tables, options);
}

std::string ReadScript() {
  std::ifstream in(UHAUL_PAGE_SCRIPT, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

int ReportCommand(const Arguments& arguments) {
  CommandLine line("uhaul report [EXPERIMENT] [options]", kAbout,
                   "uhaul report --set workload.trace=1..30 --out report.html");
  AddPointOptions(&line);
  line.options().add_options()("out,o", po::value<std::string>()->default_value("report.html"), "the page")(
      "against", po::value<std::string>()->default_value(""),
      "folder of the engine to compare with (RESULTS/runtime, where it is)")(
      "run", po::value<std::string>()->default_value(""),
      "the point whose migration is drawn over time (how its ID begins)")(
      "text", po::bool_switch(), "also print tables, claims, verdicts and the figures with runs of their own");
  line.Positional("experiment", 1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  const Result<RenderOptions> options = ReadResampling(line);
  if (!options.ok()) return line.Usage(options.error().message);
  Sources sources;
  Status read = line.Has("experiment") ? ReadSweep(line, &sources) : ReadPaper(line, *options, &sources);
  if (read.ok()) read = AddValidation(line, &sources);
  if (read.ok()) read = ChooseRun(line, &sources);
  if (!read.ok()) return FailFor(read.error());
  sources.input.points = sources.points;
  sources.input.engine_points = sources.engine;
  sources.input.command = CommandOf(arguments);
  sources.input.script = ReadScript();
  const Result<std::string> page = RenderReport(sources.input, *options);
  if (!page.ok()) return Fail(exit_code::kBadInput, page.error().message);
  if (line.Get<bool>("text")) {
    const Result<std::string> text = TextOf(sources, *options);
    if (!text.ok()) return Fail(exit_code::kBadInput, text.error().message);
    fmt::print("{}", *text);
  }
  const std::string& out = line.Get<std::string>("out");
  if (Status s = WriteTextFile(out, *page); !s.ok()) return FailFor(s.error());
  fmt::print(stderr, "uhaul: the report is {}\n", out);
  return exit_code::kOk;
}

}  // namespace uhaul
