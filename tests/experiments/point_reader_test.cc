#include "experiments/point_reader.h"

#include <catch2/catch.hpp>
#include <filesystem>

namespace uhaul {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kEnded = 12345;

struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/uhaul-points-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  void Put(const std::string& folder, char digit, const std::string& kept_rate = "") const {
    fs::create_directories(path + "/" + folder);
    StoredPoint point;
    point.id = std::string(32, digit);
    point.engine = "runtime";
    point.build = "b";
    point.record.ended_ns = kEnded;
    Provenance provenance;
    provenance.id = point.id;
    if (!kept_rate.empty()) provenance.measurements["kept_rate"] = kept_rate;
    REQUIRE(WritePoint(path + "/" + folder, point, provenance).ok());
  }
};

TEST_CASE("point_reader: points are read once, and those that are missing counted") {
  const Folder folder;
  folder.Put(".", 'a');
  folder.Put(".", 'b');
  const Result<std::vector<std::string>> ids = PointIdsIn(folder.path);
  REQUIRE(ids.ok());
  CHECK(ids->size() == 2);
  PointReader reader(folder.path);
  REQUIRE(reader.Read(*ids).ok());
  REQUIRE(reader.Read({std::string(32, 'a'), std::string(32, 'c')}).ok());
  CHECK(reader.points().size() == 2);
  CHECK(reader.missing() == 1);
  CHECK_FALSE(PointIdsIn(folder.path + "/none").ok());
}

TEST_CASE("point_reader: repetitions are read in the order of their numbers, late runs apart") {
  const Folder folder;
  folder.Put("rep-10", 'a');
  folder.Put("rep-2", 'b', "yes");
  folder.Put("rep-2", 'c', "no");
  folder.Put("rep-x", 'd');
  const Result<RunsRead> read = ReadRuns(folder.path);
  REQUIRE(read.ok());
  REQUIRE(read->runs.size() == 2);
  CHECK(read->runs[0].id[0] == 'b');
  CHECK(read->runs[1].id[0] == 'a');
  REQUIRE(read->late.size() == 1);
  CHECK(read->late[0].id[0] == 'c');
}

TEST_CASE("point_reader: records of runs that are not wanted stay unread") {
  const Folder folder;
  folder.Put(".", 'a');
  folder.Put(".", 'b');
  const Result<RunsRead> read = ReadRuns(folder.path, [](const StoredPoint& head) { return head.id[0] == 'b'; });
  REQUIRE(read.ok());
  REQUIRE(read->runs.size() == 2);
  CHECK(read->runs[0].record.ended_ns == RunRecord().ended_ns);
  CHECK(read->runs[1].record.ended_ns == kEnded);
}

TEST_CASE("point_reader: one run has today's folder, several a folder each") {
  CHECK(RepetitionFolders("r", 1) == std::vector<std::string>{"r"});
  CHECK(RepetitionFolders("r", 2) == std::vector<std::string>{"r/rep-1", "r/rep-2"});
}

}  // namespace
}  // namespace uhaul
