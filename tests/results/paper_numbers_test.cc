#include "results/paper_numbers.h"
#include "tests/places.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>

namespace uhaul {
namespace {

const std::string kDirectory = UHAUL_SOURCE_DIR "/results/paper";

TEST_CASE("paper_numbers: every number the paper prints is there, once") {
  const auto paper = LoadPaperNumbers(kDirectory);
  REQUIRE(paper.ok());
  std::map<std::string, int> by_source;
  std::map<std::string, int> by_key;
  for (const PaperNumber& n : paper->numbers) {
    ++by_source[n.source];
    ++by_key[n.source + n.metric + n.workload + std::to_string(n.threshold_bytes) + "/" + std::to_string(n.epoch)];
  }
  for (const auto& [key, count] : by_key) {
    INFO(key);
    CHECK(count == 1);
  }
  const std::map<std::string, int> tables = {{"Table 1", 16}, {"Table 2", 16},  {"Table 3", 8},  {"Table 4", 8},
                                             {"Table 5", 4},  {"Table 6", 16},  {"Table 7", 4},  {"Table 8", 20},
                                             {"Table 9", 4},  {"Table 10", 16}, {"Table 11", 4}, {"Table 12", 16},
                                             {"Table 13", 4}, {"derived", 20}};
  for (const auto& [source, count] : tables) {
    INFO(source);
    CHECK(by_source[source] == count);
  }
  CHECK(paper->numbers.size() == 190 + 20);
  CHECK(paper->contradictions.size() == 18);
  for (size_t i = 0; i < paper->contradictions.size(); ++i) {
    CHECK(paper->contradictions[i].number == static_cast<int>(i) + 1);
    CHECK_FALSE(paper->contradictions[i].touches.empty());
  }
}

TEST_CASE("paper_numbers: U-HAUL's downtime is total time less die-out time") {
  const auto paper = LoadPaperNumbers(kDirectory);
  REQUIRE(paper.ok());
  for (const PaperNumber& n : paper->From("derived")) {
    const bool azure = n.workload == "azure_wan";
    const auto* total = paper->Find(azure ? "Table 13" : "Table 12", "total_time", n.workload, n.threshold_bytes);
    const auto* die = paper->Find(azure ? "Table 11" : "Table 10", "die_out_time", n.workload, n.threshold_bytes);
    REQUIRE(total != nullptr);
    REQUIRE(die != nullptr);
    CHECK(*n.value == Approx(*total->value - *die->value));
  }
}

TEST_CASE("paper_numbers: only Azure at 1 MB is not comparable, and all of web search's Table 1 is predicted") {
  const auto paper = LoadPaperNumbers(kDirectory);
  REQUIRE(paper.ok());
  for (const PaperNumber& n : paper->numbers) {
    if (n.mark == Mark::kNotComparable) {
      CHECK(n.workload == "azure_wan");
      CHECK(n.threshold_bytes == 1'000'000);
      CHECK(*n.value == Approx(50.603));
    }
    if (n.source == "Table 1") CHECK(n.evidence == Evidence::kPredicted);
    if (n.source == "Table 2") CHECK(n.evidence == Evidence::kFitted);
  }
}

TEST_CASE("paper_numbers: a broken file is refused with its line") {
  namespace fs = std::filesystem;
  std::string pattern = (fs::temp_directory_path() / "uhaul-paper-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  const fs::path directory = pattern;
  const std::string header = "source,metric,system,workload,threshold,epoch,value,text,unit,evidence,mark\n";
  const auto load = [&](const std::string& numbers) {
    std::ofstream(directory / "numbers.csv") << numbers;
    std::ofstream(directory / "contradictions.json") << "[]";
    return LoadPaperNumbers(directory);
  };
  CHECK(load("# c\n" + header + "T,m,,,1,,2.5,2.5,%,fitted,\n").ok());
  CHECK_THAT(load("x\n").error().message, Catch::Contains(":1:"));
  CHECK_THAT(load(header + "T,m,,,1,,2.5,2.5,%,fitted\n").error().message, Catch::Contains(":2:"));
  CHECK_THAT(load(header + "T,m,,,1MB,,2.5,2.5,%,fitted,\n").error().message, Catch::Contains("threshold"));
  CHECK_THAT(load(header + "T,m,,,1,,2.5x,2.5,%,fitted,\n").error().message, Catch::Contains("value"));
  CHECK_THAT(load(header + "T,m,,,1,,2.5,2.5,%,guessed,\n").error().message, Catch::Contains("guessed"));
  CHECK_FALSE(load("").ok());
  std::ofstream(directory / "numbers.csv") << header;
  std::ofstream(directory / "contradictions.json") << "[{\"number\":\"1\"}]";
  CHECK_FALSE(LoadPaperNumbers(directory).ok());
  fs::remove_all(directory);
  CHECK_THAT(LoadPaperNumbers(directory).error().message, Catch::Contains("numbers.csv"));
}

}  // namespace
}  // namespace uhaul
