#include "experiments/workload_file.h"

#include <catch2/catch.hpp>

#include "experiments/scenario.h"
#include "experiments/schema.h"
#include "tests/workloads/capture_maker.h"
#include "tests/workloads/temporary_directory.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT

namespace {

PointSpec SpecOf(const std::string& workload) {
  const Parameter* parameter = FindParameter("workload.name");
  const Result<Value> value = ParseValue(*parameter, workload);
  INFO((value.ok() ? "" : value.error().message));
  REQUIRE(value.ok());
  PointSpec spec = DefaultSpec();
  parameter->assign(spec, *value);
  return spec;
}

const char* const kDistribution = "bytes,cumulative_probability\n100,0\n1500,0.4\n1000000,1\n";

}  // namespace

TEST_CASE("workload file: a point's identity depends on the contents of its workload's file") {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("mine.csv", kDistribution);
  const PointSpec one = SpecOf(path);
  CHECK(PathOf(one.workload) == path);
  CHECK(one.workload.size() == path.size() + 17);
  CHECK(PointId(SpecOf(path)) == PointId(one));
  CHECK(PointId(SpecOf(one.workload)) == PointId(one));
  directory.Write("mine.csv", "bytes,cumulative_probability\n100,0\n1500,0.5\n1000000,1\n");
  CHECK(PointId(SpecOf(path)) != PointId(one));
  CHECK(TraceGroupKey(SpecOf(path)) != TraceGroupKey(one));
  CHECK_THAT(LoadScenario(one).error().message,
             Catch::Contains("mine.csv: is not the file that this point was planned"));
  directory.Write("mine.csv", kDistribution);
  CHECK(LoadScenario(one).ok());
}

TEST_CASE("workload file: canonical names are read without the file, with and without a hash") {
  const Parameter* parameter = FindParameter("workload.name");
  for (const std::string name : {"/no/such.csv", "/no/such.csv#0123456789abcdef", "pcap:a.pcap#0123456789abcdef"}) {
    const Result<Value> value = ParseCanonicalValue(*parameter, name);
    REQUIRE(value.ok());
    CHECK(value->canonical == name);
  }
  CHECK(ParseValue(*parameter, "/no/such.csv").value().canonical == "/no/such.csv");
  CHECK_THAT(LoadScenario(SpecOf("pcap:/no/such.pcap")).error().message, Catch::Contains("such.pcap: cannot be read"));
  CHECK_FALSE(LoadScenario(SpecOf("pcap:/")).ok());
}

TEST_CASE("workload file: of a capture no generator's parameter matters, and its packets are the scenario's") {
  const TemporaryDirectory directory;
  CaptureMaker maker;
  AddConnections(10, 1, &maker);
  maker.Write(directory.File("a.pcap"));
  const PointSpec spec = SpecOf("pcap:" + directory.File("a.pcap"));
  CHECK_FALSE(CheckSpec(spec).has_value());
  const auto canonical = CanonicalSpec(spec);
  for (const char* key : {"workload.load", "workload.duration", "workload.senders", "workload.packet"}) {
    CHECK(canonical.count(key) == 0);
  }
  CHECK(canonical.at("workload.pace") == "recorded");
  CHECK(CanonicalSpec(DefaultSpec()).count("workload.pace") == 0);
  CHECK(FromCanonical(canonical).ok());
  const Result<Scenario> scenario = LoadScenario(spec);
  REQUIRE(scenario.ok());
  CHECK(scenario->recorded->packets().size() == maker.size());
  CHECK(scenario->trace.flows.size() == 10);
}
