#include "runtime/packet_store.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <set>
#include <vector>

#include "core/flow/packet.h"
#include "runtime/link.h"
#include "tests/runtime/mbuf_pool.h"
#include "workloads/packet_parser.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

rte_mempool* Pool() { return TestPool(); }

rte_mbuf* Frame(uint32_t sequence, uint32_t bytes = 1500) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(Pool());
  REQUIRE(mbuf != nullptr);
  auto* data = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(mbuf, kMaxBuiltOctets));
  const FiveTuple tuple = FiveTuple::Parse("tcp:10.0.0.1:1>10.0.0.2:2").value();
  const size_t length =
      BuildFrame({tuple, bytes, sequence, false, false}, std::span<uint8_t, kMaxBuiltOctets>(data, kMaxBuiltOctets));
  rte_pktmbuf_trim(mbuf, static_cast<uint16_t>(kMaxBuiltOctets - length));
  FrameField::Of(mbuf) = {.stamp_ns = sequence, .bytes = bytes};
  return mbuf;
}

uint32_t SequenceOf(rte_mbuf* mbuf) {
  const uint32_t here = rte_pktmbuf_data_len(mbuf);
  ParsedFrame frame;
  REQUIRE(ParseFrame({rte_pktmbuf_mtod(mbuf, const uint8_t*), here}, WireOctets(FrameField::Of(mbuf), here), &frame) ==
          ParseOutcome::kOk);
  return frame.sequence;
}

}  // namespace

TEST_CASE("BuildFrame: the parser reads back what was built, for every kind of flow and size") {
  for (const char* text :
       {"tcp:10.0.0.1:1234>10.1.0.2:80", "udp:10.0.0.1:53>10.1.0.2:5353", "tcp:[2001:db8::1]:1>[2001:db8::2]:2",
        "udp:[2001:db8::1]:1>[2001:db8::2]:2", "47:10.0.0.1:0>10.1.0.2:0"}) {
    CAPTURE(text);
    const FiveTuple tuple = FiveTuple::Parse(text).value();
    REQUIRE(CanBuild(tuple));
    for (const uint32_t bytes : {1u, 40u, 64u, 1500u, 9000u}) {
      std::array<uint8_t, kMaxBuiltOctets> octets{};
      const size_t length = BuildFrame({tuple, bytes, 77, true, true, 4711}, octets);
      REQUIRE(length <= octets.size());
      ParsedFrame frame;
      const uint32_t wire = WireOctets({.bytes = bytes}, static_cast<uint32_t>(length));
      REQUIRE(ParseFrame({octets.data(), length}, wire, &frame) == ParseOutcome::kOk);
      CHECK(frame.tuple == tuple);
      CHECK(frame.sequence == 77);
      CHECK(frame.acknowledgement == 4711);
      CHECK(frame.ip_octets == std::max<uint32_t>(bytes, static_cast<uint32_t>(length) - kEthernetHeader));
      const bool tcp = tuple.protocol == kProtocolTcp;
      CHECK(frame.tcp_flags == (tcp ? tcp_flag::kSyn | tcp_flag::kFin : 0));
    }
  }
  CHECK_FALSE(CanBuild(FiveTuple::Parse("47:10.0.0.1:5>10.1.0.2:0").value()));
}

TEST_CASE("PacketStore: held packets come back as they were, and pin no mbuf") {
  PacketStore store;
  const unsigned free_before = rte_mempool_avail_count(Pool());
  std::vector<PacketStore::Handle> handles;
  for (uint32_t i = 0; i < 20'000; ++i) {  // far more than the pool has
    rte_mbuf* mbuf = Frame(i);
    handles.push_back(store.KeepNew(mbuf));
    rte_pktmbuf_free(mbuf);
  }
  CHECK(store.held() == handles.size());
  CHECK(rte_mempool_avail_count(Pool()) == free_before);
  CHECK(std::set<PacketStore::Handle>(handles.begin(), handles.end()).size() == handles.size());
  for (uint32_t i = 0; i < handles.size(); ++i) {
    rte_mbuf* mbuf = store.Take(handles[i], Pool());
    REQUIRE(mbuf != nullptr);
    CHECK(SequenceOf(mbuf) == i);
    CHECK(FrameField::Of(mbuf).bytes == 1500);
    CHECK(FrameField::Of(mbuf).stamp_ns == i);
    rte_pktmbuf_free(mbuf);
  }
  CHECK(store.held() == 0);
  CHECK(store.held_peak() == handles.size());
}

