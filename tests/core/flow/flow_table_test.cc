#include "core/flow/flow_table.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "core/base/random.h"
#include "tests/core/flow/plain_flow_table.h"

namespace uhaul {
namespace {

using namespace literals;

FlowKey KeyNumber(uint64_t n) {
  FiveTuple tuple;
  tuple.source = FiveTuple::Ipv4(10, 0, static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n));
  tuple.destination = FiveTuple::Ipv4(10, 1, 0, 1);
  tuple.source_port = static_cast<uint16_t>(1000 + n);
  tuple.destination_port = 80;
  // Few different homes, so that chains form, wrap and are shifted.
  return {tuple, (n + 1) << 32 | (n % 3 == 0 ? 0xffff : n % 5)};
}

Packet PacketOf(const FlowKey& flow, uint32_t bytes, uint8_t flags = 0) {
  Packet packet;
  packet.flow = flow;
  packet.bytes = bytes;
  packet.tcp_flags = flags;
  return packet;
}

TimePoint At(Duration since_start) { return TimePoint() + since_start; }

// The definition, entry by entry and boundary by boundary, with unbounded time.
class Model {
 public:
  Model(uint32_t capacity, Duration window) : capacity_(capacity), window_(window.nanos()) {}

  RecordOutcome Touch(TimePoint now, const FlowKey& flow, uint64_t bytes, bool fin) {
    RunPasses(now);
    const bool known = entries_.count(flow.tuple) != 0;
    if (!known && entries_.size() == capacity_) return RecordOutcome::kFull;
    Entry& entry = entries_[flow.tuple];
    entry.id = flow.id;
    entry.bytes = std::min<uint64_t>(entry.bytes + bytes, (1ULL << 37) - 1);
    entry.tick = now.nanos() / 1024;
    entry.fin = entry.fin || fin;
    return known ? RecordOutcome::kUpdated : RecordOutcome::kInserted;
  }
  void RunPasses(TimePoint now) {
    for (int shown = 0; (swept_ + 1) * window_ <= now.nanos(); ++shown) {
      ++swept_;
      const auto before = static_cast<uint32_t>(entries_.size());
      for (auto it = entries_.begin(); it != entries_.end();) {
        const bool dead = it->second.tick * 1024 / window_ + 2 <= swept_;
        if (dead && !it->second.pinned) {
          it = entries_.erase(it);
          continue;
        }
        if (dead) it->second.tick = ((swept_ - 1) * window_ + 1023) / 1024;
        ++it;
      }
      if (shown < 2) {
        rows.push_back({TimePoint::FromNanos(swept_ * window_), before, static_cast<uint32_t>(entries_.size())});
      }
    }
  }
  bool Erase(const FlowKey& flow) { return entries_.erase(flow.tuple) != 0; }
  bool Pin(const FlowKey& flow, bool pinned) {
    const auto it = entries_.find(flow.tuple);
    if (it != entries_.end()) it->second.pinned = pinned;
    return it != entries_.end();
  }
  bool MarkMoved(const FlowKey& flow) {
    const auto it = entries_.find(flow.tuple);
    if (it != entries_.end()) it->second.moved = true;
    return it != entries_.end();
  }
  void CheckSame(const FlowTable& table, TimePoint now) const {
    Model ahead = *this;
    ahead.RunPasses(now);
    const std::vector<ActiveFlow> snapshot = table.Snapshot(now);
    REQUIRE(snapshot.size() == ahead.entries_.size());
    REQUIRE(table.size(now) == ahead.entries_.size());
    size_t i = 0;
    for (const auto& [tuple, entry] : ahead.entries_) {
      REQUIRE(snapshot[i].flow == FlowKey{tuple, entry.id});
      REQUIRE(snapshot[i].bytes == Bytes(entry.bytes));
      REQUIRE(snapshot[i].last_packet.nanos() == entry.tick * 1024);
      REQUIRE(snapshot[i].fin == entry.fin);
      REQUIRE(snapshot[i].moved == entry.moved);
      REQUIRE(table.Find(now, snapshot[i].flow).has_value());
      ++i;
    }
  }

  std::vector<EvictionPass> rows;

 private:
  struct Entry {
    FlowId id = 0;
    uint64_t bytes = 0;
    int64_t tick = 0;
    bool fin = false, moved = false, pinned = false;
  };
  size_t capacity_;
  int64_t window_;
  int64_t swept_ = 0;
  std::map<FiveTuple, Entry> entries_;
};

void CheckRows(const std::vector<EvictionPass>& got, const std::vector<EvictionPass>& want) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    REQUIRE(got[i].at == want[i].at);
    REQUIRE(got[i].before == want[i].before);
    REQUIRE(got[i].after == want[i].after);
  }
}

