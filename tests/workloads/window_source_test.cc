#include "workloads/window_source.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/workloads/small_trace.h"

namespace uhaul {
namespace {

constexpr int64_t kRto = 1'000'000;

SourceOptions Window(uint32_t window) {
  SourceOptions options;
  options.model = SenderModel::kWindow;
  options.window = window;
  options.retransmission_timeout = Duration::Nanos(kRto);
  return options;
}

Trace OneFlow(uint64_t packets, uint32_t flows = 1) {
  Trace trace = test::SmallTrace(1, flows, 0, 1);
  for (TraceFlow& flow : trace.flows) flow.bytes = packets * 1500;
  return trace;
}

// A network that loses packets and acknowledgements, delays each by its own time, and knows what must hold.
class Network {
 public:
  Network(const Trace& trace, const SourceOptions& options, uint64_t seed, uint32_t loss_percent)
      : trace_(trace), options_(options), source_(trace, options), random_(seed, 1), loss_percent_(loss_percent) {
    received_.resize(trace.flows.size());
    sent_.resize(trace.flows.size());
    outstanding_.resize(trace.flows.size());
  }

  void Run() {
    for (;;) {
      const TimePoint next = source_.NextTime();
      const TimePoint ack = acks_.empty() ? TimePoint::Never() : acks_.begin()->first;
      if (next == TimePoint::Never() && ack == TimePoint::Never()) return;
      if (ack < next || (ack == next && random_.Below(2) == 0)) {
        Acknowledge();
      } else {
        Send();
      }
    }
  }

  void CheckAllArrived() const {
    for (size_t i = 0; i < trace_.flows.size(); ++i) {
      REQUIRE(received_[i].size() == (trace_.flows[i].bytes + 1499) / 1500);
      REQUIRE(sent_[i] == trace_.flows[i].bytes);
      REQUIRE(source_.UnsentBytes(static_cast<uint32_t>(i)) == 0);
      REQUIRE(outstanding_[i].empty());
    }
    REQUIRE(source_.Waiting() == 0);
    REQUIRE(source_.Retransmissions() == retransmissions_);
  }
  uint64_t retransmissions() const { return retransmissions_; }
  uint64_t packets() const { return packets_; }

 private:
  void Send() {
    const TimePoint at = source_.NextTime();
    const SourcePacket packet = source_.Pop();
    REQUIRE(packet.at == at);
    REQUIRE(packet.at >= link_free_);
    REQUIRE(packet.at >= trace_.flows[packet.flow].arrival);
    link_free_ = packet.at + options_.link.TransmissionTime(Bytes(std::max(64U, packet.bytes)));
    const auto [slot, fresh] = outstanding_[packet.flow].try_emplace(packet.sequence, packet.at, 0);
    REQUIRE(packet.retransmission == !fresh);
    if (!fresh) {
      // Never before its time-out, which doubles up to 64 times the first.
      const int64_t timeout = kRto << std::min(slot->second.second, 6);
      REQUIRE(packet.at - slot->second.first >= Duration::Nanos(timeout));
      slot->second = {packet.at, slot->second.second + 1};
      ++retransmissions_;
    } else {
      sent_[packet.flow] += packet.bytes;
      REQUIRE(source_.UnsentBytes(packet.flow) == trace_.flows[packet.flow].bytes - sent_[packet.flow]);
    }
    ++packets_;
    REQUIRE(outstanding_[packet.flow].size() <= options_.window);
    if (random_.Below(100) < loss_percent_) return;
    received_[packet.flow].insert(packet.sequence);
    if (random_.Below(100) < loss_percent_) return;
    const auto delay = static_cast<int64_t>(1200 + random_.Below(random_.Below(10) == 0 ? 3 * kRto : 30000));
    acks_.emplace(packet.at + Duration::Nanos(delay), std::pair(packet.flow, packet.sequence));
  }
  void Acknowledge() {
    const auto [at, what] = *acks_.begin();
    acks_.erase(acks_.begin());
    source_.OnDelivered(at, what.first, what.second);
    outstanding_[what.first].erase(what.second);
    REQUIRE(source_.NextTime() >= at);  // what could leave before has left
  }

