// PacketStore: packets that wait. A held packet (in a message, in a buffer, in a long queue) is kept as its header
// octets and its size, so that it pins no mbuf: a move may hold tens of thousands of packets while the pool has four
// thousand mbufs (DECISIONS 17).
//
// A handle is reserved before a machine sees the packet, because only the machine decides whether it will be held; it
// is then kept or cancelled. Taking a packet out gives an mbuf again and ends the handle. Handles are never reused:
// a slot's generation is part of its handle, and a handle that is not in the store is the programmer's error.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "runtime/frame.h"

namespace uhaul::runtime {

class PacketStore {
 public:
  using Handle = uint64_t;
  static constexpr size_t kKeptOctets = 160;  // headers; of a longer frame only so much is kept

  Handle Reserve();
  void Cancel(Handle handle);
  // Copies the packet; the mbuf stays the caller's.
  void Keep(Handle handle, rte_mbuf* mbuf);
  Handle KeepNew(rte_mbuf* mbuf) {
    const Handle handle = Reserve();
    Keep(handle, mbuf);
    return handle;
  }
  // The packet in an mbuf from `pool`; null, and the packet stays, if the pool is empty.
  rte_mbuf* Take(Handle handle, rte_mempool* pool);
  void Drop(Handle handle);
  // The same packet once more, with a handle of its own.
  Handle Copy(Handle handle);

  // A packet that leaves or enters the process beside a message: its FrameMeta and its octets.
  static constexpr size_t kMaxPacked = sizeof(FrameMeta) + kKeptOctets;
  // The octets written; the packet stays.
  size_t Pack(Handle handle, std::span<uint8_t, kMaxPacked> out);
  // Nothing if `packed` is not what Pack writes.
  std::optional<Handle> Unpack(std::span<const uint8_t> packed);

  size_t held() const { return held_; }
  size_t held_peak() const { return held_peak_; }
  FrameMeta& MetaOf(Handle handle) { return SlotOf(handle, State::kKept).meta; }
  std::span<const uint8_t> OctetsOf(Handle handle) {
    const Slot& slot = SlotOf(handle, State::kKept);
    return {slot.octets.data(), slot.length};
  }

 private:
  enum class State : uint8_t { kFree, kReserved, kKept };
  struct Slot {
    FrameMeta meta;
    uint32_t generation = 0;
    uint16_t length = 0;
    State state = State::kFree;
    std::array<uint8_t, kKeptOctets> octets;
  };
  // In chunks: a vector that grows would copy megabytes between two packets.
  static constexpr size_t kChunk = 1024;
  Slot& At(uint32_t index) { return (*chunks_[index / kChunk])[index % kChunk]; }
  Slot& SlotOf(Handle handle, State state);
  void Free(Handle handle);

  std::vector<std::unique_ptr<std::array<Slot, kChunk>>> chunks_;
  std::vector<uint32_t> free_;
  size_t held_ = 0;
  size_t held_peak_ = 0;
};

}  // namespace uhaul::runtime
