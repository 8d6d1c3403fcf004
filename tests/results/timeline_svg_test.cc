#include "results/timeline_svg.h"

#include <catch2/catch.hpp>

#include "tests/results/sample_record.h"

namespace uhaul {
namespace {

using sample::kMs;
using sample::kT0;

RunRecord Moved() {
  RunRecord record = sample::Record();
  record.flows = {sample::Row(1, 2'000'000, 1'000'000), sample::Row(2, 1'000, 1'000)};
  record.flows[0].selected = true;
  record.flows[0].pause_ns = 3 * kMs;
  record.flows[0].t0_unsent_bytes = 5;
  record.buffers[0].peak_bytes = 4'500;
  record.buffers[0].series = {{kT0 + kMs, 4'500}, {kT0 + 2 * kMs, 0}};
  return record;
}

TEST_CASE("timeline_svg: steps that were reached, what was held, and the pauses of selected flows") {
  const std::string svg = RenderTimeline("a < b", Moved());
  CHECK(svg == RenderTimeline("a < b", Moved()));
  CHECK_THAT(svg, Catch::Contains("<title>a &lt; b</title>") && Catch::Contains(">last delete (T)<") &&
                      Catch::Contains(">5.000 ms<") && !Catch::Contains(">rules in place<") &&
                      Catch::Contains("at most 4.50 KB") &&
                      Catch::Contains(": 3.000 ms, 2000000 bytes, still sending") && !Catch::Contains("1000 bytes, "));
  CHECK(svg.find("nan") == std::string::npos);
}

TEST_CASE("timeline_svg: the sentence says what the picture shows") {
  CHECK(TimelineSentence("a run", Moved()) ==
        "a run: 1 flows were selected, 1 of them with bytes still to be sent; downtime 5.000 ms; at most 4.50 KB held "
        "at the controller; the longest pause of a selected flow was 3.000 ms.");
}

TEST_CASE("timeline_svg: a migration that was accepted and did nothing more is still a picture") {
  RunRecord record;
  record.t0_ns = record.steps_ns[0] = kT0;
  const std::string svg = RenderTimeline("t", record);
  CHECK_THAT(svg, Catch::EndsWith("</svg>\n") && Catch::Contains("downtime unknown"));
  CHECK(svg.find("nan") == std::string::npos);
}

}  // namespace
}  // namespace uhaul
