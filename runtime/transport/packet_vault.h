// PacketVault: where a process keeps the octets of packets that its machine holds, behind `Packet::handle`. What the
// octets mean is their sender's affair: a controller gives back what an NF handed to it.
//
// Handles are never reused: a slot's generation is part of its handle, and a handle that is not in the vault is the
// programmer's error. 0 is no handle: a packet without octets.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace uhaul::runtime {

inline constexpr size_t kMaxPacketOctets = 512;  // what may travel with a packet

class PacketVault {
 public:
  using Handle = uint64_t;
  static constexpr Handle kNone = 0;

  // At most kMaxPacketOctets. No octets: kNone.
  Handle Keep(std::span<const uint8_t> octets);
  // Valid until the handle is dropped; of kNone, none.
  std::span<const uint8_t> Octets(Handle handle) const;
  void Drop(Handle handle);

  size_t held() const { return held_; }
  size_t held_peak() const { return held_peak_; }

 private:
  static constexpr size_t kInline = 112;  // headers and what an engine adds to them; few packets have more
  struct Slot {
    uint32_t generation = 1;
    uint16_t length = 0;
    bool kept = false;
    std::array<uint8_t, kInline> octets;
    std::unique_ptr<std::array<uint8_t, kMaxPacketOctets>> long_octets;
  };
  // In chunks: a vector that grows would copy megabytes between two messages.
  static constexpr size_t kChunk = 1024;
  const Slot& SlotOf(Handle handle) const;

  std::vector<std::unique_ptr<std::array<Slot, kChunk>>> chunks_;
  std::vector<uint32_t> free_;
  size_t held_ = 0;
  size_t held_peak_ = 0;
};

}  // namespace uhaul::runtime
