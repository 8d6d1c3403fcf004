// results/notebook.md: every block of code in it is run, on results of known contents.
#include "tests/experiments/place.h"
#include "tests/places.h"
#include "tests/results/sample_record.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT
using Catch::Contains;

namespace {

// OpenNF is down for 100 ms, U-HAUL for 10 ms at 3 MB and 20 ms at 4 MB.
RunRecord RecordOf(const PointSpec& spec) {
  RunRecord record = sample::Record();
  const bool elephants = spec.scheme.flows == MoveFlows::kElephants;
  const int64_t downtime_ms = !elephants ? 100 : spec.threshold.count() == 3'000'000 ? 10 : 20;
  record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] = sample::kT0 + downtime_ms * sample::kMs;
  record.elephant_bytes_threshold = elephants ? spec.threshold.count() : 0;
  record.flows = {sample::Row(1, 5'000'000, 5'000'000), sample::Row(2, 4'000'000, 4'000'000)};
  for (FlowRow& row : record.flows) row.selected = true;
  record.flows[0].t0_unsent_bytes = 1;
  return record;
}

struct Block {
  std::string language;
  std::string text;
};

std::vector<Block> BlocksOf(const std::string& path) {
  std::ifstream in(path);
  std::vector<Block> blocks;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) blocks.push_back({line.substr(3), ""});
    } else if (inside) {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

// How a block is run, whether it can be here, and what its answer must hold.
struct Tool {
  std::string run;
  std::string probe;
  std::string expected;
};

Tool ToolOf(const Block& block) {
  if (block.language == "r") return {"Rscript --vanilla block", "Rscript --version", "90"};
  if (block.language == "gnuplot") return {"gnuplot block", "gnuplot --version", "a run each"};
  if (block.language == "sql") return {"sqlite3 -readonly results.sqlite <block", "sqlite3 --version", "3.0|4|2"};
  if (block.text.find("pandas") != std::string::npos) {
    return {"/usr/bin/python3 block", "/usr/bin/python3 -c 'import pandas'", "80.0"};
  }
  return {"/usr/bin/python3 block", "/usr/bin/python3 -c 'import sqlite3'", "3 MB: 10.00 ms over 2 traces"};
}

}  // namespace

TEST_CASE("results/notebook.md: every block runs where its tool is installed, and says what the points hold") {
  const Place place;
  place.Write(
      "d.yaml",
      "name: d\nparameters:\n  workload.trace: 1..2\n  edm.threshold: 3..4MB\n  scheme.name: [opennf, uhaul]\n");
  place.Prepare("d.yaml", "b1", 0, RecordOf);
  const std::string collect = "collect d.yaml --results prepared --out results.csv --out results.sqlite --flows";
  const Outcome first = place.Uhaul(collect);
  INFO(first.err);
  REQUIRE(first.code == 0);
  CHECK(first.out.empty());
  const std::string csv = place.Read("results.csv");
  const std::string sqlite = place.Read("results.sqlite");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 7);  // OpenNF has no threshold: a point per trace
  REQUIRE(place.Uhaul(collect).code == 0);
  CHECK(place.Read("results.csv") == csv);
  CHECK(place.Read("results.sqlite") == sqlite);

  const std::vector<Block> blocks = BlocksOf(UHAUL_SOURCE_DIR "/results/notebook.md");
  REQUIRE(blocks.size() == 5);
  for (const Block& block : blocks) {
    const Tool tool = ToolOf(block);
    if (place.Shell(tool.probe).code != 0) {
      WARN("not here, and its block not run: " << tool.probe);
      continue;
    }
    place.Write("block", block.text);
    const Outcome outcome = place.Shell(tool.run);
    INFO(block.text << outcome.out << outcome.err);
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.out + outcome.err, Contains(tool.expected));
  }
}

TEST_CASE("uhaul collect: what --out cannot take is a usage error") {
  const Place place;
  CHECK(place.Uhaul("collect --out results.txt").code == 64);
  CHECK(place.Uhaul("collect --flows --out results.csv").code == 64);
  CHECK(place.Uhaul("collect --mean --out results.csv").code == 64);
}