TEST_CASE("PacketStore: what is packed stays, comes out the same elsewhere, and a copy has a life of its own") {
  PacketStore store, other;
  rte_mbuf* mbuf = Frame(5);
  const PacketStore::Handle handle = store.KeepNew(mbuf);
  rte_pktmbuf_free(mbuf);
  std::array<uint8_t, PacketStore::kMaxPacked> once{}, again{};
  const size_t length = store.Pack(handle, once);
  CHECK(store.Pack(handle, again) == length);
  CHECK(once == again);
  const PacketStore::Handle copy = store.Copy(handle);
  CHECK(store.held() == 2);
  store.Drop(handle);
  const auto there = other.Unpack({once.data(), length});
  REQUIRE(there.has_value());
  for (rte_mbuf* taken : {store.Take(copy, Pool()), other.Take(*there, Pool())}) {
    REQUIRE(taken != nullptr);
    CHECK(SequenceOf(taken) == 5);
    CHECK(FrameField::Of(taken).stamp_ns == 5);
    rte_pktmbuf_free(taken);
  }
  CHECK(store.held() + other.held() == 0);
}

TEST_CASE("PacketStore: a packet stays while the pool is empty, and a handle is never given twice") {
  PacketStore store;
  rte_mbuf* mbuf = Frame(5);
  const PacketStore::Handle first = store.KeepNew(mbuf);
  rte_pktmbuf_free(mbuf);
  std::vector<rte_mbuf*> all;
  while (rte_mbuf* m = rte_pktmbuf_alloc(Pool())) all.push_back(m);
  CHECK(store.Take(first, Pool()) == nullptr);
  CHECK(store.held() == 1);
  for (rte_mbuf* m : all) rte_pktmbuf_free(m);
  mbuf = store.Take(first, Pool());
  REQUIRE(mbuf != nullptr);
  rte_pktmbuf_free(mbuf);
  const PacketStore::Handle second = store.Reserve();
  CHECK(second != first);
  store.Cancel(second);
}

TEST_CASE("RingLink: keeps order and loses nothing when far more is sent than the ring or the pool holds") {
  PacketStore store;
  RingLink link({.name = "test", .delay = {}}, {Pool(), &store});
  constexpr uint32_t kPackets = 5'000;
  for (uint32_t i = 0; i < kPackets; ++i) {
    rte_mbuf* mbuf = Frame(i);
    if (i % 3 == 0) {
      const PacketStore::Handle held = store.KeepNew(mbuf);
      rte_pktmbuf_free(mbuf);
      REQUIRE(link.SendHeld(TimePoint(), held));
    } else {
      REQUIRE(link.Send(TimePoint(), {&mbuf, 1}) == 1);
    }
  }
  CHECK(link.in_flight() == kPackets);
  uint32_t next = 0;
  std::array<rte_mbuf*, 32> burst;
  for (size_t n = link.Receive(burst); n > 0; n = link.Receive(burst)) {
    for (size_t i = 0; i < n; ++i) {
      CHECK(SequenceOf(burst[i]) == next++);
      rte_pktmbuf_free(burst[i]);
    }
    link.Send(TimePoint(), {});  // what waits comes up when the sender looks after it
  }
  CHECK(next == kPackets);
  CHECK(store.held() == 0);
}

TEST_CASE("RingLink: its queue is bounded in octets; what finds no room stays the caller's") {
  PacketStore store;
  RingLink link({.name = "test", .delay = {}, .queue = Bytes(3'000)}, {Pool(), &store});
  uint32_t accepted = 0;
  for (;; ++accepted) {
    rte_mbuf* mbuf = Frame(accepted);
    const size_t sent = link.Send(TimePoint(), {&mbuf, 1});
    if (sent == 1) continue;
    rte_pktmbuf_free(mbuf);
    break;
  }
  CHECK(accepted > 2);
  CHECK(store.held() == 2);  // behind the ring
}
