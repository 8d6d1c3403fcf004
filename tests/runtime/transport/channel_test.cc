#include "runtime/transport/channel.h"

#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>

#include "core/protocol/codec.h"
#include "tests/core/protocol/random_message.h"
#include "tests/runtime/transport/sockets.h"

namespace uhaul::runtime {
namespace {

using testing::Frames;
using testing::SocketPair;

std::vector<uint8_t> OctetsOf(size_t size) {
  std::vector<uint8_t> octets(size);
  for (size_t i = 0; i < size; ++i) octets[i] = static_cast<uint8_t>(i * 7 + size);
  return octets;
}

Packet APacket(uint32_t n) {
  Packet packet;
  packet.flow.tuple.source = FiveTuple::Ipv4(10, 0, 0, 1);
  packet.flow.tuple.destination = FiveTuple::Ipv4(10, 0, 0, 2);
  packet.bytes = 1500;
  packet.digest = n;
  return packet;
}

Message Event(uint32_t n) { return {7, 0, msg::PacketEvent{APacket(n)}}; }

struct Ends {
  explicit Ends(ChannelOptions options = {}) : Ends(SocketPair(), options) {}
  Ends(std::array<FileDescriptor, 2> pair, ChannelOptions options)
      : a(std::move(pair[0]), "end a", options), b(std::move(pair[1]), "end b", options) {}
  // From a to b, until nothing is left.
  void Pump(FrameHandler& handler) {
    do {
      REQUIRE(a.Flush().ok());
      const auto received = b.Receive(handler);
      if (!received.ok()) FAIL(received.error().message);
    } while (a.wants_write());
    for (;;) {
      const auto received = b.Receive(handler);
      REQUIRE(received.ok());
      if (received->frames == 0 && !received->more) break;
    }
  }
  Channel a, b;
};

// What the far end says to these octets, sent raw; empty if nothing.
std::string AnswerTo(std::span<const uint8_t> raw, Frames* frames = nullptr) {
  auto pair = SocketPair();
  Channel channel(std::move(pair[1]), "the peer");
  REQUIRE(::send(pair[0].get(), raw.data(), raw.size(), 0) == static_cast<ssize_t>(raw.size()));
  pair[0].Close();
  Frames mine;
  for (;;) {
    const auto received = channel.Receive(frames != nullptr ? *frames : mine);
    if (!received.ok()) return received.error().message;
    if (received->closed) return "";
  }
}

std::vector<uint8_t> Encoded(const std::function<Status(Channel&)>& queue) {
  auto pair = SocketPair();
  Channel channel(std::move(pair[0]), "sink");
  REQUIRE(queue(channel).ok());
  REQUIRE(channel.Flush().ok());
  std::vector<uint8_t> raw(1 << 20);
  const ssize_t n = ::recv(pair[1].get(), raw.data(), raw.size(), 0);
  REQUIRE(n > 0);
  raw.resize(static_cast<size_t>(n));
  return raw;
}

// Who is told that there is nothing more waits for a call; the octets that a full read left in the socket make none.
TEST_CASE("Channel: taken in small shares, a stream ends only when the socket is empty") {
  Ends ends;
  constexpr size_t kSent = 4000;  // several reads' worth
  for (uint32_t i = 0; i < kSent; ++i) REQUIRE(ends.a.QueueMessage(TimePoint(), Event(i), OctetsOf(64)).ok());
  REQUIRE(ends.a.Flush().ok());
  REQUIRE_FALSE(ends.a.wants_write());
  Frames frames;
  bool more = true;
  while (more) {
    const auto received = ends.b.Receive(frames, 32);
    REQUIRE(received.ok());
    more = received->more;
  }
  CHECK(frames.messages.size() == kSent);
}

TEST_CASE("Channel: frames of every kind arrive whole and in order") {
  Ends ends;
  Frames frames;
  const auto state = OctetsOf(kMaxChunkBytes);
  REQUIRE(ends.a.QueueMessage(TimePoint::FromNanos(5), Event(1), OctetsOf(90)).ok());
  REQUIRE(ends.a.QueueAdmin(R"({"hello": 1})").ok());
  REQUIRE(ends.a.QueueBlob(3, OctetsOf(kMaxBlobOctets)).ok());
  REQUIRE(ends.a.QueueMessage(TimePoint::FromNanos(-6), {1, 2, msg::Chunk{APacket(0).flow.tuple, 1, state, {}, true}})
              .ok());
  REQUIRE(ends.a.QueueMessage(TimePoint::FromNanos(7), Event(2)).ok());
  REQUIRE(ends.a.QueueAdmin(std::string(kMaxAdminOctets, 'x')).ok());
  REQUIRE(ends.a.QueueBlob(4, {}).ok());
  ends.Pump(frames);
  REQUIRE(frames.messages.size() == 3);
  CHECK(frames.messages[0].sent == TimePoint::FromNanos(5));
  CHECK(frames.messages[0].message == Event(1));
  CHECK(frames.messages[0].octets == OctetsOf(90));
  CHECK(frames.messages[1].sent == TimePoint::FromNanos(-6));
  CHECK(std::get<msg::Chunk>(frames.messages[1].message.body).state == state);
  CHECK(frames.messages[2].octets.empty());
  REQUIRE(frames.admin.size() == 2);
  CHECK(frames.admin[1].size() == kMaxAdminOctets);
  REQUIRE(frames.blobs.size() == 2);
  CHECK(frames.blobs[0].second == OctetsOf(kMaxBlobOctets));
  CHECK(frames.blobs[1].first == 4);
}

TEST_CASE("Channel: every message survives the way, in tiny pieces too") {
  const bool tiny = GENERATE(false, true);
  Ends ends({.socket_buffer = tiny ? Bytes(1) : Bytes(1 << 20)});  // the system's least is some 4 KiB
  uhaul::testing::RandomMessages random(1);
  std::vector<Message> sent;
  Frames frames;
  for (int i = 0; i < 400; ++i) {
    Message message = random.OfKind(static_cast<size_t>(i) % std::variant_size_v<MessageVariant>);
    const size_t octets = CarriedPacket(message.body) != nullptr ? i % (kMaxPacketOctets + 1) : 0;
    REQUIRE(ends.a.QueueMessage(TimePoint::FromNanos(i), message, OctetsOf(octets)).ok());
    sent.push_back(std::move(message));
  }
  ends.Pump(frames);
  REQUIRE(frames.messages.size() == sent.size());
  for (size_t i = 0; i < sent.size(); ++i) {
    std::vector<uint8_t> there, here;
    Encode(sent[i], &there);
    Encode(frames.messages[i].message, &here);
    CHECK(there == here);
    CHECK(frames.messages[i].sent == TimePoint::FromNanos(static_cast<int64_t>(i)));
  }
}

TEST_CASE("Channel: one octet at a time is enough") {
  const auto raw = Encoded([](Channel& c) { return c.QueueMessage({}, Event(9), OctetsOf(100)); });
  auto pair = SocketPair();
  Channel channel(std::move(pair[1]), "the peer");
  Frames frames;
  for (size_t i = 0; i < raw.size(); ++i) {
    CHECK(frames.messages.empty());
    REQUIRE(::send(pair[0].get(), &raw[i], 1, 0) == 1);
    REQUIRE(channel.Receive(frames).ok());
  }
  REQUIRE(frames.messages.size() == 1);
  CHECK(frames.messages[0].octets == OctetsOf(100));
}

TEST_CASE("Channel: a frame cut short at any octet is an error that names the peer") {
  const auto raw = Encoded([](Channel& c) { return c.QueueMessage({}, Event(9), OctetsOf(100)); });
  CHECK(AnswerTo(raw).empty());
  for (size_t n = 1; n < raw.size(); ++n) {
    CHECK_THAT(AnswerTo(std::span(raw).first(n)), Catch::Contains("the peer sent a malformed frame"));
    // The same, with a length that claims that this is all.
    std::vector<uint8_t> cut(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(n));
    if (n < 4) continue;
    for (size_t i = 0; i < 4; ++i) cut[i] = static_cast<uint8_t>((n - 4) >> (8 * i));
    CHECK_THAT(AnswerTo(cut), Catch::Contains("the peer sent a malformed frame"));
  }
}

TEST_CASE("Channel: faults are told apart") {
  using Octets = std::vector<uint8_t>;
  CHECK_THAT(AnswerTo(Octets{0, 0, 0, 0}), Catch::Contains("no kind"));
  CHECK_THAT(AnswerTo(Octets{1, 0, 0, 0, 9}), Catch::Contains("unknown kind 9"));
  CHECK_THAT(AnswerTo(Octets{255, 255, 255, 255}), Catch::Contains("over the limit"));
  CHECK_THAT(AnswerTo(Octets{1, 0, 64, 0, 1}), Catch::Contains("") && !Catch::Contains("over the limit"));
  CHECK_THAT(AnswerTo(Octets{2, 0, 64, 0, 1}), Catch::Contains("over the limit"));
  CHECK_THAT(AnswerTo(Octets{3, 0, 16, 0, 2}), Catch::Contains("over the limit"));
  CHECK_THAT(AnswerTo(Octets{1, 0, 0, 0, 2}), Catch::Contains("without a stream"));
  auto raw = Encoded([](Channel& c) { return c.QueueMessage({}, Event(9), OctetsOf(2)); });
  auto longer = raw;
  longer.push_back(0);
  ++longer[0];
  CHECK_THAT(AnswerTo(longer), Catch::Contains("1 octets too many"));
  raw[raw.size() - 3] = 2;  // 2 + 2 * 256 octets, it says
  CHECK_THAT(AnswerTo(raw), Catch::Contains("a packet of 514 octets"));
}

TEST_CASE("Channel: garbage never breaks it") {
  Random random(7, 1);
  const auto good = Encoded([](Channel& c) { return c.QueueMessage({}, Event(9), OctetsOf(40)); });
  for (int round = 0; round < 3000; ++round) {
    std::vector<uint8_t> raw;
    if (round % 2 == 0) {
      raw.resize(1 + random.Below(200));
      for (uint8_t& octet : raw) octet = static_cast<uint8_t>(random.Next());
      if (raw.size() > 5 && round % 4 == 0) raw[1] = raw[2] = raw[3] = 0;
    } else {
      raw = good;
      for (int flips = 0; flips < 3; ++flips) raw[random.Below(raw.size())] = static_cast<uint8_t>(random.Next());
    }
    (void)AnswerTo(raw);
  }
  SUCCEED();
}

TEST_CASE("Channel: a peer that does not read is an error, not endless memory") {
  Ends ends({.output_limit = Bytes(1 << 20), .socket_buffer = Bytes()});
  Status status;
  size_t queued = 0;
  while (status.ok() && queued < 1'000'000) {
    status = ends.a.QueueMessage({}, Event(1), OctetsOf(100));
    REQUIRE(ends.a.Flush().ok());
    ++queued;
  }
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message, Catch::Contains("end a does not read"));
  CHECK(ends.a.wants_write());
  CHECK(ends.a.queued() <= Bytes((1 << 20) + 1000));
  Frames frames;
  ends.Pump(frames);
  CHECK(frames.messages.size() == queued - 1);  // what was accepted arrives
}

TEST_CASE("Channel: a peer that went away is seen by both directions") {
  auto pair = SocketPair();
  Channel channel(std::move(pair[1]), "nf 1");
  Frames frames;
  pair[0].Close();
  const auto received = channel.Receive(frames);
  REQUIRE(received.ok());
  CHECK(received->closed);
  REQUIRE(channel.QueueMessage({}, Event(1)).ok());
  const Status status = channel.Flush();
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message, Catch::Contains("nf 1 is gone"));
}

TEST_CASE("Channel: throughput, for information") {
  struct Count final : FrameHandler {
    void OnMessage(TimePoint, Message&& message, std::span<const uint8_t>) override {
      in_order = in_order && CarriedPacket(message.body)->digest == count;
      ++count;
    }
    void OnAdmin(std::string_view) override {}
    void OnBlob(uint8_t, std::span<const uint8_t>) override {}
    uint64_t count = 0;
    bool in_order = true;
  } count;
  Ends ends;
  constexpr uint32_t kMessages = 1'000'000;
  const auto octets = OctetsOf(90);
  const auto begin = std::chrono::steady_clock::now();
  for (uint32_t i = 0; i < kMessages;) {
    for (const uint32_t end = i + 64; i < end; ++i) {
      if (!ends.a.QueueMessage(TimePoint::FromNanos(i), Event(i), octets).ok()) FAIL("queue");
    }
    if (!ends.a.Flush().ok() || !ends.b.Receive(count).ok()) FAIL("socket");
  }
  ends.Pump(count);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  CHECK(count.count == kMessages);
  CHECK(count.in_order);
  WARN("1e6 packet events with 90 octets each, one thread: " << took.count() << " s");
}

}  // namespace
}  // namespace uhaul::runtime
