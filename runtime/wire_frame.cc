#include "runtime/wire_frame.h"

#include <algorithm>
#include <cstring>

#include "runtime/frame.h"
#include "workloads/packet_parser.h"

namespace uhaul::runtime {
namespace {

constexpr uint8_t kOurDestination = 0x02;  // both locally administered, unicast
constexpr uint8_t kOurSource = 0x06;
constexpr uint8_t kNoStamp = 0x80;
constexpr size_t kAddressOctets = 12;
constexpr size_t kCheckAt = 5;
constexpr int kStampBits = 40;

// Depends on the order of the octets, as a sum alone would not.
uint8_t CheckOf(const uint8_t* addresses) {
  uint32_t sum = 0x55;
  for (size_t i = 0; i < kAddressOctets; ++i) {
    if (i != kCheckAt) sum = sum * 31 + addresses[i];
  }
  return static_cast<uint8_t>(sum ^ (sum >> 8) ^ (sum >> 16));
}

int64_t NearestStamp(uint64_t low_bits, int64_t reference) {
  const uint64_t ahead = (low_bits - static_cast<uint64_t>(reference)) << (64 - kStampBits);
  return reference + (static_cast<int64_t>(ahead) >> (64 - kStampBits));
}

}  // namespace

bool ToWire(rte_mbuf* mbuf, uint32_t most_octets) {
  const FrameMeta& meta = FrameField::Of(mbuf);
  const uint32_t here = rte_pktmbuf_data_len(mbuf);
  const uint32_t octets = std::max(WireOctets(meta, here), kLeastWireOctets);
  if (meta.bytes > UINT16_MAX || octets > most_octets || here < kEthernetHeader) return false;
  if (octets > here && rte_pktmbuf_append(mbuf, static_cast<uint16_t>(octets - here)) == nullptr) return false;
  auto* a = rte_pktmbuf_mtod(mbuf, uint8_t*);
  a[0] = kOurDestination;
  const bool numbered = (meta.flags & FrameMeta::kNumbered) != 0;
  a[1] = static_cast<uint8_t>((meta.flags & ~(kNoStamp | FrameMeta::kRead)) |
                              (!numbered && meta.stamp_ns < 0 ? kNoStamp : 0));
  a[2] = meta.nf;
  a[3] = static_cast<uint8_t>(meta.bytes >> 8);
  a[4] = static_cast<uint8_t>(meta.bytes);
  a[6] = kOurSource;
  const auto stamp = numbered ? meta.number : static_cast<uint64_t>(meta.stamp_ns < 0 ? 0 : meta.stamp_ns);
  for (size_t i = 0; i < 5; ++i) a[7 + i] = static_cast<uint8_t>(stamp >> (32 - 8 * i));
  a[kCheckAt] = CheckOf(a);
  return true;
}

WireOutcome FromWire(rte_mbuf* mbuf, TimePoint reference) {
  const uint32_t here = rte_pktmbuf_data_len(mbuf);
  if (here < kEthernetHeader) return WireOutcome::kForeign;
  const auto* a = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  if (a[0] != kOurDestination || a[6] != kOurSource || a[kCheckAt] != CheckOf(a)) return WireOutcome::kForeign;
  FrameMeta meta;
  meta.bytes = static_cast<uint32_t>((a[3] << 8) | a[4]);
  if (here != rte_pktmbuf_pkt_len(mbuf) || here < meta.bytes + kEthernetHeader) return WireOutcome::kCut;
  meta.flags = static_cast<uint8_t>(a[1] & ~(kNoStamp | FrameMeta::kRead));
  meta.nf = a[2];
  if ((a[1] & kNoStamp) == 0) {
    uint64_t stamp = 0;
    for (size_t i = 0; i < 5; ++i) stamp = (stamp << 8) | a[7 + i];
    if ((meta.flags & FrameMeta::kNumbered) != 0) {
      meta.number = static_cast<uint32_t>(stamp);
      meta.link_octets = static_cast<uint16_t>(LinkOctets({a, here}));  // a capture's may have VLAN tags
    } else {
      meta.stamp_ns = NearestStamp(stamp, reference.nanos());
    }
  }
  FrameField::Of(mbuf) = meta;
  return WireOutcome::kOurs;
}

}  // namespace uhaul::runtime
