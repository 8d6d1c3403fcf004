#include "experiments/capture_run.h"

#include <catch2/catch.hpp>

#include "tests/workloads/capture_maker.h"
#include "tests/workloads/temporary_directory.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT

namespace {

class Fixture {
 public:
  explicit Fixture(uint32_t connections = 150, uint64_t seed = 1) {
    AddConnections(connections, seed, &maker);
    AddOddities(&maker);
    maker.Write(path);
  }
  CaptureRunResult Run(const CaptureRunOptions& options) const {
    Result<CaptureRunResult> run = RunCapture(path, options);
    INFO((run.ok() ? "" : run.error().message));
    REQUIRE(run.ok());
    return *std::move(run);
  }

  TemporaryDirectory directory;
  CaptureMaker maker;
  std::string path = directory.File("a.pcap");
};

CaptureRunOptions Still() {
  CaptureRunOptions options;
  options.move.scheme.flows = MoveFlows::kNone;
  options.profile = FindProfile("emulab-2016").value();
  options.fit = {.capacity = 16384, .window = Duration::Millis(100)};
  return options;
}

// In the middle of the traffic, as slowly as the paper's testbed: tens of milliseconds under way.
CaptureRunOptions Moving(const char* scheme) {
  CaptureRunOptions options = Still();
  options.move.scheme = FindScheme(scheme).value();
  // All that NF 1 knows, or what has been idle for two windows would stay there although its packets do not.
  if (options.move.scheme.flows == MoveFlows::kActive) options.move.scheme.flows = MoveFlows::kTable;
  options.move_at = TimePoint() + Duration::Millis(120);
  options.detector = {DetectorSpec::Kind::kSize, 0, Bytes(2000)};
  return options;
}

std::string TextOf(const std::vector<AssetRecord>& records) {
  std::string text = AssetHeader() + "\n";
  for (const AssetRecord& record : records) text += AssetLine(record) + "\n";
  return text;
}

// What does not depend on the order in which packets are processed.
std::string CountsOf(const std::vector<AssetRecord>& records) {
  std::vector<AssetRecord> counts = records;
  for (AssetRecord& record : counts) {
    record.first = record.last = TimePoint();
    for (AssetDirection* direction : {&record.initiator, &record.responder}) {
      direction->last = TimePoint();
      direction->largest_gap = Duration();
      direction->first_bytes = 0;
      direction->first_flags = 0;
    }
  }
  return TextOf(counts);
}

void CheckMoved(const CaptureRunResult& run) {
  CHECK(run.steps.count(OperationStep::kClosed) == 1);
  CHECK(run.processed == run.sent);
  CHECK(run.dropped == 0);
  CHECK(run.split == 0);
  CHECK(run.unwatched == 0);
  CHECK(run.fit_full == 0);
  CHECK(run.selected > 10);
  CHECK(run.records_at[1] > 10);
  CHECK(run.by_controller > 20);
}

}  // namespace

TEST_CASE("CaptureRun: without a move one monitor sees the capture as a monitor that reads it") {
  const Fixture f;
  const CaptureRunResult run = f.Run(Still());
  CHECK(run.records_at[1] == 0);
  CHECK(run.reordered == 0);
  CHECK(run.processed == run.capture.packets);
  const FlowHasher hasher(HashKey{1, 2});
  AssetMonitor monitor({.timeout = Duration::Seconds(1'000'000), .hash_key = HashKey{1, 2}});
  Result<CaptureReplay> replay = CaptureReplay::Open(f.path);
  REQUIRE(replay.ok());
  while (replay->NextTime() != TimePoint::Never()) {
    const CaptureReplayPacket p = replay->Pop();
    Packet packet;
    packet.flow = hasher.Key(replay->flows()[p.flow].tuple);  // by its own direction
    packet.bytes = p.ip_octets;
    packet.tcp_flags = p.tcp_flags;
    monitor.Process(p.recorded, {&packet, 1});
  }
  CHECK(TextOf(run.records) == TextOf(AssetRecords(monitor)));
}

TEST_CASE("CaptureRun: an order-preserving move leaves the records of one monitor, byte for byte") {
  for (const uint64_t seed : {1, 2, 3}) {
    const Fixture f(150, seed);
    const std::string still = TextOf(f.Run(Still()).records);
    for (const char* scheme : {"opennf-op", "opennf-op-pl", "opennf-op-pl-er", "uhaul-op"}) {
      CAPTURE(scheme, seed);
      const CaptureRunResult run = f.Run(Moving(scheme));
      CheckMoved(run);
      CHECK(run.reordered == 0);
      CHECK(TextOf(run.records) == still);
    }
  }
}

