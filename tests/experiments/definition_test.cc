#include "experiments/definition.h"
#include "tests/places.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

using namespace uhaul;

namespace {

// A folder of definitions that are made for one test. Messages are compared without the folder's name.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/uhaul-definition-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(path_ + "/" + name) << text; }
  Result<Definition> Load(const std::string& name) const { return LoadDefinition(path_ + "/" + name); }
  std::string Relative(std::string message) const {
    for (size_t at; (at = message.find(path_ + "/")) != std::string::npos;) message.erase(at, path_.size() + 1);
    return message;
  }
  // The message of a definition that is refused, on loading or on expanding.
  std::string ErrorOf(const std::string& text) const {
    Write("d.yaml", text);
    const Result<Definition> definition = Load("d.yaml");
    if (!definition.ok()) return Relative(definition.error().message);
    const Result<std::vector<PointSpec>> points = Expand(*definition);
    return points.ok() ? "no error" : Relative(points.error().message);
  }

 private:
  std::string path_;
};

std::string Summary(const Definition& definition) {
  const Result<std::vector<PointSpec>> points = Expand(definition);
  if (!points.ok()) return points.error().message;
  std::set<std::string> ids;
  for (const PointSpec& point : *points) ids.insert(PointId(point));
  return Summarize(definition, ids.size());
}

std::vector<PointSpec> PointsOf(const Folder& folder, const std::string& text) {
  folder.Write("d.yaml", text);
  const Result<Definition> definition = folder.Load("d.yaml");
  if (!definition.ok()) FAIL(definition.error().message);
  const Result<std::vector<PointSpec>> points = Expand(*definition);
  if (!points.ok()) FAIL(points.error().message);
  return *points;
}

}  // namespace

