#include "core/flow/elephant_detector.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <tuple>

#include "core/base/random.h"

namespace uhaul {
namespace {

ActiveFlow Flow(uint32_t n, uint64_t bytes) {
  ActiveFlow flow;
  flow.flow.tuple.source = FiveTuple::Ipv4(10, 0, static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n));
  flow.flow.id = n + 1;
  flow.bytes = Bytes(bytes);
  return flow;
}

std::vector<uint64_t> Sizes(const Selection& selection) {
  std::vector<uint64_t> sizes;
  for (const ActiveFlow& flow : selection.flows) sizes.push_back(flow.bytes.count());
  return sizes;
}

// By repeated search for the largest of the rest: slow and plain.
std::vector<FlowId> Oracle(std::vector<ActiveFlow> rest, double rho) {
  uint64_t total = 0;
  for (const ActiveFlow& flow : rest) total += flow.bytes.count();
  std::vector<FlowId> ids;
  uint64_t taken = 0;
  while (!rest.empty() && total > 0 && static_cast<double>(taken) / static_cast<double>(total) < rho) {
    size_t best = 0;
    for (size_t i = 1; i < rest.size(); ++i) {
      const bool larger = rest[i].bytes > rest[best].bytes;
      const bool before = rest[i].bytes == rest[best].bytes && rest[i].flow.tuple < rest[best].flow.tuple;
      if (larger || before) best = i;
    }
    ids.push_back(rest[best].flow.id);
    taken += rest[best].bytes.count();
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(best));
  }
  return ids;
}

}  // namespace

TEST_CASE("ProportionDetector: the largest flows first, until they hold the proportion") {
  const std::vector<ActiveFlow> flows = {Flow(1, 10), Flow(2, 50), Flow(3, 15), Flow(4, 25)};
  CHECK(Sizes(ProportionDetector(0.5).Select(flows)) == std::vector<uint64_t>{50});
  CHECK(Sizes(ProportionDetector(0.51).Select(flows)) == std::vector<uint64_t>{50, 25});
  CHECK(Sizes(ProportionDetector(0.75).Select(flows)) == std::vector<uint64_t>{50, 25});
  CHECK(Sizes(ProportionDetector(1).Select(flows)) == std::vector<uint64_t>{50, 25, 15, 10});
  CHECK(Sizes(ProportionDetector(2).Select(flows)).size() == 4);
  CHECK(Sizes(ProportionDetector(0).Select(flows)).empty());
  CHECK(Sizes(ProportionDetector(-1).Select(flows)).empty());
  CHECK(Sizes(ProportionDetector(std::numeric_limits<double>::quiet_NaN()).Select(flows)).empty());
  const Selection selection = ProportionDetector(0.6).Select(flows);
  CHECK(selection.selected_bytes == Bytes(75));
  CHECK(selection.total_bytes == Bytes(100));
}

TEST_CASE("ProportionDetector: nothing active, or nothing sent, selects nothing") {
  CHECK(ProportionDetector(0.5).Select({}).flows.empty());
  const std::vector<ActiveFlow> flows = {Flow(1, 0), Flow(2, 0)};
  CHECK(ProportionDetector(2).Select(flows).flows.empty());
}

TEST_CASE("ProportionDetector: random tables agree with a repeated search for the largest") {
  Random random(3, 1);
  for (int round = 0; round < 300; ++round) {
    std::vector<ActiveFlow> flows;
    const uint64_t count = random.Below(60);
    for (uint32_t n = 0; n < count; ++n) flows.push_back(Flow(n, random.Below(round % 2 == 0 ? 8 : 1'000'000)));
    for (size_t i = flows.size(); i > 1; --i) std::swap(flows[i - 1], flows[random.Below(i)]);
    const double rho = random.Uniform() * 1.1;
    std::vector<FlowId> ids;
    for (const ActiveFlow& flow : ProportionDetector(rho).Select(flows).flows) ids.push_back(flow.flow.id);
    CAPTURE(round, rho);
    REQUIRE(ids == Oracle(flows, rho));
  }
}

TEST_CASE("SizeDetector: every flow of at least the threshold, largest first, ties in five-tuple order") {
  const std::vector<ActiveFlow> flows = {Flow(4, 20), Flow(2, 50), Flow(3, 20), Flow(1, 19)};
  const Selection selection = SizeDetector(Bytes(20)).Select(flows);
  REQUIRE(selection.flows.size() == 3);
  CHECK(selection.flows[0].flow.id == 3);
  CHECK(selection.flows[1].flow.id == 4);
  CHECK(selection.flows[2].flow.id == 5);
  CHECK(selection.selected_bytes == Bytes(90));
  CHECK(selection.total_bytes == Bytes(109));
  CHECK(SizeDetector(Bytes(51)).Select(flows).flows.empty());
}

TEST_CASE("MakeDetector: builds what the specification names") {
  const std::vector<ActiveFlow> flows = {Flow(1, 10), Flow(2, 50)};
  CHECK(MakeDetector({.kind = DetectorSpec::Kind::kProportion, .rho = 1, .threshold = Bytes(40)})
            ->Select(flows)
            .flows.size() == 2);
  CHECK(
      MakeDetector({.kind = DetectorSpec::Kind::kSize, .rho = 1, .threshold = Bytes(40)})->Select(flows).flows.size() ==
      1);
}

}  // namespace uhaul