TEST_CASE("CaptureRun: a hand-over does so too, and takes no packet by the controller") {
  for (const uint64_t seed : {1, 2, 3}) {
    const Fixture f(150, seed);
    const std::string still = TextOf(f.Run(Still()).records);
    for (const char* scheme : {"handover", "uhaul-handover"}) {
      CAPTURE(scheme, seed);
      const CaptureRunResult run = f.Run(Moving(scheme));
      CHECK(run.steps.count(OperationStep::kClosed) == 1);
      CHECK(run.processed == run.sent);
      CHECK(run.dropped + run.by_controller + run.reordered == 0);
      CHECK(run.records_at[1] > 10);
      CHECK(TextOf(run.records) == still);
    }
  }
}

TEST_CASE("CaptureRun: a loss-free move leaves the same counts, and the same records where order was kept") {
  uint64_t reordered = 0;
  for (const uint64_t seed : {1, 2, 3}) {
    const Fixture f(150, seed);
    const CaptureRunResult still = f.Run(Still());
    for (const char* scheme : {"opennf-lf", "opennf-lf-pl", "opennf-lf-pl-er", "opennf-lf-ll", "opennf", "uhaul"}) {
      CAPTURE(scheme, seed);
      const CaptureRunResult run = f.Run(Moving(scheme));
      CheckMoved(run);
      CHECK(CountsOf(run.records) == CountsOf(still.records));
      if (run.reordered == 0) CHECK(TextOf(run.records) == TextOf(still.records));
      reordered += run.reordered;
    }
  }
  CHECK(reordered > 0);  // or the schemes were not put to the test
}

TEST_CASE("CaptureRun: a move without guarantees loses state, and the records show it") {
  const Fixture f;
  const std::string still = CountsOf(f.Run(Still()).records);
  const CaptureRunResult run = f.Run(Moving("opennf-ng"));
  CHECK(run.processed == run.sent);
  CHECK(CountsOf(run.records) != still);
}

TEST_CASE("CaptureRun: the same capture and options give the same result") {
  const Fixture f;
  const CaptureRunResult a = f.Run(Moving("uhaul"));
  const CaptureRunResult b = f.Run(Moving("uhaul"));
  CHECK(TextOf(a.records) == TextOf(b.records));
  CHECK(a.steps == b.steps);
  CHECK(a.by_controller == b.by_controller);
}

TEST_CASE("CaptureRun: connections that were idle when active flows were moved have a record at each instance") {
  Fixture f(1);
  CaptureMaker maker;
  CaptureMaker::Connection slow;
  slow.gap = 300'000'000;  // longer than the FIT remembers
  slow.request = FrameOctets(100);
  slow.response = FrameOctets(100);
  maker.Tcp(Client(1), slow);
  maker.Write(f.path);
  CaptureRunOptions options = Moving("opennf");
  options.move.scheme.flows = MoveFlows::kActive;
  options.move_at = TimePoint() + Duration::Millis(1190);
  const CaptureRunResult run = f.Run(options);
  CHECK(run.split == 1);
  CHECK(run.processed == run.sent);
  options.move.scheme.flows = MoveFlows::kTable;
  CHECK(TextOf(f.Run(options).records) == TextOf(f.Run(Still()).records));
}

TEST_CASE("CaptureRun: an order-preserving move that no packet follows ends the run, open") {
  const Fixture f(3);
  CaptureRunOptions options = Moving("opennf-op");
  options.move_at = TimePoint() + Duration::Seconds(3600);
  const CaptureRunResult run = f.Run(options);
  CHECK(run.steps.count(OperationStep::kClosed) == 0);
  CHECK(CountsOf(run.records) != "");
}

TEST_CASE("CaptureRun: a file that cannot be read, or breaks off, is an error with its name") {
  const Fixture f(3);
  CHECK_THAT(RunCapture("no.pcap", Still()).error().message, Catch::Contains("no.pcap: cannot be read"));
  const std::string whole = f.directory.Read("a.pcap");
  f.directory.Write("cut.pcap", whole.substr(0, whole.size() - 5));
  CHECK_THAT(RunCapture(f.directory.File("cut.pcap"), Still()).error().message, Catch::Contains("cut.pcap: packet "));
}
