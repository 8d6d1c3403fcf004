#include "experiments/import_run.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "results/record_compare.h"
#include "results/validate.h"
#include "tests/experiments/record_csv.h"
#include "tests/results/sample_record.h"

namespace uhaul {
namespace {

using Catch::Contains;
using sample::kMs;
using sample::kT0;

struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/uhaul-import-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name) << text;
    return path + "/" + name;
  }
};

// A run with something of everything.
RunRecord Full() {
  RunRecord record = sample::Record();
  for (uint8_t i = 1; i <= 20; ++i) {
    FlowRow row = sample::Row(i, uint64_t{i} * 400'000, uint64_t{i} * 100'000);
    row.selected = i > 12;
    row.outcome = i > 12 ? FlowOutcome::kMoved : FlowOutcome::kPending;
    row.pause_ns = i * 12'345;
    row.t0_unsent_bytes = i * 100;
    row.last_processed_ns = kT0 + i * kMs;
    row.finished_ns = i == 3 ? kNever : row.last_processed_ns + 1000;
    record.flows.push_back(row);
  }
  for (uint8_t i = 21; i <= 25; ++i) {
    FlowRow row = sample::Row(i, 1000, 0);
    row.active = false;
    row.first_sent_ns = kT0 + i * kMs / 10;
    row.t0_last_packet_ns = kNever;
    row.finished_ns = row.last_processed_ns = kT0 + 40 * kMs;
    record.flows.push_back(row);
  }
  record.evictions = {{kT0 - 99 * kMs, 30, 20}, {kT0 + kMs, 25, 18}};
  record.buffers[0].peak_bytes = 5000;
  record.buffers[0].volume_bytes = 9000;
  uint64_t value = 100;
  for (const CounterField& field : kCounterFields) record.counters.*field.member = ++value;
  record.counters.generator_late_ns = 0;
  record.elephant_bytes_threshold = 3'000'000;
  return record;
}

constexpr const char* kSteps = "step,time_ns\naccepted,2000000000\nlast_delete,2005000000\n";
constexpr const char* kOneFlow =
    "five_tuple,bytes,active,selected,first_sent_ns,finished_ns\n"
    "tcp:10.0.0.1:1>10.1.0.1:80,5000,1,0,1990000000,2010000000\n";

TEST_CASE("import: a run that is written as CSV and imported has every metric of the original") {
  const Folder folder;
  StoredPoint original = sample::Point("web_search", "1", "uhaul");
  original.record = Full();
  WriteRecordCsv(original.record, folder.path);
  const Result<ImportedRun> run = ImportRun({.flows = folder.path + "/flows.csv",
                                             .steps = folder.path + "/steps.csv",
                                             .counters = folder.path + "/counters.csv",
                                             .fit = folder.path + "/fit.csv",
                                             .offsets_ns = {},
                                             .start_ns = 0});
  REQUIRE(run.ok());
  CHECK(run->record.unmeasured.empty());
  StoredPoint imported = original;
  imported.record = run->record;
  imported.record.elephant_bytes_threshold = 3'000'000;
  CHECK_FALSE(FirstDifference(original.record, imported.record));
  const Result<Comparison> comparison = Compare(std::vector{original}, std::vector{imported}, {});
  REQUIRE(comparison.ok());
  for (const MetricComparison& c : comparison->groups.at(0).metrics) {
    CAPTURE(c.metric->name);
    CHECK(c.agreement == Agreement::kEqual);
  }
  REQUIRE(run->trace.flows.size() == 25);
  REQUIRE(WriteTrace(run->trace, folder.path + "/trace.csv").ok());
  CHECK(ReadTrace(folder.path + "/trace.csv").ok());
}

TEST_CASE("import: what is not given is unmeasured, and its metrics have no value") {
  const Folder folder;
  const Result<ImportedRun> run = ImportRun({folder.Write("f", kOneFlow), folder.Write("s", kSteps), "", "", {}, 0});
  REQUIRE(run.ok());
  const RunRecord& record = run->record;
  for (const char* field : {"buffers.controller", "counters.events", "evictions", "flows.pause_ns", "flows.outcome"}) {
    CAPTURE(field);
    CHECK(record.Lacks(field));
  }
  CHECK_FALSE(record.Lacks("flows.fct"));
  const MeasuredRun measured = Measure(record, 1'000'000);
  CHECK(*ValueOf(*FindMetric("downtime_ms"), measured) == Approx(5));
  CHECK(*ValueOf(*FindMetric("mice_fct_p50_ms"), measured) == Approx(20));
  CHECK(*ValueOf(*FindMetric("missed"), measured) == 1);  // the last byte stands in for the last packet
  for (const char* name : {"events", "pause_max_us", "controller_peak_bytes", "packets_lost", "done_ms"}) {
    CAPTURE(name);
    CHECK_FALSE(ValueOf(*FindMetric(name), measured));
  }
}

