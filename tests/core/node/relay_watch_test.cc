#include "core/node/relay_watch.h"

#include <catch2/catch.hpp>

using namespace uhaul;

namespace {

const FlowHasher hasher(HashKey{1, 2});

Packet Of(uint32_t flow, bool relayed = false) {
  Packet packet;
  packet.flow.tuple.source = FiveTuple::Ipv4(10, static_cast<uint8_t>(flow >> 16), static_cast<uint8_t>(flow >> 8),
                                             static_cast<uint8_t>(flow));
  packet.flow = hasher.Key(packet.flow.tuple);
  packet.relayed = relayed;
  return packet;
}

}  // namespace

TEST_CASE("RelayWatch: what comes directly waits if its flow is unknown or has come relayed, once that is asked for") {
  RelayWatch watch(1, FlowFilter());
  CHECK_FALSE(watch.Holds(Of(1, true), false));  // new, relayed: it is remembered
  CHECK_FALSE(watch.Holds(Of(2), false));        // nothing waits yet
  watch.Hold(77);
  CHECK(watch.Holds(Of(1), true));              // it has state by now, but more of it may be on its way
  CHECK_FALSE(watch.Holds(Of(1, true), true));  // that is it
  CHECK_FALSE(watch.Holds(Of(3), true));        // was here before, or has moved here
  CHECK(watch.Holds(Of(4), false));
  CHECK(watch.Holds(Of(4), true));  // behind what waits of it, whoever gave it state meanwhile
}

TEST_CASE("RelayWatch: a packet-out, and what the filter does not name, never wait") {
  FlowFilter other;
  other.version = 4;
  other.source = FiveTuple::Ipv4(11, 0, 0, 0);
  other.source_prefix = 8;
  RelayWatch elsewhere(1, other);
  elsewhere.Hold(77);
  CHECK_FALSE(elsewhere.Holds(Of(4), false));
  RelayWatch watch(1, FlowFilter());
  watch.Hold(77);
  Packet out = Of(4);
  out.do_not_buffer = true;
  CHECK_FALSE(watch.Holds(out, false));
}

TEST_CASE("RelayWatch: it ends at the marker with its nonce, and not before it was told to hold") {
  RelayWatch watch(1, FlowFilter());
  CHECK_FALSE(watch.EndsAt({{}, 0, 0}));
  watch.Hold(77);
  CHECK_FALSE(watch.EndsAt({{}, 0, 76}));
  CHECK(watch.EndsAt({{}, 0, 77}));
}

TEST_CASE("RelayWatch: more flows than it remembers make everything wait that comes directly") {
  RelayWatch watch(1, FlowFilter());
  watch.Hold(77);
  const uint32_t most = 1 << 17;
  for (uint32_t n = 0; n < most; ++n) watch.Holds(Of(n, true), false);
  CHECK_FALSE(watch.Holds(Of(most + 5), true));
  watch.Holds(Of(most, true), false);
  CHECK(watch.Holds(Of(most + 5), true));
}
