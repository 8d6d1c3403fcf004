#include "results/collect.h"

#include <sqlite3.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "results/sqlite_file.h"
#include "tests/results/sample_record.h"
#include "tests/workloads/temporary_directory.h"

using namespace uhaul;
using Catch::Contains;
using namespace uhaul::sample;

namespace {

// U-HAUL at two thresholds over two traces, with downtimes of 1, 3 and 5, 9 ms.
std::vector<StoredPoint> Points() {
  std::vector<StoredPoint> points;
  int64_t downtime_ms = 1;
  for (const char* threshold : {"10000000", "3000000"}) {
    for (const char* trace : {"1", "2"}) {
      StoredPoint point = Point("web_search", trace, "uhaul", threshold);
      point.id = std::string(threshold) + trace;
      point.engine = "sim";
      point.record.t0_ns = kT0;
      point.record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] = kT0 + downtime_ms * kMs;
      downtime_ms += downtime_ms < 3 ? 2 : (downtime_ms == 3 ? 2 : 4);
      points.push_back(point);
    }
  }
  return points;
}

}  // namespace

TEST_CASE("collect: a line per point, in the order of their values, whatever order they come in") {
  std::vector<StoredPoint> points = Points();
  const std::string csv = CollectCsv(LinesOf(points));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 5);
  CHECK(csv.find("30000001,") < csv.find("100000001,"));
  CHECK(csv.find("30000001,") < csv.find("30000002,"));
  std::reverse(points.begin(), points.end());
  CHECK(CollectCsv(LinesOf(points)) == csv);
  CHECK_THAT(csv, Contains("edm.threshold") && Contains("downtime_ms") && Contains("packets_lost"));
}

TEST_CASE("collect: means show only what differs, and average over traces") {
  RenderOptions options;
  options.format = RenderFormat::kCsv;
  const std::string means = CollectMeans(LinesOf(Points()), options);
  CHECK(std::count(means.begin(), means.end(), '\n') == 3);
  CHECK_THAT(means, !Contains("workload.trace") && !Contains("workload.name"));
  const size_t first = means.find("\n3000000,2,");
  REQUIRE(first != std::string::npos);
  CHECK(means.find("\n10000000,2,") > first);
  CHECK_THAT(means, Contains("7.000") && Contains("2.000"));  // (5 + 9) / 2 and (1 + 3) / 2
}

namespace {

std::string Octets(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// What `sql` answers, rows by line, columns by '|'.
std::string Ask(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
  std::string out;
  const auto row = [](void* text, int columns, char** values, char**) {
    for (int i = 0; i < columns; ++i) {
      *static_cast<std::string*>(text) += (i == 0 ? "" : "|") + std::string(values[i] == nullptr ? "NULL" : values[i]);
    }
    *static_cast<std::string*>(text) += "\n";
    return 0;
  };
  char* error = nullptr;
  const int code = sqlite3_exec(db, sql.c_str(), row, &out, &error);
  INFO((error == nullptr ? "" : error));
  CHECK(code == SQLITE_OK);
  sqlite3_free(error);
  sqlite3_close(db);
  return out;
}

void WriteSqlite(const std::string& path, const std::vector<StoredPoint>& points) {
  auto file = SqliteFile::Create(path);
  REQUIRE(file.ok());
  for (const StoredPoint& point : points) REQUIRE(file->AddFlows(point).ok());
  REQUIRE(file->Finish(LinesOf(points)).ok());
}

}  // namespace

TEST_CASE("SqliteFile: points with typed columns, their flows, and the same octets each time") {
  const test::TemporaryDirectory folder;
  std::vector<StoredPoint> points = Points();
  FlowRow row = Row(7, 5'000'000, 4'000'000);
  row.finished_ns = kNever;
  points[0].record.flows = {row, Row(8, 1000, 1000)};
  points[1].spec.erase("edm.threshold");
  const std::string path = folder.File("r.sqlite");
  WriteSqlite(path, points);
  CHECK(Ask(path, "SELECT count(*), min(downtime_ms), max(downtime_ms) FROM points") == "4|1.0|9.0\n");
  CHECK(Ask(path, "SELECT DISTINCT typeof(workload_name), typeof(workload_trace) FROM points") == "text|integer\n");
  CHECK(Ask(path, "SELECT count(*) FROM points WHERE edm_threshold IS NULL") == "1\n");
  CHECK(Ask(path, "SELECT five_tuple, finished_ns, t0_bytes FROM flows JOIN points ON point = id LIMIT 1") ==
        row.tuple.ToString() + "|NULL|4000000\n");
  const std::string once = Octets(path);
  WriteSqlite(path, points);
  CHECK(Octets(path) == once);
}

TEST_CASE("SqliteFile: what is not finished leaves nothing, and a folder that is not there is named") {
  const test::TemporaryDirectory folder;
  {
    auto file = SqliteFile::Create(folder.File("r.sqlite"));
    REQUIRE(file.ok());
    REQUIRE(file->AddFlows(Points()[0]).ok());
  }
  CHECK(std::filesystem::is_empty(folder.path()));
  const auto nowhere = SqliteFile::Create("/nowhere/r.sqlite");
  REQUIRE_FALSE(nowhere.ok());
  CHECK_THAT(nowhere.error().message, Contains("/nowhere/r.sqlite: cannot be written"));
}
