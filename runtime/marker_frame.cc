#include "runtime/marker_frame.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/check.h"
#include "core/base/little_endian.h"
#include "runtime/frame.h"

namespace uhaul::runtime {
namespace {

constexpr size_t kTypeAt = 12;
// Locally administered: switch to NF.
constexpr std::array<uint8_t, kTypeAt> kAddresses = {0x02, 0, 0, 0, 0, 0x03, 0x02, 0, 0, 0, 0, 0x02};
constexpr std::array<uint8_t, 4> kMagic = {'U', 'H', 'A', 'U'};
constexpr size_t kAddressOctets = 16;
constexpr size_t kOctets = kEthernetHeader + kMagic.size() + 8 + 8 + 2 + 2 * (kAddressOctets + 2) + 1;

}  // namespace

bool IsMarkerFrame(rte_mbuf* mbuf) {
  if (rte_pktmbuf_data_len(mbuf) < kEthernetHeader) return false;
  const auto* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  return data[kTypeAt] == (kMarkerEtherType >> 8) && data[kTypeAt + 1] == (kMarkerEtherType & 0xff);
}

std::optional<Marker> ReadMarkerFrame(rte_mbuf* mbuf, const FlowHasher& hasher) {
  if (rte_pktmbuf_data_len(mbuf) < kOctets) return std::nullopt;
  const uint8_t* p = rte_pktmbuf_mtod(mbuf, const uint8_t*) + kEthernetHeader;
  if (!std::equal(kMagic.begin(), kMagic.end(), p)) return std::nullopt;
  p += kMagic.size();
  Marker marker;
  marker.epoch = LoadLittle<uint64_t>(p);
  marker.nonce = LoadLittle<uint64_t>(p + 8);
  FiveTuple& tuple = marker.flow.tuple;
  tuple.version = p[16];
  tuple.protocol = p[17];
  if (tuple.version != 4 && tuple.version != 6) return std::nullopt;
  p += 18;
  std::memcpy(tuple.source.data(), p, kAddressOctets);
  tuple.source_port = LoadLittle<uint16_t>(p + kAddressOctets);
  p += kAddressOctets + 2;
  std::memcpy(tuple.destination.data(), p, kAddressOctets);
  tuple.destination_port = LoadLittle<uint16_t>(p + kAddressOctets);
  marker.port = p[kAddressOctets + 2];
  marker.flow.id = hasher.Id(tuple);
  return marker;
}

void BuildMarkerFrame(const Marker& marker, rte_mbuf* mbuf) {
  auto* p = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(mbuf, kOctets));
  UHAUL_CHECK(p != nullptr);
  std::copy(kAddresses.begin(), kAddresses.end(), p);
  p[kTypeAt] = kMarkerEtherType >> 8;
  p[kTypeAt + 1] = kMarkerEtherType & 0xff;
  p += kEthernetHeader;
  std::copy(kMagic.begin(), kMagic.end(), p);
  p += kMagic.size();
  StoreLittle(marker.epoch, p);
  StoreLittle(marker.nonce, p + 8);
  const FiveTuple& tuple = marker.flow.tuple;
  p[16] = tuple.version;
  p[17] = tuple.protocol;
  p += 18;
  std::memcpy(p, tuple.source.data(), kAddressOctets);
  StoreLittle(tuple.source_port, p + kAddressOctets);
  p += kAddressOctets + 2;
  std::memcpy(p, tuple.destination.data(), kAddressOctets);
  StoreLittle(tuple.destination_port, p + kAddressOctets);
  p[kAddressOctets + 2] = marker.port;
  FrameField::Of(mbuf) = {.bytes = kMarkerFrameBytes};
}

}  // namespace uhaul::runtime
