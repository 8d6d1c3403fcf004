// The window keeps src busy, and no flow waits much longer than it must, whatever export and path cost.
#include "core/node/install_window.h"

#include <catch2/catch.hpp>
#include <deque>

using namespace uhaul;
using namespace uhaul::literals;

namespace {

struct Outcome {
  Duration total;
  Duration longest;  // of the second half: after it has settled
};

// Flows pass a path of `path`, both ways together, and a server of `each` per flow.
Outcome Pass(Duration path, Duration each, int flows, Duration unnoticed = {}) {
  InstallWindow window;
  std::deque<std::pair<TimePoint, TimePoint>> out;  // sent, active
  TimePoint now, busy;
  Outcome outcome;
  for (int sent = 0, done = 0; done < flows;) {
    while (sent < flows && out.size() < window.size()) {
      busy = std::max(busy, now + path) + each;
      out.emplace_back(now, busy);
      ++sent;
    }
    now = out.front().second;
    const Duration took = now - out.front().first;
    window.OnActive(took, unnoticed);
    out.pop_front();
    if (++done > flows / 2) outcome.longest = std::max(outcome.longest, took);
  }
  outcome.total = now - TimePoint();
  return outcome;
}

}  // namespace

TEST_CASE("InstallWindow: costly exports, cheap ones, long paths: src is busy, and flows wait a few times the least") {
  for (const auto& [path, each] : {std::pair{40_us, 262'500_ns}, std::pair{100_us, 1_us}, std::pair{20_us, 5_us},
                                   std::pair{2_ms, 3_us}, std::pair{1_us, 1_ms}}) {
    CAPTURE(path.nanos(), each.nanos());
    const Outcome outcome = Pass(path, each, 2000);
    CHECK(outcome.longest < (path + each) * 4);
    // Beside the exports themselves: the rounds in which it grew.
    CHECK(outcome.total < each * 2000 * 2 + path * 16);
  }
}

TEST_CASE(
    "InstallWindow: flows wait for as long as nobody notices, if the least is shorter; a longer least is as before") {
  const Outcome quick = Pass(10_us, 1_us, 2000, 400_us);
  CHECK(quick.longest > 200_us);
  CHECK(quick.longest < 600_us);
  CHECK(Pass(10_us, 1_us, 2000).longest < 100_us);
  CHECK(Pass(2_ms, 3_us, 2000, 400_us).longest == Pass(2_ms, 3_us, 2000).longest);
}

TEST_CASE("InstallWindow: no more flows than fit four times over into the buffer, but one") {
  InstallWindow window;
  CHECK(window.Fitting(Bytes(1000), BitRate(1)) > 1000);  // nothing is known yet
  window.OnActive(1_ms, {});
  // 1 Gbps: 125,000 octets in 1 ms, four times.
  CHECK(window.Fitting(Bytes(5'000'000), BitRate(1'000'000'000)) == 10);
  CHECK(window.Fitting(Bytes(4'999'999), BitRate(1'000'000'000)) == 9);
  CHECK(window.Fitting(Bytes(1), BitRate(1'000'000'000)) == 1);
}
