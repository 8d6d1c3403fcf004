// uhaul detect: replays a trace up to an instant and asks the EDM. Everything printed can be recomputed from the trace.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/flow/elephant_detector.h"
#include "experiments/cli.h"
#include "workloads/replay.h"

namespace uhaul {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::json;

struct DetectRequest {
  std::string trace_path;
  TimePoint at;
  PointSpec spec;  // its senders, link, fit and edm parts are used
  bool link_given = false;
  bool json = false;
};

struct Row {
  uint32_t flow = 0;
  FiveTuple tuple;
  Bytes current;
  Bytes final;
  Bytes unsent;
  bool selected = false;
  bool elephant = false;
};

struct Detection {
  std::vector<Row> rows;  // in decreasing current size, ties in five-tuple order
  std::optional<double> rho;
  Bytes total;
  Bytes selected;
  size_t tp = 0, fp = 0, tn = 0, fn = 0;
};

// The options that are a parameter's: option, key, default ("" : the parameter's own).
struct Setting {
  const char* option;
  const char* key;
  const char* help;
};
constexpr Setting kSettings[] = {
    {"threshold", "edm.threshold", "a flow of at least this final size is an elephant"},
    {"detector", "edm.detector", "proportion or size"},
    {"rho", "edm.rho", "offline, trace, snapshot or a number in (0, 1]"},
    {"senders", "workload.senders", "flows that send at a time, unlimited, or window"},
    {"packet", "workload.packet", "largest packet"},
    {"window", "fit.window", "window of the FIT"},
    {"capacity", "fit.capacity", "entries of the FIT"},
    {"link", "link.rate", "rate of the link; by default the trace's own"},
};

Result<DetectRequest> ReadRequest(const CommandLine& line) {
  DetectRequest request;
  request.spec = DefaultSpec();
  request.trace_path = line.Get<std::string>("trace");
  request.json = line.Has("json");
  request.link_given = line.Has("link");
  const Result<int64_t> at = ParseQuantity(UnitKind::kDuration, line.Get<std::string>("at"));
  if (!at.ok()) return Error{"--at " + at.error().message};
  request.at = TimePoint::FromNanos(*at);
  for (const Setting& setting : kSettings) {
    if (!line.Has(setting.option)) continue;
    const Result<Value> value = ParseOption(setting.option, setting.key, line.Get<std::string>(setting.option));
    if (!value.ok()) return value.error();
    FindParameter(setting.key)->assign(request.spec, *value);
  }
  return request;
}

Replay RunReplay(const DetectRequest& request, const Trace& trace, BitRate link, uint64_t seed) {
  ReplayOptions options;
  options.source.model = static_cast<SenderModel>(request.spec.senders);
  options.source.limit = request.spec.sender_limit;
  options.source.packet_bytes = request.spec.packet_bytes;
  options.source.link = link;
  options.source.window = request.spec.window_packets;
  options.source.retransmission_timeout = request.spec.retransmission_timeout;
  options.source.seed = seed;
  options.table = request.spec.fit;
  options.at = request.at;
  return ReplayTrace(trace, options);
}

// By final size, of the flows active now: an oracle.
double SnapshotShare(const Replay& replay, Bytes threshold) {
  double all = 0;
  double large = 0;
  for (const Bytes bytes : replay.final_bytes) {
    all += static_cast<double>(bytes.count());
    if (bytes >= threshold) large += static_cast<double>(bytes.count());
  }
  return all > 0 ? large / all : 0;
}

Result<double> FindRho(const DetectRequest& request, const Trace& trace, const Replay& replay) {
  switch (request.spec.rho_source) {
    case RhoSource::kGiven:
      return request.spec.rho;
    case RhoSource::kTrace:
      return ByteShareAbove(trace, request.spec.threshold);
    case RhoSource::kSnapshot:
      return SnapshotShare(replay, request.spec.threshold);
    case RhoSource::kOffline: {
      const auto workload = trace.about.find("workload");
      if (workload == trace.about.end()) {
        return Error{
            fmt::format("{}: error: names no workload, so there is no distribution to take rho from; "
                        "give --rho trace, or a number",
                        request.trace_path)};
      }
      const Result<SizeDistribution> sizes = SizeDistribution::Load(workload->second);
      if (!sizes.ok()) return sizes.error();
      return sizes->ByteShareAbove(request.spec.threshold);
    }
  }
  UHAUL_CHECK(false);
}

Detection Detect(const DetectRequest& request, const Replay& replay, std::optional<double> rho) {
  const DetectorSpec spec = {request.spec.detector, rho.value_or(0), request.spec.threshold};
  const Selection selection = MakeDetector(spec)->Select(replay.active);
  std::set<FiveTuple> selected;
  for (const ActiveFlow& flow : selection.flows) selected.insert(flow.flow.tuple);
  Detection out{{}, rho, selection.total_bytes, selection.selected_bytes};
  for (size_t i = 0; i < replay.active.size(); ++i) {
    const FiveTuple& tuple = replay.active[i].flow.tuple;
    const Row row = {replay.flows[i],
                     tuple,
                     replay.active[i].bytes,
                     replay.final_bytes[i],
                     replay.unsent_bytes[i],
                     selected.contains(tuple),
                     replay.final_bytes[i] >= request.spec.threshold};
    ++(row.elephant ? (row.selected ? out.tp : out.fn) : (row.selected ? out.fp : out.tn));
    out.rows.push_back(row);
  }
  std::stable_sort(out.rows.begin(), out.rows.end(), [](const Row& a, const Row& b) {
    return a.current != b.current ? a.current > b.current : a.tuple < b.tuple;
  });
  return out;
}

std::optional<double> Share(size_t part, size_t rest) {
  if (part + rest == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(part + rest);
}

Json OrNull(std::optional<double> value) { return value ? Json(*value) : Json(nullptr); }

std::string Word(const char* key, const PointSpec& spec) { return FindParameter(key)->canonical(spec); }

void PrintJson(const DetectRequest& request, const Detection& d, BitRate link) {
  Json flows = Json::array();
  for (const Row& row : d.rows) {
    flows.push_back({{"flow", row.flow},
                     {"five_tuple", row.tuple.ToString()},
                     {"bytes", row.current.count()},
                     {"final_bytes", row.final.count()},
                     {"unsent_bytes", row.unsent.count()},
                     {"selected", row.selected},
                     {"elephant", row.elephant}});
  }
  const Json out = {
      {"trace", request.trace_path},
      {"at_ns", request.at.nanos()},
      {"link_bps", link.bits_per_second()},
      {"senders", Word("workload.senders", request.spec)},
      {"window_ns", request.spec.fit.window.nanos()},
      {"detector", Word("edm.detector", request.spec)},
      {"threshold_bytes", request.spec.threshold.count()},
      {"rho", OrNull(d.rho)},
      {"rho_source",
       d.rho ? Json(request.spec.rho_source == RhoSource::kGiven ? "given" : Word("edm.rho", request.spec)) : Json()},
      {"active", d.rows.size()},
      {"selected", d.tp + d.fp},
      {"total_bytes", d.total.count()},
      {"selected_bytes", d.selected.count()},
      {"confusion", {{"tp", d.tp}, {"fp", d.fp}, {"tn", d.tn}, {"fn", d.fn}}},
      {"recall", OrNull(Share(d.tp, d.fn))},
      {"accuracy", OrNull(Share(d.tp + d.tn, d.fp + d.fn))},
      {"false_negative_rate", OrNull(Share(d.fn, d.tp))},
      {"false_positive_rate", OrNull(Share(d.fp, d.tn))},
      {"flows", flows}};
  fmt::print("{}\n", out.dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string Percent(std::optional<double> share) { return share ? fmt::format("{:.1f} %", *share * 100) : "-"; }

void PrintText(const DetectRequest& request, const Detection& d) {
  fmt::print("{} active flows at {}, window {}; {} detection, elephants from {}\n", d.rows.size(),
             FormatQuantity(UnitKind::kDuration, request.at.nanos()),
             HumanValue(*FindParameter("fit.window"), Word("fit.window", request.spec)),
             Word("edm.detector", request.spec),
             HumanValue(*FindParameter("edm.threshold"), Word("edm.threshold", request.spec)));
  if (d.rho) fmt::print("rho {:.6f} ({})\n", *d.rho, Word("edm.rho", request.spec));
  const double share =
      d.total.count() > 0 ? static_cast<double>(d.selected.count()) / static_cast<double>(d.total.count()) : 0;
  fmt::print("S = {} bytes, S' = {} bytes of {} selected flows, S'/S = {:.6f}\n", d.total.count(), d.selected.count(),
             d.tp + d.fp, share);
  fmt::print("TP {}  FP {}  TN {}  FN {}   recall {}  accuracy {}  FN rate {}  FP rate {}\n\n", d.tp, d.fp, d.tn, d.fn,
             Percent(Share(d.tp, d.fn)), Percent(Share(d.tp + d.tn, d.fp + d.fn)), Percent(Share(d.fn, d.tp)),
             Percent(Share(d.fp, d.tn)));
  fmt::print("{:>8} {:>12} {:>12} {:>12}  {:<8} {:<8} {}\n", "flow", "bytes", "final", "unsent", "selected", "elephant",
             "five-tuple");
  for (const Row& row : d.rows) {
    fmt::print("{:>8} {:>12} {:>12} {:>12}  {:<8} {:<8} {}\n", row.flow, row.current.count(), row.final.count(),
               row.unsent.count(), row.selected ? "yes" : "no", row.elephant ? "yes" : "no", row.tuple.ToString());
  }
}

// What the trace says of itself; the fallback where it says nothing.
Result<int64_t> About(const Trace& trace, const std::string& path, const std::string& key, int64_t fallback) {
  const auto found = trace.about.find(key);
  if (found == trace.about.end()) return fallback;
  const Result<int64_t> value = ParseInteger(found->second);
  if (!value.ok() || *value < 1)
    return Error{fmt::format("{}: error: '{}' {}", path, key, "needs a whole number above zero")};
  return *value;
}

}  // namespace

int DetectCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul detect --trace FILE --at TIME [options]",
      "Replays a trace up to an instant, prints the flows in the FIT with their bytes, which of them the EDM\n"
      "selects, and how that compares with their final sizes.",
      "uhaul detect --trace F --at 2.5s --threshold 3MB --rho 0.8 --json");
  line.options().add_options()("trace", po::value<std::string>(), "a trace file ('uhaul trace generate' makes one)")(
      "at", po::value<std::string>(), "the instant, from the trace's start")("json", "the same as JSON");
  for (const Setting& setting : kSettings)
    line.options().add_options()(setting.option, po::value<std::string>(), setting.help);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("trace") || !line.Has("at")) return line.Usage("--trace and --at are needed");
  const Result<DetectRequest> request = ReadRequest(line);
  if (!request.ok()) return line.Usage(request.error().message);
  const Result<Trace> trace = ReadTrace(request->trace_path);
  if (!trace.ok()) return FailFor(trace.error());
  const Result<int64_t> own_link = About(*trace, request->trace_path, "link_bps", 10'000'000'000);
  if (!own_link.ok()) return FailFor(own_link.error());
  const Result<int64_t> seed = About(*trace, request->trace_path, "seed", 1);
  if (!seed.ok()) return FailFor(seed.error());
  const BitRate link = request->link_given ? request->spec.link_rate : BitRate(static_cast<uint64_t>(*own_link));
  const Replay replay = RunReplay(*request, *trace, link, static_cast<uint64_t>(*seed));
  std::optional<double> rho;
  if (request->spec.detector == DetectorSpec::Kind::kProportion) {
    const Result<double> found = FindRho(*request, *trace, replay);
    if (!found.ok()) return FailFor(found.error());
    rho = *found;
  }
  const Detection detection = Detect(*request, replay, rho);
  if (request->json) {
    PrintJson(*request, detection, link);
  } else {
    PrintText(*request, detection);
  }
  return exit_code::kOk;
}

}  // namespace uhaul
