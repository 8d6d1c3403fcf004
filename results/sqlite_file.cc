#include "results/sqlite_file.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

#include "results/metric_table.h"

namespace uhaul {
namespace {

// A prepared statement whose parameters are bound one after the other.
class Statement {
 public:
  Statement(sqlite3* db, const std::string& sql) {
    ok_ = sqlite3_prepare_v2(db, sql.c_str(), -1, &statement_, nullptr) == SQLITE_OK;
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void Text(const std::string& text) {
    Took(sqlite3_bind_text(statement_, ++at_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT));
  }
  void Integer(int64_t value) { Took(sqlite3_bind_int64(statement_, ++at_, value)); }
  void Real(double value) { Took(sqlite3_bind_double(statement_, ++at_, value)); }
  void Null() { Took(sqlite3_bind_null(statement_, ++at_)); }
  void Time(int64_t nanos) { nanos == kNever ? Null() : Integer(nanos); }
  // Writes the row; the next one may be bound.
  bool Step() {
    ok_ = ok_ && sqlite3_step(statement_) == SQLITE_DONE && sqlite3_reset(statement_) == SQLITE_OK;
    at_ = 0;
    return ok_;
  }

 private:
  void Took(int code) { ok_ = ok_ && code == SQLITE_OK; }

  sqlite3_stmt* statement_ = nullptr;
  int at_ = 0;
  bool ok_ = false;
};

template <class Number>
std::optional<Number> NumberIn(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

enum class ColumnType : uint8_t { kInteger, kReal, kText };

// What all values of a column are.
ColumnType TypeOf(std::span<const PointLine> lines, const std::string& key) {
  ColumnType type = ColumnType::kInteger;
  for (const PointLine& line : lines) {
    const auto at = line.spec.find(key);
    if (at == line.spec.end() || NumberIn<int64_t>(at->second)) continue;
    if (!NumberIn<double>(at->second)) return ColumnType::kText;
    type = ColumnType::kReal;
  }
  return type;
}

const char* NameOf(ColumnType type) {
  switch (type) {
    case ColumnType::kInteger:
      return "INTEGER";
    case ColumnType::kReal:
      return "REAL";
    case ColumnType::kText:
      return "TEXT";
  }
  UHAUL_CHECK(type <= ColumnType::kText);
  return "";
}

std::string Column(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return '"' + name + '"';
}

void BindValue(Statement& row, const PointLine& line, const std::string& key, ColumnType type) {
  const auto at = line.spec.find(key);
  if (at == line.spec.end()) return row.Null();
  switch (type) {
    case ColumnType::kInteger:
      return row.Integer(*NumberIn<int64_t>(at->second));
    case ColumnType::kReal:
      return row.Real(*NumberIn<double>(at->second));
    case ColumnType::kText:
      return row.Text(at->second);
  }
}

std::string Marks(size_t count) {
  std::string marks = "?";
  for (size_t i = 1; i < count; ++i) marks += ",?";
  return marks;
}

constexpr const char* kFlowsTable =
    "CREATE TABLE flows (point TEXT NOT NULL REFERENCES points(id), five_tuple TEXT NOT NULL, arrival_ns INTEGER, "
    "first_sent_ns INTEGER, last_processed_ns INTEGER, finished_ns INTEGER, final_bytes INTEGER, t0_bytes INTEGER, "
    "t0_last_packet_ns INTEGER, active INTEGER, selected INTEGER, outcome INTEGER, pause_ns INTEGER, "
    "t0_unsent_bytes INTEGER)";

}  // namespace

Result<SqliteFile> SqliteFile::Create(std::string path) {
  SqliteFile file(std::move(path));
  file.temporary_ = fmt::format("{}.{}.tmp", file.path_, ::getpid());
  ::unlink(file.temporary_.c_str());
  if (sqlite3_open(file.temporary_.c_str(), &file.db_) != SQLITE_OK) return file.Failed();
  // A file that is not whole is not kept, so nothing needs to be undone.
  for (const char* sql :
       {"PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA page_size = 4096", "BEGIN"}) {
    if (Status s = file.Run(sql); !s.ok()) return s.error();
  }
  return file;
}

SqliteFile::SqliteFile(SqliteFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, "")),
      db_(std::exchange(other.db_, nullptr)),
      flows_(other.flows_) {}

SqliteFile::~SqliteFile() {
  sqlite3_close(db_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Error SqliteFile::Failed() const { return {fmt::format("{}: cannot be written: {}", path_, sqlite3_errmsg(db_))}; }

Status SqliteFile::Run(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return Failed();
  return {};
}

Status SqliteFile::AddFlows(const StoredPoint& point) {
  if (!flows_) {
    if (Status s = Run(kFlowsTable); !s.ok()) return s;
    flows_ = true;
  }
  Statement row(db_, "INSERT INTO flows VALUES (" + Marks(14) + ")");
  for (const FlowRow& flow : point.record.flows) {
    row.Text(point.id);
    row.Text(flow.tuple.ToString());
    row.Time(flow.arrival_ns);
    row.Time(flow.first_sent_ns);
    row.Time(flow.last_processed_ns);
    row.Time(flow.finished_ns);
    row.Integer(static_cast<int64_t>(flow.final_bytes));
    row.Integer(static_cast<int64_t>(flow.t0_bytes));
    row.Time(flow.t0_last_packet_ns);
    row.Integer(flow.active ? 1 : 0);
    row.Integer(flow.selected ? 1 : 0);
    row.Integer(static_cast<int64_t>(flow.outcome));
    row.Integer(flow.pause_ns);
    row.Integer(flow.t0_unsent_bytes);
    if (!row.Step()) return Failed();
  }
  return {};
}

Status SqliteFile::AddPoints(std::span<const PointLine> lines) {
  const std::vector<std::string> keys = KeysOf(lines);
  std::vector<ColumnType> types;
  std::string table = "CREATE TABLE points (id TEXT NOT NULL PRIMARY KEY, engine TEXT, build TEXT";
  for (const std::string& key : keys) {
    types.push_back(TypeOf(lines, key));
    table += fmt::format(", {} {}", Column(key), NameOf(types.back()));
  }
  for (const Metric& metric : Metrics()) table += fmt::format(", {} REAL", Column(metric.name));
  if (Status s = Run(table + ")"); !s.ok()) return s;
  Statement row(db_, fmt::format("INSERT INTO points VALUES ({})", Marks(3 + keys.size() + Metrics().size())));
  for (const PointLine& line : Sorted({lines.begin(), lines.end()})) {
    for (const std::string& text : {line.id, line.engine, line.build}) row.Text(text);
    for (size_t i = 0; i < keys.size(); ++i) BindValue(row, line, keys[i], types[i]);
    for (const auto& metric : line.metrics) metric ? row.Real(*metric) : row.Null();
    if (!row.Step()) return Failed();
  }
  return {};
}

Status SqliteFile::Finish(std::span<const PointLine> lines) {
  if (Status s = AddPoints(lines); !s.ok()) return s;
  if (flows_) {
    if (Status s = Run("CREATE INDEX flows_of_point ON flows(point)"); !s.ok()) return s;
  }
  if (Status s = Run("COMMIT"); !s.ok()) return s;
  if (sqlite3_close(db_) != SQLITE_OK) return Failed();
  db_ = nullptr;
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return Error{fmt::format("{}: cannot be written: {}", path_, std::strerror(errno))};
  }
  temporary_.clear();
  return {};
}

}  // namespace uhaul
