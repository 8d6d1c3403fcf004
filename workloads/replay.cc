#include "workloads/replay.h"

#include <algorithm>
#include <numeric>

#include "core/base/check.h"
#include "workloads/frame_time.h"
#include "workloads/random_streams.h"
#include "workloads/ring.h"

namespace uhaul {
namespace {

struct Acknowledgement {
  TimePoint at;
  uint32_t flow = 0;
  uint32_t sequence = 0;
};

// The packets of a trace in order of time, acknowledged after a constant time if the senders want it.
class Feed {
 public:
  Feed(const Trace& trace, const ReplayOptions& options) : options_(options), source_(trace, options.source) {}

  // The next packet that leaves by the instant of the replay; false if there is none.
  bool Next(SourcePacket* packet) {
    while (!acknowledgements_.empty() && acknowledgements_.front().at <= std::min(source_.NextTime(), options_.at)) {
      const Acknowledgement ack = acknowledgements_.front();
      acknowledgements_.pop();
      source_.OnDelivered(ack.at, ack.flow, ack.sequence);
    }
    if (source_.NextTime() > options_.at) return false;
    *packet = source_.Pop();
    if (source_.closed_loop()) {
      const Duration left = FrameTime(options_.source.link, packet->bytes);
      acknowledgements_.push({packet->at + left + options_.round_trip, packet->flow, packet->sequence});
    }
    return true;
  }
  const PacketSource& source() const { return source_; }

 private:
  const ReplayOptions& options_;
  PacketSource source_;
  Ring<Acknowledgement> acknowledgements_;  // the link is first-in first-out, so these are in order of time
};

Packet ToPacket(const SourcePacket& sent, const FlowKey& key) {
  Packet packet;
  packet.flow = key;
  packet.bytes = sent.bytes;
  packet.tcp_flags =
      static_cast<uint8_t>((sent.first ? tcp_flag::kSyn : tcp_flag::kAck) | (sent.last ? tcp_flag::kFin : 0));
  packet.digest = sent.sequence;
  packet.stamp = sent.at;
  return packet;
}

// Which flow of the trace each entry is.
void Name(const Trace& trace, const PacketSource& source, Replay* replay) {
  std::vector<uint32_t> by_tuple(trace.flows.size());
  std::iota(by_tuple.begin(), by_tuple.end(), 0U);
  std::sort(by_tuple.begin(), by_tuple.end(),
            [&](uint32_t a, uint32_t b) { return trace.flows[a].tuple < trace.flows[b].tuple; });
  for (const ActiveFlow& entry : replay->active) {
    const auto found =
        std::lower_bound(by_tuple.begin(), by_tuple.end(), entry.flow.tuple,
                         [&](uint32_t flow, const FiveTuple& tuple) { return trace.flows[flow].tuple < tuple; });
    UHAUL_CHECK(found != by_tuple.end());
    UHAUL_CHECK(trace.flows[*found].tuple == entry.flow.tuple);
    replay->flows.push_back(*found);
    replay->final_bytes.push_back(Bytes(trace.flows[*found].bytes));
    replay->unsent_bytes.push_back(Bytes(source.UnsentBytes(*found)));
  }
}

}  // namespace

Replay ReplayTrace(const Trace& trace, const ReplayOptions& options) {
  Random key(options.seed, kFlowHashStream);
  const uint64_t k0 = key.Next();
  const FlowHasher hasher(HashKey{k0, key.Next()});
  std::vector<FlowId> ids;
  ids.reserve(trace.flows.size());
  for (const TraceFlow& flow : trace.flows) ids.push_back(hasher.Id(flow.tuple));

  Replay replay;
  FlowTable table(options.table);
  Feed feed(trace, options);
  SourcePacket sent;
  while (feed.Next(&sent)) {
    if (sent.at >= table.NextPass()) table.Advance(sent.at, &replay.passes);
    table.Record(sent.at, ToPacket(sent, {trace.flows[sent.flow].tuple, ids[sent.flow]}));
    ++replay.packets;
    replay.bytes += sent.bytes;
  }
  table.Advance(options.at, &replay.passes);
  replay.active = table.Snapshot(options.at);
  replay.full = table.full();
  const auto arrived = std::partition_point(trace.flows.begin(), trace.flows.end(),
                                            [&](const TraceFlow& flow) { return flow.arrival <= options.at; });
  for (auto flow = trace.flows.begin(); flow != arrived; ++flow) {
    const auto number = static_cast<uint32_t>(flow - trace.flows.begin());
    if (feed.source().UnsentBytes(number) == flow->bytes) ++replay.waiting;
  }
  Name(trace, feed.source(), &replay);
  return replay;
}

}  // namespace uhaul
