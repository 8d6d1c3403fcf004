#include "runtime/event_queue.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "runtime/control_link.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

constexpr TimePoint At(int64_t ns) { return TimePoint::FromNanos(ns); }

struct Log final : MessageReceiver {
  std::vector<std::string> lines;
  void OnMessage(TimePoint now, uint16_t link_rank, const Message& message) override {
    lines.push_back("message " + std::to_string(message.operation) + " on " + std::to_string(link_rank) + " at " +
                    std::to_string(now.nanos()));
  }
  auto Note(std::string name) {
    return [this, name](TimePoint now) { lines.push_back(name + " at " + std::to_string(now.nanos())); };
  }
};

Message Numbered(OperationId operation) { return {operation, 0, msg::StopRelay{}}; }

}  // namespace

TEST_CASE("EventQueue: simultaneous actions come in the order of ranks, whoever was armed first") {
  EventQueue queue(true);
  Log log;
  Timer generator(90, &queue, log.Note("generator"));
  Timer link(40, &queue, log.Note("link"));
  Timer start(0, &queue, log.Note("start"));
  generator.Set(At(100));
  link.Set(At(100));
  start.Set(At(100));
  while (queue.RunNext()) {
  }
  CHECK(log.lines == std::vector<std::string>{"start at 100", "link at 100", "generator at 100"});
  CHECK(queue.current() == At(100));
  CHECK(queue.actions() == 3);
}

TEST_CASE("EventQueue: a timer that is moved acts once, at its last time, or never") {
  EventQueue queue(true);
  Log log;
  Timer moved(1, &queue, log.Note("moved"));
  Timer cancelled(2, &queue, log.Note("cancelled"));
  Timer other(3, &queue, log.Note("other"));
  moved.Set(At(10));
  moved.Set(At(30));
  cancelled.Set(At(15));
  cancelled.Set(TimePoint::Never());
  other.Set(At(20));
  while (queue.RunNext()) {
  }
  CHECK(log.lines == std::vector<std::string>{"other at 20", "moved at 30"});
}

TEST_CASE(
    "EventQueue: in real time what is due acts in key order, with the time it really is, and no more than asked") {
  EventQueue queue(false);
  Log log;
  Timer a(1, &queue, log.Note("a"));
  Timer b(2, &queue, log.Note("b"));
  Timer c(3, &queue, log.Note("c"));
  a.Set(At(20));
  b.Set(At(10));
  c.Set(At(51));
  queue.RunDue(At(50), 1);
  CHECK(log.lines == std::vector<std::string>{"b at 50"});
  queue.RunDue(At(50), 10);
  CHECK(log.lines == std::vector<std::string>{"b at 50", "a at 50"});
  queue.RunDue(At(60), 10);
  CHECK(log.lines.back() == "c at 60");
  a.Set(At(5));  // in the past: at once
  queue.RunDue(At(61), 10);
  CHECK(log.lines.back() == "a at 61");
}

TEST_CASE("ControlLink: messages keep their order, take their size over the rate, and arrive a delay later") {
  EventQueue queue(true);
  Log log;
  ControlLink link(20, &queue, &log);
  link.Set(BitRate(8'000'000'000), Duration::Nanos(1'000));  // an octet a nanosecond
  link.Send(At(0), Numbered(1), Bytes(100));
  link.Send(At(0), Numbered(2), Bytes(50));
  link.Set(BitRate(8'000'000'000), Duration());
  link.Send(At(10), Numbered(3), Bytes(1));  // a shorter delay overtakes nothing
  while (queue.RunNext()) {
  }
  CHECK(log.lines ==
        std::vector<std::string>{"message 1 on 20 at 1100", "message 2 on 20 at 1150", "message 3 on 20 at 1151"});
}
