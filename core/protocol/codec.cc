#include "core/protocol/codec.h"

#include <array>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "core/protocol/fields.h"

namespace uhaul {
namespace {

constexpr size_t kLengthOctets = 4;
constexpr size_t kTypeAt = 5;
constexpr size_t kHeaderOctets = kLengthOctets + 1 + 1 + 4 + 4;
// What a message that holds a chunk may take beside the chunk's state.
constexpr size_t kChunkOverhead = 256;
constexpr size_t kKinds = std::variant_size_v<MessageVariant>;

template <class Body>
constexpr bool kHoldsChunk =
    std::is_same_v<Body, msg::Chunk> || std::is_same_v<Body, msg::PutPerflow> || std::is_same_v<Body, msg::State>;
template <class Body>
constexpr bool kHoldsPacket = std::is_same_v<Body, msg::PacketEvent> || std::is_same_v<Body, msg::PacketOut> ||
                              std::is_same_v<Body, msg::PacketIn> || std::is_same_v<Body, msg::ReturnedPacket>;
template <class Body>
constexpr size_t kLimit = kHoldsChunk<Body> ? kMaxChunkBytes + kChunkOverhead : kMaxMessageBytes;

template <size_t... I>
constexpr std::array<size_t, kKinds> LimitsOf(std::index_sequence<I...>) {
  return {kLimit<std::variant_alternative_t<I, MessageVariant>>...};
}
constexpr std::array<size_t, kKinds> kLimits = LimitsOf(std::make_index_sequence<kKinds>());
constexpr size_t kLargest = kMaxChunkBytes + kChunkOverhead;

template <size_t I>
void ReadBody(wire::Reader& reader, MessageBody* body) {
  Fields(reader, body->emplace<I>());
}
template <size_t... I>
void ReadBodyOf(size_t type, wire::Reader& reader, MessageBody* body, std::index_sequence<I...>) {
  using Function = void (*)(wire::Reader&, MessageBody*);
  constexpr std::array<Function, kKinds> kReaders = {&ReadBody<I>...};
  kReaders[type](reader, body);
}

Error Malformed(const std::string& what) { return Error{"malformed message: " + what}; }

}  // namespace

void Encode(const Message& message, std::vector<uint8_t>* out) {
  wire::Counter counter;
  std::visit([&](const auto& body) { Fields(counter, body); }, message.body);
  const size_t size = kHeaderOctets + counter.size();
  UHAUL_CHECK(size <= kLimits[message.body.index()]);
  const size_t begin = out->size();
  out->resize(begin + size);
  wire::Writer writer(out->data() + begin);
  writer.Int(static_cast<uint32_t>(size - kLengthOctets));
  writer.Int(kWireVersion);
  writer.Int(static_cast<uint8_t>(message.body.index()));
  writer.Int(message.operation);
  writer.Int(message.generation);
  std::visit([&](const auto& body) { Fields(writer, body); }, message.body);
  UHAUL_CHECK(writer.end() == out->data() + out->size());
}

Result<size_t> NextMessageSize(std::span<const uint8_t> in) {
  if (in.size() < kLengthOctets) return size_t{0};
  uint32_t length = 0;
  wire::Reader(in).Int(length);
  const size_t size = kLengthOctets + size_t{length};
  // A reader that has seen the type as well is held to that type's limit.
  const size_t limit = in.size() > kTypeAt && in[kTypeAt] < kKinds ? kLimits[in[kTypeAt]] : kLargest;
  if (size < kHeaderOctets) return Malformed("length " + std::to_string(length) + " is less than its header");
  if (size > limit) return Malformed("length " + std::to_string(length) + " is over the limit");
  return size;
}

Result<Decoded> Decode(std::span<const uint8_t> in) {
  const Result<size_t> size = NextMessageSize(in);
  if (!size.ok()) return size.error();
  if (*size == 0 || in.size() < *size) return Malformed("ends too early");
  Decoded decoded;
  decoded.consumed = *size;
  wire::Reader reader(in.first(*size).subspan(kLengthOctets));
  uint8_t version = 0;
  uint8_t type = 0;
  reader.Int(version);
  reader.Int(type);
  if (version != kWireVersion) return Malformed("wire version " + std::to_string(version) + " is not 1");
  if (type >= kKinds) return Malformed("unknown type " + std::to_string(type));
  reader.Int(decoded.message.operation);
  reader.Int(decoded.message.generation);
  ReadBodyOf(type, reader, &decoded.message.body, std::make_index_sequence<kKinds>());
  const auto name = [type] { return "type " + std::to_string(type) + " "; };
  if (!reader.ok()) return Malformed(name() + reader.fault());
  if (reader.left() != 0) return Malformed(name() + "has " + std::to_string(reader.left()) + " octets too many");
  return decoded;
}

Bytes WireSize(const Message& message) {
  wire::Counter counter;
  uint64_t packet = 0;
  std::visit(
      [&]<class Body>(const Body& body) {
        Fields(counter, body);
        if constexpr (kHoldsPacket<Body>) packet = body.packet.bytes;
      },
      message.body);
  return Bytes(kHeaderOctets + counter.size() + packet);
}

}  // namespace uhaul
