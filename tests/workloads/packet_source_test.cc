// The open-loop senders against a slow model that recomputes everything from plain lists at each packet.
#include "workloads/packet_source.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <optional>
#include <set>

#include "tests/workloads/small_trace.h"
#include "workloads/random_streams.h"

namespace uhaul {
namespace {

// Written for plainness: one deque of who waits, one vector of who has a place, one map of who is off.
class SlowSource {
 public:
  SlowSource(const Trace& trace, const SourceOptions& options) : trace_(trace), options_(options) {
    for (uint32_t i = 0; i < trace.flows.size(); ++i) {
      left_.push_back(trace.flows[i].bytes);
      clocks_.emplace_back(options.seed, kOnOffStream + i);
    }
    sequence_.resize(left_.size());
    on_until_.resize(left_.size());
  }

  std::optional<SourcePacket> Next() {
    for (;;) {
      AdmitAll();
      while (places_.size() < Limit() && !waiting_.empty()) {
        places_.push_back(waiting_.front());
        waiting_.pop_front();
      }
      if (places_.empty()) {
        const int64_t next = NextEvent();
        if (next < 0) return std::nullopt;
        now_ = next;
        continue;
      }
      if (turn_ >= places_.size()) turn_ = 0;
      const uint32_t flow = places_[turn_];
      if (options_.on_time > Duration() && GoesOff(flow)) continue;
      return Send(flow);
    }
  }
  uint64_t Left(uint32_t flow) const { return left_[flow]; }

 private:
  size_t Limit() const { return options_.model == SenderModel::kLimited ? options_.limit : left_.size(); }

  int64_t NextEvent() const {
    int64_t next = -1;
    if (arrived_ < left_.size()) next = trace_.flows[arrived_].arrival.nanos();
    if (!off_.empty() && (next < 0 || off_.begin()->first < next)) next = off_.begin()->first;
    return next;
  }
  void AdmitAll() {
    for (int64_t next = NextEvent(); next >= 0 && next <= now_; next = NextEvent()) {
      if (arrived_ < left_.size() && trace_.flows[arrived_].arrival.nanos() == next) {
        waiting_.push_back(arrived_++);
      } else {
        waiting_.push_back(off_.begin()->second);
        off_.erase(off_.begin());
      }
    }
  }
  bool GoesOff(uint32_t flow) {
    if (!on_until_[flow]) {
      on_until_[flow] = now_ + ExponentialTime(clocks_[flow], static_cast<double>(options_.on_time.nanos())).nanos();
      return false;
    }
    if (now_ < *on_until_[flow]) return false;
    on_until_[flow].reset();
    places_.erase(places_.begin() + static_cast<std::ptrdiff_t>(turn_));
    const int64_t off = ExponentialTime(clocks_[flow], static_cast<double>(options_.off_time.nanos())).nanos();
    off_.emplace(now_ + std::max<int64_t>(1, off), flow);
    return true;
  }
  SourcePacket Send(uint32_t flow) {
    SourcePacket packet;
    packet.at = TimePoint::FromNanos(now_);
    packet.flow = flow;
    packet.sequence = sequence_[flow]++;
    packet.bytes = static_cast<uint32_t>(std::min<uint64_t>(left_[flow], options_.packet_bytes));
    left_[flow] -= packet.bytes;
    packet.first = packet.sequence == 0;
    packet.last = left_[flow] == 0;
    now_ += options_.link.TransmissionTime(Bytes(std::max(64U, packet.bytes))).nanos();
    if (packet.last) {
      places_.erase(places_.begin() + static_cast<std::ptrdiff_t>(turn_));
    } else {
      ++turn_;
    }
    return packet;
  }

