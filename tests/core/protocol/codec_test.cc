#include "core/protocol/codec.h"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/core/protocol/random_message.h"

namespace uhaul {
namespace {

using testing::RandomMessages;

constexpr size_t kKinds = std::variant_size_v<MessageVariant>;

std::vector<uint8_t> Encoded(const Message& message) {
  std::vector<uint8_t> out;
  Encode(message, &out);
  return out;
}

void SetLength(std::vector<uint8_t>* octets) {
  const size_t length = octets->size() - 4;
  for (size_t i = 0; i < 4; ++i) (*octets)[i] = static_cast<uint8_t>(length >> (8 * i));
}

uint64_t PacketBytes(const Message& message) {
  if (const auto* m = std::get_if<msg::PacketEvent>(&message.body)) return m->packet.bytes;
  if (const auto* m = std::get_if<msg::PacketOut>(&message.body)) return m->packet.bytes;
  if (const auto* m = std::get_if<msg::PacketIn>(&message.body)) return m->packet.bytes;
  if (const auto* m = std::get_if<msg::ReturnedPacket>(&message.body)) return m->packet.bytes;
  return 0;
}

// How many fields an aggregate has: a new one must be added to core/protocol/fields.h, to RandomMessages and here.
struct Anything {
  template <class T>
  operator T() const;  // never called
};
template <class M, class... Fields>
constexpr size_t FieldCount() {
  if constexpr (requires { M{Fields{}..., Anything{}}; }) {
    return FieldCount<M, Fields..., Anything>();
  } else {
    return sizeof...(Fields);
  }
}
static_assert(FieldCount<Packet>() == 9 && FieldCount<FiveTuple>() == 6 && FieldCount<FlowFilter>() == 3);
static_assert(FieldCount<FlowScope>() == 3 && FieldCount<DetectorSpec>() == 3 && FieldCount<Message>() == 3);
static_assert(FieldCount<msg::GetElephant>() == 2 && FieldCount<msg::SetFilter>() == 4);
static_assert(FieldCount<msg::ListFlows>() == 3 && FieldCount<msg::FlowListing>() == 2);
static_assert(FieldCount<msg::EnableEvents>() == 3 && FieldCount<msg::GetPerflow>() == 3);
static_assert(FieldCount<msg::Chunk>() == 5 && FieldCount<msg::GetDone>() == 2 && FieldCount<msg::PutAck>() == 2);
static_assert(FieldCount<msg::PutPerflow>() == 1 && FieldCount<msg::DelPerflow>() == 1);
static_assert(FieldCount<msg::DelAck>() == 1 && FieldCount<msg::PacketEvent>() == 1);
static_assert(FieldCount<msg::ProcessedEvent>() == 2 && FieldCount<msg::StartRelay>() == 2);
static_assert(FieldCount<msg::NewFlow>() == 1 && FieldCount<msg::RuleAction>() == 3);
static_assert(FieldCount<msg::InstallRules>() == 7 && FieldCount<msg::RulesAck>() == 5);
static_assert(FieldCount<msg::RemoveRules>() == 2 && FieldCount<msg::PacketOut>() == 2);
static_assert(FieldCount<msg::PacketIn>() == 1 && FieldCount<msg::SelectedFlow>() == 2);
static_assert(FieldCount<msg::Hello>() == 2 && FieldCount<msg::CustodyCommand>() == 6);
static_assert(FieldCount<msg::FlowStatus>() == 3 && FieldCount<msg::CustodyReport>() == 2);
static_assert(FieldCount<msg::Install>() == 5 && FieldCount<msg::SendMarkers>() == 4 && FieldCount<msg::State>() == 3);
static_assert(FieldCount<msg::ReturnedPacket>() == 3 && FieldCount<msg::Returned>() == 3);
static_assert(FieldCount<msg::RelayCommand>() == 3 && FieldCount<msg::RelayReport>() == 2);
static_assert(FieldCount<msg::Mark>() == 2);

}  // namespace

TEST_CASE("Codec: a message of any kind comes back as it was, and takes what WireSize says") {
  RandomMessages messages(1);
  for (size_t kind = 0; kind < kKinds; ++kind) {
    for (int i = 0; i < 100; ++i) {
      CAPTURE(kind, i);
      const Message message = messages.OfKind(kind);
      REQUIRE(message.body.index() == kind);
      std::vector<uint8_t> octets = Encoded(message);
      const size_t size = octets.size();
      REQUIRE(WireSize(message).count() == size + PacketBytes(message));
      REQUIRE(*NextMessageSize(octets) == size);
      octets.push_back(0xee);  // the next message's
      const Result<Decoded> decoded = Decode(octets);
      REQUIRE(decoded.ok());
      REQUIRE(decoded->consumed == size);
      REQUIRE(decoded->message == message);
    }
  }
}

TEST_CASE("Codec: flow IDs and handles stay at home") {
  Message message{1, 2, msg::PacketIn{}};
  Packet& packet = std::get<msg::PacketIn>(message.body).packet;
  packet.flow.id = 7;
  packet.handle = 9;
  packet.bytes = 1500;
  const Result<Decoded> decoded = Decode(Encoded(message));
  REQUIRE(decoded.ok());
  const Packet& got = std::get<msg::PacketIn>(decoded->message.body).packet;
  CHECK(got.flow.id == 0);
  CHECK(got.handle == 0);
  CHECK(got.bytes == 1500);
}

TEST_CASE("Codec: the layout is fixed") {
  Message message{0x04030201, 0x0a, msg::GetDone{.flows = 0x0102, .missing = 3}};
  CHECK(Encoded(message) == std::vector<uint8_t>{18, 0, 0, 0, 1, 10, 1, 2, 3, 4, 10, 0, 0, 0, 2, 1, 0, 0, 3, 0, 0, 0});
}

TEST_CASE("Codec: every truncation is refused, with the length as it was and with the length made to fit") {
  RandomMessages messages(2);
  for (size_t kind = 0; kind < kKinds; ++kind) {
    for (int i = 0; i < 10; ++i) {
      const std::vector<uint8_t> octets = Encoded(messages.OfKind(kind));
      for (size_t size = 0; size < octets.size(); ++size) {
        CAPTURE(kind, i, size);
        std::vector<uint8_t> cut(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(size));
        REQUIRE_FALSE(Decode(cut).ok());
        if (size < 4) {
          REQUIRE(*NextMessageSize(cut) == 0);
          continue;
        }
        SetLength(&cut);
        REQUIRE_FALSE(Decode(cut).ok());
      }
    }
  }
}

TEST_CASE("Codec: trailing octets inside the length are refused") {
  RandomMessages messages(3);
  for (size_t kind = 0; kind < kKinds; ++kind) {
    std::vector<uint8_t> octets = Encoded(messages.OfKind(kind));
    octets.push_back(0);
    SetLength(&octets);
    CAPTURE(kind);
    REQUIRE_FALSE(Decode(octets).ok());
  }
}

TEST_CASE("Codec: what is accepted after any change of one octet has that one encoding") {
  RandomMessages messages(4);
  Random random(4, 2);
  uint64_t refused = 0;
  for (size_t kind = 0; kind < kKinds; ++kind) {
    const std::vector<uint8_t> octets = Encoded(messages.OfKind(kind));
    for (size_t at = 0; at < octets.size(); ++at) {
      for (const uint8_t flip : {uint8_t{0xff}, uint8_t{1}, uint8_t{0x80}, static_cast<uint8_t>(random.Below(256))}) {
        std::vector<uint8_t> bad = octets;
        bad[at] ^= flip;
        const Result<Decoded> decoded = Decode(bad);
        if (!decoded.ok()) {
          ++refused;
          continue;
        }
        CAPTURE(kind, at, int{flip});
        bad.resize(decoded->consumed);
        REQUIRE(Encoded(decoded->message) == bad);
      }
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("Codec: random octets never crash it") {
  Random random(5, 1);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<uint8_t> octets(10 + random.Below(60));
    for (uint8_t& octet : octets) octet = static_cast<uint8_t>(random.Below(4) == 0 ? random.Next() : random.Below(3));
    octets.insert(octets.begin(), 4, 0);
    SetLength(&octets);
    octets[4] = kWireVersion;
    octets[5] = static_cast<uint8_t>(random.Below(kKinds));
    const Result<Decoded> decoded = Decode(octets);
    if (decoded.ok()) REQUIRE(Encoded(decoded->message) == octets);
  }
}

TEST_CASE("Codec: lengths over the limit are refused from the length alone") {
  const auto header = [](uint32_t length, std::vector<uint8_t> rest) {
    std::vector<uint8_t> octets;
    for (int i = 0; i < 4; ++i) octets.push_back(static_cast<uint8_t>(length >> (8 * i)));
    octets.insert(octets.end(), rest.begin(), rest.end());
    return octets;
  };
  const auto chunk = static_cast<uint8_t>(MessageBody(msg::Chunk{}).index());
  const auto listing = static_cast<uint8_t>(MessageBody(msg::FlowListing{}).index());
  CHECK_FALSE(NextMessageSize(header(0xffffffff, {})).ok());
  CHECK_FALSE(NextMessageSize(header(kMaxChunkBytes + 1000, {})).ok());
  CHECK_FALSE(NextMessageSize(header(9, {})).ok());
  CHECK(NextMessageSize(header(kMaxChunkBytes, {})).ok());
  CHECK(NextMessageSize(header(kMaxChunkBytes, {kWireVersion, chunk})).ok());
  CHECK_FALSE(NextMessageSize(header(kMaxChunkBytes, {kWireVersion, listing})).ok());
  CHECK(NextMessageSize(header(kMaxMessageBytes - 4, {kWireVersion, listing})).ok());
  CHECK_FALSE(NextMessageSize(header(kMaxMessageBytes - 3, {kWireVersion, listing})).ok());
}

TEST_CASE("Codec: a list's count is checked against the limit and against what is there") {
  const Message message{1, 1, msg::FlowListing{.flows = std::vector<FiveTuple>(kMaxFlowsPerMessage), .more = true}};
  std::vector<uint8_t> octets = Encoded(message);
  REQUIRE(Decode(octets)->message == message);
  octets[14] = 0x01;  // 1,025 flows
  octets[15] = 0x04;
  octets.insert(octets.end(), 14, 0);
  SetLength(&octets);
  CHECK_FALSE(Decode(octets).ok());
  std::vector<uint8_t> small = Encoded({1, 1, msg::FlowListing{}});
  small[15] = 4;  // 1,024 flows, of which none is there
  CHECK_FALSE(Decode(small).ok());
}

TEST_CASE("Codec: the largest messages fit") {
  FiveTuple tuple;
  tuple.version = 6;
  msg::SetFilter filter;
  filter.flows.assign(kMaxFlowsPerMessage, {tuple, Bytes(1)});
  CHECK(Decode(Encoded({1, 1, filter})).ok());
  const Message put{1, 1, msg::PutPerflow{{tuple, 1, std::vector<uint8_t>(kMaxChunkBytes, 7), Bytes(1), false}}};
  const Result<Decoded> decoded = Decode(Encoded(put));
  REQUIRE(decoded.ok());
  CHECK((decoded->message == put));
}

TEST_CASE("Codec: wrong versions, types, enumerations, flags, prefixes and numbers are refused") {
  const auto refused = [](const Message& message, size_t at, uint8_t value) {
    std::vector<uint8_t> octets = Encoded(message);
    REQUIRE(Decode(octets).ok());
    REQUIRE(octets.at(at) != value);
    octets[at] = value;
    return !Decode(octets).ok();
  };
  constexpr size_t kBody = 14;
  CHECK(refused({1, 1, msg::CancelGet{}}, 4, 2));
  CHECK(refused({1, 1, msg::CancelGet{}}, 5, static_cast<uint8_t>(kKinds)));
  CHECK(refused({1, 1, msg::CancelGet{}}, 5, 255));
  CHECK(refused({1, 1, msg::GetElephant{}}, kBody, 2));       // detector kind
  CHECK(refused({1, 1, msg::GetElephant{}}, kBody + 17, 5));  // filter version
  CHECK(refused({1, 1, msg::EnableEvents{}}, kBody, 2));      // action
  CHECK(refused({1, 1, msg::EnableEvents{}}, kBody + 1, 3));  // scope kind
  CHECK(refused({1, 1, msg::FlowListing{}}, kBody + 4, 2));   // flag
  CHECK(refused({1, 1, msg::NewFlow{}}, kBody, 5));           // IP version
  CHECK(refused({1, 1, msg::NewFlow{}}, kBody, 0));
  CHECK(refused({1, 1, msg::PacketIn{}}, kBody + 14 + 5, 8));                 // marks
  CHECK(refused({1, 1, msg::InstallRules{}}, kBody + 4 + 2 + 1 + 4 + 1, 3));  // rule action
  const FlowFilter v4{.version = 4, .source = {}, .source_prefix = 8};
  CHECK(refused({1, 1, msg::StartRelay{.filter = v4, .to = 1}}, kBody + 1, 33));
  const FlowFilter v6{.version = 6, .source = {}, .source_prefix = 8};
  CHECK(refused({1, 1, msg::StartRelay{.filter = v6, .to = 1}}, kBody + 1, 129));

  msg::GetElephant nan;
  nan.detector.rho = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(Decode(Encoded({1, 1, nan})).ok());
  nan.detector.rho = std::numeric_limits<double>::infinity();
  CHECK(Decode(Encoded({1, 1, nan})).ok());
}

}  // namespace uhaul