TEST_CASE("Definition: errors name file, line, column and a cure") {
  const Folder folder;
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"name: x\nparameters:\n  edm:\n    rhoo: 1\n",
       "d.yaml:4:5: error: unknown parameter 'edm.rhoo'; did you mean 'edm.rho'?"},
      {"name: x\nparameters:\n  link:\n    rate: 10Gbit\n",
       "d.yaml:4:11: error: 'link.rate' needs a unit, got '10Gbit'  (one of Gbps, Mbps, kbps, bps)"},
      {"name: x\nparameters:\n  workload: {load: 1}\n  workload: {trace: 1}\n",
       "d.yaml:4:3: error: duplicate key 'workload'"},
      {"name: x\nparameters:\n  workload: {load: 1}\n  workload.load: 0.5\n",
       "d.yaml:4:3: error: duplicate key 'workload.load'"},
      {"name: x\nparametres: {}\n", "d.yaml:2:1: error: unknown key 'parametres'; did you mean 'parameters'?"},
      {"name: x\nname: y\n", "d.yaml:2:1: error: duplicate key 'name'"},
      {"about: x\n", "d.yaml:1:1: error: 'name' is missing"},
      {"name: x\nparameters:\n  workload.load: 0\n",
       "d.yaml:3:18: error: 'workload.load' must be above 0 and at most 1.5, got '0'"},
      {"name: x\nparameters:\n  workload.load: [0.5, -1]\n",
       "d.yaml:3:24: error: 'workload.load' must be above 0 and at most 1.5, got '-1'"},
      {"name: x\nparameters:\n  workload.load: .nan\n",
       "d.yaml:3:18: error: 'workload.load' needs a number, got '.nan'"},
      {"name: x\nparameters:\n  workload.load: 0.5..1.0\n",
       "d.yaml:3:18: error: 'workload.load' takes no range, got '0.5..1.0'; list the values"},
      {"name: x\nparameters:\n  workload.trace: 5..1\n",
       "d.yaml:3:19: error: 'workload.trace' has a range that runs backwards, '5..1'"},
      {"name: x\nparameters:\n  edm.threshold: 900KB..2MB\n",
       "d.yaml:3:18: error: 'edm.threshold' has a range in two units, '900KB..2MB'; its step would be in doubt"},
      {"name: x\nparameters:\n  edm.threshold: [3MB, 3000KB]\n",
       "d.yaml:3:24: error: 'edm.threshold' has the value 3MB twice"},
      {"name: x\nparameters:\n  scheme.name: uhual\n", nullptr},
      {"name: x\nparameters:\n  scheme.flows: elephant\n",
       "d.yaml:3:17: error: 'scheme.flows' has no value 'elephant' (one of none, active, table, elephants); did you "
       "mean "
       "'elephants'?"},
      {"name: x\nparameters:\n  workload.name: websearch\n", nullptr},
      {"name: x\nparameters:\n  scheme.parallelize: maybe\n",
       "d.yaml:3:23: error: 'scheme.parallelize' needs true or false, got 'maybe'"},
      {"name: x\nparameters:\n  workload.trace: []\n", "d.yaml:3:19: error: 'workload.trace' has an empty list"},
      {"name: x\nparameters:\n  workload.trace: [[1]]\n",
       "d.yaml:3:20: error: 'workload.trace' needs a value or a list of values"},
      {"name: x\nparameters: [1]\n", "d.yaml:2:13: error: parameters are a map of key: value"},
      {"name: x\nvariants: {}\n", "d.yaml:2:11: error: 'variants' needs a list of parameter maps"},
      {"name: x\ninclude: [none.yaml]\n", "d.yaml:2:11: error: no file 'none.yaml'"},
      {"name: x\ninclude: [d.yaml]\n", "d.yaml:2:11: error: 'd.yaml' includes itself"},
      {"name: x\n---\nname: y\n", nullptr},
      {"", "d.yaml: error: is empty"},
      {",", nullptr},  // yaml-cpp finds documents in it without end
      {"name: x\n---\nname: y\n", "d.yaml:2:1: error: a second document; one file is one definition"},
      {"just text\n", nullptr},
      {"name: [1\n", nullptr},
      {"name: x\nparameters:\n  workload.on: 1ms\n",
       "d.yaml:3:16: error: on-off senders need both workload.on and workload.off above zero"},
      {"name: x\nparameters:\n  workload.duration: 1s\n", nullptr},
      {"name: x\nparameters:\n  migration.lead: 100ms\n",
       "d.yaml:3:19: error: 'migration.lead' must be shorter than 'fit.window'"},
      {"name: x\nparameters:\n  scheme.name: handover\n  scheme.hold: controller\n",
       "d.yaml:4:16: error: 'scheme.hold' is destination where 'scheme.transfer' is peer, and only there"},
      {"name: x\nparameters:\n  scheme.name: handover\n  scheme.relay_unknown: true\n",
       "d.yaml:4:25: error: where 'scheme.transfer' is peer the other flows stay: relay_unknown=false, after=keep"},
      {"name: x\nparameters:\n  scheme.name: uhaul\n  scheme.flows: active\n  scheme.relay_end: marked\n",
       "d.yaml:5:21: error: 'scheme.relay_end' is marked only where 'scheme.relay_unknown' is true and flows are moved "
       "one by one: flows=elephants, or a move.limit"},
      {"name: x\nparameters:\n  scheme.name: handover\n  scheme.guarantee: none\n",
       "d.yaml:4:21: error: 'scheme.guarantee' is order-preserving where 'scheme.transfer' is peer"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const std::string message = folder.ErrorOf(c.text);
    if (c.message != nullptr) {
      CHECK(message == c.message);
    } else {
      CHECK(message.starts_with("d.yaml"));
      CHECK(message.find(": error: ") != std::string::npos);
    }
  }
  CHECK(folder.ErrorOf("name: x\nparameters:\n  scheme.name: uhual\n").ends_with("; did you mean 'uhaul'?"));
  CHECK(folder.ErrorOf("name: x\nparameters:\n  workload.name: websearch\n").ends_with("; did you mean 'web_search'?"));
}