  const Trace& trace_;
  SourceOptions options_;
  std::vector<uint64_t> left_;
  std::vector<Random> clocks_;
  std::vector<uint32_t> sequence_;
  std::vector<std::optional<int64_t>> on_until_;
  std::deque<uint32_t> waiting_;
  std::vector<uint32_t> places_;
  std::set<std::pair<int64_t, uint32_t>> off_;
  size_t turn_ = 0;
  uint32_t arrived_ = 0;
  int64_t now_ = 0;
};

std::vector<SourcePacket> All(PacketSource source) {
  std::vector<SourcePacket> packets;
  while (source.NextTime() != TimePoint::Never()) packets.push_back(source.Pop());
  return packets;
}

void CheckAgainstSlow(const Trace& trace, const SourceOptions& options) {
  PacketSource source(trace, options);
  SlowSource slow(trace, options);
  for (;;) {
    const std::optional<SourcePacket> expected = slow.Next();
    if (!expected) break;
    REQUIRE(source.NextTime() == expected->at);
    const SourcePacket packet = source.Pop();
    REQUIRE(packet.at == expected->at);
    REQUIRE(packet.flow == expected->flow);
    REQUIRE(packet.sequence == expected->sequence);
    REQUIRE(packet.bytes == expected->bytes);
    REQUIRE(packet.first == expected->first);
    REQUIRE(packet.last == expected->last);
    REQUIRE_FALSE(packet.retransmission);
    REQUIRE(source.UnsentBytes(packet.flow) == slow.Left(packet.flow));
  }
  REQUIRE(source.NextTime() == TimePoint::Never());
}

TEST_CASE("PacketSource: N senders, all senders and on-off senders do what the slow model does") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const Trace trace = test::SmallTrace(seed, 40, seed % 3 == 0 ? 1200 : 5000, 1 + seed % 12);
    for (uint32_t limit : {1U, 2U, 3U, 16U, 0U}) {
      for (int64_t on : {0, 3000, 40000}) {
        SourceOptions options;
        options.model = limit == 0 ? SenderModel::kUnlimited : SenderModel::kLimited;
        options.limit = limit;
        options.on_time = Duration::Nanos(on);
        options.off_time = Duration::Nanos(on / 2);
        options.seed = seed;
        INFO("seed " << seed << " limit " << limit << " on " << on);
        CheckAgainstSlow(trace, options);
      }
    }
  }
}

// Two sources: one is asked for packet after packet, the other skips rounds where it may.
void CheckRounds(const Turn& turn, uint32_t round, TimePoint at, const Rounds& rounds, const SourcePacket& packet) {
  REQUIRE(packet.at == at);
  REQUIRE(packet.flow == turn.flow);
  REQUIRE(packet.sequence == turn.sequence + round);
  REQUIRE(packet.bytes == rounds.bytes);
  REQUIRE_FALSE(packet.first);
  REQUIRE_FALSE(packet.last);
}

