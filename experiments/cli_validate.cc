// uhaul validate: two folders of results, metric by metric.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "experiments/cli.h"
#include "experiments/point_reader.h"
#include "results/csv_text.h"
#include "results/validate.h"

namespace uhaul {
namespace {

namespace po = boost::program_options;

constexpr const char* kAbout =
    "Compares two folders of results, metric by metric, for each workload, scheme and threshold. A is the model\n"
    "('uhaul-results'), B what it is held against ('uhaul-results/runtime', 'uhaul-results/runtime-virtual', an\n"
    "import). Runs of one point (B/rep-1, B/rep-2, ...: 'uhaul run --repeat') become a median with a 95 % interval.\n\n"
    "A point of A goes with the point of B that has the same values; where there is none, with the one that has the\n"
    "same values but for those of --ignore. By default that is profile.*: a simulator runs a calibrated profile, "
    "where\n"
    "an engine or a testbed has the costs it has.\n\n"
    "Verdicts: equal; within (the tolerance); within spread (beyond it, but A lies in B's interval); outside; no "
    "data.\n"
    "Exit: 0 nothing is outside, 2 something is (--exact: something differs), 64 usage, 65 bad or unpaired results.";

struct Request {
  std::string a;
  std::string b;
  std::vector<Axis> sets;
  ValidateOptions options;
  bool exact = false;
  bool json = false;
  bool include_late = false;
  std::string csv;
  std::string svg;
};

struct Side {
  std::vector<StoredPoint> runs;
  std::vector<StoredPoint> late;
};

void AddValidateOptions(CommandLine* line) {
  using Texts = std::vector<std::string>;
  line->options().add_options()("set,s", po::value<Texts>()->composing()->default_value({}, ""),
                                "key=values: only these points (of ignored keys: only these points of A)")(
      "ignore", po::value<std::string>()->default_value("profile.*"),
      "keys that paired points may differ in, comma-separated; 'none': all must agree")(
      "join", po::value<std::string>()->default_value(""), "the only keys in which paired points must agree")(
      "tolerance", po::value<std::string>()->default_value("10%"), "largest relative difference that is within")(
      "metrics", po::value<std::string>()->default_value(""), "only these, comma-separated, by their names in the CSV")(
      "mice", po::value<std::string>()->default_value("3MB"),
      "flows below this are mice, for schemes without a threshold")(
      "held-out", po::value<Texts>()->composing()->default_value({}, ""),
      "key=values: points that the calibration did not use; judged apart")("exact", po::bool_switch(),
                                                                           "records must be equal field by field")(
      "include-late", po::bool_switch(), "judge also runs whose engine fell behind the offered rate")(
      "csv", po::value<std::string>()->default_value(""), "write a row per metric and group to this file")(
      "svg", po::value<std::string>()->default_value(""), "write a plot of A against B to this file")(
      "json", po::bool_switch(), "the comparison as JSON");
}

std::vector<std::string> ListOf(const std::string& text) {
  return text.empty() || text == "none" ? std::vector<std::string>{} : SplitCommas(text);
}

Result<std::vector<Axis>> ParseAxes(const std::string& option, const std::vector<std::string>& texts) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < texts.size(); ++i) {
    Result<Axis> axis = ParseSet(static_cast<int>(i) + 1, texts[i]);
    if (!axis.ok()) return Error{option + axis.error().message.substr(std::string_view("--set").size())};
    axes.push_back(*std::move(axis));
  }
  return axes;
}

// `absent`: the answer for a point without the key.
bool Has(const StoredPoint& point, const Axis& axis, bool absent) {
  const auto found = point.spec.find(axis.parameter->key);
  if (found == point.spec.end()) return absent;
  return std::any_of(axis.values.begin(), axis.values.end(),
                     [&](const Value& value) { return value.canonical == found->second; });
}

Result<Request> ReadRequest(const CommandLine& line) {
  Request request;
  const auto& folders = line.Get<std::vector<std::string>>("folder");
  request.a = folders[0];
  request.b = folders[1];
  request.exact = line.Get<bool>("exact");
  request.json = line.Get<bool>("json");
  request.include_late = line.Get<bool>("include-late");
  request.csv = line.Get<std::string>("csv");
  request.svg = line.Get<std::string>("svg");
  ValidateOptions& options = request.options;
  options.rule.ignore = ListOf(line.Get<std::string>("ignore"));
  options.rule.join = ListOf(line.Get<std::string>("join"));
  // Equal records come from equal specs.
  if (request.exact && !line.Has("ignore")) options.rule.ignore.clear();
  options.metrics = ListOf(line.Get<std::string>("metrics"));
  const Result<double> tolerance = ParseShare("tolerance", 10, line.Get<std::string>("tolerance"));
  if (!tolerance.ok()) return tolerance.error();
  options.tolerance = *tolerance;
  const Result<Value> mice = ParseOption("mice", "edm.threshold", line.Get<std::string>("mice"));
  if (!mice.ok()) return mice.error();
  options.mice_below = static_cast<uint64_t>(mice->integer);
  Result<std::vector<Axis>> sets = ParseAxes("--set", line.Get<std::vector<std::string>>("set"));
  if (!sets.ok()) return sets.error();
  request.sets = *std::move(sets);
  Result<std::vector<Axis>> held = ParseAxes("--held-out", line.Get<std::vector<std::string>>("held-out"));
  if (!held.ok()) return held.error();
  if (!held->empty()) {
    options.held_out = [axes = *std::move(held)](const StoredPoint& point) {
      return std::any_of(axes.begin(), axes.end(), [&](const Axis& axis) { return Has(point, axis, false); });
    };
  }
  if (request.exact && !(request.csv.empty() && request.svg.empty())) {
    return Error{"--exact says which fields differ; --csv and --svg are of the comparison without it"};
  }
  for (const std::string& name : options.metrics) {
    if (FindMetric(name) != nullptr) continue;
    std::vector<std::string> names;
    for (const Metric& metric : Metrics()) names.emplace_back(metric.name);
    return Error{fmt::format("--metrics: there is no metric {}{}", Quoted(name), DidYouMean(name, names))};
  }
  return request;
}

