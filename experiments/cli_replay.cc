// uhaul replay: a capture through two monitoring NF instances with a move between them.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "experiments/capture_run.h"
#include "experiments/capture_text.h"
#include "experiments/cli.h"

namespace uhaul {
namespace {

namespace po = boost::program_options;

// What of a point's parameters means something here.
constexpr const char* kMeaningful[] = {"scheme.", "move.", "profile.", "edm.", "fit.", "switch.", "link.delay"};

Result<PointSpec> ReadSpec(const CommandLine& line) {
  std::vector<std::string> sets;
  if (line.Has("scheme")) sets.push_back("scheme.name=" + line.Get<std::string>("scheme"));
  if (line.Has("set")) {
    for (const std::string& set : line.Get<std::vector<std::string>>("set")) sets.push_back(set);
  }
  Definition definition;
  definition.grids.emplace_back();
  std::vector<Axis> axes;
  for (size_t i = 0; i < sets.size(); ++i) {
    Result<Axis> axis = ParseSet(static_cast<int>(i) + 1, sets[i]);
    if (!axis.ok()) return axis.error();
    if (axis->values.size() != 1) return Error{axis->place + ": error: a replay takes one value"};
    const std::string& key = axis->parameter->key;
    if (std::none_of(std::begin(kMeaningful), std::end(kMeaningful),
                     [&](const char* prefix) { return key.starts_with(prefix); })) {
      return Error{fmt::format("{}: error: {} means nothing in a replay; what does: {}", axis->place, Quoted(key),
                               fmt::join(kMeaningful, "* "))};
    }
    axes.push_back(*std::move(axis));
  }
  ApplySets(axes, &definition);
  const Result<std::vector<PointSpec>> points = Expand(definition);
  if (!points.ok()) return points.error();
  return points->front();
}

// "50%" of the capture's time, or a time since its first packet.
Result<TimePoint> MoveTime(const std::string& text, TimePoint end) {
  if (!text.ends_with('%')) {
    const Result<int64_t> at = ParseQuantity(UnitKind::kDuration, text);
    if (!at.ok()) return Error{"--move-at " + at.error().message};
    if (*at < 0) return Error{"--move-at may not be negative"};
    return TimePoint::FromNanos(*at);
  }
  const Result<double> share = ParseReal(text.substr(0, text.size() - 1));
  if (!share.ok() || *share < 0 || *share > 100) {
    return Error{fmt::format("--move-at {}: a share of the capture's time lies between 0% and 100%", Quoted(text))};
  }
  return TimePoint::FromNanos(static_cast<int64_t>(static_cast<double>(end.nanos()) * *share / 100));
}

// The share of the capture's bytes that connections of at least the threshold carry; both directions count.
double RhoOf(const CaptureSummary& capture, Bytes threshold) {
  double large = 0;
  for (const CaptureFlow& flow : capture.flows) {
    if (flow.reverse) continue;
    const uint64_t bytes = flow.bytes + (flow.peer == kNoFlow ? 0 : capture.flows[flow.peer].bytes);
    if (bytes >= threshold.count()) large += static_cast<double>(bytes);
  }
  return capture.totals.bytes == 0 ? 0 : large / static_cast<double>(capture.totals.bytes);
}

Result<DetectorSpec> DetectorOf(const PointSpec& spec, const CaptureSummary& capture) {
  DetectorSpec detector{spec.detector, 0, spec.threshold};
  switch (spec.rho_source) {
    case RhoSource::kGiven:
      detector.rho = spec.rho;
      break;
    case RhoSource::kOffline:  // the default: what the operator would know of this traffic
    case RhoSource::kTrace:
      detector.rho = RhoOf(capture, spec.threshold);
      break;
    case RhoSource::kSnapshot:
      return Error{"--set edm.rho=snapshot: error: not in a replay; give trace or a number"};
  }
  return detector;
}

Status WriteRecords(const std::vector<AssetRecord>& records, const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  bool good = file != nullptr;
  if (good) good = std::fputs((AssetHeader() + "\n").c_str(), file) >= 0;
  for (size_t i = 0; good && i < records.size(); ++i) {
    good = std::fputs((AssetLine(records[i]) + "\n").c_str(), file) >= 0;
  }
  const int failure = errno;
  if (file != nullptr && std::fclose(file) != 0) good = false;
  if (good) return {};
  return Error{fmt::format("{}: cannot be written: {}", path, std::strerror(failure))};
}

std::string At(TimePoint at) { return FormatQuantity(UnitKind::kDuration, at.nanos()); }

void PrintMove(const CaptureRunOptions& options, const CaptureRunResult& run) {
  const auto step = [&](OperationStep s) {
    const auto found = run.steps.find(s);
    return found == run.steps.end() ? TimePoint::Never() : found->second;
  };
  const auto moved = run.outcomes.find(FlowOutcome::kMoved);
  fmt::print("move at {}: scheme {}, profile {}; {} flows selected, {} moved", At(options.move_at),
             options.move.scheme.name, options.profile.name, run.selected,
             moved == run.outcomes.end() ? 0 : moved->second);
  if (step(OperationStep::kDone) != TimePoint::Never()) {
    fmt::print(", done in {}\n", At(TimePoint() + (step(OperationStep::kDone) - options.move_at)));
  } else {
    fmt::print("; it has not ended\n");
  }
  fmt::print("  {} packets by the controller, {} relayed, {} dropped, {} out of order\n", run.by_controller,
             run.relayed, run.dropped, run.reordered);
}

void Print(const CaptureRunOptions& options, const CaptureRunResult& run) {
  fmt::print("{}", CaptureText(run.capture));
  if (options.move.scheme.flows != MoveFlows::kNone) PrintMove(options, run);
  fmt::print("{} packets processed of {}; {} records: {} at NF 1, {} at NF 2\n", run.processed, run.sent,
             run.records.size(), run.records_at[0], run.records_at[1]);
  if (run.split > 0) {
    fmt::print(
        "  {} connections have a record at each: they were idle when the flows were chosen (--set fit.window, "
        "scheme.flows=table)\n",
        run.split);
  }
  if (run.unwatched > 0) fmt::print("  {} packets found no room in a monitor\n", run.unwatched);
  if (run.fit_full > 0) fmt::print("  {} packets found no room in a FIT (--set fit.capacity)\n", run.fit_full);
}

}  // namespace

int ReplayCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul replay FILE [options]",
      "Sends a capture (pcap or pcapng, Ethernet) through NF 1, an asset monitor, at its recorded times and moves "
      "flows\n"
      "to NF 2 in the middle; offline, in no time. Says what the move did, and writes the records of both monitors.\n"
      "Without --scheme and --move-at nothing is moved: the records of one monitor, to compare with.",
      "uhaul replay F.pcap --scheme opennf-op --move-at 50% --set scheme.flows=table --records moved.csv");
  line.options().add_options()("scheme", po::value<std::string>(), "how to move, 'uhaul schema' lists them; uhaul")(
      "move-at", po::value<std::string>(), "a share of the capture's time, or a time since its first packet; 50%")(
      "set", po::value<std::vector<std::string>>()->composing(),
      "KEY=VALUE: scheme.*, move.*, profile.*, edm.*, fit.*, switch.*, link.delay")(
      "records", po::value<std::string>(), "where to write the records, as CSV");
  line.Positional("file", 1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("file")) return line.Usage("which capture?");
  const std::string& file = line.Get<std::vector<std::string>>("file").front();
  const Result<PointSpec> spec = ReadSpec(line);
  if (!spec.ok()) return FailFor(spec.error());
  CaptureRunOptions options;
  options.fit = spec->fit;
  options.switch_table = spec->switch_table;
  options.link_delay = spec->link_delay;
  options.profile = spec->profile;
  options.move.scheme.flows = MoveFlows::kNone;
  if (line.Has("scheme") || line.Has("move-at")) {
    const Result<CaptureSummary> capture = ReadCaptureFlows(file);
    if (!capture.ok()) return FailFor(capture.error());
    options.move = {0, 1, spec->scheme, spec->move_filter, spec->move_limit};
    const Result<TimePoint> at =
        MoveTime(line.Has("move-at") ? line.Get<std::string>("move-at") : "50%", capture->totals.end);
    if (!at.ok()) return line.Usage(at.error().message);
    options.move_at = *at;
    const Result<DetectorSpec> detector = DetectorOf(*spec, *capture);
    if (!detector.ok()) return FailFor(detector.error());
    options.detector = *detector;
  }
  const Result<CaptureRunResult> run = RunCapture(file, options);
  if (!run.ok()) return FailFor(run.error());
  if (line.Has("records")) {
    const Status written = WriteRecords(run->records, line.Get<std::string>("records"));
    if (!written.ok()) return FailFor(written.error());
  }
  Print(options, *run);
  return exit_code::kOk;
}

}  // namespace uhaul
