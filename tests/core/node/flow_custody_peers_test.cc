// What goes between two instances: states, returned packets, and the ends of streams.
#include "core/node/flow_custody.h"

#include <catch2/catch.hpp>

#include "tests/core/node/custody_bench.h"

using namespace uhaul;
using namespace uhaul::testing;
using Bench = CustodyBench;

TEST_CASE("FlowCustody: the frozen state goes again when the peer's stream opens again, until it is committed") {
  Bench bench;
  bench.Reach(Custody::kSent);
  for (const bool committed : {false, true}) {
    if (committed) bench.Command(CustodyVerb::kCommit, 4);
    CustodyContext context = bench.Context();
    bench.outbox_.Clear();
    bench.custody_.OnPeerOpened(context, 1, 9);
    REQUIRE(bench.outbox_.messages.size() == (committed ? 0 : 1));
    if (committed) continue;
    const auto& state = std::get<msg::State>(bench.outbox_.messages[0].message.body);
    CHECK(state.present);
    CHECK(state.chunk.fit_bytes == Bytes(100));
    CHECK(bench.outbox_.messages[0].to == NfNode(1));
  }
  CHECK(bench.function_.flow_count() == 0);
  CHECK_FALSE(bench.fit_.Find(bench.now_, bench.flow_).has_value());
}

TEST_CASE("FlowCustody: returned packets come before the own ones; a stream that broke begins again") {
  Bench dst;
  dst.Reach(Custody::kRefused);
  CHECK(dst.Packet(1) == "buffered");
  CHECK(dst.Packet(2) == "buffered");
  dst.Command(CustodyVerb::kArmBack, 5);
  dst.outbox_.Clear();
  dst.Mark(5);
  const std::vector<OutMessage> sent = dst.outbox_.messages;
  REQUIRE(sent.size() == 3);
  CHECK(dst.held_ == Bytes(200));  // they may have to go again

  Bench src;
  src.Reach(Custody::kHold);  // has processed packet 0
  CHECK(src.Packet(3) == "buffered");
  CustodyContext context = src.Context();
  const auto packet = [&](size_t i) { return std::get<msg::ReturnedPacket>(sent[i].message.body); };
  src.custody_.OnReturnedPacket(context, packet(0));
  src.custody_.OnReturned(context, 1, std::get<msg::Returned>(sent[2].message.body));  // one is missing
  CHECK(src.custody_.StateOf(src.flow_) == Custody::kHold);
  src.custody_.OnReturnedPacket(context, packet(0));  // again, from the beginning
  src.custody_.OnReturnedPacket(context, packet(1));
  src.custody_.OnReturned(context, 1, std::get<msg::Returned>(sent[2].message.body));
  CHECK(src.custody_.StateOf(src.flow_) == Custody::kOwn);
  CHECK(src.Said() == "active");
  CHECK(*src.violations_ == 0);
  CHECK(src.function_.Count(src.flow_) == 4);
  CHECK(src.held_ == Bytes());
  CHECK(src.custody_.idle());
}

TEST_CASE("FlowCustody: what is returned is kept until COMMIT, and let go once; what comes twice is let go at once") {
  const auto forgotten = [](const Outbox& out) {
    std::vector<uint64_t> digests;
    for (const OutPacket& packet : out.packets) {
      CHECK(packet.fate == OutPacket::Fate::kForgotten);
      digests.push_back(packet.packet.digest);
    }
    return digests;
  };
  Bench dst;
  dst.Reach(Custody::kRefused);
  dst.Packet(1);
  dst.Packet(2);
  dst.Command(CustodyVerb::kArmBack, 5);
  dst.outbox_.Clear();
  dst.Mark(5);
  const std::vector<OutMessage> sent = dst.outbox_.messages;
  for (int times = 0; times < 2; ++times) {
    dst.outbox_.Clear();
    CustodyContext context = dst.Context();
    dst.custody_.OnPeerOpened(context, 1, 9);
    REQUIRE(dst.outbox_.messages.size() == 3);
    CHECK(dst.outbox_.packets.empty());
    for (size_t i = 0; i < 3; ++i) CHECK(dst.outbox_.messages[i].message == sent[i].message);
  }
  dst.Command(CustodyVerb::kCommit, 5);
  CHECK(forgotten(dst.outbox_) == std::vector<uint64_t>{1, 2});
  CHECK(dst.held_ == Bytes());
  dst.Command(CustodyVerb::kCommit, 5);
  CHECK(dst.outbox_.packets.empty());

  Bench src;
  src.Reach(Custody::kHold);
  const auto& packet = std::get<msg::ReturnedPacket>(sent[0].message.body);
  for (const bool again : {false, true}) {
    src.outbox_.Clear();
    CustodyContext context = src.Context();
    src.custody_.OnReturnedPacket(context, packet);
    CHECK(forgotten(src.outbox_).size() == (again ? 1 : 0));
    CHECK(src.held_ == Bytes(100));
  }
}

TEST_CASE("FlowCustody: what was returned to an instance that died is dropped, once, and makes room") {
  Bench dst;
  dst.Reach(Custody::kRefused);
  dst.Packet(1);
  dst.Command(CustodyVerb::kArmBack, 5);
  dst.Mark(5);
  CHECK(dst.held_ == Bytes(100));
  dst.Command(CustodyVerb::kFresh, 6);
  REQUIRE(dst.outbox_.packets.size() == 1);
  CHECK(dst.outbox_.packets[0].fate == OutPacket::Fate::kDropped);
  CHECK(dst.held_ == Bytes());
  CHECK(dst.custody_.idle());
}

TEST_CASE("FlowCustody: REVERT and FRESH wait for the end of the dead one's stream, and for no other") {
  for (const auto& [state, verb, epoch, said] :
       {std::tuple{Custody::kSent, CustodyVerb::kRevert, Epoch{5}, "in-doubt"},
        std::tuple{Custody::kWait, CustodyVerb::kFresh, Epoch{4}, "active-lost"}}) {
    Bench bench;
    bench.Reach(state);
    CustodyContext context = bench.Context();
    bench.custody_.OnPeerOpened(context, 1, 9);
    CHECK(bench.Command(verb, epoch) == "-");
    CHECK(bench.Command(verb, epoch) == "-");
    CHECK(bench.custody_.StateOf(bench.flow_) == state);
    bench.custody_.OnPeerClosed(context, 1);
    CHECK(bench.Said() == said);
    CHECK(bench.custody_.StateOf(bench.flow_) == Custody::kOwn);
    CHECK(bench.custody_.idle());

    Bench other;
    other.Reach(state);
    CustodyContext again = other.Context();
    other.custody_.OnPeerOpened(again, 1, 10);  // the dead one's successor
    CHECK(other.Command(verb, epoch) == said);
  }
}

TEST_CASE("FlowCustody: a state that arrived before its sender's end was known is not lost") {
  Bench bench;
  bench.Reach(Custody::kWait);
  CustodyContext context = bench.Context();
  bench.custody_.OnPeerOpened(context, 1, 9);
  CHECK(bench.Command(CustodyVerb::kFresh, 4) == "-");
  bench.State(4);
  bench.custody_.OnPeerClosed(context, 1);
  CHECK(bench.custody_.StateOf(bench.flow_) == Custody::kImporting);
  bench.RunWork();
  CHECK(bench.Said() == "active");
  CHECK(bench.custody_.StateOf(bench.flow_) == Custody::kOwn);
  CHECK(bench.custody_.idle());
}
