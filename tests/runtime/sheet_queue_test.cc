#include "runtime/sheet_queue.h"

#include <catch2/catch.hpp>
#include <thread>

#include "core/base/random.h"

namespace uhaul::runtime {
namespace {

TEST_CASE("SheetQueue: what was put is not there before it was sent, but when a sheet is full") {
  SheetQueue<int> queue;
  std::vector<int> taken;
  const auto take = [&](int value) { taken.push_back(value); };
  queue.Put(1);
  CHECK_FALSE(queue.Take(10, take));
  CHECK(taken.empty());
  queue.Send();
  queue.Send();
  CHECK_FALSE(queue.Take(10, take));
  CHECK(taken == std::vector<int>{1});
  for (int i = 0; i < 1000; ++i) queue.Put(i);
  taken.clear();
  CHECK(queue.Take(10, take));
  CHECK(taken.size() == 10);
  CHECK_FALSE(queue.Take(1000, take));
  CHECK(taken.size() == 768);
}

TEST_CASE("SheetQueue: between two threads nothing is lost, repeated or out of order") {
  constexpr uint64_t kRecords = 300'000;
  SheetQueue<uint64_t> queue;
  std::thread writer([&] {
    Random random(1, 1);
    for (uint64_t i = 0; i < kRecords; ++i) {
      queue.Put(i);
      if (random.Below(100) == 0) queue.Send();
    }
    queue.Send();
  });
  uint64_t next = 0;
  bool in_order = true;
  Random random(2, 1);
  while (next < kRecords) {
    queue.Take(1 + random.Below(700), [&](uint64_t record) { in_order &= record == next++; });
  }
  writer.join();
  CHECK(in_order);
  CHECK(next == kRecords);
  CHECK_FALSE(queue.Take(1, [](uint64_t) {}));
}

}  // namespace
}  // namespace uhaul::runtime
