#include "sim/link.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "ns3/simulator.h"
#include "sim/timer.h"

using namespace uhaul;            // NOLINT
using namespace uhaul::literals;  // NOLINT

namespace {

TimePoint At(int64_t ns) { return TimePoint::FromNanos(ns); }

// Writes down who acted when: "40@2201:7" = rank 40 at 2201 ns with item 7.
struct Log final : DataReceiver, MessageReceiver {
  std::vector<std::string> lines;
  void OnData(TimePoint now, uint16_t rank, const DataItem& item) override {
    lines.push_back(std::to_string(rank) + "@" + std::to_string(now.nanos()) + ":" + std::to_string(item.sequence));
  }
  void OnMessage(TimePoint now, uint16_t rank, const Message& message) override {
    lines.push_back(std::to_string(rank) + "@" + std::to_string(now.nanos()) + ":" + std::to_string(message.operation));
  }
};

// ns-3's simulator is global: ended with the test.
struct Plane {
  Calendar calendar{Granularity::kPacket};
  Log log;
  ~Plane() { ns3::Simulator::Destroy(); }
  std::vector<std::string> Run() {
    ns3::Simulator::Run();
    return log.lines;
  }
};

LinkOptions Options(uint16_t rank, Bytes queue = 1_MB) {
  return {.name = "link", .rank = rank, .rate = 10_Gbps, .delay = 1_us, .queue = queue};
}
DataItem Item(uint32_t sequence, uint32_t bytes) { return {.flow = 0, .sequence = sequence, .bytes = bytes}; }

}  // namespace

TEST_CASE("DataLink: an item arrives after its transmission time and the delay, behind those before it") {
  Plane plane;
  DataLink link(Options(40), &plane.calendar, &plane.log);
  // 1,500 B at 10 Gbps take 1,200 ns, 100 B take 80 ns; a frame counts at least 64 B: 51.2 ns, rounded up to 52.
  CHECK(link.Send(At(0), Item(0, 1500)));
  CHECK(link.Send(At(100), Item(1, 100)));
  CHECK(link.Send(At(5000), Item(2, 1)));
  CHECK(plane.Run() == std::vector<std::string>{"40@2200:0", "40@2280:1", "40@6052:2"});
}

TEST_CASE("DataLink: what exceeds the queue is dropped and counted, and room returns as octets leave") {
  Plane plane;
  DataLink link(Options(40, 3000_B), &plane.calendar, &plane.log);
  CHECK(link.Send(At(0), Item(0, 1500)));
  CHECK(link.Send(At(0), Item(1, 1500)));
  CHECK_FALSE(link.Send(At(0), Item(2, 1500)));
  CHECK_FALSE(link.Send(At(1199), Item(3, 1500)));  // one octet of the first is still here
  CHECK(link.Send(At(1200), Item(4, 1500)));
  CHECK(link.counters().drops == 2);
  CHECK(link.counters().dropped_bytes == 3000);
  CHECK(link.counters().packets == 3);
  CHECK(plane.Run() == std::vector<std::string>{"40@2200:0", "40@3400:1", "40@4600:4"});
}

TEST_CASE("DataLink: items that pass evenly leave it as items do that are sent one by one") {
  Plane plane;
  DataLink one_by_one(Options(40), &plane.calendar, &plane.log);
  DataLink at_once(Options(41), &plane.calendar, &plane.log);
  for (DataLink* link : {&one_by_one, &at_once}) CHECK(link->Send(At(0), Item(0, 1500)));
  CHECK_FALSE(at_once.PassesEvenly(At(1199), 1500, 1200_ns));  // the one before is not all on the wire
  CHECK_FALSE(at_once.PassesEvenly(At(1200), 1500, 1199_ns));  // each would wait for the one before
  CHECK(at_once.PassesEvenly(At(1200), 1500, 1200_ns));
  at_once.SetDelay(1_ns);  // what comes now would overtake the one before
  CHECK_FALSE(at_once.PassesEvenly(At(1200), 64, 1200_ns));
  at_once.SetDelay(1_us);
  CHECK(at_once.TimeToPass(1500) == 2200_ns);
  for (int64_t i = 0; i < 5; ++i) CHECK(one_by_one.Send(At(1200 + 1200 * i), Item(1, 1500)));
  CHECK(at_once.PassEvenly(At(1200 + 1200 * 4), 1500, 5) == MakeKey(At(1200 + 1200 * 4 + 2200), 41));
  CHECK(at_once.counters().packets == one_by_one.counters().packets);
  CHECK(at_once.counters().bytes == one_by_one.counters().bytes);
  // What comes next waits as long.
  for (DataLink* link : {&one_by_one, &at_once}) CHECK(link->Send(At(6500), Item(7, 100)));
  const std::vector<std::string> log = plane.Run();
  CHECK(log[log.size() - 2] == "40@8280:7");
  CHECK(log.back() == "41@8280:7");
}

