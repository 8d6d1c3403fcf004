// A CSV file of somebody else's measurements: a line of column names, then rows; no quoting. Times name their unit in
// the column's name, and if need be the host whose clock they were read from: finished_ns, start_s, finished_us@sink.
//
// Strict and bounded: lines of at most 1,024 octets, 10^7 rows, no unknown or repeated column, no missing field. Errors
// read "file:line:column: error: ...".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "workloads/line_reader.h"

namespace uhaul {

struct CsvColumn {
  const char* name;
  bool is_time = false;  // an instant or a span, with a unit in the file's name for it
  bool needed = false;
};

class ImportCsv {
 public:
  // `columns` must outlive the reader.
  static Result<ImportCsv> Open(const std::string& path, std::span<const CsvColumn> columns);

  // The next row; false at the end.
  Result<bool> Next();

  bool Has(std::string_view column) const { return Find(column) != nullptr; }
  // The host in the column's name; "" without one.
  std::string HostOf(std::string_view column) const;
  // Of the row last read. The column must be there.
  std::string_view Text(std::string_view column) const;
  Result<uint64_t> Whole(std::string_view column, uint64_t most) const;
  // In nanoseconds; nullopt where the field is empty.
  Result<std::optional<int64_t>> Time(std::string_view column) const;
  // An error at a column of the row last read.
  Error At(std::string_view column, const std::string& what) const;

 private:
  struct Field {
    const CsvColumn* column = nullptr;
    std::string unit;
    std::string host;
  };
  ImportCsv(std::string path, LineReader reader) : path_(std::move(path)), reader_(std::move(reader)) {}
  Status ReadNames(std::span<const CsvColumn> columns);
  Result<Field> ParseName(std::string_view name, size_t at, std::span<const CsvColumn> columns) const;
  const Field* Find(std::string_view column) const;
  Error AtOctet(size_t octet, const std::string& what) const;

  std::string path_;
  LineReader reader_;
  std::vector<Field> fields_;
  std::string line_;
  std::vector<std::string_view> values_;  // of line_
  size_t rows_ = 0;
};

}  // namespace uhaul
