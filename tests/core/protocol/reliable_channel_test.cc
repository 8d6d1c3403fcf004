// Whatever the transport does to frames, messages arrive all, once and in order; and nothing grows without bound.
#include "core/protocol/reliable_channel.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>

#include "core/base/random.h"

using namespace uhaul;
using namespace uhaul::literals;

namespace {

using Octets = std::vector<uint8_t>;

// Loses, repeats, delays (and so reorders) frames, both ways.
class Transport {
 public:
  Transport(uint64_t seed, ReliableChannelOptions options)
      : random_(seed, 1), ends_{ReliableChannel(options), ReliableChannel(options)} {
    loss_ = random_.Uniform() * 0.5;
    repeat_ = random_.Uniform() * 0.5;
    spread_ = 1 + random_.Below(5'000'000);
  }

  ReliableChannel& end(int i) { return ends_[i]; }
  const std::vector<Octets>& received(int i) const { return received_[i]; }
  void Heal() { loss_ = 0; }

  void Pump(int from) {
    while (auto frame = ends_[from].Poll(now_)) {
      if (random_.Uniform() < loss_) continue;
      do {
        const TimePoint at = now_ + Duration::Nanos(static_cast<int64_t>(1000 + random_.Below(spread_)));
        wire_.emplace(std::pair{at, ++count_}, std::pair{1 - from, *frame});
      } while (random_.Uniform() < repeat_);
    }
  }
  // Until nothing happens any more, or too much has.
  void Run(int steps) {
    for (; steps > 0; --steps) {
      Pump(0);
      Pump(1);
      const TimePoint timer = std::min(ends_[0].NextDeadline(), ends_[1].NextDeadline());
      const TimePoint frame = wire_.empty() ? TimePoint::Never() : wire_.begin()->first.first;
      if (std::min(timer, frame) == TimePoint::Never()) return;  // and it stays the time of what happened last
      now_ = std::min(timer, frame);
      if (frame <= timer) {
        const auto [to, octets] = wire_.begin()->second;
        wire_.erase(wire_.begin());
        ends_[to].OnFrame(now_, octets, &received_[to]);
      } else {
        ends_[0].OnTimer(now_);
        ends_[1].OnTimer(now_);
      }
    }
  }

 private:
  Random random_;
  ReliableChannel ends_[2];
  std::vector<Octets> received_[2];
  std::map<std::pair<TimePoint, uint64_t>, std::pair<int, Octets>> wire_;
  TimePoint now_;
  uint64_t count_ = 0;
  double loss_ = 0, repeat_ = 0;
  uint64_t spread_ = 1;
};

}  // namespace

TEST_CASE("ReliableChannel: over a transport that loses, repeats and reorders, all messages arrive, once, in order") {
  const char* text = std::getenv("UHAUL_TEST_SEEDS");
  const uint64_t seeds = text == nullptr ? 60 : std::strtoull(text, nullptr, 10);
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    Random r(seed, 2);
    Transport t(seed, {.session = seed, .window = 1 + r.Below(16)});
    std::vector<Octets> sent[2];
    for (int round = 0; round < 10; ++round) {
      for (int end = 0; end < 2; ++end) {
        for (uint64_t n = r.Below(20); n > 0; --n) {
          Octets message(r.Below(30));
          for (uint8_t& octet : message) octet = static_cast<uint8_t>(r.Next());
          sent[end].push_back(message);
          REQUIRE(t.end(end).Send(message).ok());
        }
      }
      t.Run(static_cast<int>(r.Below(200)));
    }
    t.Run(1'000'000);
    CHECK(t.end(0).idle());
    CHECK(t.end(1).idle());
    CHECK(t.end(0).unacknowledged() == Bytes());
    CHECK((t.received(1) == sent[0]));
    CHECK((t.received(0) == sent[1]));
  }
}

TEST_CASE("ReliableChannel: a peer that does not acknowledge stops the sender, not the memory") {
  ReliableChannel channel({.session = 1, .window = 4, .credit = Bytes(1000), .message_octets = 300});
  CHECK_FALSE(channel.Send(Octets(301)).ok());
  int accepted = 0;
  while (channel.Send(Octets(100)).ok()) ++accepted;
  CHECK(accepted == 10);
  int frames = 0;
  while (channel.Poll(TimePoint())) ++frames;
  CHECK(frames == 4);
  CHECK(channel.unacknowledged() == Bytes(1000));
}

TEST_CASE("ReliableChannel: time-outs double up to their limit, and only ever repeat") {
  ReliableChannel channel({.session = 1});
  REQUIRE(channel.Send(Octets(1)).ok());
  TimePoint now;
  REQUIRE(channel.Poll(now).has_value());
  std::vector<int64_t> waits;
  for (int i = 0; i < 10; ++i) {
    waits.push_back((channel.NextDeadline() - now).nanos());
    now = channel.NextDeadline();
    channel.OnTimer(now);
    REQUIRE(channel.Poll(now).has_value());
    CHECK_FALSE(channel.Poll(now).has_value());
  }
  CHECK(waits[0] == 20'000'000);
  CHECK(waits[1] == 40'000'000);
  CHECK(waits[9] == 2'000'000'000);
}

TEST_CASE("ReliableChannel: frames of other sessions, of nobody and of the future change nothing") {
  ReliableChannel a({.session = 1, .window = 4}), b({.session = 1, .window = 4}), ghost({.session = 2});
  std::vector<Octets> got;
  REQUIRE(ghost.Send({1}).ok());
  CHECK_FALSE(a.OnFrame(TimePoint(), *ghost.Poll(TimePoint()), &got));
  CHECK_FALSE(a.OnFrame(TimePoint(), Octets(24, 1), &got));
  CHECK_FALSE(a.OnFrame(TimePoint(), Octets(), &got));
  REQUIRE(b.Send({7}).ok());
  Octets frame = *b.Poll(TimePoint());
  Octets future = frame;
  future[17] = 9;  // acknowledges what was never sent
  CHECK_FALSE(a.OnFrame(TimePoint(), future, &got));
  future = frame;
  future[9] = 200;  // beyond the window
  CHECK(a.OnFrame(TimePoint(), future, &got));
  CHECK(got.empty());
  CHECK(a.OnFrame(TimePoint(), frame, &got));
  CHECK(a.OnFrame(TimePoint(), frame, &got));
  CHECK((got == std::vector<Octets>{{7}}));
}
