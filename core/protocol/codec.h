// The wire format: length-prefixed binary, little-endian, one version byte.
//
//   u32 length of what follows | u8 version | u8 type | u32 operation | u32 generation | body
//
// `type` is the index in MessageBody. A state chunk may hold kMaxChunkBytes; any other message fits kMaxMessageBytes;
// both limits are checked before anything is allocated. The decoder answers bad input with an error, never a CHECK.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/protocol/message.h"

namespace uhaul {

inline constexpr uint8_t kWireVersion = 1;

// Appends the message to `out`.
void Encode(const Message& message, std::vector<uint8_t>* out);

struct Decoded {
  Message message;
  size_t consumed = 0;  // octets
};
// Decodes one message from the front of `in`. An error on a malformed or truncated message, on trailing octets inside
// the length, on values outside an enumeration and on sizes over the limits.
Result<Decoded> Decode(std::span<const uint8_t> in);

// What a stream reader needs first: the full size of the next message, or 0 if fewer than four octets are there.
// An error if the announced length is over the limits.
Result<size_t> NextMessageSize(std::span<const uint8_t> in);

// Octets that the message takes on a control link: its encoding, and for a packet that travels with it (PacketEvent,
// PacketOut, PacketIn) the packet itself. Computed without encoding.
Bytes WireSize(const Message& message);

}  // namespace uhaul
