#include "tests/faults/message_text.h"

#include <string_view>
#include <variant>

#include "core/base/hash.h"
#include "core/protocol/fields.h"

namespace uhaul::wire {
class TextWire {
 public:
  static constexpr bool kReads = false;
  template <std::unsigned_integral T>
  void Int(const T& value) {
    Word(std::to_string(value));
  }
  void Octets(std::span<const uint8_t> octets) { Word("[" + std::to_string(octets.size()) + "]"); }
  void Word(const std::string& word) { text_ += (text_.empty() ? "" : " ") + word; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

static void Fields(TextWire& text, const FiveTuple& tuple) { text.Word(faults::FlowText(tuple)); }
static void Fields(TextWire& text, const Packet& packet) { text.Word(faults::PacketText(packet)); }
static void Fields(TextWire& text, const FlowFilter& filter) { text.Word(filter.ToString()); }

class HashWire {
 public:
  static constexpr bool kReads = false;
  template <std::unsigned_integral T>
  void Int(const T& value) {
    hash_.Add(value);
  }
  void Octets(std::span<const uint8_t> octets) { hash_.Add(octets); }
  StateHash& hash() { return hash_; }

 private:
  StateHash hash_;
};

static void Fields(HashWire& hasher, const Packet& packet) { hasher.Int(faults::HashOf(packet)); }

}  // namespace uhaul::wire

namespace uhaul::faults {
namespace {

// "PutPerflow" of msg::PutPerflow, as the compiler spells it.
template <class T>
std::string_view TypeName() {
  const std::string_view spelled = __PRETTY_FUNCTION__;
  const std::string_view key = "msg::";
  const size_t begin = spelled.find(key) + key.size();
  return spelled.substr(begin, spelled.find_first_of(";]", begin) - begin);
}

}  // namespace

uint32_t FlowNumber(const FiveTuple& tuple) {
  return (uint32_t{tuple.source[1]} << 16) | (uint32_t{tuple.source[2]} << 8) | tuple.source[3];
}

std::string NodeText(NodeId node) {
  switch (node.role) {
    case NodeId::Role::kController:
      return "controller";
    case NodeId::Role::kSwitch:
      return "switch";
    case NodeId::Role::kNf:
      return "NF " + std::to_string(node.instance);
  }
  UHAUL_CHECK(false);
}

std::string FlowText(const FiveTuple& tuple) { return "f" + std::to_string(FlowNumber(tuple)); }

std::string PacketText(const Packet& packet) {
  return FlowText(packet.flow.tuple) + " #" + std::to_string(packet.handle) + (packet.reverse ? "'" : "") +
         (packet.do_not_buffer ? "!" : "");
}

std::string MessageText(const Message& message) {
  wire::TextWire text;
  std::visit(
      [&]<class Body>(const Body& body) {
        text.Word(std::string(TypeName<Body>()));
        text.Word("op" + std::to_string(message.operation));
        if (message.generation != 0) text.Word("gen" + std::to_string(message.generation));
        Fields(text, body);
      },
      message.body);
  return text.text();
}

uint64_t HashOf(const Packet& packet) {
  StateHash hash;
  hash.Add(packet.flow.id);
  hash.Add(packet.handle);
  hash.Add((packet.digest << 10) | (uint64_t{packet.tcp_flags} << 2) | (packet.do_not_buffer ? 1U : 0U) |
           (packet.reverse ? 2U : 0U) | (packet.relayed ? uint64_t{1} << 63 : 0));
  return hash.value();
}

uint64_t HashOf(const Marker& marker) {
  StateHash hash;
  hash.Add(marker.flow.id);
  hash.Add(marker.epoch);
  hash.Add(marker.nonce);
  hash.Add(marker.port);
  return hash.value();
}

uint64_t HashOf(const JournalRecord& record) {
  StateHash hash;
  const auto add = [&](const FiveTuple& tuple) { hash.Add(FlowNumber(tuple)); };
  hash.Add(record.index());
  if (const auto* generation = std::get_if<journal::Generation>(&record)) {
    hash.Add((uint64_t{generation->generation} << 32) | generation->next_operation);
  } else if (const auto* begin = std::get_if<journal::Begin>(&record)) {
    hash.Add((uint64_t{begin->operation} << 16) | (uint64_t{begin->src} << 8) | begin->dst);
    hash.Add((begin->src_incarnation << 32) | begin->dst_incarnation);
    for (const FiveTuple& tuple : begin->flows) add(tuple);
  } else if (const auto* end = std::get_if<journal::End>(&record)) {
    hash.Add(end->operation);
    for (const journal::EndedFlow& flow : end->flows) {
      add(flow.tuple);
      hash.Add((flow.epoch << 8) | flow.nf);
    }
  }
  return hash.value();
}

uint64_t HashOf(const Message& message) {
  wire::HashWire hasher;
  hasher.hash().Add((uint64_t{message.operation} << 32) | message.generation);
  hasher.hash().Add(message.body.index());
  std::visit([&](const auto& body) { Fields(hasher, body); }, message.body);
  return hasher.hash().value();
}

}  // namespace uhaul::faults
