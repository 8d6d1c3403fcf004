#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/workloads/temporary_directory.h"
#include "workloads/trace.h"

namespace uhaul {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

const char* const kGood =
    "# uhaul-trace 1\n"
    "# load: 1\n"
    "flow,arrival_ns,bytes,five_tuple\n"
    "0,5,100,tcp:10.0.0.1:40000>172.16.0.1:80\n"
    "1,5,200,tcp:[2001:db8::1]:1>[2001:db8::2]:2\n"
    "2,9,300,udp:10.0.0.1:40000>172.16.0.1:80\n";

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string ErrorOf(const std::string& text) {
  const test::TemporaryDirectory directory;
  const Result<Trace> trace = ReadTrace(directory.Write("t.csv", text));
  INFO(text);
  REQUIRE_FALSE(trace.ok());
  REQUIRE_THAT(trace.error().message, StartsWith(directory.path()));
  return trace.error().message.substr(directory.path().size() + 1);
}

void CheckEqual(const Trace& a, const Trace& b) {
  CHECK(a.about == b.about);
  REQUIRE(a.flows.size() == b.flows.size());
  for (size_t i = 0; i < a.flows.size(); ++i) {
    REQUIRE(a.flows[i].arrival == b.flows[i].arrival);
    REQUIRE(a.flows[i].bytes == b.flows[i].bytes);
    REQUIRE(a.flows[i].tuple == b.flows[i].tuple);
  }
}

TEST_CASE("ReadTrace: a good file is read, IPv6 and equal arrivals included") {
  const test::TemporaryDirectory directory;
  const Result<Trace> trace = ReadTrace(directory.Write("t.csv", kGood));
  if (!trace) FAIL(trace.error().message);
  REQUIRE(trace->flows.size() == 3);
  CHECK(trace->about == std::map<std::string, std::string>{{"load", "1"}});
  CHECK(trace->flows[1].tuple.version == 6);
  CHECK(trace->flows[1].arrival == TimePoint::FromNanos(5));
  CHECK(trace->flows[2].bytes == 300);
  CHECK(trace->flows[2].tuple.protocol == kProtocolUdp);
}

TEST_CASE("WriteTrace: what is written is read back, and written again is the same file") {
  const test::TemporaryDirectory directory;
  const Result<Trace> read = ReadTrace(directory.Write("t.csv", kGood));
  REQUIRE(read.ok());
  Trace trace = *GenerateTrace({.workload = "azure_wan", .duration = Duration::Millis(700), .seed = 12});
  for (TraceFlow flow : read->flows) {
    flow.arrival = TimePoint::FromNanos(1'000'000'000);
    trace.flows.push_back(flow);
  }
  REQUIRE(WriteTrace(trace, directory.File("a")).ok());
  const Result<Trace> again = ReadTrace(directory.File("a"));
  if (!again) FAIL(again.error().message);
  CheckEqual(trace, *again);
  REQUIRE(WriteTrace(*again, directory.File("b")).ok());
  CHECK(directory.Read("a") == directory.Read("b"));
  REQUIRE(WriteTrace(Trace{}, directory.File("empty")).ok());
  CHECK(ReadTrace(directory.File("empty"))->flows.empty());
}

TEST_CASE("WriteTrace: a failure leaves no file behind and the old one whole") {
  const test::TemporaryDirectory directory;
  CHECK_FALSE(WriteTrace(Trace{}, directory.File("absent/t.csv")).ok());
  std::filesystem::create_directory(directory.File("d"));
  directory.Write("d/inside", "x");  // a directory that is not empty cannot be replaced
  const Status status = WriteTrace(Trace{}, directory.File("d"));
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message, Contains("cannot be written"));
  Trace bad;
  bad.about["note"] = "two\nlines";
  directory.Write("kept", "old");
  CHECK_FALSE(WriteTrace(bad, directory.File("kept")).ok());
  CHECK(directory.Read("kept") == "old");
  bad.about = {{"key with blank", "x"}};
  CHECK_FALSE(WriteTrace(bad, directory.File("kept")).ok());
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory.path())) ++files;
  CHECK(files == 2);
}