Duration RandomGap(Random& random, Duration window) {
  const auto w = static_cast<uint64_t>(window.nanos());
  switch (random.Below(40)) {
    case 0:
      return Duration::Nanos(static_cast<int64_t>(random.Below(4 * w)));
    case 1:  // around one wrap of the 24-bit time, 17.18 s
      return Duration::Nanos(static_cast<int64_t>((1ULL << 34) - 2 * w + random.Below(4 * w)));
    case 2:
      return Duration::Nanos((int64_t{1} << 34) * static_cast<int64_t>(1 + random.Below(3)));
    case 3:
      return Duration();
    default:
      return Duration::Nanos(static_cast<int64_t>(random.Below(w / 4)));
  }
}

// One random history; `eager` also advances the table between operations, which must change nothing but the rows' time.
void RunHistory(uint64_t seed, Duration window, uint32_t capacity, bool eager) {
  CAPTURE(seed, window.nanos(), capacity, eager);
  Random random(seed, 1);
  FlowTable table({.capacity = capacity, .window = window});
  Model model(capacity, window);
  std::vector<EvictionPass> rows;
  TimePoint now;
  uint64_t full = 0;
  for (int step = 0; step < 400; ++step) {
    now = now + RandomGap(random, window);
    const FlowKey flow = KeyNumber(random.Below(40));
    if (eager) {
      table.Advance(now, &rows);
      model.RunPasses(now);
    }
    const uint64_t choice = random.Below(20);
    if (choice < 12) {
      const uint8_t flags = random.Below(8) == 0 ? tcp_flag::kFin : random.Below(8) == 0 ? tcp_flag::kRst : 0;
      const auto bytes = static_cast<uint32_t>(random.Next());
      const RecordOutcome outcome = model.Touch(now, flow, bytes, flags != 0);
      REQUIRE(table.Record(now, PacketOf(flow, bytes, flags)) == outcome);
      full += outcome == RecordOutcome::kFull ? 1 : 0;
    } else if (choice == 12) {
      const Bytes bytes(random.Below(1ULL << 36));
      const RecordOutcome outcome = model.Touch(now, flow, bytes.count(), false);
      REQUIRE(table.Import(now, flow, bytes, false) == outcome);
      full += outcome == RecordOutcome::kFull ? 1 : 0;
    } else if (choice == 13) {
      REQUIRE(table.Erase(flow) == model.Erase(flow));
    } else if (choice < 16) {
      REQUIRE(table.Pin(flow, choice == 14) == model.Pin(flow, choice == 14));
    } else if (choice == 16) {
      REQUIRE(table.MarkMoved(flow) == model.MarkMoved(flow));
    } else if (choice == 17) {
      table.Advance(now, &rows);
      model.RunPasses(now);
    } else {
      model.CheckSame(table, now + RandomGap(random, window));  // readers look ahead without a pass
    }
    REQUIRE(table.full() == full);
  }
  table.Advance(now, &rows);
  model.RunPasses(now);
  model.CheckSame(table, now);
  CheckRows(rows, model.rows);
}

}  // namespace

TEST_CASE("FlowTable: random histories agree with the definition, whenever passes run") {
  for (const int64_t window_ms : {20, 50, 100}) {
    for (uint64_t seed = 0; seed < 60; ++seed) {
      RunHistory(seed, Duration::Millis(window_ms), seed % 2 == 0 ? 64 : 12, seed % 4 < 2);
    }
  }
  for (uint64_t seed = 0; seed < 20; ++seed) RunHistory(seed, Duration::Nanos(1'234'567), 5, seed % 2 == 0);
}

namespace {

FlowKey SpreadKey(uint64_t n) {
  FiveTuple tuple;
  for (size_t i = 0; i < 4; ++i) tuple.source[i] = static_cast<uint8_t>(n >> (8 * i));
  return FlowHasher(HashKey{7, 8}).Key(tuple);
}

void CheckSameSnapshot(const FlowTable& table, const testing::PlainFlowTable& plain, TimePoint now) {
  const std::vector<ActiveFlow> got = table.Snapshot(now);
  const std::vector<ActiveFlow> want = plain.Snapshot(now);
  REQUIRE(got.size() == want.size());
  REQUIRE(table.size(now) == want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    REQUIRE(got[i].flow == want[i].flow);
    REQUIRE(got[i].bytes == want[i].bytes);
    REQUIRE(got[i].last_packet == want[i].last_packet);
    REQUIRE(got[i].fin == want[i].fin);
    REQUIRE(got[i].moved == want[i].moved);
  }
}

}  // namespace

