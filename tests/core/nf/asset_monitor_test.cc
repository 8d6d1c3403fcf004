#include "core/nf/asset_monitor.h"

#include <catch2/catch.hpp>

#include "core/base/random.h"
#include "core/flow/flow_map.h"

namespace uhaul {
namespace {

using namespace literals;

constexpr HashKey kKey{3, 4};

FlowKey KeyOf(const char* text) { return FlowHasher(kKey).Key(*FiveTuple::Parse(text)); }
FlowKey Client(uint32_t n) { return KeyOf(("tcp:10.0.0." + std::to_string(n) + ":5000>10.1.0.1:443").c_str()); }
FlowKey Reversed(const FlowKey& flow) { return FlowHasher(kKey).Key(flow.tuple.Reversed()); }

Packet PacketOf(const FlowKey& flow, uint32_t bytes, uint8_t flags) {
  Packet packet;
  packet.flow = flow;
  packet.bytes = bytes;
  packet.tcp_flags = flags;
  return packet;
}

TimePoint At(Duration since_start) { return TimePoint() + since_start; }

AssetMonitor Monitor(Duration timeout = 60_s, uint32_t capacity = 100) {
  return AssetMonitor({.timeout = timeout, .hash_key = kKey, .capacity = capacity});
}

void Feed(AssetMonitor* monitor, TimePoint now, const Packet& packet) { monitor->Process(now, {&packet, 1}); }

// A conversation on a few connections in both directions; packet number i is the same whoever processes it.
struct Step {
  TimePoint at;
  Packet packet;
};
std::vector<Step> Conversation(uint64_t seed) {
  Random random(seed, 1);
  std::vector<Step> steps;
  TimePoint now;
  for (int i = 0; i < 300; ++i) {
    now = now + Duration::Nanos(static_cast<int64_t>(random.Below(5'000'000)));
    const FlowKey flow = Client(1 + static_cast<uint32_t>(random.Below(5)));
    steps.push_back(
        {now, PacketOf(random.Below(3) == 0 ? Reversed(flow) : flow, static_cast<uint32_t>(64 + random.Below(1450)),
                       static_cast<uint8_t>(random.Next()))});
  }
  return steps;
}

}  // namespace

TEST_CASE("AssetMonitor: packets named by their own five-tuple or by the initiator's leave the same records") {
  AssetMonitor own = Monitor();
  AssetMonitor named = Monitor();
  FlowMap<FlowKey> initiators;
  for (const Step& step : Conversation(3)) {
    Feed(&own, step.at, step.packet);
    Packet packet = step.packet;
    const FlowKey other = Reversed(packet.flow);
    packet.reverse = initiators.Contains(other);
    packet.flow = packet.reverse ? other : packet.flow;
    initiators.Get(packet.flow) = packet.flow;
    Feed(&named, step.at, packet);
  }
  CHECK(own.flow_count() == 5);
  StateHash a, b;
  own.Hash(a);
  named.Hash(b);
  CHECK(a.value() == b.value());
}

TEST_CASE("AssetMonitor: a streak leaves the record that its packets leave one by one") {
  for (const AssetClock clock : {AssetClock::kNow, AssetClock::kStamp}) {
    AssetMonitor one_by_one({.hash_key = kKey, .clock = clock});
    AssetMonitor at_once({.hash_key = kKey, .clock = clock});
    Random random(5, 1);
    uint64_t streaks = 0;
    for (const Step& step : Conversation(5)) {
      Streak streak{step.packet, static_cast<uint32_t>(1 + random.Below(40)), Duration::Nanos(100'000)};
      streak.first.stamp = step.at - 1_us;
      Packet packet = streak.first;
      for (uint32_t i = 0; i < streak.count; ++i) {
        packet.stamp = streak.first.stamp + streak.every * i;
        Feed(&one_by_one, step.at + streak.every * i, packet);
      }
      if (at_once.TakesStreak(streak.first.flow)) {
        ++streaks;
        at_once.ProcessStreak(step.at, streak);
      } else {
        at_once.NetworkFunction::ProcessStreak(step.at, streak);
      }
    }
    CHECK(streaks == 295);  // all but five flows' first
    CHECK(at_once.Find(Client(1))->initiator == one_by_one.Find(Client(1))->initiator);
    StateHash a, b;
    one_by_one.Hash(a);
    at_once.Hash(b);
    CHECK(a.value() == b.value());
  }
}

TEST_CASE("AssetMonitor: a record that begins with a packet of the responder can be moved") {
  AssetMonitor source = Monitor();
  AssetMonitor destination = Monitor();
  Packet packet = PacketOf(Client(1), 100, tcp_flag::kAck);
  packet.reverse = true;
  Feed(&source, At(1_ms), packet);
  CHECK(source.Find(Client(1))->tuple == Client(1).tuple);
  CHECK(source.Find(Client(1))->responder.packets() == 1);
  REQUIRE(destination.Import(At(2_ms), Client(1), *source.Export(Client(1))).ok());
  CHECK(*destination.Find(Client(1)) == *source.Find(Client(1)));
}

TEST_CASE("AssetMonitor: by the stamp, a packet that was held counts at the time when it was seen") {
  AssetMonitor prompt({.hash_key = kKey, .clock = AssetClock::kStamp});
  AssetMonitor late({.hash_key = kKey, .clock = AssetClock::kStamp});
  for (const Step& step : Conversation(4)) {
    Packet packet = step.packet;
    packet.stamp = step.at;
    Feed(&prompt, step.at, packet);
    Feed(&late, step.at + 7_ms, packet);
  }
  StateHash a, b;
  prompt.Hash(a);
  late.Hash(b);
  CHECK(a.value() == b.value());
}

TEST_CASE("AssetMonitor: both directions feed one record, found by either five-tuple") {
  AssetMonitor monitor = Monitor();
  const FlowKey flow = Client(1);
  Feed(&monitor, At(1_ms), PacketOf(flow, 64, tcp_flag::kSyn));
  Feed(&monitor, At(3_ms), PacketOf(Reversed(flow), 60, tcp_flag::kSyn | tcp_flag::kAck));
  Feed(&monitor, At(4_ms), PacketOf(flow, 1500, tcp_flag::kAck));
  CHECK(monitor.flow_count() == 1);
  CHECK(monitor.Knows(Reversed(flow)));
  const AssetRecord* record = monitor.Find(Reversed(flow));
  REQUIRE(record != nullptr);
  CHECK(record->tuple == flow.tuple);
  CHECK(AssetServiceName(record->service) == "https");
  CHECK(record->first == At(1_ms));
  CHECK(record->last == At(4_ms));
  CHECK(record->initiator.packets() == 2);
  CHECK(record->initiator.bytes == 1564);
  CHECK(record->initiator.largest_gap == 3_ms);
  CHECK(record->initiator.least_bytes == 64);
  CHECK(record->initiator.most_bytes == 1500);
  CHECK(record->initiator.flags_seen == (tcp_flag::kSyn | tcp_flag::kAck));
  CHECK(record->initiator.first_flags == tcp_flag::kSyn);
  CHECK(record->responder.packets() == 1);
  CHECK(record->responder.syns == 1);
  REQUIRE(monitor.Flows().size() == 1);
  CHECK(monitor.Flows()[0] == flow);
  CHECK(monitor.Delete(Reversed(flow)));
  CHECK_FALSE(monitor.Knows(flow));
}

TEST_CASE("AssetMonitor: services are told by the responder's port, else by the initiator's") {
  const std::pair<const char*, const char*> cases[] = {{"tcp:1.1.1.1:5000>2.2.2.2:80", "http"},
                                                       {"tcp:1.1.1.1:22>2.2.2.2:5000", "ssh"},
                                                       {"udp:1.1.1.1:5000>2.2.2.2:53", "dns"},
                                                       {"udp:1.1.1.1:5000>2.2.2.2:22", "unknown"},
                                                       {"tcp:1.1.1.1:5000>2.2.2.2:5001", "unknown"}};
  for (const auto& [tuple, service] : cases) {
    AssetMonitor monitor = Monitor();
    Feed(&monitor, At(1_ms), PacketOf(KeyOf(tuple), 64, 0));
    CAPTURE(tuple);
    CHECK(AssetServiceName(monitor.Find(KeyOf(tuple))->service) == service);
  }
}

TEST_CASE("AssetMonitor: a chunk is 200 octets, and moving state at any packet changes no record") {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const std::vector<Step> steps = Conversation(seed);
    AssetMonitor single = Monitor();
    AssetMonitor here = Monitor();
    AssetMonitor there = Monitor();
    AssetMonitor* at = &here;
    for (size_t i = 0; i < steps.size(); ++i) {
      Feed(&single, steps[i].at, steps[i].packet);
      Feed(at, steps[i].at, steps[i].packet);
      if (i % 7 != 6) continue;
      AssetMonitor* to = at == &here ? &there : &here;
      for (const FlowKey& flow : at->Flows()) {
        // Either direction's name does.
        const FlowKey name = i % 2 == 0 ? flow : Reversed(flow);
        const Result<std::vector<uint8_t>> chunk = at->Export(name);
        REQUIRE(chunk.ok());
        REQUIRE(chunk->size() == AssetMonitor::kChunkOctets);
        REQUIRE(to->Import(steps[i].at + 3_ms, name, *chunk).ok());
        REQUIRE(at->Delete(name));
      }
      REQUIRE(at->flow_count() == 0);
      at = to;
    }
    CAPTURE(seed);
    REQUIRE(at->Flows() == single.Flows());
    for (const FlowKey& flow : single.Flows()) REQUIRE(*at->Export(flow) == *single.Export(flow));
    StateHash a, b;
    at->Hash(a);
    single.Hash(b);
    CHECK(a.value() == b.value());
  }
}

TEST_CASE("AssetMonitor: an import replaces what was there") {
  AssetMonitor src = Monitor();
  AssetMonitor dst = Monitor();
  const FlowKey flow = Client(1);
  Feed(&src, At(1_ms), PacketOf(flow, 100, tcp_flag::kSyn));
  Feed(&dst, At(2_ms), PacketOf(Reversed(flow), 999, 0));
  REQUIRE(dst.Import(At(3_ms), flow, *src.Export(flow)).ok());
  CHECK(dst.flow_count() == 1);
  CHECK(*dst.Find(flow) == *src.Find(flow));
}

TEST_CASE("AssetMonitor: malformed chunks are refused and change nothing") {
  AssetMonitor src = Monitor();
  const FlowKey flow = Client(1);
  for (const Step& step : Conversation(1)) Feed(&src, step.at, step.packet);
  const std::vector<uint8_t> chunk = *src.Export(flow);
  AssetMonitor dst = Monitor();
  Feed(&dst, At(1_ms), PacketOf(flow, 77, 0));
  const std::vector<uint8_t> before = *dst.Export(flow);

  std::vector<std::vector<uint8_t>> bad;
  for (size_t size = 0; size < chunk.size(); ++size) bad.emplace_back(chunk.begin(), chunk.begin() + long(size));
  bad.push_back(chunk);
  bad.back().push_back(0);
  // schema, version, service, five-tuple, first time (beyond the last), sizes, gap
  for (const size_t at : {0, 1, 2, 3, 4, 5, 6, 21, 24, 41, 49}) {
    bad.push_back(chunk);
    bad.back()[at] ^= 0x40;
  }
  bad.push_back(chunk);
  std::fill(bad.back().begin() + 58, bad.back().begin() + 90, 0);  // no packets, but bytes
  for (const std::vector<uint8_t>& wrong : bad) {
    CAPTURE(wrong.size());
    REQUIRE_FALSE(dst.Import(At(2_ms), flow, wrong).ok());
    REQUIRE(*dst.Export(flow) == before);
  }
  CHECK_FALSE(dst.Import(At(2_ms), Client(2), chunk).ok());
  CHECK_FALSE(dst.Knows(Client(2)));

  // Any chunk that is accepted after a change of one octet is exported as it came.
  Random random(9, 1);
  for (size_t at = 0; at < chunk.size(); ++at) {
    std::vector<uint8_t> changed = chunk;
    changed[at] ^= static_cast<uint8_t>(1 + random.Below(255));
    AssetMonitor fresh = Monitor();
    if (fresh.Import(At(2_ms), flow, changed).ok()) {
      REQUIRE(*fresh.Export(flow) == changed);
      Feed(&fresh, At(5_ms), PacketOf(flow, 100, 0));
    } else {
      REQUIRE(fresh.flow_count() == 0);
    }
  }
}

TEST_CASE("AssetMonitor: idle connections are forgotten after the time-out, others stay") {
  AssetMonitor monitor = Monitor(10_s);
  Feed(&monitor, At(1_s), PacketOf(Client(1), 64, 0));
  Feed(&monitor, At(2_s), PacketOf(Client(2), 64, 0));
  Feed(&monitor, At(9_s), PacketOf(Client(1), 64, 0));
  monitor.Expire(At(12_s));
  CHECK(monitor.flow_count() == 2);
  monitor.Expire(At(12_s) + 1_ns);
  CHECK(monitor.flow_count() == 1);
  CHECK(monitor.Knows(Client(1)));

  // An imported record is as old as its last packet.
  AssetMonitor other = Monitor(10_s);
  REQUIRE(other.Import(At(18_s), Client(1), *monitor.Export(Client(1))).ok());
  Feed(&other, At(18_s), PacketOf(Client(3), 64, 0));
  other.Expire(At(19_s) + 1_ns);
  CHECK_FALSE(other.Knows(Client(1)));
  CHECK(other.Knows(Client(3)));
}

TEST_CASE("AssetMonitor: a full monitor counts packets that pass unwatched, and refuses chunks") {
  AssetMonitor full = Monitor(60_s, 1);
  AssetMonitor src = Monitor();
  Feed(&full, At(1_ms), PacketOf(Client(1), 64, 0));
  Feed(&full, At(1_ms), PacketOf(Client(2), 64, 0));
  CHECK(full.unwatched() == 1);
  CHECK(full.flow_count() == 1);
  Feed(&src, At(1_ms), PacketOf(Client(2), 64, 0));
  CHECK_FALSE(full.Import(At(2_ms), Client(2), *src.Export(Client(2))).ok());
  CHECK_FALSE(src.Export(Client(9)).ok());
}

}  // namespace uhaul
