// Frames whose every field follows from their number, so that the far end can check them without being told.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/frame.h"
#include "runtime/wire_frame.h"
#include "workloads/packet_parser.h"

namespace uhaul::runtime {

inline uint32_t NumberedBytes(uint32_t number) { return 1 + number * 7919 % 1500; }

inline FrameMeta NumberedMeta(uint32_t number) {
  return {.stamp_ns = number % 5 == 0 ? -1 : static_cast<int64_t>(number) * 1'000,
          .bytes = NumberedBytes(number),
          .flags = static_cast<uint8_t>(number % 3 == 0 ? FrameMeta::kRelayed : 0),
          .nf = static_cast<uint8_t>(number % 2)};
}

inline FiveTuple NumberedTuple(uint32_t number) {
  static const FiveTuple tuples[] = {FiveTuple::Parse("tcp:10.0.0.1:1>10.0.0.2:2").value(),
                                     FiveTuple::Parse("udp:[2001:db8::1]:1>[2001:db8::2]:2").value()};
  return tuples[number % 2];
}

// Null if the pool is empty.
inline rte_mbuf* NumberedFrame(rte_mempool* pool, uint32_t number) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
  if (mbuf == nullptr) return nullptr;
  auto* data = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(mbuf, kMaxBuiltOctets));
  const size_t length = BuildFrame({NumberedTuple(number), NumberedBytes(number), number, false, false},
                                   std::span<uint8_t, kMaxBuiltOctets>(data, kMaxBuiltOctets));
  rte_pktmbuf_trim(mbuf, static_cast<uint16_t>(kMaxBuiltOctets - length));
  FrameField::Of(mbuf) = NumberedMeta(number);
  return mbuf;
}

// As it came over a wire.
inline bool IsNumberedFrame(rte_mbuf* mbuf, uint32_t number) {
  const FrameMeta meta = FrameField::Of(mbuf), expected = NumberedMeta(number);
  const uint32_t here = rte_pktmbuf_data_len(mbuf);
  ParsedFrame frame;
  if (ParseFrame({rte_pktmbuf_mtod(mbuf, const uint8_t*), here}, here, &frame) != ParseOutcome::kOk) return false;
  const uint32_t octets = frame.ip_octets + kEthernetHeader;
  return meta.stamp_ns == expected.stamp_ns && meta.bytes == expected.bytes && meta.flags == expected.flags &&
         meta.nf == expected.nf && frame.sequence == number && frame.tuple == NumberedTuple(number) &&
         frame.ip_octets >= expected.bytes && here == (octets < kLeastWireOctets ? kLeastWireOctets : octets) &&
         rte_pktmbuf_pkt_len(mbuf) == here;
}

}  // namespace uhaul::runtime
