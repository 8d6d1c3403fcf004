// uhaul trace generate, uhaul trace show, uhaul trace from-pcap; uhaul schema.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "experiments/capture_text.h"
#include "experiments/cli.h"
#include "experiments/workload_file.h"
#include "workloads/trace.h"

namespace uhaul {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::json;

constexpr uint64_t kThresholds[] = {1'000'000, 3'000'000, 10'000'000};

Result<TraceOptions> ReadTraceOptions(const CommandLine& line) {
  struct Setting {
    const char* option;
    const char* key;
  };
  constexpr Setting kSettings[] = {{"workload", "workload.name"},
                                   {"load", "workload.load"},
                                   {"link", "link.rate"},
                                   {"duration", "workload.duration"},
                                   {"seed", "workload.trace"}};
  PointSpec spec = DefaultSpec();
  for (const Setting& setting : kSettings) {
    const Result<Value> value = ParseOption(setting.option, setting.key, line.Get<std::string>(setting.option));
    if (!value.ok()) return value.error();
    FindParameter(setting.key)->assign(spec, *value);
  }
  return TraceOptions{PathOf(spec.workload), spec.load, spec.link_rate, spec.duration, spec.trace};
}

int Generate(const Arguments& arguments) {
  CommandLine line(
      "uhaul trace generate --out FILE [options]",
      "Draws a trace: Poisson arrivals at a load, sizes from a distribution. The same options give the same file\n"
      "on any machine.",
      "uhaul trace generate --workload web_search --load 1.0 --link 10Gbps --duration 3s --seed 7 --out F");
  line.options().add_options()("workload", po::value<std::string>()->default_value("web_search"),
                               "a shipped distribution, or a .csv file of one")(
      "load", po::value<std::string>()->default_value("1"), "payload bytes over the link's rate")(
      "link", po::value<std::string>()->default_value("10Gbps"), "the link's rate")(
      "duration", po::value<std::string>()->default_value("3s"), "how long flows keep arriving")(
      "seed", po::value<std::string>()->default_value("1"), "the trace's number")("out,o", po::value<std::string>(),
                                                                                  "the file to write");
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("out")) return line.Usage("--out is needed");
  const Result<TraceOptions> options = ReadTraceOptions(line);
  if (!options.ok()) return line.Usage(options.error().message);
  const Result<Trace> trace = GenerateTrace(*options);
  if (!trace.ok()) return FailFor(trace.error());
  const std::string& out = line.Get<std::string>("out");
  if (const Status written = WriteTrace(*trace, out); !written.ok()) return FailFor(written.error());
  fmt::print("{} flows in {}\n", trace->flows.size(), out);
  return exit_code::kOk;
}

struct TraceSummary {
  uint64_t bytes = 0;
  int64_t last_arrival_ns = 0;
  std::vector<uint64_t> sizes;  // ascending
  uint64_t Quantile(double q) const {
    return sizes.empty()
               ? 0
               : sizes[std::min(sizes.size() - 1, static_cast<size_t>(q * static_cast<double>(sizes.size())))];
  }
};

TraceSummary Sum(const Trace& trace) {
  TraceSummary sum;
  for (const TraceFlow& flow : trace.flows) {
    sum.bytes += flow.bytes;
    sum.last_arrival_ns = flow.arrival.nanos();
    sum.sizes.push_back(flow.bytes);
  }
  std::sort(sum.sizes.begin(), sum.sizes.end());
  return sum;
}

