#include "workloads/capture_flows.h"

#include <catch2/catch.hpp>
#include <map>

#include "tests/workloads/capture_maker.h"
#include "tests/workloads/temporary_directory.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT

namespace {

CaptureSummary Summarise(const CaptureMaker& maker, CaptureWriterOptions options = {}) {
  const TemporaryDirectory directory;
  maker.Write(directory.File("a.pcap"), options);
  Result<CaptureSummary> summary = ReadCaptureFlows(directory.File("a.pcap"));
  REQUIRE(summary.ok());
  return *std::move(summary);
}

}  // namespace

TEST_CASE("CaptureFlows: each direction is a flow; the two know of each other and of who began") {
  CaptureMaker maker;
  CaptureMaker::Connection connection;
  connection.start = 1000;
  connection.gap = 10;
  connection.request = FrameOctets(100);
  connection.response = FrameOctets(2000);
  maker.Tcp(Client(1), connection);
  const CaptureSummary s = Summarise(maker);
  REQUIRE(s.flows.size() == 2);
  const CaptureFlow& client = s.flows[0];
  const CaptureFlow& server = s.flows[1];
  CHECK(client.tuple == Client(1));
  CHECK_FALSE(client.reverse);
  CHECK(client.peer == 1);
  CHECK(server.tuple == Client(1).Reversed());
  CHECK(server.reverse);
  CHECK(server.peer == 0);
  // SYN (44), ACK, request, two ACKs, FIN, ACK; SYN+ACK (44), ACK, two segments, FIN.
  CHECK(client.packets == 7);
  CHECK(client.bytes == 44 + 40 + 140 + 2 * 40 + 40 + 40);
  CHECK(server.packets == 5);
  CHECK(server.bytes == 44 + 40 + 1440 + 640 + 40);
  CHECK(client.first.nanos() == 0);  // since the capture's first packet
  CHECK(server.first.nanos() == 10);
  CHECK(client.last.nanos() == 110);
  CHECK(server.last.nanos() == 100);
  CHECK(s.totals.start_ns == CaptureMaker::kStart + 1000);
  CHECK(s.totals.end.nanos() == 110);
  CHECK(s.totals.packets == 12);
  CHECK(s.totals.bytes == client.bytes + server.bytes);
}

TEST_CASE("CaptureFlows: what parses is counted to a flow, everything else by its outcome") {
  CaptureMaker maker;
  AddOddities(&maker);
  const CaptureSummary s = Summarise(maker);
  const ParseCounters& parsed = s.totals.parsed;
  CHECK(s.totals.frames == maker.size());
  CHECK(parsed.total() == maker.size());
  CHECK(parsed.by_outcome[static_cast<size_t>(ParseOutcome::kNotIp)] == 1);
  CHECK(parsed.by_outcome[static_cast<size_t>(ParseOutcome::kTruncated)] == 1);
  CHECK(parsed.by_outcome[static_cast<size_t>(ParseOutcome::kTooManyTags)] == 1);
  CHECK(s.totals.packets == maker.size() - 3);
  CHECK(parsed.fragments == 4);
  CHECK(s.totals.cut == 1);
  // UDP over IPv4 and IPv6 and ICMP both ways, one flow for each two fragments, one frame cut by its capture.
  CHECK(s.flows.size() == 2 + 2 + 2 + 1 + 1 + 1);
}

TEST_CASE("CaptureFlows: bytes are the IP header's, however little of a frame was captured") {
  CaptureMaker maker;
  AddConnections(20, 3, &maker);
  const CaptureSummary whole = Summarise(maker);
  const CaptureSummary cut = Summarise(maker, {.snap_octets = 128});
  REQUIRE(whole.flows.size() == cut.flows.size());
  for (size_t i = 0; i < whole.flows.size(); ++i) {
    CHECK(whole.flows[i].tuple == cut.flows[i].tuple);
    CHECK(whole.flows[i].bytes == cut.flows[i].bytes);
    CHECK(whole.flows[i].packets == cut.flows[i].packets);
  }
  CHECK(cut.totals.cut > 0);
}

TEST_CASE("CaptureFlows: time never runs backwards, and how often the file's does is counted") {
  const TemporaryDirectory directory;
  Result<CaptureWriter> writer = CaptureWriter::Create(directory.File("a.pcap"));
  REQUIRE(writer.ok());
  const FrameOctets frame =
      Frame(Client(1, 53, 4, kProtocolUdp), UdpDatagram(Client(1, 53, 4, kProtocolUdp), FrameOctets(10)));
  for (const int64_t at : {500, 700, 600, 400, 900}) writer->Write(at, frame, static_cast<uint32_t>(frame.size()));
  REQUIRE(writer->Commit().ok());
  Result<CaptureReader> reader = CaptureReader::Open(directory.File("a.pcap"));
  CaptureFlows flows(*std::move(reader));
  CaptureFlows::Seen seen;
  std::vector<int64_t> times;
  while (flows.Next(&seen).value()) times.push_back(seen.at.nanos());
  CHECK(times == std::vector<int64_t>{0, 200, 200, 200, 400});
  CHECK(flows.totals().backwards == 2);
}

TEST_CASE("CaptureFlows: as a trace they are written and read back") {
  const TemporaryDirectory directory;
  CaptureMaker maker;
  AddConnections(30, 4, &maker);
  AddOddities(&maker);
  const CaptureSummary s = Summarise(maker);
  const Result<Trace> trace = TraceOf(s, "/some/where/a b.pcap");
  REQUIRE(trace.ok());
  REQUIRE(WriteTrace(*trace, directory.File("t.csv")).ok());
  const Result<Trace> read = ReadTrace(directory.File("t.csv"));
  INFO((read.ok() ? "" : read.error().message));
  REQUIRE(read.ok());
  CHECK(read->about.at("capture") == "a_b.pcap");
  REQUIRE(read->flows.size() == s.flows.size());
  for (size_t i = 0; i < s.flows.size(); ++i) {
    CHECK(read->flows[i].tuple == s.flows[i].tuple);
    CHECK(read->flows[i].bytes == s.flows[i].bytes);
    CHECK(read->flows[i].arrival == s.flows[i].first);
  }
}

TEST_CASE("CaptureFlows: what a trace cannot hold is an error that says what to do") {
  CaptureSummary s;
  s.flows.resize(1);
  s.flows[0].tuple = Client(1);
  s.flows[0].bytes = kMaxTraceFlowBytes + 1;
  CHECK_THAT(TraceOf(s, "a.pcap").error().message, Catch::Contains("a.pcap: tcp:10.0.0.1:32769>"));
  s.flows[0].bytes = 1;
  s.flows[0].first = TimePoint::FromNanos(kMaxTraceNanos + 1);
  CHECK_THAT(TraceOf(s, "a.pcap").error().message, Catch::Contains("a.pcap: longer than a trace may be"));
}
