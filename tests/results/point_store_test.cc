#include "results/point_store.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "results/record_json.h"
#include "tests/results/sample_record.h"

namespace uhaul {
namespace {

namespace fs = std::filesystem;

struct Directory {
  fs::path path;
  Directory() {
    std::string pattern = (fs::temp_directory_path() / "uhaul-store-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Directory() { fs::remove_all(path); }
};

TEST_CASE("point_store: a written point is read back, with its build, and leaves no other file") {
  const Directory directory;
  const StoredPoint point = sample::Point("web_search", "1", "opennf");
  REQUIRE(WriteFailure(directory.path, point.id, "it did not work").ok());
  REQUIRE(WritePoint(directory.path, point, {point.id, "sim", "b1", "c", "h", "s", "f", 0, {}}).ok());
  const auto read = ReadPoint(directory.path, point.id);
  REQUIRE(read.ok());
  CHECK(EncodePoint(*read) == EncodePoint(point));
  const auto build = PointBuild(directory.path, point.id);
  REQUIRE(build.ok());
  CHECK(*build == "b1");
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(directory.path)) {
    ++files;
    CHECK(entry.path().filename().string().rfind(point.id, 0) == 0);
    CHECK(entry.path().extension() == ".json");
  }
  CHECK(files == 2);
}

TEST_CASE("point_store: the head of a point is the point but for its record") {
  const Directory directory;
  StoredPoint point = sample::Point("web_search", "1", "opennf");
  point.spec["workload.name"] = "quotes \" and \n,\n\"record\":{";
  REQUIRE(WritePoint(directory.path, point, {point.id, "sim", "b1", "c", "h", "s", "f", 0, {}}).ok());
  const auto head = ReadPointHead(directory.path, point.id);
  REQUIRE(head.ok());
  point.record = {};
  CHECK(EncodePoint(*head) == EncodePoint(point));
  const std::string text = EncodePoint(point);
  for (size_t octets = 0; octets < text.size(); octets += 7) {
    const auto part = DecodeHead(std::string_view(text).substr(0, octets));
    if (part.ok()) CHECK(part->spec == point.spec);
  }
  CHECK_FALSE(ReadPointHead(directory.path, "absent").ok());
}

TEST_CASE("point_store: what is not there, cut short or under a wrong name is an error that names the file") {
  const Directory directory;
  CHECK_THAT(ReadPoint(directory.path, "absent").error().message, Catch::Contains("absent.json"));
  CHECK_FALSE(PointBuild(directory.path, "absent").ok());
  std::ofstream(directory.path / "empty.json") << "";
  CHECK_FALSE(ReadPoint(directory.path, "empty").ok());
  CHECK_FALSE(PointBuild(directory.path, "empty").ok());
  std::ofstream(directory.path / "other.json") << EncodePoint(sample::Point("web_search", "1", "opennf"));
  CHECK_THAT(ReadPoint(directory.path, "other").error().message, Catch::Contains("holds the point"));
}

TEST_CASE("point_store: an identity that is no file name is refused") {
  const Directory directory;
  StoredPoint point = sample::Point("web_search", "1", "opennf");
  for (const std::string id : {"", "../x", "a/b", "a.b"}) {
    point.id = id;
    CHECK_FALSE(WritePoint(directory.path, point, {}).ok());
    CHECK_FALSE(ReadPoint(directory.path, id).ok());
    CHECK_FALSE(WriteFailure(directory.path, id, "x").ok());
  }
  CHECK(fs::is_empty(directory.path));
}

TEST_CASE("point_store: a directory that is missing is an error, not a crash") {
  CHECK_FALSE(WritePoint("/nonexistent/uhaul", sample::Point("web_search", "1", "opennf"), {}).ok());
}

}  // namespace
}  // namespace uhaul
