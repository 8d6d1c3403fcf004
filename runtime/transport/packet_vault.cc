#include "runtime/transport/packet_vault.h"

#include <algorithm>

#include "core/base/check.h"

namespace uhaul::runtime {

PacketVault::Handle PacketVault::Keep(std::span<const uint8_t> octets) {
  UHAUL_CHECK(octets.size() <= kMaxPacketOctets);
  if (octets.empty()) return kNone;
  if (free_.empty()) {
    const size_t first = chunks_.size() * kChunk;
    UHAUL_CHECK(first + kChunk <= UINT32_MAX);
    chunks_.push_back(std::make_unique<std::array<Slot, kChunk>>());
    for (size_t i = kChunk; i > 0; --i) free_.push_back(static_cast<uint32_t>(first + i - 1));
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = (*chunks_[index / kChunk])[index % kChunk];
  slot.kept = true;
  slot.length = static_cast<uint16_t>(octets.size());
  if (octets.size() <= kInline) {
    std::copy(octets.begin(), octets.end(), slot.octets.begin());
  } else {
    slot.long_octets = std::make_unique<std::array<uint8_t, kMaxPacketOctets>>();
    std::copy(octets.begin(), octets.end(), slot.long_octets->begin());
  }
  held_peak_ = std::max(held_peak_, ++held_);
  return (Handle{slot.generation} << 32) | index;
}

const PacketVault::Slot& PacketVault::SlotOf(Handle handle) const {
  const auto index = static_cast<uint32_t>(handle);
  UHAUL_CHECK(index / kChunk < chunks_.size());
  const Slot& slot = (*chunks_[index / kChunk])[index % kChunk];
  UHAUL_CHECK(slot.generation == static_cast<uint32_t>(handle >> 32));
  UHAUL_CHECK(slot.kept);
  return slot;
}

std::span<const uint8_t> PacketVault::Octets(Handle handle) const {
  if (handle == kNone) return {};
  const Slot& slot = SlotOf(handle);
  return {slot.long_octets ? slot.long_octets->data() : slot.octets.data(), slot.length};
}

void PacketVault::Drop(Handle handle) {
  if (handle == kNone) return;
  SlotOf(handle);
  const auto index = static_cast<uint32_t>(handle);
  Slot& slot = (*chunks_[index / kChunk])[index % kChunk];
  slot.kept = false;
  slot.long_octets.reset();
  if (++slot.generation == 0) slot.generation = 1;
  free_.push_back(index);
  --held_;
}

}  // namespace uhaul::runtime
