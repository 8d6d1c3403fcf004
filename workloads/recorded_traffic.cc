#include "workloads/recorded_traffic.h"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/capture_replay.h"
#include "workloads/frame_time.h"
#include "workloads/packet_parser.h"

namespace uhaul {
namespace {

// One flow per connection, as TraceOf wants flows; `number_of` a capture's flow is its connection's.
CaptureSummary Connections(const CaptureReplay& replay, const std::vector<uint32_t>& number_of) {
  CaptureSummary connections;
  connections.totals = replay.totals();
  for (size_t i = 0; i < replay.flows().size(); ++i) {
    const CaptureFlow& flow = replay.flows()[i];
    if (flow.reverse) {
      connections.flows[number_of[flow.peer]].bytes += flow.bytes;
    } else {
      connections.flows.push_back(flow);
    }
  }
  return connections;
}

}  // namespace

Result<RecordedTraffic> RecordedTraffic::Load(const std::string& path, const RecordedOptions& options) {
  Result<CaptureReplay> replay = CaptureReplay::Open(path);
  if (!replay) return replay.error();
  RecordedTraffic traffic;
  std::vector<uint32_t> number_of;  // by flow of the capture; of responders' flows nothing
  uint32_t connections = 0;
  TimePoint free;  // no packet leaves before
  while (replay->NextTime() != TimePoint::Never()) {
    const CaptureReplayPacket p = replay->Pop();
    if (traffic.packets_.size() == kMostPackets) {
      return Error{fmt::format("{}: more than {} packets; split it (editcap -c)", path, kMostPackets)};
    }
    if (p.flow == number_of.size()) number_of.push_back(p.reverse ? kNoFlow : connections++);
    const auto kept = p.octets.first(std::min(p.octets.size(), kFrameOctets));
    ParsedFrame frame;
    if (ParseFrame(kept, p.wire_octets, &frame) != ParseOutcome::kOk) {
      return Error{fmt::format("{}: packet {} of {}: its headers take more than {} octets", path, p.sequence + 1,
                               replay->flows()[p.flow].tuple.ToString(), kFrameOctets)};
    }
    const TimePoint at = options.pace == RecordedPace::kFast ? free : std::max(free, p.recorded);
    free = at + std::max(Duration::Nanos(1),
                         options.pace == RecordedPace::kFast ? FrameTime(options.link, p.ip_octets) : Duration());
    traffic.packets_.push_back({.at = at,
                                .stamp = options.pace == RecordedPace::kFast ? at : p.recorded,
                                .octets_at = traffic.octets_.size(),
                                .flow = number_of[p.connection],
                                .number = static_cast<uint32_t>(p.digest),
                                .bytes = p.ip_octets,
                                .octets = static_cast<uint16_t>(kept.size()),
                                .link_octets = frame.ip_offset,
                                .tcp_flags = p.tcp_flags,
                                .reverse = p.reverse});
    traffic.octets_.insert(traffic.octets_.end(), kept.begin(), kept.end());
  }
  if (!replay->status()) return replay->status().error();
  if (traffic.packets_.empty()) return Error{path + ": holds no IP packet that can be sent"};
  Result<Trace> trace = TraceOf(Connections(*replay, number_of), path);
  if (!trace) return trace.error();
  traffic.trace_ = std::move(trace).value();
  traffic.totals_ = replay->totals();
  traffic.Index();
  return traffic;
}

void RecordedTraffic::Index() {
  first_.assign(trace_.flows.size() + 1, 0);
  for (const RecordedPacket& p : packets_) ++first_[p.flow + 1];
  for (size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
  by_flow_.resize(packets_.size());
  for (uint32_t i = 0; i < packets_.size(); ++i) by_flow_[first_[packets_[i].flow] + packets_[i].number] = i;
  // Flows arrive when their first packet is sent, whatever the pace.
  for (uint32_t i = 0; i < trace_.flows.size(); ++i) trace_.flows[i].arrival = Of(i, 0).at;
}

}  // namespace uhaul