TEST_CASE("Definition: a missing file, a folder and a file of 2 MiB are errors") {
  const Folder folder;
  CHECK(folder.Relative(folder.Load("none.yaml").error().message) == "none.yaml: error: cannot read this file");
  CHECK_FALSE(folder.Load(".").ok());
  folder.Write("large.yaml", "name: x\nabout: " + std::string(2 << 20, 'x') + "\n");
  CHECK(folder.Relative(folder.Load("large.yaml").error().message).find("larger than 1048576 octets") !=
        std::string::npos);
}

TEST_CASE("Definition: deep nesting and a bomb of aliases are refused, quickly") {
  const Folder folder;
  CHECK(folder.ErrorOf("name: x\nabout: " + std::string(100'000, '[')).find("error") != std::string::npos);
  std::string bomb = "name: x\nabout: &a0 [x, x]\n";
  std::string list;
  for (int i = 1; i < 40; ++i) {
    list += "paper: &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + ", *a" + std::to_string(i - 1) + "]\n";
  }
  CHECK(folder.ErrorOf(bomb + list).find("error") != std::string::npos);
}

TEST_CASE("Definition: more than a million points are refused before any is made") {
  const Folder folder;
  CHECK(folder.ErrorOf("name: x\nparameters:\n  workload.trace: 1..2000\n  workload.packet: 64..1063B\n")
            .find("more than 1000000 points") != std::string::npos);
  CHECK(folder.ErrorOf("name: x\nparameters:\n  workload.trace: 1..999999999\n").find("more than 1000000 values") !=
        std::string::npos);
  CHECK(
      folder.ErrorOf("name: x\nparameters:\n  link.buffer: 9000B..999999999999B\n").find("more than 1000000 values") !=
      std::string::npos);
}

TEST_CASE("Definition: a range steps by one of its unit, and order is that of the file with traces innermost") {
  const Folder folder;
  const auto points =
      PointsOf(folder, "name: x\nparameters:\n  workload: {trace: 1..2}\n  edm.threshold: [3..4MB, 10MB]\n");
  REQUIRE(points.size() == 6);
  const std::vector<std::pair<uint64_t, uint64_t>> expected = {{3, 1}, {3, 2}, {4, 1}, {4, 2}, {10, 1}, {10, 2}};
  for (size_t i = 0; i < points.size(); ++i) {
    CHECK(points[i].threshold.count() == expected[i].first * 1'000'000);
    CHECK(points[i].trace == expected[i].second);
  }
}

TEST_CASE("Definition: what a scheme's name sets is overridden by its parts, whatever stands first") {
  const Folder folder;
  const auto a = PointsOf(folder, "name: x\nparameters:\n  scheme.guarantee: none\n  scheme.name: uhaul\n");
  const auto b = PointsOf(folder, "name: x\nparameters:\n  scheme: {name: uhaul, guarantee: none}\n");
  REQUIRE(a.size() == 1);
  CHECK(a[0].scheme.guarantee == Guarantee::kNone);
  CHECK(a[0].scheme.flows == MoveFlows::kElephants);
  CHECK(PointId(a[0]) == PointId(b[0]));
}

TEST_CASE("Definition: identity does not depend on the order of keys or on how values are written") {
  const Folder folder;
  const auto a =
      PointsOf(folder, "name: x\nparameters:\n  edm.threshold: 3MB\n  fit.window: 100ms\n  link.rate: 10Gbps\n");
  const auto b = PointsOf(
      folder, "name: y\nparameters:\n  link.rate: 10000Mbps\n  fit: {window: 0.1s}\n  edm: {threshold: 3000KB}\n");
  CHECK(PointId(a[0]) == PointId(b[0]));
}

TEST_CASE("Definition: variants are a union, and an including file sets what it includes") {
  const Folder folder;
  folder.Write("part.yaml", "name: part\nparameters:\n  workload.trace: 1..3\n  fit.window: 100ms\n");
  folder.Write("all.yaml",
               "name: all\ninclude: [part.yaml]\nparameters:\n  fit.window: [20ms, 50ms]\nvariants:\n  - {}\n"
               "  - scheme.name: opennf\n");
  const Result<Definition> definition = folder.Load("all.yaml");
  if (!definition.ok()) FAIL(definition.error().message);
  CHECK(Summary(*definition) == "12 points = fit.window[2] x trace[3] + fit.window[2] x trace[3]");
  folder.Write("twice.yaml", "name: twice\ninclude: [part.yaml, part.yaml]\n");
  CHECK(Summary(folder.Load("twice.yaml").value()) == "3 points = trace[3]");
  folder.Write("loop.yaml", "name: loop\ninclude: [pool.yaml]\n");
  folder.Write("pool.yaml", "name: pool\ninclude: [loop.yaml]\n");
  CHECK(folder.Relative(folder.Load("loop.yaml").error().message) ==
        "pool.yaml:2:11: error: 'loop.yaml' includes itself");
}

TEST_CASE("--set: replaces, adds, and says which one is wrong") {
  const Folder folder;
  folder.Write("d.yaml", "name: d\nparameters:\n  edm.threshold: 3..10MB\n  workload.trace: 1..5\n");
  Definition definition = folder.Load("d.yaml").value();
  CHECK(Summary(definition) == "40 points = edm.threshold[8] x trace[5]");
  ApplySets({ParseSet(1, "workload.trace=1,2, 7..9").value(), ParseSet(2, "edm.rho=[offline,0.5]").value()},
            &definition);
  CHECK(Summary(definition) == "80 points = edm.threshold[8] x edm.rho[2] x trace[5]");
  CHECK(ParseSet(1, "edm.rhoo=1").error().message ==
        "--set #1 'edm.rhoo=1': error: unknown parameter 'edm.rhoo'; did you mean 'edm.rho'?");
  CHECK(ParseSet(2, "edm.rho").error().message == "--set #2 'edm.rho': error: needs the form key=value");
  CHECK_FALSE(ParseSet(1, "edm.rho=").ok());
  CHECK_FALSE(ParseSet(1, "=1").ok());
  CHECK_FALSE(ParseSet(1, "workload.trace=1,,2").ok());
  CHECK_FALSE(ParseSet(1, "workload.trace=1,1").ok());
  // An impossible combination is blamed on the --set that made it.
  ApplySets({ParseSet(3, "fit.window=500us").value(), ParseSet(4, "migration.lead=1ms").value()}, &definition);
  CHECK(Expand(definition).error().message.starts_with("--set #4 'migration.lead=1ms': error: "));
}

TEST_CASE("Definitions: all that are shipped expand, and describe themselves") {
  size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(UHAUL_SOURCE_DIR "/experiments")) {
    if (entry.path().extension() != ".yaml") continue;
    CAPTURE(entry.path().string());
    ++count;
    const Result<Definition> definition = LoadDefinition(entry.path().string());
    if (!definition.ok()) FAIL(definition.error().message);
    CHECK_FALSE(definition->about.empty());
    const Result<std::vector<PointSpec>> points = Expand(*definition);
    if (!points.ok()) FAIL(points.error().message);
    CHECK_FALSE(points->empty());
  }
  CHECK(count >= 30);
}

TEST_CASE("Definitions: the paper's collection has OpenNF once per trace and every threshold of U-HAUL") {
  const Result<Definition> web = LoadDefinition(UHAUL_SOURCE_DIR "/experiments/paper/web_search.yaml");
  REQUIRE(web.ok());
  CHECK(Summary(*web) == "80 points = edm.threshold[8] x scheme.name[2] x trace[5] (45 distinct)");
  const Result<Definition> azure = LoadDefinition(UHAUL_SOURCE_DIR "/experiments/paper/azure_wan.yaml");
  REQUIRE(azure.ok());
  CHECK(Summary(*azure) == "40 points = edm.threshold[4] x scheme.name[2] x trace[5] (25 distinct)");
  for (int table = 1; table <= 13; ++table) {
    const std::string path = std::string(UHAUL_SOURCE_DIR "/experiments/paper/table-") + (table < 10 ? "0" : "") +
                             std::to_string(table) + ".yaml";
    CHECK(LoadDefinition(path).ok());
  }
}
