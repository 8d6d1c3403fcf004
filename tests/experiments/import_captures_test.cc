#include "experiments/import_captures.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "experiments/import_run.h"
#include "tests/workloads/capture_maker.h"
#include "tests/workloads/temporary_directory.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT

namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kT0 = 500 * kMs;      // after the start of the captures
constexpr int64_t kAhead = 3 * kMs;     // the clock of NF 1
constexpr uint32_t kIpOctets = 20 + 8;  // around a payload

const FiveTuple kMoves = Client(1, 4000, 4, kProtocolUdp);  // at NF 1, and from t0 + 40 ms at NF 2
const FiveTuple kStays = Client(2, 4000, 4, kProtocolUdp);  // at NF 1; its packet 3 is lost, 5 comes after 6
const FiveTuple kIdle = Client(3, 4000, 4, kProtocolUdp);   // not seen for longer than the window
const FiveTuple kNew = Client(4, 4000, 4, kProtocolUdp);    // begins after t0, at NF 2

// Ten packets, 20 ms apart, of 100 octets and the headers, every one different.
class Testbed {
 public:
  explicit Testbed(int64_t ahead = 0) {
    Send(kMoves, kT0 - 95 * kMs, ahead);
    Send(kStays, kT0 - 95 * kMs, ahead);
    Send(kIdle, kT0 - 400 * kMs, ahead);
    Send(kNew, kT0 + 10 * kMs, ahead);
    for (const auto& [point, maker] : makers_) maker.Write(File(point));
    Text("steps.csv", "step,time_ns,host\naccepted," + std::to_string(CaptureMaker::kStart + kT0) +
                          (ahead > 0 ? ",controller\n" : ",\n"));
  }

  CaptureImport Import() const {
    CaptureImport import;
    for (const char* point : kCapturePoints) import.files[point] = File(point);
    import.steps = directory.File("steps.csv");
    import.window = Duration::Millis(100);
    return import;
  }
  std::string File(const std::string& point) const { return directory.File(point + ".pcap"); }
  std::string Text(const std::string& name, const std::string& text) const {
    std::ofstream(directory.File(name)) << text;
    return directory.File(name);
  }
  TemporaryDirectory directory;

 private:
  void Send(const FiveTuple& flow, int64_t begin, int64_t ahead) {
    const bool stays = flow == kStays;
    for (int i = 0; i < 10; ++i) {
      const int64_t at = begin + i * 20 * kMs;
      const FrameOctets payload(100, static_cast<uint8_t>(i));
      makers_["generator"].Udp(flow, at, payload);
      const bool to_second = flow == kNew || (flow == kMoves && at >= kT0 + 40 * kMs);
      makers_[to_second ? "nf2" : "nf1"].Udp(flow, at + 5000 + (to_second ? 0 : ahead), payload);
      if (stays && i == 3) continue;
      makers_["sink"].Udp(flow, at + 9000 + (stays && i == 5 ? 21 * kMs : 0), payload);
    }
  }
  std::map<std::string, CaptureMaker> makers_;
};

const FlowRow* RowOf(const ImportedRun& run, const FiveTuple& tuple) {
  for (const FlowRow& row : run.record.flows) {
    if (row.tuple == tuple) return &row;
  }
  return nullptr;
}

ImportedRun RunOf(const Testbed& testbed, const CaptureImport& import) {
  const Result<CaptureTables> tables = TablesOf(import);
  INFO((tables.ok() ? "" : tables.error().message));
  REQUIRE(tables.ok());
  ImportRequest request;
  request.flows = testbed.Text("flows.csv", tables->flows);
  request.counters = testbed.Text("counters.csv", tables->counters);
  request.steps = import.steps;
  request.offsets_ns = import.offsets_ns;
  request.start_ns = tables->start_ns;
  Result<ImportedRun> run = ImportRun(request);
  INFO((run.ok() ? "" : run.error().message));
  REQUIRE(run.ok());
  return *std::move(run);
}

void CheckRun(const ImportedRun& run) {
  CHECK(run.record.t0_ns == 400 * kMs);  // the first packet was 100 ms into the captures
  const FlowRow* moves = RowOf(run, kMoves);
  REQUIRE(moves != nullptr);
  CHECK(moves->active);
  CHECK(moves->selected);
  CHECK(moves->outcome == FlowOutcome::kMoved);
  CHECK(moves->final_bytes == 10 * (100 + kIpOctets));
  CHECK(moves->t0_bytes == 5 * (100 + kIpOctets));
  CHECK(moves->t0_unsent_bytes == 5 * (100 + kIpOctets));
  CHECK(moves->t0_last_packet_ns == 400 * kMs - 15 * kMs + 5000);
  CHECK(moves->finished_ns == 400 * kMs + 85 * kMs + 9000);
  const FlowRow* stays = RowOf(run, kStays);
  REQUIRE(stays != nullptr);
  CHECK(stays->active);
  CHECK_FALSE(stays->selected);
  CHECK(stays->finished_ns == kNever);  // a packet of it never came
  CHECK(RowOf(run, kIdle) == nullptr);  // of the trace alone
  const FlowRow* born = RowOf(run, kNew);
  REQUIRE(born != nullptr);
  CHECK_FALSE(born->active);
  CHECK_FALSE(born->selected);
  CHECK(run.trace.flows.size() == 4);
  CHECK(run.record.counters.packets_sent == 40);
  CHECK(run.record.counters.packets_lost == 1);
  CHECK(run.record.counters.packets_reordered == 1);
  CHECK(run.record.counters.packets_duplicated == 0);
}

}  // namespace

TEST_CASE("import captures: who was active, who moved, what was lost, from four points on one clock") {
  const Testbed testbed;
  CheckRun(RunOf(testbed, testbed.Import()));
}

TEST_CASE("import captures: with each host's offset the same comes out; without one, what to say about it") {
  const Testbed testbed(kAhead);
  CaptureImport import = testbed.Import();
  import.offsets_ns = {{"generator", 0}, {"nf2", 0}, { "sink", 0 }};
  const Result<CaptureTables> unknown = TablesOf(import);
  REQUIRE_FALSE(unknown.ok());
  CHECK_THAT(unknown.error().message, Catch::Contains("the clock of nf1 is not known: --offset nf1=DURATION"));
  import.offsets_ns["nf1"] = kAhead;
  CheckRun(RunOf(testbed, import));
}

TEST_CASE("import captures: without a capture at the sink nothing is said of ends and losses") {
  const Testbed testbed;
  CaptureImport import = testbed.Import();
  import.files.erase("sink");
  const ImportedRun run = RunOf(testbed, import);
  CHECK(run.record.Lacks("counters.packets_lost"));
  CHECK(run.record.Lacks("flows.fct"));
  CHECK(RowOf(run, kMoves)->outcome == FlowOutcome::kMoved);
}

TEST_CASE("import captures: what is missing or of another time is an error that names it") {
  const Testbed testbed;
  CaptureImport import = testbed.Import();
  import.files.erase("nf1");
  CHECK_THAT(TablesOf(import).error().message, Catch::Contains("--capture nf1=FILE is needed"));
  import = testbed.Import();
  import.steps = testbed.Text("early.csv", "step,time_ns\naccepted,2000000000\n");
  CHECK_THAT(TablesOf(import).error().message, Catch::Contains("no packet is older than 'accepted' (2000000000 ns)"));
  import = testbed.Import();
  import.files["sink"] = testbed.Text("bad.pcap", "no");
  CHECK_THAT(TablesOf(import).error().message, Catch::Contains("bad.pcap"));
}
