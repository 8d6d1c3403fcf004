#include "workloads/trace.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "core/base/hash.h"

namespace uhaul {
namespace {

using Catch::Matchers::Contains;

Trace Generate(TraceOptions options) {
  Result<Trace> trace = GenerateTrace(options);
  if (!trace) FAIL(trace.error().message);
  return *std::move(trace);
}

uint64_t HashOf(const Trace& trace) {
  StateHash hash;
  for (const TraceFlow& flow : trace.flows) {
    hash.Add(static_cast<uint64_t>(flow.arrival.nanos()));
    hash.Add(flow.bytes);
    const std::string tuple = flow.tuple.ToString();
    hash.Add({reinterpret_cast<const uint8_t*>(tuple.data()), tuple.size()});
  }
  return hash.value();
}

TEST_CASE("GenerateTrace: a seed gives this very trace, today and on any machine") {
  const Trace trace = Generate({.workload = "facebook_cache", .duration = Duration::Millis(500), .seed = 7});
  CHECK(trace.flows.size() == 924);
  CHECK(HashOf(trace) == 0x2a97704ea16cefa4ULL);
  CHECK(HashOf(Generate({.workload = "facebook_cache", .duration = Duration::Millis(500), .seed = 8})) !=
        HashOf(trace));
}

TEST_CASE("GenerateTrace: a longer trace begins with the shorter one") {
  const Trace shorter = Generate({.duration = Duration::Millis(400), .seed = 3});
  Trace longer = Generate({.duration = Duration::Seconds(2), .seed = 3});
  REQUIRE(longer.flows.size() > shorter.flows.size());
  longer.flows.resize(shorter.flows.size());
  CHECK(HashOf(longer) == HashOf(shorter));
}

TEST_CASE("GenerateTrace: the load moves arrivals, not sizes or five-tuples") {
  const Trace full = Generate({.load = 1.0, .seed = 5});
  const Trace half = Generate({.load = 0.5, .seed = 5});
  REQUIRE(half.flows.size() < full.flows.size());
  for (size_t i = 0; i < half.flows.size(); ++i) {
    REQUIRE(half.flows[i].bytes == full.flows[i].bytes);
    REQUIRE(half.flows[i].tuple == full.flows[i].tuple);
    // Rounded each for itself: within half a nanosecond per gap.
    REQUIRE(std::abs(half.flows[i].arrival.nanos() - 2 * full.flows[i].arrival.nanos()) <=
            static_cast<int64_t>(2 * i + 2));
  }
}

TEST_CASE("GenerateTrace: arrivals are Poisson at the rate that the load asks for") {
  constexpr double kSeconds = 20;
  const Trace trace = Generate({.workload = "azure_wan", .duration = Duration::Seconds(20), .seed = 11});
  const double expected = 5000 * kSeconds;
  const auto count = static_cast<double>(trace.flows.size());
  CHECK(std::abs(count - expected) < 4 * std::sqrt(expected));
  // Counts per 10 ms of a Poisson process have a variance equal to their mean.
  std::vector<double> bins(2000);
  for (const TraceFlow& flow : trace.flows) bins[static_cast<size_t>(flow.arrival.nanos() / 10'000'000)] += 1;
  const double mean = count / 2000;
  double squares = 0;
  for (double bin : bins) squares += (bin - mean) * (bin - mean);
  CHECK(squares / 1999 / mean == Approx(1).margin(4 * std::sqrt(2. / 1999)));
  // Gaps are exponential: a share 1/e is longer than the mean.
  double longer = 0;
  for (size_t i = 1; i < trace.flows.size(); ++i) {
    if ((trace.flows[i].arrival - trace.flows[i - 1].arrival).nanos() > 200'000) longer += 1;
  }
  CHECK(longer / count == Approx(std::exp(-1)).margin(4 * std::sqrt(0.2325 / count)));
}

TEST_CASE("GenerateTrace: arrivals are sorted, within the duration, and five-tuples are unique in their ranges") {
  const Trace trace = Generate({.workload = "azure_wan", .seed = 2});
  std::set<FiveTuple> tuples;
  TimePoint before;
  for (const TraceFlow& flow : trace.flows) {
    REQUIRE(flow.arrival >= before);
    REQUIRE(flow.arrival < TimePoint() + Duration::Seconds(3));
    REQUIRE(flow.bytes >= 1);
    REQUIRE(flow.tuple.version == 4);
    REQUIRE(flow.tuple.protocol == kProtocolTcp);
    REQUIRE(flow.tuple.source[0] == 10);
    REQUIRE(flow.tuple.destination[0] == 172);
    REQUIRE((flow.tuple.destination[1] & 0xf0) == 16);
    REQUIRE(flow.tuple.source_port >= 32768);
    REQUIRE(flow.tuple.destination_port > 0);
    REQUIRE(tuples.insert(flow.tuple).second);
    before = flow.arrival;
  }
}

TEST_CASE("GenerateTrace: the trace says how it was made") {
  const Trace trace = Generate({.workload = "azure_wan", .load = 0.7, .duration = Duration::Millis(20), .seed = 9});
  const std::map<std::string, std::string> expected = {
      {"workload", "azure_wan"},   {"load", "0.7"},          {"seed", "9"}, {"link_bps", "10000000000"},
      {"duration_ns", "20000000"}, {"evidence", "synthetic"}};
  CHECK(trace.about == expected);
}

TEST_CASE("GenerateTrace: impossible options are refused with the cure") {
  const auto error = [](const TraceOptions& options) {
    const Result<Trace> trace = GenerateTrace(options);
    REQUIRE_FALSE(trace.ok());
    return trace.error().message;
  };
  CHECK_THAT(error({.load = 0}), Contains("a load of 0"));
  CHECK_THAT(error({.load = -1}), Contains("load"));
  CHECK_THAT(error({.load = 1.51}), Contains("at most 1.5"));
  CHECK_THAT(error({.load = std::nan("")}), Contains("load"));
  CHECK_THAT(error({.link = BitRate(0)}), Contains("10Gbps"));
  CHECK_THAT(error({.duration = Duration()}), Contains("duration"));
  CHECK_THAT(error({.duration = Duration::Seconds(1'000'001)}), Contains("at most 1000000 s"));
  CHECK_THAT(error({.duration = Duration::Seconds(900'000)}), Contains("shorten"));
  CHECK_THAT(error({.workload = "web-searches"}), Contains("did you mean 'web_search'"));
}

TEST_CASE("ByteShareAbove: a trace's own rho counts flows of at least the threshold") {
  Trace trace;
  for (uint64_t bytes : {100, 200, 300, 400}) {
    FiveTuple tuple;
    tuple.source_port = static_cast<uint16_t>(bytes);
    trace.flows.push_back({TimePoint(), bytes, tuple});
  }
  CHECK(ByteShareAbove(trace, Bytes(0)) == 1);
  CHECK(ByteShareAbove(trace, Bytes(300)) == Approx(0.7));
  CHECK(ByteShareAbove(trace, Bytes(301)) == Approx(0.4));
  CHECK(ByteShareAbove(trace, Bytes(401)) == 0);
  CHECK(ByteShareAbove(Trace{}, Bytes(1)) == 0);
}

TEST_CASE("ByteShareAbove: a long trace's own rho comes near the distribution's") {
  const Trace trace = Generate({.workload = "azure_wan", .duration = Duration::Seconds(20), .seed = 4});
  CHECK(ByteShareAbove(trace, Bytes(1'000'000)) == Approx(0.78).margin(0.02));
  CHECK(ByteShareAbove(trace, Bytes(2'000'000)) == Approx(0.32).margin(0.03));
}

}  // namespace
}  // namespace uhaul