TEST_CASE("PacketSource: rounds that are looked at and skipped are those that come one by one") {
  uint64_t skipped = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed, 9);
    const Trace trace = test::SmallTrace(seed, 40, seed % 3 == 0 ? 1200 : 5000, 1 + seed % 40);
    SourceOptions options;
    options.limit = static_cast<uint32_t>(1 + seed % 5);
    if (seed % 7 == 0) options.model = SenderModel::kUnlimited;
    if (seed % 11 == 0) options.on_time = options.off_time = Duration::Micros(30);
    PacketSource one_by_one(trace, options);
    PacketSource at_once(trace, options);
    Rounds rounds;
    while (at_once.NextTime() != TimePoint::Never()) {
      REQUIRE(at_once.NextTime() == one_by_one.NextTime());
      rounds.count = 77;
      if (random.Below(3) != 0) {
        at_once.Look(at_once.NextTime() + Duration::Nanos(static_cast<int64_t>(random.Below(100'000))), &rounds);
        if (rounds.count > 0) {
          if (random.Below(4) == 0) rounds.count = 1 + static_cast<uint32_t>(random.Below(rounds.count));
          TimePoint at = at_once.NextTime();
          at_once.Skip(rounds);
          for (uint32_t n = 0; n < rounds.count; ++n) {
            for (const Turn& turn : rounds.line) {
              CheckRounds(turn, n, at, rounds, one_by_one.Pop());
              at = at + rounds.packet_time;
              ++skipped;
            }
          }
          REQUIRE(at_once.Waiting() == one_by_one.Waiting());
          for (uint32_t flow = 0; flow < trace.flows.size(); ++flow) {
            REQUIRE(at_once.UnsentBytes(flow) == one_by_one.UnsentBytes(flow));
          }
          continue;
        }
      }
      const SourcePacket a = one_by_one.Pop();
      const SourcePacket b = at_once.Pop();
      REQUIRE(a.flow == b.flow);
      REQUIRE(a.sequence == b.sequence);
      REQUIRE(at_once.Waiting() == one_by_one.Waiting());
    }
    REQUIRE(one_by_one.NextTime() == TimePoint::Never());
  }
  CHECK(skipped > 2000);
}

TEST_CASE("PacketSource: every byte is sent once, in order, by at most N flows at a time") {
  const Trace trace = *GenerateTrace({.workload = "facebook_cache", .duration = Duration::Millis(300), .seed = 1});
  SourceOptions options;
  options.limit = 3;
  const std::vector<SourcePacket> packets = All(PacketSource(trace, options));
  std::vector<uint64_t> bytes(trace.flows.size());
  std::vector<uint32_t> sequence(trace.flows.size());
  std::set<uint32_t> sending;
  std::vector<uint32_t> starts;
  for (const SourcePacket& packet : packets) {
    REQUIRE(packet.sequence == sequence[packet.flow]++);
    REQUIRE(packet.first == (packet.sequence == 0));
    REQUIRE(packet.at >= trace.flows[packet.flow].arrival);
    bytes[packet.flow] += packet.bytes;
    REQUIRE(packet.last == (bytes[packet.flow] == trace.flows[packet.flow].bytes));
    if (packet.first) starts.push_back(packet.flow);
    sending.insert(packet.flow);
    REQUIRE(sending.size() <= 3);
    if (packet.last) sending.erase(packet.flow);
  }
  CHECK(sending.empty());
  CHECK(std::is_sorted(starts.begin(), starts.end()));  // they wait in order of arrival
  for (size_t i = 0; i < bytes.size(); ++i) REQUIRE(bytes[i] == trace.flows[i].bytes);
}

TEST_CASE("PacketSource: never faster than the link and never idle while a flow has bytes") {
  const Trace trace = test::SmallTrace(5, 200, 9000, 9);
  for (const SenderModel model : {SenderModel::kLimited, SenderModel::kUnlimited}) {
    SourceOptions options;
    options.model = model;
    const std::vector<SourcePacket> packets = All(PacketSource(trace, options));
    uint64_t sent = 0;
    for (size_t i = 1; i < packets.size(); ++i) {
      const SourcePacket& before = packets[i - 1];
      const TimePoint free = before.at + options.link.TransmissionTime(Bytes(std::max(64U, before.bytes)));
      sent += before.bytes;
      REQUIRE(packets[i].at >= free);
      if (packets[i].at == free) continue;
      // An idle link: everything that has arrived is sent, and it ends with an arrival.
      uint64_t arrived = 0;
      bool arrives_now = false;
      for (const TraceFlow& flow : trace.flows) {
        if (flow.arrival < packets[i].at) arrived += flow.bytes;
        arrives_now |= flow.arrival == packets[i].at;
      }
      REQUIRE(arrived == sent);
      REQUIRE(arrives_now);
    }
  }
}

TEST_CASE("PacketSource: a frame takes the time of 64 octets at least") {
  Trace trace = test::SmallTrace(1, 2, 0, 1);
  trace.flows[0].bytes = 1;
  trace.flows[1].bytes = 1500;
  const std::vector<SourcePacket> packets = All(PacketSource(trace, {}));
  REQUIRE(packets.size() == 2);
  CHECK((packets[1].at - packets[0].at).nanos() == 52);  // 51.2 ns, rounded up
  CHECK(packets[0].bytes == 1);
  CHECK((packets[0].first && packets[0].last));
}

TEST_CASE("PacketSource: who joins while the last in line sends is next") {
  Trace trace = test::SmallTrace(1, 3, 0, 1);
  for (TraceFlow& flow : trace.flows) flow.bytes = 6000;
  trace.flows[2].arrival = TimePoint::FromNanos(1300);  // while flow 1 sends
  SourceOptions options;
  options.model = SenderModel::kUnlimited;
  std::vector<uint32_t> order;
  for (const SourcePacket& packet : All(PacketSource(trace, options))) order.push_back(packet.flow);
  CHECK(order == std::vector<uint32_t>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2});
}

TEST_CASE("PacketSource: Waiting counts flows that have arrived and not sent") {
  const Trace trace = test::SmallTrace(8, 100, 1000, 6);
  PacketSource source(trace, {});
  std::set<uint32_t> started;
  while (source.NextTime() != TimePoint::Never()) {
    const SourcePacket packet = source.Pop();
    started.insert(packet.flow);
    uint64_t arrived = 0;
    for (const TraceFlow& flow : trace.flows) arrived += flow.arrival <= packet.at ? 1 : 0;
    REQUIRE(source.Waiting() == arrived - started.size());
  }
}

TEST_CASE("PacketSource: an on-off sender keeps silent for a while and its on periods have the asked mean") {
  Trace trace = test::SmallTrace(1, 1, 0, 1);
  trace.flows[0].bytes = 1500ULL * 1'000'000;
  SourceOptions options;
  options.on_time = Duration::Micros(120);
  options.off_time = Duration::Micros(60);
  const std::vector<SourcePacket> packets = All(PacketSource(trace, options));
  double pauses = 0;
  double silent = 0;
  for (size_t i = 1; i < packets.size(); ++i) {
    const int64_t gap = (packets[i].at - packets[i - 1].at).nanos();
    REQUIRE(gap >= 1200);
    if (gap == 1200) continue;
    pauses += 1;
    silent += static_cast<double>(gap - 1200);
  }
  // An on period of mean 120 us ends at the next turn: half a packet longer on average.
  CHECK(1'000'000 * 1.2 / pauses == Approx(120.6).epsilon(0.05));
  CHECK(silent / pauses == Approx(60'000).epsilon(0.05));
}

TEST_CASE("PacketSource: an off flow gives its place to a waiting one") {
  Trace trace = test::SmallTrace(1, 2, 0, 1);
  for (TraceFlow& flow : trace.flows) flow.bytes = 1'500'000;
  SourceOptions options;
  options.limit = 1;
  const std::vector<SourcePacket> blocked = All(PacketSource(trace, options));
  CHECK(blocked[999].last);  // always on: one after the other
  options.on_time = options.off_time = Duration::Micros(20);
  const std::vector<SourcePacket> shared = All(PacketSource(trace, options));
  REQUIRE(shared.size() == 2000);
  const auto other = std::find_if(shared.begin(), shared.end(), [](const SourcePacket& p) { return p.flow == 1; });
  CHECK(other - shared.begin() < 200);
}

TEST_CASE("PacketSource: an empty trace sends nothing and OnDelivered means nothing in open loop") {
  const Trace empty;
  CHECK(PacketSource(empty, {}).NextTime() == TimePoint::Never());
  const Trace trace = test::SmallTrace(2, 10, 1000, 5);
  PacketSource source(trace, {});
  CHECK_FALSE(source.closed_loop());
  const TimePoint before = source.NextTime();
  source.OnDelivered(TimePoint::FromNanos(10), 0, 0);
  CHECK(source.NextTime() == before);
  CHECK(source.Retransmissions() == 0);
}

}  // namespace
}  // namespace uhaul
