#include "runtime/wire_frame.h"

#include <rte_mempool.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "runtime/eal.h"
#include "tests/runtime/numbered_frame.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

rte_mempool* Pool() {
  static rte_mempool* pool = [] {
    REQUIRE(StartEal({}).ok());
    REQUIRE(FrameField::Register().ok());
    return rte_pktmbuf_pool_create("wire", 127, 0, 0, RTE_PKTMBUF_HEADROOM + kPortDataOctets, SOCKET_ID_ANY);
  }();
  REQUIRE(pool != nullptr);
  return pool;
}

constexpr uint32_t kMost = 1514;

}  // namespace

TEST_CASE("WireFrame: a frame has its packet's size on the wire, and comes back as it was") {
  for (uint32_t number = 0; number < 3'000; ++number) {
    rte_mbuf* mbuf = NumberedFrame(Pool(), number);
    REQUIRE(ToWire(mbuf, kMost));
    CHECK(rte_pktmbuf_pkt_len(mbuf) >= std::max(NumberedBytes(number) + 14, 60u));
    FrameField::Of(mbuf) = {};
    REQUIRE(FromWire(mbuf, TimePoint::FromNanos(5)) == WireOutcome::kOurs);
    CHECK(IsNumberedFrame(mbuf, number));
    // As a role that passes it on would.
    REQUIRE(ToWire(mbuf, kMost));
    REQUIRE(FromWire(mbuf, TimePoint::FromNanos(5)) == WireOutcome::kOurs);
    CHECK(IsNumberedFrame(mbuf, number));
    rte_pktmbuf_free(mbuf);
  }
}

TEST_CASE("WireFrame: a stamp survives when its 40 bits wrap, within nine minutes of the reference") {
  rte_mbuf* mbuf = NumberedFrame(Pool(), 1);
  for (const int64_t stamp : {int64_t{0}, int64_t{1} << 40, (int64_t{1} << 40) - 1, int64_t{7'200'000'000'000}}) {
    for (const int64_t away : std::initializer_list<int64_t>{-540'000'000'000, -1'000, 0, 1'000, 540'000'000'000}) {
      FrameField::Of(mbuf).stamp_ns = stamp;
      REQUIRE(ToWire(mbuf, kMost));
      REQUIRE(FromWire(mbuf, TimePoint::FromNanos(stamp + away)) == WireOutcome::kOurs);
      CHECK(FrameField::Of(mbuf).stamp_ns == stamp);
    }
  }
  rte_pktmbuf_free(mbuf);
}

TEST_CASE(
    "WireFrame: of a capture's frame with VLAN tags only headers are kept, and on the next wire it is whole again") {
  for (const uint16_t tags : {0, 1, 2}) {
    CAPTURE(tags);
    rte_mbuf* mbuf = NumberedFrame(Pool(), 1'002);
    const uint32_t bytes = NumberedBytes(1'002);
    REQUIRE(bytes > 200);
    for (uint16_t i = 0; i < tags; ++i) {  // behind the addresses
      auto* data = reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(mbuf, 4));
      REQUIRE(data != nullptr);
      std::memmove(data, data + 4, 12);
      std::memcpy(data + 12, "\x81\x00\x00\x64", 4);
    }
    const auto link_octets = static_cast<uint16_t>(kEthernetHeader + 4 * tags);
    FrameField::Of(mbuf) = {.bytes = bytes, .number = 77, .flags = FrameMeta::kNumbered, .link_octets = link_octets};
    REQUIRE(ToWire(mbuf, kMost));
    CHECK(rte_pktmbuf_pkt_len(mbuf) == bytes + link_octets);
    FrameField::Of(mbuf) = {};
    REQUIRE(FromWire(mbuf, TimePoint()) == WireOutcome::kOurs);
    CHECK(FrameField::Of(mbuf).number == 77);
    rte_pktmbuf_trim(mbuf, static_cast<uint16_t>(rte_pktmbuf_pkt_len(mbuf) - 160));  // as the store does
    REQUIRE(ToWire(mbuf, kMost));
    CHECK(rte_pktmbuf_pkt_len(mbuf) == bytes + link_octets);
    ParsedFrame frame;
    const uint32_t here = rte_pktmbuf_pkt_len(mbuf);
    CHECK(ParseFrame({rte_pktmbuf_mtod(mbuf, const uint8_t*), here}, here, &frame) == ParseOutcome::kOk);
    rte_pktmbuf_free(mbuf);
  }
}

TEST_CASE("WireFrame: a frame that is too large is left as it was") {
  rte_mbuf* mbuf = NumberedFrame(Pool(), 1);
  const uint32_t before = rte_pktmbuf_pkt_len(mbuf);
  for (const uint32_t bytes : {1'501u, 9'000u, 65'536u}) {
    FrameField::Of(mbuf).bytes = bytes;
    CHECK_FALSE(ToWire(mbuf, kMost));
  }
  FrameField::Of(mbuf).bytes = 9'000;
  CHECK_FALSE(ToWire(mbuf, 100'000));  // its mbuf has no room
  CHECK(rte_pktmbuf_pkt_len(mbuf) == before);
  rte_pktmbuf_free(mbuf);
}

TEST_CASE("WireFrame: a stranger's frame is not ours, and neither is one of ours whose addresses were changed") {
  rte_mbuf* mbuf = NumberedFrame(Pool(), 7);
  CHECK(FromWire(mbuf, {}) == WireOutcome::kForeign);  // as the generator built it
  REQUIRE(ToWire(mbuf, kMost));
  auto* data = rte_pktmbuf_mtod(mbuf, uint8_t*);
  uint64_t taken = 0;
  for (int bit = 0; bit < 96; ++bit) {
    data[bit / 8] = static_cast<uint8_t>(data[bit / 8] ^ (1 << (bit % 8)));
    taken += FromWire(mbuf, {}) == WireOutcome::kForeign ? 0 : 1;
    data[bit / 8] = static_cast<uint8_t>(data[bit / 8] ^ (1 << (bit % 8)));
  }
  CHECK(taken == 0);
  REQUIRE(FromWire(mbuf, {}) == WireOutcome::kOurs);
  rte_pktmbuf_trim(mbuf, 1);
  CHECK(FromWire(mbuf, {}) == WireOutcome::kCut);
  rte_pktmbuf_trim(mbuf, static_cast<uint16_t>(rte_pktmbuf_data_len(mbuf) - 13));
  CHECK(FromWire(mbuf, {}) == WireOutcome::kForeign);
  rte_pktmbuf_free(mbuf);
}
