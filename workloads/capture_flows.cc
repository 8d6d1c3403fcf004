#include "workloads/capture_flows.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace uhaul {
namespace {

constexpr size_t kMaxFlows = size_t{1} << 24;

// A file's name as a trace's comment can hold it.
std::string Printable(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string().substr(0, 200);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }, '_');
  return name;
}

}  // namespace

TimePoint CaptureFlows::Count(const CapturePacket& packet) {
  if (totals_.frames++ == 0) totals_.start_ns = packet.time_ns;
  totals_.cut += packet.octets.size() < packet.wire_octets ? 1 : 0;
  const TimePoint at = TimePoint::FromNanos(packet.time_ns - totals_.start_ns);
  totals_.backwards += at < totals_.end ? 1 : 0;
  return totals_.end = std::max(totals_.end, at);
}

Result<uint32_t> CaptureFlows::FlowOf(const FiveTuple& tuple, TimePoint at) {
  bool inserted = false;
  uint32_t& number = numbers_.Get(hasher_.Key(tuple), &inserted);
  if (!inserted) return number;
  if (flows_.size() == kMaxFlows) {
    return Error{fmt::format("{}: more than {} flows; split it (editcap -c)", reader_.path(), kMaxFlows)};
  }
  number = static_cast<uint32_t>(flows_.size());
  CaptureFlow flow;
  flow.tuple = tuple;
  flow.first = at;
  const FiveTuple reversed = tuple.Reversed();
  if (const uint32_t* peer = reversed == tuple ? nullptr : numbers_.Find(hasher_.Key(reversed))) {
    flow.peer = *peer;
    flow.reverse = true;
    flows_[*peer].peer = number;
  }
  flows_.push_back(flow);
  return number;
}

Result<bool> CaptureFlows::Next(Seen* seen) {
  for (;;) {
    const Result<bool> more = reader_.Next(&seen->packet);
    if (!more.ok() || !*more) return more;
    seen->at = Count(seen->packet);
    const ParseOutcome outcome = ParseFrame(seen->packet.octets, seen->packet.wire_octets, &seen->frame);
    totals_.parsed.Count(outcome, seen->frame);
    if (outcome != ParseOutcome::kOk) continue;
    const Result<uint32_t> number = FlowOf(seen->frame.tuple, seen->at);
    if (!number.ok()) return number.error();
    seen->flow = *number;
    CaptureFlow& flow = flows_[*number];
    flow.last = seen->at;
    ++flow.packets;
    flow.bytes += seen->frame.ip_octets;
    ++totals_.packets;
    totals_.bytes += seen->frame.ip_octets;
    return true;
  }
}

Result<CaptureSummary> ReadCaptureFlows(const std::string& path) {
  Result<CaptureReader> reader = CaptureReader::Open(path);
  if (!reader.ok()) return reader.error();
  CaptureFlows flows(*std::move(reader));
  CaptureFlows::Seen seen;
  for (;;) {
    const Result<bool> more = flows.Next(&seen);
    if (!more.ok()) return more.error();
    if (!*more) return CaptureSummary{flows.flows(), flows.totals()};
  }
}

Result<Trace> TraceOf(const CaptureSummary& capture, const std::string& path) {
  Trace trace;
  trace.about = {{"capture", Printable(path)},
                 {"evidence", "independent"},
                 {"source", "a capture; bytes are IP octets, each direction is a flow"},
                 {"duration_ns", fmt::to_string(capture.totals.end.nanos())}};
  for (const CaptureFlow& flow : capture.flows) {
    if (flow.first.nanos() > kMaxTraceNanos) {
      return Error{fmt::format("{}: longer than a trace may be, {} s; split it (editcap -i)", path,
                               kMaxTraceNanos / 1'000'000'000)};
    }
    if (flow.bytes > kMaxTraceFlowBytes) {
      return Error{fmt::format("{}: {} carries {} bytes, more than a trace's flow may, {}; split it (editcap -c)", path,
                               flow.tuple.ToString(), flow.bytes, kMaxTraceFlowBytes)};
    }
    trace.flows.push_back({flow.first, flow.bytes, flow.tuple});
  }
  return trace;
}

}  // namespace uhaul