  const Trace& trace_;
  SourceOptions options_;
  PacketSource source_;
  Random random_;
  uint32_t loss_percent_;
  TimePoint link_free_;
  std::multimap<TimePoint, std::pair<uint32_t, uint32_t>> acks_;
  std::vector<std::set<uint32_t>> received_;
  std::vector<uint64_t> sent_;
  // By sequence: when last sent, how often again.
  std::vector<std::map<uint32_t, std::pair<TimePoint, int>>> outstanding_;
  uint64_t retransmissions_ = 0;
  uint64_t packets_ = 0;
};

TEST_CASE("WindowSource: a window of packets leaves at arrival, then one per acknowledgement") {
  const Trace trace = OneFlow(5);
  PacketSource source(trace, Window(2));
  CHECK(source.closed_loop());
  const TimePoint start = trace.flows[0].arrival;
  CHECK(source.NextTime() == start);
  CHECK(source.Pop().sequence == 0);
  CHECK(source.NextTime() == start + Duration::Nanos(1200));
  CHECK(source.Pop().sequence == 1);
  CHECK(source.NextTime() == start + Duration::Nanos(kRto));  // nothing but the time-out
  source.OnDelivered(start + Duration::Nanos(9000), 0, 1);
  CHECK(source.NextTime() == start + Duration::Nanos(9000));  // the second one's acknowledgement serves as well
  const SourcePacket third = source.Pop();
  CHECK(third.sequence == 2);
  CHECK_FALSE(third.retransmission);
  CHECK(source.UnsentBytes(0) == 3000);
}

TEST_CASE("WindowSource: a packet that is not acknowledged goes again at its time-out, which doubles up to 64 times") {
  const Trace trace = OneFlow(1);
  PacketSource source(trace, Window(4));
  TimePoint last = source.Pop().at;
  for (const int64_t times : {1, 2, 4, 8, 16, 32, 64, 64, 64}) {
    REQUIRE(source.NextTime() == last + Duration::Nanos(times * kRto));
    const SourcePacket again = source.Pop();
    REQUIRE(again.retransmission);
    REQUIRE(again.sequence == 0);
    REQUIRE((again.first && again.last));
    last = again.at;
  }
  CHECK(source.Retransmissions() == 9);
  source.OnDelivered(last + Duration::Nanos(1), 0, 0);
  CHECK(source.NextTime() == TimePoint::Never());
}

TEST_CASE("WindowSource: an acknowledgement at the instant of the time-out comes in time") {
  const Trace trace = OneFlow(1);
  PacketSource source(trace, Window(4));
  const TimePoint at = source.Pop().at;
  source.OnDelivered(at + Duration::Nanos(kRto), 0, 0);
  CHECK(source.NextTime() == TimePoint::Never());
  CHECK(source.Retransmissions() == 0);
}

TEST_CASE("WindowSource: a copy's acknowledgement counts once, and one for a packet never sent not at all") {
  const Trace trace = OneFlow(10);
  PacketSource source(trace, Window(2));
  source.Pop();
  source.OnDelivered(TimePoint::FromNanos(1000), 0, 1);  // still in the link's queue
  source.OnDelivered(TimePoint::FromNanos(1000), 0, 7);
  source.Pop();
  source.OnDelivered(TimePoint::FromNanos(5000), 0, 0);
  source.OnDelivered(TimePoint::FromNanos(5001), 0, 0);
  CHECK(source.Pop().sequence == 2);
  CHECK(source.NextTime() >= TimePoint::FromNanos(kRto));
}

TEST_CASE("WindowSource: all flows share one first-in first-out link") {
  const Trace trace = OneFlow(3, 2);
  PacketSource source(trace, Window(2));
  std::vector<std::pair<uint32_t, uint32_t>> order;
  for (int i = 0; i < 4; ++i) {
    const SourcePacket packet = source.Pop();
    order.emplace_back(packet.flow, packet.sequence);
    if (i == 0) CHECK(source.Waiting() == 1);
    if (i == 1) source.OnDelivered(packet.at, 0, 0);  // flow 0's third packet queues behind flow 1's
  }
  order.emplace_back(source.Pop().flow, 9);
  CHECK(order == std::vector<std::pair<uint32_t, uint32_t>>{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {0, 9}});
  CHECK(source.Waiting() == 0);
}

TEST_CASE("WindowSource: everything arrives under random loss, never more than a window under way") {
  uint64_t retransmissions = 0;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    const Trace trace = test::SmallTrace(seed, 1 + static_cast<uint32_t>(seed % 30), 3000, 1 + seed % 40);
    INFO("seed " << seed);
    Network network(trace, Window(1 + static_cast<uint32_t>(seed % 12)), seed, static_cast<uint32_t>(seed % 4) * 12);
    network.Run();
    network.CheckAllArrived();
    retransmissions += network.retransmissions();
  }
  CHECK(retransmissions > 1000);
}

TEST_CASE("WindowSource: without loss and with quick acknowledgements nothing is sent twice and the link is full") {
  const Trace trace = OneFlow(1000, 5);
  PacketSource source(trace, Window(10));
  std::multimap<TimePoint, SourcePacket> acks;
  TimePoint end;
  for (uint64_t packets = 0; packets < 5000; ++packets) {
    while (!acks.empty() && acks.begin()->first <= source.NextTime()) {
      const auto [at, packet] = *acks.begin();
      acks.erase(acks.begin());
      source.OnDelivered(at, packet.flow, packet.sequence);
    }
    const SourcePacket packet = source.Pop();
    REQUIRE_FALSE(packet.retransmission);
    acks.emplace(packet.at + Duration::Micros(6), packet);
    end = packet.at;
  }
  CHECK(end - trace.flows[0].arrival == Duration::Nanos(4999 * 1200));
}

}  // namespace
}  // namespace uhaul
