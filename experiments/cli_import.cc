// uhaul import: somebody else's run as a point that validate, collect and the tables read.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "experiments/cli.h"
#include "experiments/engine_store.h"
#include "experiments/import_captures.h"
#include "experiments/import_run.h"
#include "results/point_store.h"

namespace uhaul {
namespace {

namespace po = boost::program_options;

constexpr const char* kAbout =
    "Brings in a run of a testbed that never ran our code, as a point of the engine 'import', and its flows as a "
    "trace\n"
    "file, so that 'uhaul run' simulates exactly those flows and 'uhaul validate' compares the two.\n\n"
    "FLOWS.csv  five_tuple,bytes,active,selected, and where known moved,t0_bytes,t0_unsent_bytes,arrival_ns,\n"
    "           first_sent_ns,last_packet_ns,finished_ns,t0_last_packet_ns,pause_us,host\n"
    "STEPS.csv  step,time_ns,host: accepted (t0) is needed; last_delete (downtime), done (T done), ended, ...\n"
    "Counters   name,value: events, control_messages, packets_lost, controller_peak_bytes, ...\n"
    "FIT        at_ns,before,after: entries before and after each pass\n\n"
    "Without a file of flows: captures of the testbed, --capture generator=F --capture nf1=F, and nf2 and sink, too;\n"
    "flows.csv and counters.csv in the folder then are what they say, for you to look at. STEPS.csv has times since\n"
    "1970, as captures do; flows at NF 1 are active if their last packet before t0 is no older than fit.window.\n\n"
    "A time's column ends in its unit (_ns _us _ms _s) and may name its clock (finished_ns@sink). What is not given, "
    "or\n"
    "was read from a clock whose offset is not known, is no data; it is never taken for zero. results/README.md\n"
    "defines every column.";

void AddImportOptions(CommandLine* line) {
  using Texts = std::vector<std::string>;
  line->options().add_options()("steps", po::value<std::string>()->default_value(""), "the operation's steps (needed)")(
      "capture,c", po::value<Texts>()->composing()->default_value({}, ""),
      "POINT=FILE: a capture at generator, nf1, nf2 or sink, instead of FLOWS.csv")(
      "counters", po::value<std::string>()->default_value(""), "counters and buffers")(
      "fit", po::value<std::string>()->default_value(""), "passes of the FIT")(
      "out,o", po::value<std::string>()->default_value(""), "folder to write the point and the trace to (needed)")(
      "spec,s", po::value<Texts>()->composing()->default_value({}, ""),
      "key=value: what the testbed was; the rest is as in the paper's setting")(
      "offset", po::value<Texts>()->composing()->default_value({}, ""),
      "HOST=DURATION: how far HOST's clock is ahead of the clock of 'accepted' (-DURATION: behind)")(
      "start", po::value<std::string>()->default_value("0ns"), "when the run began, on the clock of 'accepted'");
}

Result<std::map<std::string, int64_t>> ParseOffsets(const std::vector<std::string>& texts) {
  std::map<std::string, int64_t> offsets;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error{fmt::format("--offset {}: needs HOST=DURATION", Quoted(text))};
    std::string_view value = std::string_view(text).substr(equals + 1);
    const bool behind = value.starts_with('-');
    if (behind) value.remove_prefix(1);
    const Result<int64_t> ns = ParseQuantity(UnitKind::kDuration, value);
    if (!ns.ok()) return Error{fmt::format("--offset {}: {}", Quoted(text), ns.error().message)};
    if (!offsets.emplace(text.substr(0, equals), behind ? -*ns : *ns).second) {
      return Error{fmt::format("--offset {}: this host has an offset already", Quoted(text))};
    }
  }
  return offsets;
}

Result<std::map<std::string, std::string>> ParseCaptures(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> files;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    const std::string point = text.substr(0, equals);
    if (equals == std::string::npos || equals + 1 == text.size() ||
        std::find(std::begin(kCapturePoints), std::end(kCapturePoints), point) == std::end(kCapturePoints)) {
      return Error{fmt::format("--capture {}: needs POINT=FILE, POINT one of {}", Quoted(text),
                               fmt::join(kCapturePoints, ", "))};
    }
    if (!files.emplace(point, text.substr(equals + 1)).second) {
      return Error{fmt::format("--capture {}: this point has a file already", Quoted(text))};
    }
  }
  return files;
}

