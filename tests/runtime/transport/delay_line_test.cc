#include "runtime/transport/delay_line.h"

#include <catch2/catch.hpp>

namespace uhaul::runtime {
namespace {

using namespace literals;  // NOLINT

constexpr TimePoint At(int64_t ns) { return TimePoint::FromNanos(ns); }

TEST_CASE("DelayLine: without a rate and a delay everything is due when it was sent") {
  DelayLine<int> line;
  CHECK(line.NextDeadline() == TimePoint::Never());
  line.Push(At(100), 1000_B, 1);
  line.Push(At(50), 1000_B, 2);  // stamps of one sender do not run backwards; if they do, order is kept
  CHECK(line.NextDeadline() == At(100));
  CHECK_FALSE(line.PopDue(At(99)).has_value());
  CHECK(line.PopDue(At(100)) == 1);
  CHECK(line.PopDue(At(100)) == 2);
  CHECK(line.empty());
}

TEST_CASE("DelayLine: messages take the line one after the other, and then the delay") {
  DelayLine<int> line;
  line.Set(1_Gbps, 10_us);
  line.Push(At(0), 125_B, 1);     // 1 us on the wire
  line.Push(At(0), 250_B, 2);     // 2 us more
  line.Push(At(5000), 125_B, 3);  // the line was free again
  CHECK(line.NextDeadline() == At(11'000));
  CHECK(line.PopDue(At(11'000)) == 1);
  CHECK(line.NextDeadline() == At(13'000));
  CHECK_FALSE(line.PopDue(At(12'999)).has_value());
  CHECK(line.PopDue(At(16'000)) == 2);
  CHECK(line.PopDue(At(16'000)) == 3);
}

TEST_CASE("DelayLine: a shorter delay lets nothing overtake") {
  DelayLine<int> line;
  line.Set(BitRate(), 10_us);
  line.Push(At(0), 1_B, 1);
  line.Set(BitRate(), 1_us);
  line.Push(At(0), 1_B, 2);
  CHECK_FALSE(line.PopDue(At(9'999)).has_value());
  CHECK(line.PopDue(At(10'000)) == 1);
  CHECK(line.PopDue(At(10'000)) == 2);
}

}  // namespace
}  // namespace uhaul::runtime