TEST_CASE("DataLink: a ring that has to grow keeps the order") {
  Plane plane;
  DataLink link(Options(40, 100_MB), &plane.calendar, &plane.log);
  for (uint32_t i = 0; i < 1000; ++i) CHECK(link.Send(At(0), Item(i, 1500)));
  CHECK(link.in_flight() == 1000);
  const auto lines = plane.Run();
  REQUIRE(lines.size() == 1000);
  CHECK(lines[0] == "40@2200:0");
  CHECK(lines[999] == "40@1201000:999");
}

TEST_CASE("ControlLink: messages take their size over the rate, an unlimited rate one nanosecond") {
  Plane plane;
  ControlLink limited(Options(20), &plane.calendar, &plane.log);
  ControlLink unlimited({.name = "u", .rank = 21, .rate = BitRate(0), .delay = 0_ns}, &plane.calendar, &plane.log);
  limited.Send(At(0), Message{1, 0, msg::StopRelay{}}, 125_B);
  limited.Send(At(0), Message{2, 0, msg::StopRelay{}}, 125_B);
  unlimited.Send(At(7), Message{3, 0, msg::StopRelay{}}, 65000_B);
  CHECK(plane.Run() == std::vector<std::string>{"21@8:3", "20@1100:1", "20@1200:2"});
}

TEST_CASE("Calendar: simultaneous actions happen in the order of ranks, not in that of their making") {
  Plane plane;
  std::vector<std::string>& lines = plane.log.lines;
  DataLink last(Options(90), &plane.calendar, &plane.log);
  DataLink data(Options(40), &plane.calendar, &plane.log);
  ControlLink control(Options(20), &plane.calendar, &plane.log);
  Timer timer(1, &plane.calendar, [&](TimePoint now) { lines.push_back("timer@" + std::to_string(now.nanos())); });
  last.Send(At(0), Item(1, 1500));
  data.Send(At(0), Item(2, 1500));
  control.Send(At(0), Message{3, 0, msg::StopRelay{}}, 1500_B);
  timer.Set(At(2200));
  CHECK(plane.Run() == std::vector<std::string>{"timer@2200", "20@2200:3", "40@2200:2", "90@2200:1"});
}

TEST_CASE("Timer: the time last set counts, earlier or later, and never means never") {
  Plane plane;
  std::vector<std::string>& lines = plane.log.lines;
  const auto writer = [&lines](const char* name) {
    return [&lines, name](TimePoint now) { lines.push_back(name + std::to_string(now.nanos())); };
  };
  Timer earlier(1, &plane.calendar, writer("earlier "));
  Timer later(2, &plane.calendar, writer("later "));
  Timer never(3, &plane.calendar, writer("never "));
  Timer again(4, &plane.calendar, writer("again "));
  earlier.Set(At(100));
  earlier.Set(At(50));
  later.Set(At(60));
  later.Set(At(200));
  never.Set(At(70));
  never.Set(TimePoint::Never());
  again.Set(At(80));
  again.Set(At(90));
  again.Set(At(80));
  CHECK(plane.Run() == std::vector<std::string>{"earlier 50", "again 80", "later 200"});
}