Result<ImportRequest> ReadRequest(const CommandLine& line) {
  ImportRequest request;
  if (line.Has("flows")) request.flows = line.Get<std::vector<std::string>>("flows").front();
  request.steps = line.Get<std::string>("steps");
  request.counters = line.Get<std::string>("counters");
  request.fit = line.Get<std::string>("fit");
  if (request.steps.empty()) return Error{"--steps is needed"};
  if (line.Get<std::string>("out").empty()) return Error{"--out is needed"};
  Result<std::map<std::string, int64_t>> offsets = ParseOffsets(line.Get<std::vector<std::string>>("offset"));
  if (!offsets.ok()) return offsets.error();
  request.offsets_ns = *std::move(offsets);
  const Result<int64_t> start = ParseQuantity(UnitKind::kDuration, line.Get<std::string>("start"));
  if (!start.ok()) return Error{"--start " + start.error().message};
  request.start_ns = *start;
  return request;
}

// The window that the point will have.
Result<Duration> WindowOf(const std::vector<std::string>& specs) {
  std::vector<std::string> sets;
  std::copy_if(specs.begin(), specs.end(), std::back_inserter(sets),
               [](const std::string& text) { return text.starts_with("fit.window="); });
  const Result<Definition> definition = LoadWithSets("base", sets);
  if (!definition.ok()) return definition.error();
  const Result<std::vector<PointSpec>> expanded = Expand(*definition);
  if (!expanded.ok()) return expanded.error();
  return expanded->front().fit.window;
}

// Captures become the files that a request names.
Status WriteTables(const CommandLine& line, std::map<std::string, std::string> files, ImportRequest* request) {
  const Result<Duration> window = WindowOf(line.Get<std::vector<std::string>>("spec"));
  if (!window.ok()) return window.error();
  const Result<CaptureTables> tables = TablesOf({std::move(files), request->steps, request->offsets_ns, *window});
  if (!tables.ok()) return tables.error();
  request->flows = line.Get<std::string>("out") + "/flows.csv";
  if (Status written = WriteTextFile(request->flows, tables->flows); !written.ok()) return written;
  if (request->start_ns == 0) request->start_ns = tables->start_ns;
  if (!request->counters.empty()) return {};  // the user knows more than packets tell
  request->counters = line.Get<std::string>("out") + "/counters.csv";
  return WriteTextFile(request->counters, tables->counters);
}

// What was set by hand, and what follows from the run.
struct ImportedSpec {
  PointSpec spec;
  std::vector<std::string> sets;  // as `uhaul run base --set ...` takes them
};

Result<ImportedSpec> SpecOf(const std::vector<std::string>& texts, const ImportedRun& run, const std::string& trace) {
  ImportedSpec out;
  out.sets = texts;
  const auto is_set = [&](std::string_view prefix) {
    return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) { return text.starts_with(prefix); });
  };
  if (!is_set("workload.name=")) {
    if (run.trace.flows.empty()) {
      return Error{"--spec workload.name=NAME is needed: without every flow's arrival there is no trace to name it by"};
    }
    out.sets.push_back("workload.name=" + trace);
  }
  const int64_t t0_ns = run.record.t0_ns;
  if (!is_set("migration.")) {
    out.sets.push_back(fmt::format("migration.after={}ns", t0_ns));
    out.sets.emplace_back("migration.within=0s");
    out.sets.emplace_back("migration.phase=random");
  }
  if (!is_set("workload.duration=") && DefaultSpec().duration.nanos() < t0_ns) {
    out.sets.push_back(fmt::format("workload.duration={}ns", t0_ns));
  }
  const auto renamed = [](const Error& error) {
    const bool of_set = error.message.starts_with("--set");
    return Error{of_set ? "--spec" + error.message.substr(5) : error.message};
  };
  const Result<Definition> definition = LoadWithSets("base", out.sets);
  if (!definition.ok()) return renamed(definition.error());
  const Result<std::vector<PointSpec>> specs = Expand(*definition);
  if (!specs.ok()) return renamed(specs.error());
  if (specs->size() != 1) return Error{"--spec: a run is one point; give one value for each key"};
  out.spec = specs->front();
  return out;
}