// Thousands of flows, many of them in each slice of the sweep, packets and everything else between any two slices.
TEST_CASE("FlowTable: long histories of many flows agree with the plain table, full ones included") {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    Random random(seed, 2);
    const FlowTableOptions options{.capacity = seed % 3 == 0 ? 700U : 4000U,
                                   .window = Duration::Micros(seed % 2 == 0 ? 20'000 : 1'300)};
    FlowTable table(options);
    testing::PlainFlowTable plain(options);
    std::vector<EvictionPass> rows;
    std::vector<EvictionPass> plain_rows;
    TimePoint now;
    for (int step = 0; step < 60'000; ++step) {
      const uint64_t gap = random.Below(2000) == 0 ? 3'000'000 : random.Below(20) == 0 ? 30'000 : 1'500;
      now = now + Duration::Nanos(static_cast<int64_t>(random.Below(gap)));
      // Some flows send often, most have ended by the next pass.
      const FlowKey flow = SpreadKey(random.Below(4) == 0 ? random.Below(300) : step / 20 + random.Below(500));
      const uint64_t choice = random.Below(40);
      if (choice < 34) {
        const Packet packet =
            PacketOf(flow, static_cast<uint32_t>(random.Below(1500)), choice == 0 ? tcp_flag::kFin : 0);
        REQUIRE(table.Record(now, packet) == plain.Record(now, packet));
      } else if (choice == 34) {
        REQUIRE(table.Import(now, flow, Bytes(9), false) == plain.Import(now, flow, Bytes(9), false));
      } else if (choice < 37) {
        REQUIRE(table.Erase(flow) == plain.Erase(flow));
      } else if (choice < 39) {
        REQUIRE(table.Pin(flow, choice == 37) == plain.Pin(flow, choice == 37));
      } else {
        REQUIRE(table.MarkMoved(flow) == plain.MarkMoved(flow));
      }
      if (step % 5000 == 0)
        CheckSameSnapshot(table, plain, now + Duration::Nanos(static_cast<int64_t>(random.Below(3'000'000))));
    }
    table.Advance(now, &rows);
    plain.Advance(now, &plain_rows);
    CheckRows(rows, plain_rows);
    CheckSameSnapshot(table, plain, now);
    REQUIRE(table.full() == plain.full());
  }
}

