// A trace: the flows of one run, not its packets. Everything else (who sends when, which packets) follows from it and
// the senders' options, so an outsider can recompute every figure from the file.
//
// File (CSV, documented in workloads/README.md):
//   # uhaul-trace 1
//   # key: value ...                        (workload, load, link_bps, duration_ns, seed, evidence)
//   # flows: 2190                           (written by WriteTrace, checked by ReadTrace, not kept in `about`)
//   flow,arrival_ns,bytes,five_tuple
//   0,1366012,27342,tcp:10.1.2.3:40001>172.16.0.9:443
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"
#include "core/flow/five_tuple.h"
#include "workloads/distribution.h"

namespace uhaul {

inline constexpr uint64_t kMaxTraceFlowBytes = 100'000'000'000;   // the FIT counts to 2^37
inline constexpr int64_t kMaxTraceNanos = 1'000'000'000'000'000;  // eleven days

struct TraceFlow {
  TimePoint arrival;
  uint64_t bytes = 0;  // payload that the flow carries, at least 1
  FiveTuple tuple;     // unique in the trace
};

struct TraceOptions {
  std::string workload = "web_search";  // a distribution (distribution.h), or "even:N"
  double load = 1.0;  // payload bytes over link rate; Poisson arrivals
  BitRate link{10'000'000'000};
  Duration duration = Duration::Seconds(3);
  uint64_t seed = 1;
};

struct Trace {
  std::map<std::string, std::string> about;
  std::vector<TraceFlow> flows;  // by arrival; the index is the flow's number
};

// "even:N": N flows of one size that together fill the link for the duration; they arrive in its first twentieth. With
// senders unlimited all of them send all the time: for moves of exactly so many flows.
//
// The same options give the same trace on any machine. Errors: a load outside (0, 1.5], an unknown workload, a duration
// of zero or so long that more than 10^8 flows would arrive.
Result<Trace> GenerateTrace(const TraceOptions& options);
// By temporary file and rename: a reader sees the whole file or none.
Status WriteTrace(const Trace& trace, const std::string& path);
// Errors name file and line. Strict (numbered rows, sorted arrivals, sizes of at least 1, no five-tuple twice, no
// missing end of the last line) and bounded: lines of at most 512 octets, 10^8 flows, 10^11 bytes per flow, 10^15 ns.
Result<Trace> ReadTrace(const std::string& path);

// Share of the trace's bytes from flows of at least `threshold`.
double ByteShareAbove(const Trace& trace, Bytes threshold);

}  // namespace uhaul
