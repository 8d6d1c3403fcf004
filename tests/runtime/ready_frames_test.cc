#include "runtime/ready_frames.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "tests/runtime/mbuf_pool.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

Trace TraceOf(const std::vector<const char*>& tuples) {
  Trace trace;
  for (const char* tuple : tuples) trace.flows.push_back({TimePoint(), 1'000'000, *FiveTuple::Parse(tuple)});
  return trace;
}

std::vector<uint8_t> OctetsOf(rte_mbuf* mbuf) {
  REQUIRE(rte_pktmbuf_pkt_len(mbuf) == rte_pktmbuf_data_len(mbuf));
  const auto* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  return {data, data + rte_pktmbuf_data_len(mbuf)};
}

}  // namespace

TEST_CASE("ReadyFrames: a copied frame is the frame that is built, for every kind of flow, size and number") {
  const Trace trace = TraceOf({"tcp:10.0.0.1:1>10.1.0.2:80", "udp:10.0.0.1:53>10.1.0.2:53",
                               "tcp:255.255.255.255:65535>0.0.0.0:0", "tcp:[2001:db8::1]:1>[2001:db8::2]:2"});
  const uint32_t full = GENERATE(1500, 64, 9000);
  const ReadyFrames frames(&trace, FlowHasher(HashKey{1, 2}), full);
  for (uint32_t flow = 0; flow < trace.flows.size(); ++flow) {
    for (const uint32_t bytes : {1U, 39U, 40U, 41U, 63U, 64U, 1499U, 1500U, 8999U, 9000U}) {
      for (const uint32_t sequence : {0U, 1U, 0x01020304U, 0xffffffffU}) {
        for (const int ends : {0, 1, 2, 3}) {
          CAPTURE(full, flow, bytes, sequence, ends);
          const bool first = (ends & 1) != 0;
          const bool last = (ends & 2) != 0;
          rte_mbuf* ready = rte_pktmbuf_alloc(TestPool());
          rte_mbuf* built = rte_pktmbuf_alloc(TestPool());
          FrameField::Of(ready).flags = FrameMeta::kRead;  // of a packet that was in this mbuf before
          SourcePacket packet;
          packet.flow = flow;
          packet.sequence = sequence;
          packet.bytes = bytes;
          packet.first = first;
          packet.last = last;
          frames.Build(packet, ready);
          MakeFrame({trace.flows[flow].tuple, bytes, sequence, first, last, flow}, built);
          REQUIRE(OctetsOf(ready) == OctetsOf(built));
          REQUIRE(std::memcmp(&FrameField::Of(ready), &FrameField::Of(built), sizeof(FrameMeta)) == 0);
          rte_pktmbuf_free(ready);
          rte_pktmbuf_free(built);
        }
      }
    }
  }
}

TEST_CASE("ReadyFrames: a number is a flow's only with that flow's ID") {
  const Trace trace = TraceOf({"tcp:10.0.0.1:1>10.1.0.2:80", "udp:10.0.0.1:53>10.1.0.2:53"});
  const FlowHasher hasher(HashKey{1, 2});
  const ReadyFrames frames(&trace, hasher, 1500);
  for (const uint32_t flow : {0U, 1U}) {
    CHECK(frames.IsOf(flow, hasher.Id(trace.flows[flow].tuple)));
    CHECK(!frames.IsOf(1 - flow, hasher.Id(trace.flows[flow].tuple)));
  }
  CHECK(!frames.IsOf(2, hasher.Id(trace.flows[0].tuple)));
  CHECK(!ReadyFrames(nullptr, hasher, 1500).IsOf(0, hasher.Id(trace.flows[0].tuple)));
}