// The records of those points alone that may go with one of `others`, where that is known.
Result<Side> ReadSide(const std::string& folder, const Request& request, const Counterparts* others) {
  const bool is_a = others != nullptr;
  Result<RunsRead> read = ReadRuns(folder, [&](const StoredPoint& head) { return !is_a || others->MayHave(head); });
  if (!read.ok()) return read.error();
  const auto unwanted = [&](const StoredPoint& point) {
    return std::any_of(request.sets.begin(), request.sets.end(), [&](const Axis& axis) {
      // A's profile is not B's: what is not paired by says nothing about B.
      if (!is_a && MatchesKey(request.options.rule.ignore, axis.parameter->key)) return false;
      return !Has(point, axis, true);
    });
  };
  Side side{std::move(read->runs), std::move(read->late)};
  std::erase_if(side.runs, unwanted);
  std::erase_if(side.late, unwanted);
  if (request.include_late) {
    std::move(side.late.begin(), side.late.end(), std::back_inserter(side.runs));
    side.late.clear();
  }
  if (side.runs.empty()) {
    return Error{fmt::format("{}: no points{}{}", folder, request.sets.empty() ? "" : " with the values of --set",
                             side.late.empty() ? "" : " but late ones; --include-late judges them too")};
  }
  return side;
}

int RunExact(const Request& request, const Side& a, const Side& b) {
  const Result<ExactComparison> comparison = CompareExactly(a.runs, b.runs, request.options.rule);
  if (!comparison.ok()) return Fail(exit_code::kBadInput, comparison.error().message);
  fmt::print("{}", request.json ? ExactJson(*comparison) : RenderExact(*comparison));
  if (comparison->pairs == 0) return Fail(exit_code::kBadInput, "no point of A has one with the same values in B");
  return comparison->differences.empty() ? exit_code::kOk : exit_code::kOutside;
}

// Runs that fell behind show what they show, but judge nothing.
void PrintLate(const Request& request, const Side& a, const Side& b, const RenderOptions& render) {
  if (a.late.empty() && b.late.empty()) return;
  fmt::print("Left out: {} runs of A and {} of B fell behind the offered rate (kept_rate: no)\n\n", a.late.size(),
             b.late.size());
  const Result<Comparison> late = Compare(a.runs, b.late, request.options);
  if (!late.ok()) return;
  Comparison shown;
  shown.groups = late->groups;
  if (!shown.groups.empty()) {
    fmt::print("B's late runs, not judged\n\n{}", RenderGroups(shown, render));
  }
}

int RunComparison(const Request& request, const Side& a, const Side& b) {
  RenderOptions render;
  render.color = ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  const Result<Comparison> comparison = Compare(a.runs, b.runs, request.options);
  if (!comparison.ok()) return Fail(exit_code::kBadInput, comparison.error().message);
  Status written;
  if (!request.csv.empty()) written = WriteTextFile(request.csv, ComparisonCsv(*comparison));
  if (written.ok() && !request.svg.empty()) {
    written = WriteTextFile(request.svg, ComparisonSvg(*comparison, request.options, request.a, request.b));
  }
  if (!written.ok()) return FailFor(written.error());
  if (request.json) {
    fmt::print("{}", ComparisonJson(*comparison, request.options));
  } else {
    PrintLate(request, a, b, render);
    fmt::print("{}", RenderComparison(*comparison, request.options, render));
  }
  if (comparison->pairs == 0) {
    return Fail(exit_code::kBadInput, "no point of A has one in B; --ignore and --join say what must agree");
  }
  if (comparison->agreement == Agreement::kNoData) {
    return Fail(exit_code::kBadInput, "no metric has a value on both sides");
  }
  return comparison->Agrees() ? exit_code::kOk : exit_code::kOutside;
}

}  // namespace

int ValidateCommand(const Arguments& arguments) {
  CommandLine line("uhaul validate A B [options]", kAbout,
                   "uhaul validate uhaul-results uhaul-results/runtime --tolerance 10% --held-out edm.threshold=3MB "
                   "--svg validate.svg");
  AddValidateOptions(&line);
  line.Positional("folder", 2);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("folder") || line.Get<std::vector<std::string>>("folder").size() != 2) {
    return line.Usage("which two folders?");
  }
  const Result<Request> request = ReadRequest(line);
  if (!request.ok()) return line.Usage(request.error().message);
  const Result<Side> b = ReadSide(request->b, *request, nullptr);
  if (!b.ok()) return Fail(exit_code::kBadInput, b.error().message);
  Counterparts counterparts(request->options.rule);
  counterparts.Add(b->runs);
  counterparts.Add(b->late);
  const Result<Side> a = ReadSide(request->a, *request, &counterparts);
  if (!a.ok()) return Fail(exit_code::kBadInput, a.error().message);
  return request->exact ? RunExact(*request, *a, *b) : RunComparison(*request, *a, *b);
}

}  // namespace uhaul
