#include "workloads/recorded_traffic.h"

#include <catch2/catch.hpp>

#include "tests/workloads/capture_maker.h"
#include "tests/workloads/temporary_directory.h"
#include "workloads/capture_replay.h"
#include "workloads/packet_source.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT

namespace {

RecordedTraffic Loaded(const std::string& path, const RecordedOptions& options = {}) {
  Result<RecordedTraffic> traffic = RecordedTraffic::Load(path, options);
  INFO((traffic.ok() ? "" : traffic.error().message));
  REQUIRE(traffic.ok());
  return *std::move(traffic);
}

}  // namespace

TEST_CASE("RecordedTraffic: every packet of a capture, by connections, with its frame and its time") {
  const TemporaryDirectory directory;
  CaptureMaker maker;
  AddConnections(60, 1, &maker);
  AddOddities(&maker);
  const std::string path = directory.File("a.pcap");
  maker.Write(path);
  const RecordedTraffic traffic = Loaded(path);
  Result<CaptureReplay> replay = CaptureReplay::Open(path);
  REQUIRE(replay.ok());
  TimePoint before = TimePoint::FromNanos(-1);
  for (const RecordedPacket& p : traffic.packets()) {
    REQUIRE(replay->NextTime() != TimePoint::Never());
    const CaptureReplayPacket expected = replay->Pop();
    REQUIRE(p.at > before);
    before = p.at;
    REQUIRE(p.stamp == expected.recorded);
    REQUIRE(p.at - p.stamp < Duration::Nanos(100));
    REQUIRE(traffic.trace().flows[p.flow].tuple == replay->flows()[expected.connection].tuple);
    REQUIRE(p.number == expected.digest);
    REQUIRE(p.bytes == expected.ip_octets);
    REQUIRE(p.reverse == expected.reverse);
    REQUIRE(p.tcp_flags == expected.tcp_flags);
    REQUIRE(&traffic.Of(p.flow, p.number) == &p);
    const auto octets = traffic.OctetsOf(p);
    REQUIRE(octets.size() == std::min(expected.octets.size(), RecordedTraffic::kFrameOctets));
    REQUIRE(std::equal(octets.begin(), octets.end(), expected.octets.begin()));
  }
  CHECK(replay->NextTime() == TimePoint::Never());
  uint64_t bytes = 0;
  uint64_t packets = 0;
  for (uint32_t i = 0; i < traffic.trace().flows.size(); ++i) {
    bytes += traffic.trace().flows[i].bytes;
    packets += traffic.PacketsOf(i);
  }
  CHECK(bytes == traffic.totals().bytes);
  CHECK(packets == traffic.totals().packets);
}

TEST_CASE("RecordedTraffic: at a fast pace packets leave back to back") {
  const TemporaryDirectory directory;
  CaptureMaker maker;
  AddConnections(20, 2, &maker);
  const std::string path = directory.File("a.pcap");
  maker.Write(path);
  const RecordedTraffic traffic = Loaded(path, {.pace = RecordedPace::kFast, .link = BitRate(1'000'000'000)});
  const BitRate link(1'000'000'000);
  TimePoint expected;
  for (const RecordedPacket& p : traffic.packets()) {
    REQUIRE(p.at == expected);
    REQUIRE(p.stamp == p.at);
    expected = expected + link.TransmissionTime(Bytes(std::max(64U, p.bytes)));
  }
}

TEST_CASE("RecordedTraffic: packets of one time leave a nanosecond apart and count at their time") {
  const TemporaryDirectory directory;
  CaptureMaker maker;
  for (uint32_t n = 0; n < 5; ++n) maker.Udp(Client(n, 53, 4, kProtocolUdp), 1000, {1, 2, 3});
  const std::string path = directory.File("a.pcap");
  maker.Write(path);
  const RecordedTraffic traffic = Loaded(path);
  for (int64_t i = 0; i < 5; ++i) {
    CHECK(traffic.packets()[static_cast<size_t>(i)].at == TimePoint::FromNanos(i));
    CHECK(traffic.packets()[static_cast<size_t>(i)].stamp == TimePoint());
  }
}

TEST_CASE("RecordedTraffic: as a packet source it gives the capture's packets and knows what is unsent") {
  const TemporaryDirectory directory;
  CaptureMaker maker;
  AddConnections(20, 3, &maker);
  const std::string path = directory.File("a.pcap");
  maker.Write(path);
  const RecordedTraffic traffic = Loaded(path);
  PacketSource source(traffic);
  CHECK_FALSE(source.closed_loop());
  for (const RecordedPacket& p : traffic.packets()) {
    REQUIRE(source.NextTime() == p.at);
    const uint64_t unsent = source.UnsentBytes(p.flow);
    const SourcePacket packet = source.Pop();
    REQUIRE(packet.flow == p.flow);
    REQUIRE(packet.sequence == p.number);
    REQUIRE(packet.first == (p.number == 0));
    REQUIRE(packet.last == (source.UnsentBytes(p.flow) == 0));
    REQUIRE(unsent - source.UnsentBytes(p.flow) == p.bytes);
  }
  CHECK(source.NextTime() == TimePoint::Never());
}

TEST_CASE("RecordedTraffic: a capture without packets, and headers that do not fit, are errors with the file's name") {
  const TemporaryDirectory directory;
  CaptureMaker empty;
  empty.Add(0, ArpRequest());
  empty.Write(directory.File("arp.pcap"));
  CHECK_THAT(RecordedTraffic::Load(directory.File("arp.pcap")).error().message, Catch::Contains("arp.pcap: holds no"));
  CaptureMaker long_headers;
  const FiveTuple t = Client(1, 53, 6, kProtocolUdp);
  FrameOctets inner;
  Put8(17, &inner);
  Put8(15, &inner);  // a hop-by-hop header of 128 octets
  Put16(0x017c, &inner);
  inner.resize(128, 0);
  PutAll(UdpDatagram(t, {1}), &inner);
  FiveTuple outer = t;
  outer.protocol = 0;
  long_headers.Add(0, Frame(outer, inner));
  long_headers.Write(directory.File("long.pcap"));
  CHECK_THAT(RecordedTraffic::Load(directory.File("long.pcap")).error().message,
             Catch::Contains("long.pcap: packet 1") && Catch::Contains("headers take more than 160"));
}
