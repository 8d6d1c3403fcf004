#include "workloads/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <unordered_set>

#include "workloads/random_streams.h"

namespace uhaul {
namespace {

constexpr double kMaxLoad = 1.5;
constexpr double kMaxFlows = 1e8;
constexpr int64_t kMaxDurationNanos = 1'000'000'000'000'000;  // eleven days

// Services that the generated flows ask for; their choice has no effect on any result.
constexpr std::array<uint16_t, 8> kServices = {80, 443, 22, 25, 993, 3306, 8080, 11211};
// The range that Linux picks source ports from.
constexpr uint64_t kFirstSourcePort = 32768;
constexpr uint64_t kSourcePorts = 28232;

// Draws five-tuples that have not been drawn before: sources in 10.0.0.0/8, destinations in 172.16.0.0/12, TCP.
class TupleDrawer {
 public:
  explicit TupleDrawer(uint64_t seed) : random_(seed, kTupleStream) {}

  FiveTuple Draw() {
    for (;;) {
      const uint64_t source = random_.Below(1 << 24);
      const uint64_t source_port = kFirstSourcePort + random_.Below(kSourcePorts);
      const uint64_t destination = random_.Below(1 << 20);
      const uint64_t service = random_.Below(kServices.size());
      // 24 + 16 + 20 + 3 bits: the whole tuple in one word.
      if (!drawn_.insert(source << 39 | source_port << 23 | destination << 3 | service).second) continue;
      FiveTuple tuple;
      tuple.source = FiveTuple::Ipv4(10, Octet(source >> 16), Octet(source >> 8), Octet(source));
      tuple.source_port = static_cast<uint16_t>(source_port);
      tuple.destination =
          FiveTuple::Ipv4(172, Octet(16 + (destination >> 16)), Octet(destination >> 8), Octet(destination));
      tuple.destination_port = kServices[service];
      return tuple;
    }
  }

 private:
  static uint8_t Octet(uint64_t v) { return static_cast<uint8_t>(v & 0xff); }

  Random random_;
  std::unordered_set<uint64_t> drawn_;  // asked, never iterated
};

Status CheckOptions(const TraceOptions& options) {
  if (!(options.load > 0 && options.load <= kMaxLoad)) {
    return Error{fmt::format("a load of {}; it is payload bytes over link rate, above 0 and at most {}", options.load,
                             kMaxLoad)};
  }
  if (options.link.bits_per_second() == 0) return Error{"the link's rate is 0; give a rate such as 10Gbps"};
  if (options.duration <= Duration() || options.duration.nanos() > kMaxDurationNanos) {
    return Error{fmt::format("a trace of {} s; give a duration above 0 and at most {} s", options.duration.seconds(),
                             kMaxDurationNanos / 1'000'000'000)};
  }
  return {};
}

constexpr std::string_view kEven = "even:";

// A trace's options, in its file's head.
std::map<std::string, std::string> About(const TraceOptions& options) {
  return {{"workload", options.workload},
          {"load", fmt::format("{}", options.load)},
          {"link_bps", fmt::format("{}", options.link.bits_per_second())},
          {"duration_ns", fmt::format("{}", options.duration.nanos())},
          {"seed", fmt::format("{}", options.seed)}};
}

Result<Trace> GenerateEven(const TraceOptions& options) {
  constexpr int64_t kArriveWithin = 20;  // of the duration, a part
  const std::string_view number = std::string_view(options.workload).substr(kEven.size());
  uint64_t flows = 0;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), flows);
  if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size() || flows < 1 || flows > 1'000'000) {
    return Error{fmt::format("workload '{}': even:N needs a number of flows from 1 to 1000000", options.workload)};
  }
  const double bytes = options.load * static_cast<double>(options.link.bits_per_second()) / 8 *
                       options.duration.seconds() / static_cast<double>(flows);
  Trace trace;
  trace.about = About(options);
  Random arrivals(options.seed, kArrivalStream);
  std::vector<int64_t> times;
  for (uint64_t i = 0; i < flows; ++i) {
    times.push_back(static_cast<int64_t>(arrivals.Below(static_cast<uint64_t>(options.duration.nanos() / kArriveWithin))));
  }
  std::sort(times.begin(), times.end());
  TupleDrawer tuples(options.seed);
  for (const int64_t at : times) {
    trace.flows.push_back({TimePoint::FromNanos(at), std::max<uint64_t>(1, static_cast<uint64_t>(bytes)), tuples.Draw()});
  }
  return trace;
}

}  // namespace

Result<Trace> GenerateTrace(const TraceOptions& options) {
  const Status status = CheckOptions(options);
  if (!status) return status.error();
  if (options.workload.starts_with(kEven)) return GenerateEven(options);
  const Result<SizeDistribution> sizes = SizeDistribution::Load(options.workload);
  if (!sizes) return sizes.error();

  // Load = flow rate x mean size / link rate (U-HAUL 4.1: Poisson arrivals at an average load).
  const double mean_gap_ns =
      sizes->MeanBytes() * 8e9 / (options.load * static_cast<double>(options.link.bits_per_second()));
  if (static_cast<double>(options.duration.nanos()) / mean_gap_ns > 0.9 * kMaxFlows) {
    return Error{fmt::format("about {:.3g} flows would arrive; at most {:.0e} are supported: shorten the duration",
                             static_cast<double>(options.duration.nanos()) / mean_gap_ns, kMaxFlows)};
  }

  Trace trace;
  trace.about = About(options);
  const auto evidence = sizes->about().find("evidence");
  if (evidence != sizes->about().end()) trace.about["evidence"] = evidence->second;
  Random arrivals(options.seed, kArrivalStream);
  Random draws(options.seed, kSizeStream);
  TupleDrawer tuples(options.seed);
  const TimePoint end = TimePoint() + options.duration;
  for (TimePoint at;;) {
    at = at + ExponentialTime(arrivals, mean_gap_ns);
    if (at >= end) return trace;
    TraceFlow flow;
    flow.arrival = at;
    flow.bytes = sizes->Sample(draws);
    flow.tuple = tuples.Draw();
    trace.flows.push_back(flow);
  }
}

double ByteShareAbove(const Trace& trace, Bytes threshold) {
  double all = 0;
  double above = 0;
  for (const TraceFlow& flow : trace.flows) {
    const auto bytes = static_cast<double>(flow.bytes);  // sums of whole numbers below 2^53 are exact
    all += bytes;
    if (flow.bytes >= threshold.count()) above += bytes;
  }
  return all > 0 ? above / all : 0;
}

}  // namespace uhaul
