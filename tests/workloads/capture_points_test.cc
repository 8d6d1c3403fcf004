#include "workloads/capture_points.h"

#include <catch2/catch.hpp>

#include "tests/workloads/capture_maker.h"
#include "tests/workloads/temporary_directory.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT

namespace {

class Fixture {
 public:
  // Ten datagrams of one flow, 1 us apart; `behind` are their numbers as they come out, 5 us later.
  PointComparison Compare(const std::vector<int>& behind, bool alike = false) const {
    Write("before.pcap", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0, alike);
    Write("behind.pcap", behind, 5000, alike);
    Result<PointComparison> compared = CompareCaptures(directory.File("before.pcap"), directory.File("behind.pcap"));
    REQUIRE(compared.ok());
    REQUIRE(compared->flows.size() == 1);
    return *std::move(compared);
  }
  void Write(const std::string& name, const std::vector<int>& numbers, int64_t delay, bool alike) const {
    CaptureMaker maker;
    const FiveTuple flow = Client(1, 4000, 4, kProtocolUdp);
    for (size_t i = 0; i < numbers.size(); ++i) {
      const auto contents = static_cast<uint8_t>(alike ? 0 : numbers[i]);
      // Behind there is a tag, as it may be where links differ.
      maker.Udp(flow, static_cast<int64_t>(i) * 1000 + delay, FrameOctets(30, contents),
                {.vlans = delay > 0 ? std::vector<uint16_t>{7} : std::vector<uint16_t>{}});
    }
    maker.Write(directory.File(name));
  }
  TemporaryDirectory directory;
};

}  // namespace

TEST_CASE("CapturePoints: traffic that comes through untouched has no loss, no repeat, no reorder") {
  const Fixture f;
  for (const bool alike : {false, true}) {
    const PointFlow flow = f.Compare({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, alike).flows[0];
    CHECK(flow.tuple == Client(1, 4000, 4, kProtocolUdp));
    CHECK(flow.sent == 10);
    CHECK(flow.received == 10);
    CHECK(flow.lost() + flow.repeated + flow.reordered == 0);
    CHECK(flow.first_sent.nanos() == 0);
    CHECK(flow.last_sent.nanos() == 9000);
    CHECK(flow.finished.nanos() == 14000);
  }
}

TEST_CASE("CapturePoints: what is lost, repeated or late is counted as that") {
  const Fixture f;
  const PointFlow lost = f.Compare({0, 1, 2, 4, 5, 6, 8, 9}).flows[0];
  CHECK(lost.lost() == 2);
  CHECK(lost.reordered == 0);
  const PointFlow repeated = f.Compare({0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0}).flows[0];
  CHECK(repeated.repeated == 2);
  CHECK(repeated.lost() + repeated.reordered == 0);
  const PointFlow late = f.Compare({0, 4, 5, 1, 2, 3, 6, 7, 8, 9}).flows[0];
  CHECK(late.reordered == 3);
  CHECK(late.lost() + late.repeated == 0);
  const PointFlow none = f.Compare({}).flows[0];
  CHECK(none.lost() == 10);
  CHECK(none.finished == TimePoint::Never());
}

TEST_CASE("CapturePoints: packets of flows that were never sent are counted apart") {
  const Fixture f;
  CaptureMaker maker;
  AddConnections(10, 1, &maker);
  maker.Write(f.directory.File("a.pcap"));
  maker.Udp(Client(77, 53, 4, kProtocolUdp), 5000, {1});
  maker.Write(f.directory.File("b.pcap"));
  const Result<PointComparison> compared = CompareCaptures(f.directory.File("a.pcap"), f.directory.File("b.pcap"));
  REQUIRE(compared.ok());
  CHECK(compared->unsent == 1);
  for (const PointFlow& flow : compared->flows) {
    CHECK(flow.received == flow.sent);
    CHECK(flow.repeated + flow.reordered == 0);
  }
  CHECK_THAT(CompareCaptures(f.directory.File("a.pcap"), "no.pcap").error().message, Catch::Contains("no.pcap"));
  CHECK_THAT(
      CompareCaptures(f.directory.File("a.pcap"), f.directory.File("b.pcap"), {.max_packets = 5}).error().message,
      Catch::Contains("a.pcap: more than 5 packets"));
}