int Show(const Arguments& arguments) {
  CommandLine line("uhaul trace show FILE [options]", "Summarises a trace.", "uhaul trace show F --json");
  line.options().add_options()("json", "the same as JSON");
  line.Positional("file", 1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("file")) return line.Usage("which trace?");
  const Result<Trace> trace = ReadTrace(line.Get<std::vector<std::string>>("file").front());
  if (!trace.ok()) return FailFor(trace.error());
  const TraceSummary sum = Sum(*trace);
  const double mean = sum.sizes.empty() ? 0 : static_cast<double>(sum.bytes) / static_cast<double>(sum.sizes.size());
  if (line.Has("json")) {
    Json shares = Json::object();
    for (const uint64_t t : kThresholds) shares[fmt::to_string(t)] = ByteShareAbove(*trace, Bytes(t));
    const Json out = {{"about", trace->about},
                      {"flows", sum.sizes.size()},
                      {"bytes", sum.bytes},
                      {"mean_bytes", mean},
                      {"median_bytes", sum.Quantile(0.5)},
                      {"p99_bytes", sum.Quantile(0.99)},
                      {"largest_bytes", sum.Quantile(1)},
                      {"last_arrival_ns", sum.last_arrival_ns},
                      {"byte_share_above", shares}};
    fmt::print("{}\n", out.dump(2, ' ', false, Json::error_handler_t::replace));
    return exit_code::kOk;
  }
  for (const auto& [key, value] : trace->about) fmt::print("{:<14} {}\n", key, value);
  fmt::print("{:<14} {}\n{:<14} {}\n{:<14} {:.0f}\n{:<14} {}\n{:<14} {}\n{:<14} {}\n{:<14} {}\n", "flows",
             sum.sizes.size(), "bytes", sum.bytes, "mean bytes", mean, "median bytes", sum.Quantile(0.5), "p99 bytes",
             sum.Quantile(0.99), "largest bytes", sum.Quantile(1), "last arrival",
             FormatQuantity(UnitKind::kDuration, sum.last_arrival_ns));
  for (const uint64_t t : kThresholds) {
    fmt::print("{:<14} {:.4f} of the bytes\n", ">= " + FormatQuantity(UnitKind::kBytes, static_cast<int64_t>(t)),
               ByteShareAbove(*trace, Bytes(t)));
  }
  return exit_code::kOk;
}

int FromPcap(const Arguments& arguments) {
  CommandLine line(
      "uhaul trace from-pcap FILE --out TRACE",
      "Writes the flows of a capture (pcap or pcapng, Ethernet) as a trace: one per five-tuple and direction,\n"
      "with the time of its first packet and its IP octets; and says what was in the capture.",
      "uhaul trace from-pcap F.pcap --out T.csv && uhaul detect --trace T.csv --at 1s --rho trace");
  line.options().add_options()("out,o", po::value<std::string>(), "the file to write");
  line.Positional("file", 1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("file") || !line.Has("out")) return line.Usage("a capture and --out are needed");
  const std::string& file = line.Get<std::vector<std::string>>("file").front();
  const std::string& out = line.Get<std::string>("out");
  const Result<CaptureSummary> capture = ReadCaptureFlows(file);
  if (!capture.ok()) return FailFor(capture.error());
  const Result<Trace> trace = TraceOf(*capture, file);
  if (!trace.ok()) return FailFor(trace.error());
  if (const Status written = WriteTrace(*trace, out); !written.ok()) return FailFor(written.error());
  fmt::print("{}{} flows in {}\n", CaptureText(capture->totals), trace->flows.size(), out);
  return exit_code::kOk;
}

}  // namespace

int TraceCommand(const Arguments& arguments) {
  const std::string word = arguments.empty() ? "" : arguments.front();
  const Arguments rest(arguments.empty() ? arguments.end() : arguments.begin() + 1, arguments.end());
  if (word == "generate") return Generate(rest);
  if (word == "show") return Show(rest);
  if (word == "from-pcap") return FromPcap(rest);
  if (word == "--help" || word == "-h") {
    fmt::print(
        "usage: uhaul trace generate|show|from-pcap ...\n\nFlow traces: 'uhaul trace generate --help', 'uhaul trace "
        "show "
        "--help',\n'uhaul trace from-pcap --help'.\n\n"
        "Example:\n  uhaul trace generate --workload azure_wan --seed 7 --out F && uhaul trace show F\n");
    return exit_code::kOk;
  }
  return Fail(exit_code::kUsage, fmt::format("trace needs generate, show or from-pcap, got {}{}", Quoted(word),
                                             DidYouMean(word, {"generate", "show", "from-pcap"})));
}

int SchemaCommand(const Arguments& arguments) {
  CommandLine line("uhaul schema [options]",
                   "Lists every parameter of an experiment with its unit, default and limits.",
                   "uhaul schema --json > uhaul-experiment.schema.json");
  line.options().add_options()("json", "a JSON schema of definition files, for editors")("markdown",
                                                                                         "a Markdown table");
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  const std::string text = line.Has("json") ? SchemaJson() : line.Has("markdown") ? SchemaMarkdown() : SchemaText();
  fmt::print("{}", text);
  return exit_code::kOk;
}

}  // namespace uhaul
