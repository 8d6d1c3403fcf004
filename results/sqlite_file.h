// Points as an SQLite file, for those who rather ask than read (results/notebook.md):
//
//   points  a row per point: id, engine, build, its parameters, its metrics. A dot in a name is an underscore:
//           edm_threshold. Whole numbers are INTEGER, other numbers REAL, missing ones NULL.
//   flows   a row per flow of a point's record, on request: the columns of results/README.md, beside `point`. A time
//           that never came is NULL.
//
// The same points give the same octets with one version of SQLite: rows are in order, in one transaction, in a new
// file that takes its name when it is whole.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/base/result.h"
#include "results/collect.h"

struct sqlite3;

namespace uhaul {

class SqliteFile {
 public:
  // Errors name the file.
  static Result<SqliteFile> Create(std::string path);
  ~SqliteFile();
  SqliteFile(SqliteFile&&) noexcept;
  SqliteFile& operator=(SqliteFile&&) = delete;

  // The point's flows; call it in the order of the points' identities.
  Status AddFlows(const StoredPoint& point);
  // The points, and the end: without it nothing is left.
  Status Finish(std::span<const PointLine> lines);

 private:
  explicit SqliteFile(std::string path) : path_(std::move(path)) {}
  Error Failed() const;
  Status Run(const std::string& sql);
  Status AddPoints(std::span<const PointLine> lines);

  std::string path_;
  std::string temporary_;
  sqlite3* db_ = nullptr;
  bool flows_ = false;  // their table is there
};

}  // namespace uhaul
