#include "runtime/packet_store.h"

#include <algorithm>
#include <cstring>

#include "core/base/check.h"

namespace uhaul::runtime {

PacketStore::Slot& PacketStore::SlotOf(Handle handle, State state) {
  const auto index = static_cast<uint32_t>(handle);
  UHAUL_CHECK(index / kChunk < chunks_.size());
  Slot& slot = At(index);
  UHAUL_CHECK(slot.generation == static_cast<uint32_t>(handle >> 32));
  UHAUL_CHECK(slot.state == state);
  return slot;
}

PacketStore::Handle PacketStore::Reserve() {
  if (free_.empty()) {
    const size_t first = chunks_.size() * kChunk;
    UHAUL_CHECK(first + kChunk <= UINT32_MAX);
    chunks_.push_back(std::make_unique<std::array<Slot, kChunk>>());
    for (size_t i = kChunk; i > 0; --i) free_.push_back(static_cast<uint32_t>(first + i - 1));
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = At(index);
  slot.state = State::kReserved;
  return (uint64_t{slot.generation} << 32) | index;
}

void PacketStore::Free(Handle handle) {
  const auto index = static_cast<uint32_t>(handle);
  Slot& slot = At(index);
  slot.state = State::kFree;
  ++slot.generation;
  free_.push_back(index);
}

void PacketStore::Cancel(Handle handle) {
  SlotOf(handle, State::kReserved);
  Free(handle);
}

void PacketStore::Keep(Handle handle, rte_mbuf* mbuf) {
  Slot& slot = SlotOf(handle, State::kReserved);
  slot.meta = FrameField::Of(mbuf);
  slot.meta.flags &= static_cast<uint8_t>(~FrameMeta::kRead);
  slot.length = static_cast<uint16_t>(std::min<size_t>(rte_pktmbuf_data_len(mbuf), kKeptOctets));
  std::memcpy(slot.octets.data(), rte_pktmbuf_mtod(mbuf, const uint8_t*), slot.length);
  slot.state = State::kKept;
  held_peak_ = std::max(held_peak_, ++held_);
}

rte_mbuf* PacketStore::Take(Handle handle, rte_mempool* pool) {
  Slot& slot = SlotOf(handle, State::kKept);
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
  if (mbuf == nullptr) return nullptr;
  char* data = rte_pktmbuf_append(mbuf, slot.length);
  UHAUL_CHECK(data != nullptr);
  std::memcpy(data, slot.octets.data(), slot.length);
  FrameField::Of(mbuf) = slot.meta;
  --held_;
  Free(handle);
  return mbuf;
}

void PacketStore::Drop(Handle handle) {
  SlotOf(handle, State::kKept);
  --held_;
  Free(handle);
}

PacketStore::Handle PacketStore::Copy(Handle handle) {
  const Handle copy = Reserve();
  const Slot& from = SlotOf(handle, State::kKept);
  Slot& to = SlotOf(copy, State::kReserved);
  to.meta = from.meta;
  to.length = from.length;
  std::memcpy(to.octets.data(), from.octets.data(), from.length);
  to.state = State::kKept;
  held_peak_ = std::max(held_peak_, ++held_);
  return copy;
}

size_t PacketStore::Pack(Handle handle, std::span<uint8_t, kMaxPacked> out) {
  const Slot& slot = SlotOf(handle, State::kKept);
  const size_t length = slot.length;
  std::memcpy(out.data(), &slot.meta, sizeof slot.meta);
  std::memcpy(out.data() + sizeof slot.meta, slot.octets.data(), length);
  return sizeof slot.meta + length;
}

std::optional<PacketStore::Handle> PacketStore::Unpack(std::span<const uint8_t> packed) {
  if (packed.size() <= sizeof(FrameMeta) || packed.size() > kMaxPacked) return std::nullopt;
  const Handle handle = Reserve();
  Slot& slot = SlotOf(handle, State::kReserved);
  std::memcpy(&slot.meta, packed.data(), sizeof slot.meta);
  slot.meta.flags &= static_cast<uint8_t>(~FrameMeta::kRead);
  slot.length = static_cast<uint16_t>(packed.size() - sizeof slot.meta);
  std::memcpy(slot.octets.data(), packed.data() + sizeof slot.meta, slot.length);
  slot.state = State::kKept;
  held_peak_ = std::max(held_peak_, ++held_);
  return handle;
}

}  // namespace uhaul::runtime