TEST_CASE("ReadTrace: a bad line is refused at its place") {
  const std::string columns = "flow,arrival_ns,bytes,five_tuple\n";
  CHECK_THAT(ErrorOf(""), StartsWith("t.csv:1: not a trace"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "trace 1", "trace 2")), StartsWith("t.csv:1: not a trace"));
  CHECK_THAT(ErrorOf(Replaced(kGood, columns, "")), StartsWith("t.csv:3: expected `# key: value`"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "bytes,five", "five")), StartsWith("t.csv:3: expected `# key: value`"));
  CHECK_THAT(ErrorOf("# uhaul-trace 1\n# a: b\n"), StartsWith("t.csv:3: the file ends before"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "# load: 1\n", "# load: 1\n# load: 1\n")),
             StartsWith("t.csv:3: 'load' is given twice"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "\n1,5", "\n2,5")), StartsWith("t.csv:5: flow number '2', expected 1"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "2,9", "2,4")), StartsWith("t.csv:6: arrival 4 comes after 5"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "0,5", "0,-5")), StartsWith("t.csv:4: '-5' is not an arrival"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "0,5", "0,5.0")), StartsWith("t.csv:4: '5.0' is not an arrival"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "2,9", "2,9999999999999999")), StartsWith("t.csv:6: '9999999999999999'"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "200", "0")), StartsWith("t.csv:5: '0' is not a flow's size"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "200", "100000000001")),
             StartsWith("t.csv:5: '100000000001' is not a flow's size"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "200", "18446744073709551817")), StartsWith("t.csv:5:"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "200", "0200")), StartsWith("t.csv:5:"));
  CHECK_THAT(ErrorOf(Replaced(kGood, ",200,", ",200")), StartsWith("t.csv:5:"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "10.0.0.1", "10.0.0.256")), StartsWith("t.csv:4: "));
  CHECK_THAT(ErrorOf(Replaced(kGood, "udp", "tcp")),
             StartsWith("t.csv:6: tcp:10.0.0.1:40000>172.16.0.1:80 is already flow 0 in line 4"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "\n1,5", "\n\n1,5")), StartsWith("t.csv:5: expected four columns"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "\n1,5", "\n# late: x\n1,5")), StartsWith("t.csv:5: expected four columns"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "# load: 1", "# load: 1\n# flows: 4")),
             StartsWith("t.csv:8: 3 flows, but the head says"));
  CHECK_THAT(ErrorOf(Replaced(kGood, "1,5,200", std::string(600, '1'))),
             StartsWith("t.csv:5: the line is longer than 512"));
  CHECK_THAT(ErrorOf(std::string(kGood).substr(0, std::string(kGood).size() - 1)),
             Contains("t.csv:6: the last line has no end"));
  const test::TemporaryDirectory directory;
  CHECK_THAT(ReadTrace(directory.File("none")).error().message, Contains("cannot be read"));
  CHECK_THAT(ReadTrace(directory.path()).error().message, Contains("is a directory"));
}

TEST_CASE("ReadTrace: a written file cut anywhere is refused") {
  const test::TemporaryDirectory directory;
  Trace trace = *GenerateTrace({.workload = "azure_wan", .duration = Duration::Millis(2), .seed = 1});
  REQUIRE(trace.flows.size() > 3);
  REQUIRE(WriteTrace(trace, directory.File("t")).ok());
  const std::string whole = directory.Read("t");
  for (size_t length = 0; length < whole.size(); ++length) {
    INFO("cut to " << length << " of " << whole.size());
    REQUIRE_FALSE(ReadTrace(directory.Write("cut", whole.substr(0, length))).ok());
  }
}

TEST_CASE("ReadTrace: a changed octet is refused or read as a well-formed trace") {
  const test::TemporaryDirectory directory;
  Random random(99, 1);
  const std::string good = kGood;
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    std::string text = good;
    text[random.Below(text.size())] = static_cast<char>(random.Below(256));
    const Result<Trace> trace = ReadTrace(directory.Write("m", text));
    if (!trace) {
      ++refused;
      REQUIRE_THAT(trace.error().message, Contains("/m:"));
      continue;
    }
    REQUIRE(trace->flows.size() == 3);
    for (size_t i = 0; i < 3; ++i) {
      REQUIRE(trace->flows[i].bytes > 0);
      REQUIRE((i == 0 || trace->flows[i].arrival >= trace->flows[i - 1].arrival));
    }
  }
  CHECK(refused > 750);
}

}  // namespace
}  // namespace uhaul