Status Store(const std::string& directory, const ImportedSpec& imported, RunRecord record, const Stopwatch& stopwatch,
             const std::string& command) {
  StoredPoint point;
  point.id = PointId(imported.spec);
  point.engine = "import";
  point.build = "import";
  point.spec = CanonicalSpec(imported.spec);
  if (imported.spec.scheme.flows == MoveFlows::kElephants) {
    record.elephant_bytes_threshold = imported.spec.threshold.count();
    record.rho = imported.spec.rho;
  }
  point.record = std::move(record);
  Provenance provenance;
  provenance.id = point.id;
  provenance.engine = point.engine;
  provenance.build = point.build;
  provenance.command = command;
  provenance.host = "unknown";
  provenance.started = stopwatch.started();
  provenance.finished = stopwatch.Now();
  provenance.versions = {{"project", UHAUL_VERSION}};
  return WritePoint(directory, point, provenance);
}

void Report(const ImportedSpec& imported, const ImportedRun& run, const std::string& directory) {
  const auto active =
      std::count_if(run.record.flows.begin(), run.record.flows.end(), [](const FlowRow& row) { return row.active; });
  fmt::print("{} flows, {} of them active at t0; the point is {}/{}.json\n", run.record.flows.size(), active, directory,
             PointId(imported.spec));
  if (!run.record.unmeasured.empty()) fmt::print("no data: {}\n", fmt::join(run.record.unmeasured, ", "));
  if (run.trace.flows.empty()) {
    fmt::print("no trace: not every flow has an arrival_ns or first_sent_ns on the clock of 'accepted'\n");
    return;
  }
  std::string command = "uhaul run base";
  for (const std::string& set : imported.sets) command += fmt::format(" --set '{}'", set);
  fmt::print("to simulate its flows: {}\n", command);
}

}  // namespace

int ImportCommand(const Arguments& arguments) {
  CommandLine line("uhaul import [FLOWS.csv] --steps STEPS.csv --out DIR [options]", kAbout,
                   "uhaul import flows.csv --steps steps.csv --counters counters.csv --spec scheme.name=uhaul "
                   "--spec edm.threshold=3MB --offset sink=12us --out testbed");
  AddImportOptions(&line);
  line.Positional("flows", 1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  Result<std::map<std::string, std::string>> captures = ParseCaptures(line.Get<std::vector<std::string>>("capture"));
  if (!captures.ok()) return line.Usage(captures.error().message);
  if (line.Has("flows") == !captures->empty()) return line.Usage("which file of flows, or which captures?");
  const Stopwatch stopwatch;
  Result<ImportRequest> request = ReadRequest(line);
  if (!request.ok()) return line.Usage(request.error().message);
  const std::string& out = line.Get<std::string>("out");
  const std::string trace = out + "/trace.csv";
  std::error_code error;
  std::filesystem::create_directories(out, error);
  if (error) return Fail(exit_code::kBadInput, fmt::format("cannot make {}: {}", out, error.message()));
  if (!captures->empty()) {
    if (Status written = WriteTables(line, *std::move(captures), &*request); !written.ok())
      return FailFor(written.error());
  }
  const Result<ImportedRun> run = ImportRun(*request);
  if (!run.ok()) return FailFor(run.error());
  if (!run->trace.flows.empty()) {
    if (const Status written = WriteTrace(run->trace, trace); !written.ok()) return FailFor(written.error());
  }
  // After its trace: the point's identity depends on what is in it.
  const Result<ImportedSpec> imported = SpecOf(line.Get<std::vector<std::string>>("spec"), *run, trace);
  if (!imported.ok()) return FailFor(imported.error());
  const std::string command = fmt::format("uhaul import {}", fmt::join(arguments, " "));
  if (const Status s = Store(out, *imported, run->record, stopwatch, command); !s.ok()) return FailFor(s.error());
  Report(*imported, *run, out);
  return exit_code::kOk;
}

}  // namespace uhaul