TEST_CASE("FlowTable: streaks that overlap leave the entries that their packets leave one by one") {
  FlowTable one_by_one({.capacity = 64, .window = 1_ms});
  FlowTable at_once({.capacity = 64, .window = 1_ms});
  Random random(11, 1);
  TimePoint now = At(10_us);
  uint64_t streaks = 0;
  for (int round = 0; round < 3000; ++round) {
    constexpr uint32_t kFlows = 3;
    const uint64_t base = random.Below(20) * kFlows;
    const auto count = static_cast<uint32_t>(1 + random.Below(60));
    const Duration apart = Duration::Nanos(static_cast<int64_t>(1 + random.Below(1500)));
    const auto packet = [&](uint64_t i) { return PacketOf(KeyNumber(base + i), static_cast<uint32_t>(64 + i)); };
    const TimePoint last = now + apart * (kFlows * count - 1);
    // Passes run where time stands, as with the packets of one round in between.
    for (uint64_t i = 0; i < kFlows; ++i, now = now + apart) {
      one_by_one.Record(now, packet(i));
      at_once.Record(now, packet(i));
    }
    const bool even = last + apart * kFlows < at_once.NextWork() && at_once.Current(packet(0).flow.id) &&
                      at_once.Current(packet(1).flow.id) && at_once.Current(packet(2).flow.id);
    for (uint32_t n = 0; n < count; ++n) {
      for (uint64_t i = 0; i < kFlows; ++i) {
        const TimePoint at = now + apart * (n * kFlows + i);
        one_by_one.Record(at, packet(i));
        if (!even) at_once.Record(at, packet(i));
      }
    }
    for (uint64_t i = 0; even && i < kFlows; ++i, ++streaks) {
      const Streak streak{packet(i), count, apart * kFlows};
      at_once.RecordStreak(now + apart * i + streak.length(), streak);
    }
    now = now + apart * (kFlows * count) + Duration::Nanos(static_cast<int64_t>(random.Below(100'000)));
    if (random.Below(20) == 0) now = now + 2_ms;
    StateHash a, b;
    one_by_one.Hash(a, now);
    at_once.Hash(b, now);
    REQUIRE(a.value() == b.value());
    REQUIRE(one_by_one.size(now) == at_once.size(now));
  }
  CHECK(streaks > 3000);
}

TEST_CASE("FlowTable: flows that crowd one home find room within reach, the rest is counted, and room comes back") {
  FlowTable table({.capacity = 1000, .window = 100_ms});
  const auto crowded = [](uint64_t n) {
    FlowKey key = SpreadKey(n);
    key.id = (n + 1) << 32 | 5;
    return key;
  };
  for (uint64_t n = 0; n < 40; ++n) table.Record(At(1_ms), PacketOf(crowded(n), 1));
  CHECK(table.size(At(1_ms)) == 32);
  CHECK(table.full() == 8);
  CHECK(table.Record(At(2_ms), PacketOf(SpreadKey(7), 1)) == RecordOutcome::kInserted);
  REQUIRE(table.Erase(crowded(0)));
  CHECK(table.Record(At(3_ms), PacketOf(crowded(39), 1)) == RecordOutcome::kInserted);
  // All of them have died by now, and none of the places is lost.
  for (uint64_t n = 0; n < 40; ++n) table.Record(At(300_ms), PacketOf(crowded(100 + n), 1));
  CHECK(table.size(At(300_ms)) == 32);
}

TEST_CASE("FlowTable: a flow idle past the window is evicted at the first boundary that finds it so") {
  FlowTable table({.capacity = 8, .window = 100_ms});
  table.Record(At(30_ms), PacketOf(KeyNumber(1), 100));   // epoch 0
  table.Record(At(130_ms), PacketOf(KeyNumber(2), 100));  // epoch 1
  CHECK(table.size(At(199'999'999_ns)) == 2);
  CHECK(table.size(At(200_ms)) == 1);
  CHECK_FALSE(table.Find(At(200_ms), KeyNumber(1)).has_value());
  CHECK(table.Find(At(299'999'999_ns), KeyNumber(2)).has_value());
  CHECK(table.size(At(300_ms)) == 0);

  std::vector<EvictionPass> rows;
  table.Advance(At(300_ms), &rows);
  CheckRows(rows, {{At(100_ms), 1, 1}, {At(200_ms), 2, 1}, {At(300_ms), 1, 0}});
  CHECK(table.NextPass() == At(400_ms));
}

TEST_CASE("FlowTable: a packet counts for the epoch of its time in units of 1,024 ns") {
  FlowTable table({.capacity = 8, .window = 100_ms});
  table.Record(At(100_ms), PacketOf(KeyNumber(1), 1));  // 97,656.25 units: the last whole one began in epoch 0
  CHECK(table.Find(At(100_ms), KeyNumber(1))->last_packet == At(99'999'744_ns));
  CHECK(table.size(At(199'999'999_ns)) == 1);
  CHECK(table.size(At(200_ms)) == 0);
}

TEST_CASE("FlowTable: a silence of any length empties it in two lines, without aliasing of the 24-bit time") {
  for (const int64_t wraps : {1, 2, 1000}) {
    FlowTable table({.capacity = 8, .window = 100_ms});
    std::vector<EvictionPass> rows;
    table.Record(At(1_ms), PacketOf(KeyNumber(1), 1));
    const TimePoint later = At(1_ms) + Duration::Nanos(wraps << 34);
    CHECK(table.size(later) == 0);
    CHECK(table.Record(later, PacketOf(KeyNumber(1), 7)) == RecordOutcome::kInserted);
    CHECK(table.Find(later, KeyNumber(1))->bytes == Bytes(7));
    table.Advance(later, &rows);
    CheckRows(rows, {{At(100_ms), 1, 1}, {At(200_ms), 1, 0}});
    CHECK(table.NextPass() > later);
    CHECK(table.NextPass() - later <= 100_ms);
  }
}

// What was not swept would come back to life when the 24-bit time comes round, after 17.18 s. Packets come in the first
// two fifths of each window only, too early for the slices to reach the last bucket.
TEST_CASE("FlowTable: the dead are swept before their time comes round, whenever packets come") {
  FlowTable table({.capacity = 64, .window = 100_ms});
  FlowKey last = KeyNumber(1);
  last.id = 1ULL << 40 | 0xffffffff;
  const FlowKey other = KeyNumber(0);
  table.Record(At(5_ms), PacketOf(last, 1));
  for (int64_t ms = 10; ms < 40'000; ms += 10) {
    if (ms % 100 >= 40) continue;
    const TimePoint now = At(Duration::Millis(ms));
    table.Record(now, PacketOf(other, 1));
    const size_t live = ms < 200 ? 2 : 1;
    REQUIRE(table.Snapshot(now).size() == live);
    REQUIRE(table.size(now) == live);
  }
}

TEST_CASE("FlowTable: a pinned flow survives until it is unpinned, and dies at the next pass") {
  FlowTable table({.capacity = 8, .window = 100_ms});
  table.Record(At(1_ms), PacketOf(KeyNumber(1), 5));
  REQUIRE(table.Pin(KeyNumber(1), true));
  CHECK(table.size(At(30_s)) == 1);
  table.Advance(At(30_s), nullptr);
  REQUIRE(table.Pin(KeyNumber(1), false));
  CHECK(table.Find(At(30_s) + 99_ms, KeyNumber(1))->bytes == Bytes(5));
  CHECK(table.size(At(30_s) + 100_ms) == 0);
}

TEST_CASE("FlowTable: bytes saturate at 37 bits and leave the other fields alone") {
  FlowTable table({.capacity = 8, .window = 100_ms});
  const Bytes most((1ULL << 37) - 1);
  table.Import(At(5_ms), KeyNumber(1), Bytes(~0ULL), true);
  table.Record(At(6_ms), PacketOf(KeyNumber(1), ~0U));
  const auto flow = table.Find(At(6_ms), KeyNumber(1));
  REQUIRE(flow.has_value());
  CHECK(flow->bytes == most);
  CHECK(flow->fin);
  CHECK_FALSE(flow->moved);
  CHECK(flow->last_packet.nanos() == 6'000'000 / 1024 * 1024);
}

TEST_CASE("FlowTable: a full table counts and refuses new flows, and goes on with known ones") {
  FlowTable table({.capacity = 3, .window = 100_ms});
  for (uint64_t n = 0; n < 3; ++n) CHECK(table.Record(At(1_ms), PacketOf(KeyNumber(n), 1)) == RecordOutcome::kInserted);
  CHECK(table.Record(At(2_ms), PacketOf(KeyNumber(3), 1)) == RecordOutcome::kFull);
  CHECK(table.Record(At(2_ms), PacketOf(KeyNumber(0), 1)) == RecordOutcome::kUpdated);
  CHECK(table.full() == 1);
  CHECK(table.Record(At(200_ms), PacketOf(KeyNumber(3), 1)) == RecordOutcome::kInserted);
}

TEST_CASE("FlowTable: its hash does not depend on when passes ran, nor on when the history began") {
  const auto hash = [](const FlowTable& table, TimePoint now) {
    StateHash h;
    table.Hash(h, now);
    return h.value();
  };
  const Duration shift = Duration::Nanos(int64_t{1024} * 100'000'000);  // whole windows and whole units
  FlowTable early({.capacity = 8, .window = 100_ms});
  FlowTable late = early;
  for (uint64_t n = 0; n < 4; ++n) {
    const Duration at = 60_ms * static_cast<int64_t>(n);
    early.Record(At(at), PacketOf(KeyNumber(n), 10));
    late.Record(At(at) + shift, PacketOf(KeyNumber(n), 10));
  }
  const TimePoint now = At(210_ms);
  const uint64_t before = hash(early, now);
  CHECK(hash(late, now + shift) == before);
  early.Advance(now, nullptr);
  CHECK(hash(early, now) == before);
  early.Record(now, PacketOf(KeyNumber(3), 1));
  CHECK(hash(early, now) != before);
}

TEST_CASE("FlowTable: lines nobody fetches are bounded, the newest stay") {
  FlowTable table({.capacity = 2, .window = 1_ms});
  for (int64_t ms = 0; ms <= 3000; ++ms) table.Record(At(Duration::Millis(ms)), PacketOf(KeyNumber(1), 1));
  std::vector<EvictionPass> rows;
  table.Advance(At(3000_ms), &rows);
  REQUIRE(rows.size() == 1024);
  CHECK(rows.back().at == At(3000_ms));
}

}  // namespace uhaul
