#include "runtime/capture.h"

#include <rte_mempool.h>

#include <catch2/catch.hpp>

#include "runtime/captured_link.h"
#include "runtime/eal.h"
#include "tests/runtime/engines.h"
#include "tests/runtime/numbered_frame.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

rte_mempool* Pool() {
  static rte_mempool* pool = [] {
    REQUIRE(StartEal({}).ok());
    REQUIRE(FrameField::Register().ok());
    return rte_pktmbuf_pool_create("capture", 1023, 0, 0, RTE_PKTMBUF_HEADROOM + 128, SOCKET_ID_ANY);
  }();
  REQUIRE(pool != nullptr);
  return pool;
}

}  // namespace

TEST_CASE("Capture: what was not committed is not in the file, and what finds no room is counted") {
  const Place place;
  REQUIRE(StartEal({}).ok());
  auto capture = Capture::Open(place / "c.pcap", {.room_bits = 12}).value();
  uint64_t committed = 0;
  for (uint32_t i = 0; i < 30'000; ++i) {
    const std::vector<uint8_t> octets(60 + i % 1'000, static_cast<uint8_t>(i));
    capture->Stage(TimePoint::FromNanos(i), octets, 1'514);
    capture->Stage(TimePoint::FromNanos(i), octets, 1'515);
    const size_t seen = i % 3 == 0 ? 0 : 1;
    capture->Commit(seen);
    committed += seen;
  }
  REQUIRE(capture->Close().ok());
  CHECK(capture->captured() + capture->lost() == committed);
  CHECK(capture->captured() > 0);
  CaptureReader file = CaptureReader::Open(place / "c.pcap").value();
  CapturePacket packet;
  uint64_t frames = 0;
  int64_t last = -1;
  for (; file.Next(&packet).value(); ++frames) {
    REQUIRE(packet.wire_octets == 1'514);
    REQUIRE(packet.time_ns > last);
    last = packet.time_ns;
    REQUIRE(last % 3 != 0);
    REQUIRE(packet.octets.size() == static_cast<size_t>(60 + last % 1'000));
    REQUIRE(packet.octets.front() == static_cast<uint8_t>(last));
    REQUIRE(packet.octets.back() == static_cast<uint8_t>(last));
  }
  CHECK(frames == capture->captured());
}

TEST_CASE("CapturedLink: a link within the process is captured as headers, with the packets' true sizes") {
  const Place place;
  PacketStore store;
  auto capture = Capture::Open(place / "c.pcap").value();
  {
    CapturedLink link(
        std::make_unique<RingLink>(LinkOptions{.name = "captured", .delay = {}}, PacketMemory{Pool(), &store}), &store,
        capture.get());
    for (uint32_t i = 0; i < 200; ++i) {
      rte_mbuf* mbuf = NumberedFrame(Pool(), i);
      if (i % 4 == 0) {
        const PacketStore::Handle held = store.KeepNew(mbuf);
        rte_pktmbuf_free(mbuf);
        REQUIRE(link.SendHeld(TimePoint::FromNanos(i), held));
      } else {
        REQUIRE(link.Send(TimePoint::FromNanos(i), {&mbuf, 1}) == 1);
      }
    }
    CHECK(link.in_flight() == 200);
  }
  REQUIRE(capture->Close().ok());
  CHECK(capture->lost() == 0);
  CaptureReader file = CaptureReader::Open(place / "c.pcap").value();
  CapturePacket packet;
  uint32_t frames = 0;
  for (; file.Next(&packet).value(); ++frames) {
    ParsedFrame frame;
    REQUIRE(ParseFrame(packet.octets, packet.wire_octets, &frame) == ParseOutcome::kOk);
    CHECK(frame.sequence == frames);
    CHECK(packet.wire_octets >= NumberedBytes(frames) + kEthernetHeader);
    CHECK(packet.time_ns == frames);
  }
  CHECK(frames == 200);
}
