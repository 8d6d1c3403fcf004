// A marker survives the wire, and nothing else passes for one.
#include "runtime/marker_frame.h"

#include <catch2/catch.hpp>

#include "tests/runtime/mbuf_pool.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

rte_mbuf* Empty() {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(TestPool());
  REQUIRE(mbuf != nullptr);
  return mbuf;
}

}  // namespace

TEST_CASE("MarkerFrame: what is built is read; cut short or altered at the front it is none") {
  const FlowHasher hasher({1, 2});
  for (const char* text : {"tcp:10.0.0.1:1234>10.1.0.2:80", "udp:[2001:db8::1]:1>[2001:db8::2]:65535"}) {
    const Marker marker{hasher.Key(FiveTuple::Parse(text).value()), 0x0123456789abcdef, 0xfedcba9876543210, 3};
    rte_mbuf* mbuf = Empty();
    BuildMarkerFrame(marker, mbuf);
    CHECK(IsMarkerFrame(mbuf));
    CHECK(FrameField::Of(mbuf).bytes == 64);
    CHECK((ReadMarkerFrame(mbuf, hasher) == marker));
    auto* data = rte_pktmbuf_mtod(mbuf, uint8_t*);
    for (const size_t at : {14, 17, 34}) {  // the magic, the version
      data[at] ^= 0x40;
      CHECK(IsMarkerFrame(mbuf));
      CHECK_FALSE(ReadMarkerFrame(mbuf, hasher).has_value());
      data[at] ^= 0x40;
    }
    while (rte_pktmbuf_data_len(mbuf) > 0) {
      REQUIRE(rte_pktmbuf_trim(mbuf, 1) == 0);
      CHECK_FALSE(ReadMarkerFrame(mbuf, hasher).has_value());
      CHECK(IsMarkerFrame(mbuf) == (rte_pktmbuf_data_len(mbuf) >= 14));
    }
    rte_pktmbuf_free(mbuf);
  }
  rte_mbuf* packet = Empty();
  auto* data = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(packet, kMaxBuiltOctets));
  BuildFrame({FiveTuple::Parse("tcp:10.0.0.1:1>10.0.0.2:2").value(), 1500, 1, false, false},
             std::span<uint8_t, kMaxBuiltOctets>(data, kMaxBuiltOctets));
  CHECK_FALSE(IsMarkerFrame(packet));
  rte_pktmbuf_free(packet);
}
