// PointSpec: everything that determines one point, resolved and in SI. The schema (experiments/schema.h) maps each
// field to its key, unit, default and limits; a point's identity is the hash of its canonical values.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/flow/elephant_detector.h"
#include "core/flow/five_tuple.h"
#include "core/flow/flow_table.h"
#include "core/node/profile.h"
#include "core/node/scheme.h"
#include "workloads/recorded_traffic.h"

namespace uhaul {

enum class SenderKind : uint8_t { kLimited, kUnlimited, kWindow };
enum class MigrationPhase : uint8_t { kRandom, kPreEviction };
enum class RhoSource : uint8_t { kOffline, kTrace, kSnapshot, kGiven };

struct PointSpec {
  // workload.*  -- the trace and its senders
  std::string workload = "web_search";  // a shipped distribution, or a file (workload_file.h)
  double load = 1.0;                    // payload bytes over link rate
  uint64_t trace = 1;                   // its number is its seed
  Duration duration = Duration::Seconds(3);
  SenderKind senders = SenderKind::kLimited;
  uint32_t sender_limit = 3;  // kLimited: flows that send at a time
  uint32_t packet_bytes = 1500;
  Duration on_time;  // on-off senders: mean times; zero: always on
  Duration off_time;
  uint32_t window_packets = 10;  // kWindow
  Duration retransmission_timeout = Duration::Millis(200);
  RecordedPace pace = RecordedPace::kRecorded;  // if the workload is a capture
  // link.*
  BitRate link_rate{10'000'000'000};
  Duration link_delay = Duration::Micros(1);
  Bytes link_buffer{1'000'000'000};
  // fit.*, nf.*
  FlowTableOptions fit;
  std::string nf_function = "asset-monitor";
  Duration nf_timeout = Duration::Seconds(60);
  // switch.*
  uint32_t switch_table = 65536;
  // migration.*
  Duration migration_after = Duration::Seconds(2);
  Duration migration_within = Duration::Millis(500);
  MigrationPhase phase = MigrationPhase::kPreEviction;
  Duration migration_lead = Duration::Millis(1);  // kPreEviction: this long before the pass
  uint32_t migration_states = 0;                  // > 0: migrate when src holds this many states instead
  // ---- all above determine the warm-up; points that agree on them share one trace group and fork from one process
  // edm.*  (only where the scheme moves elephants)
  DetectorSpec::Kind detector = DetectorSpec::Kind::kProportion;
  Bytes threshold{3'000'000};
  RhoSource rho_source = RhoSource::kOffline;
  double rho = 0;  // kGiven
  // scheme.*, move.*, profile.*
  SchemeOptions scheme;
  FlowFilter move_filter;
  uint32_t move_limit = 0;
  Profile profile;
  // run.*
  Duration cap = Duration::Seconds(1);  // after t0
};

// Canonical SI values by key, without keys that cannot matter (edm.* where no elephants are chosen).
std::map<std::string, std::string> CanonicalSpec(const PointSpec& spec);
// 32 hex digits; equal specs, equal identity.
std::string PointId(const PointSpec& spec);
// Equal for points that can fork from one warm-up.
std::string TraceGroupKey(const PointSpec& spec);

}  // namespace uhaul