TEST_CASE("import: seconds, offsets and the start of the run put all times on one clock") {
  const Folder folder;
  const std::string steps = folder.Write("s", "step,time_s,host\naccepted,1702.5,ctl\nlast_delete,1702.51,ctl\n");
  const std::string flows = folder.Write("f",
                                         "five_tuple,bytes,active,selected,first_sent_s@gen,finished_s@sink\n"
                                         "tcp:10.0.0.1:1>10.1.0.1:80,5000,1,0,1702.400001,1702.600003\n");
  const Result<ImportedRun> run =
      ImportRun({flows, steps, "", "", {{"gen", 1000}, {"sink", -3000}}, 1'700'000'000'000});
  REQUIRE(run.ok());
  CHECK(run->record.t0_ns == 2'500'000'000);
  CHECK(run->record.flows.at(0).first_sent_ns == 2'400'000'000);
  CHECK(run->record.flows.at(0).finished_ns == 2'600'006'000);
  REQUIRE(run->trace.flows.size() == 1);
  CHECK(run->trace.flows[0].arrival.nanos() == 2'400'000'000);
}

TEST_CASE("import: a clock without an offset gives only what takes that clock alone") {
  const Folder folder;
  const std::string steps =
      folder.Write("s", "step,time_ns,host\naccepted,2000,ctl\nlast_delete,7000,ctl\ndone,1,nf\n");
  const std::string one_host = folder.Write("f",
                                            "five_tuple,bytes,active,selected,first_sent_ns@gen,finished_ns@gen\n"
                                            "tcp:10.0.0.1:1>10.1.0.1:80,5000,1,0,99000000,101000000\n"
                                            "tcp:10.0.0.2:1>10.1.0.1:80,5000,0,0,99000000,101000000\n");
  const Result<ImportedRun> run = ImportRun({one_host, steps, "", "", {}, 0});
  REQUIRE(run.ok());
  CHECK(run->record.Lacks("flows.first_sent_ns"));
  CHECK(run->record.Lacks("flows.last_processed_ns"));
  CHECK(run->record.flows.size() == 1);  // when the other came, nobody knows
  CHECK(run->trace.flows.empty());
  const MeasuredRun measured = Measure(run->record, 1'000'000);
  CHECK(*ValueOf(*FindMetric("mice_fct_p50_ms"), measured) == Approx(2));
  CHECK_FALSE(ValueOf(*FindMetric("missed"), measured));
  CHECK_FALSE(ValueOf(*FindMetric("done_ms"), measured));

  const std::string two_hosts = folder.Write("g",
                                             "five_tuple,bytes,active,selected,first_sent_ns@gen,finished_ns@sink\n"
                                             "tcp:10.0.0.1:1>10.1.0.1:80,5000,1,0,99000000,101000000\n");
  const Result<ImportedRun> other = ImportRun({two_hosts, steps, "", "", {}, 0});
  REQUIRE(other.ok());
  CHECK(other->record.Lacks("flows.fct"));
  CHECK_FALSE(ValueOf(*FindMetric("mice_fct_p50_ms"), Measure(other->record, 1'000'000)));
}

TEST_CASE("import: errors name file, line and column") {
  struct Case {
    const char* flows;
    const char* steps;
    const char* expected;
  };
  const std::string head = "five_tuple,bytes,active,selected\n";
  const std::string bad_bytes = head + "tcp:10.0.0.1:1>10.1.0.1:80,-5,1,0\n";
  const std::string twice = head + "tcp:10.0.0.1:1>10.1.0.1:80,5,1,0\ntcp:10.0.0.1:1>10.1.0.1:80,5,1,0\n";
  const std::string short_row = head + "tcp:10.0.0.1:1>10.1.0.1:80,5,1\n";
  const std::string cut = head + "tcp:10.0.0.1:1>10.1.0.1:80,5,1,0";
  const std::string bad_tuple = head + "10.0.0.1,5,1,0\n";
  const Case kCases[] = {
      {bad_bytes.c_str(), kSteps, "/f:2:28: error: 'bytes': '-5' is not a whole number"},
      {twice.c_str(), kSteps, "/f:3:1: error: 'five_tuple': this flow is there twice"},
      {short_row.c_str(), kSteps, "/f:2:1: error: 3 fields, where the first line names 4 columns"},
      {cut.c_str(), kSteps, "/f:2:33: error: the last line has no end"},
      {bad_tuple.c_str(), kSteps, "/f:2:1: error: 'five_tuple': "},
      {"five_tuple,bytes,active\n", kSteps, "/f:1:1: error: the column 'selected' is missing"},
      {"five_tuple,bytes,active,selekted\n", kSteps, "/f:1:25: error: unknown column 'selekted'; did you mean"},
      {"five_tuple,bytes,active,selected,finished\n", kSteps, "/f:1:34: error: unknown column 'finished'"},
      {"", kSteps, "/f:1:1: error: empty"},
      {kOneFlow, "step,time_ns\ndone,5\n", "/s:1:1: error: the step 'accepted' is missing"},
      {kOneFlow, "step,time_ns\naccepted,5\ndun,6\n", "/s:3:1: error: 'step': there is no step 'dun'"},
      {kOneFlow, "step,time_ns\naccepted,5\naccepted,6\n", "/s:3:1: error: 'step': 'accepted' is there twice"},
      {kOneFlow, "step,time_s\naccepted,0.0000000001\n", "/s:2:10: error: 'time': "},
      {kOneFlow, "step,time_s\naccepted,1700000000\n", "--start says when the run began"},
  };
  for (const Case& c : kCases) {
    const Folder folder;
    CAPTURE(c.expected);
    const Result<ImportedRun> run = ImportRun({folder.Write("f", c.flows), folder.Write("s", c.steps), "", "", {}, 0});
    REQUIRE_FALSE(run.ok());
    CHECK_THAT(run.error().message, Contains(c.expected));
  }
}

}  // namespace
}  // namespace uhaul
