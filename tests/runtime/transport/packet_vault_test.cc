#include "runtime/transport/packet_vault.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <vector>

namespace uhaul::runtime {
namespace {

std::vector<uint8_t> Octets(size_t size, uint8_t first) {
  std::vector<uint8_t> octets(size);
  std::iota(octets.begin(), octets.end(), first);
  return octets;
}

TEST_CASE("PacketVault: gives back what it was given, of every length") {
  PacketVault vault;
  std::vector<PacketVault::Handle> handles;
  for (size_t size = 0; size <= kMaxPacketOctets; ++size) {
    handles.push_back(vault.Keep(Octets(size, static_cast<uint8_t>(size))));
  }
  CHECK(handles[0] == PacketVault::kNone);
  CHECK(vault.held() == kMaxPacketOctets);
  for (size_t size = 0; size <= kMaxPacketOctets; ++size) {
    const auto kept = vault.Octets(handles[size]);
    CHECK(std::vector<uint8_t>(kept.begin(), kept.end()) == Octets(size, static_cast<uint8_t>(size)));
    vault.Drop(handles[size]);
  }
  CHECK(vault.held() == 0);
  CHECK(vault.held_peak() == kMaxPacketOctets);
}

TEST_CASE("PacketVault: a slot is used again, a handle is not; octets stay where they are while others come") {
  PacketVault vault;
  const auto first = vault.Keep(Octets(60, 1));
  const uint8_t* place = vault.Octets(first).data();
  std::vector<PacketVault::Handle> others;
  for (int i = 0; i < 10'000; ++i) others.push_back(vault.Keep(Octets(20, static_cast<uint8_t>(i))));
  CHECK(vault.Octets(first).data() == place);
  vault.Drop(first);
  const auto again = vault.Keep(Octets(60, 2));
  CHECK(again != first);
  CHECK(static_cast<uint32_t>(again) == static_cast<uint32_t>(first));
  for (const auto handle : others) vault.Drop(handle);
  vault.Drop(again);
  CHECK(vault.held() == 0);
}

}  // namespace
}  // namespace uhaul::runtime
