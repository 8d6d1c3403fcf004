#include "experiments/import_csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/check.h"
#include "experiments/value_text.h"

namespace uhaul {
namespace {

constexpr size_t kMaxLine = 1024;
constexpr size_t kMaxRows = 10'000'000;
constexpr size_t kMaxHost = 64;

std::vector<std::string_view> Split(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const size_t comma = line.find(',');
    fields.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

std::vector<std::string> NamesOf(std::span<const CsvColumn> columns) {
  std::vector<std::string> names;
  for (const CsvColumn& column : columns)
    names.push_back(fmt::format("{}{}", column.name, column.is_time ? "_ns" : ""));
  return names;
}

}  // namespace

Result<ImportCsv> ImportCsv::Open(const std::string& path, std::span<const CsvColumn> columns) {
  Result<LineReader> reader = LineReader::Open(path, kMaxLine);
  if (!reader.ok()) return reader.error();
  ImportCsv csv(path, *std::move(reader));
  if (Status read = csv.ReadNames(columns); !read.ok()) return read.error();
  return csv;
}

Result<ImportCsv::Field> ImportCsv::ParseName(std::string_view name, size_t at,
                                              std::span<const CsvColumn> columns) const {
  Field field;
  const size_t host = name.find('@');
  std::string_view base = name.substr(0, host);
  if (host != std::string_view::npos) field.host = name.substr(host + 1);
  for (const CsvColumn& column : columns) {
    if (!column.is_time && base == column.name) field.column = &column;
    if (!column.is_time || !base.starts_with(column.name)) continue;
    const std::string_view unit = base.substr(std::string_view(column.name).size());
    if (!unit.starts_with('_') || UnitSize(UnitKind::kDuration, unit.substr(1)) == 0) continue;
    field.column = &column;
    field.unit = unit.substr(1);
  }
  if (field.column == nullptr) {
    return AtOctet(at, fmt::format("unknown column {}{}; times end in their unit (one of {})", Quoted(name),
                                   DidYouMean(std::string(base), NamesOf(columns)), fmt::join(NamesOf(columns), ", ")));
  }
  if (host != std::string_view::npos &&
      (!field.column->is_time || field.host.empty() || field.host.size() > kMaxHost)) {
    return AtOctet(at, fmt::format("{}: '@HOST' names the clock of a column of times", Quoted(name)));
  }
  if (Find(field.column->name) != nullptr) {
    return AtOctet(at, fmt::format("the column '{}' is there twice", field.column->name));
  }
  return field;
}

Status ImportCsv::ReadNames(std::span<const CsvColumn> columns) {
  std::string_view line;
  const Result<bool> more = reader_.Next(&line);
  if (!more.ok()) return more.error();
  if (!*more) return Error{fmt::format("{}:1:1: error: empty; the first line names the columns", path_)};
  line_ = line;
  size_t at = 0;
  for (const std::string_view name : Split(line_)) {
    Result<Field> field = ParseName(name, at, columns);
    if (!field.ok()) return field.error();
    fields_.push_back(*std::move(field));
    at += name.size() + 1;
  }
  for (const CsvColumn& column : columns) {
    if (column.needed && Find(column.name) == nullptr) {
      return AtOctet(0, fmt::format("the column '{}{}' is missing", column.name, column.is_time ? "_ns" : ""));
    }
  }
  return {};
}

Result<bool> ImportCsv::Next() {
  std::string_view line;
  const Result<bool> more = reader_.Next(&line);
  if (!more.ok() || !*more) return more;
  line_ = line;
  values_ = Split(line_);
  if (values_.size() != fields_.size()) {
    return AtOctet(0, fmt::format("{} fields, where the first line names {} columns", values_.size(), fields_.size()));
  }
  if (!reader_.ended()) return AtOctet(line_.size(), "the last line has no end; was the file cut short?");
  if (++rows_ > kMaxRows) return AtOctet(0, fmt::format("more than {} rows", kMaxRows));
  return true;
}

const ImportCsv::Field* ImportCsv::Find(std::string_view column) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [&](const Field& field) { return column == field.column->name; });
  return found == fields_.end() ? nullptr : &*found;
}

std::string ImportCsv::HostOf(std::string_view column) const {
  const Field* field = Find(column);
  return field == nullptr ? "" : field->host;
}

std::string_view ImportCsv::Text(std::string_view column) const {
  const Field* field = Find(column);
  UHAUL_CHECK(field != nullptr);
  return values_[static_cast<size_t>(field - fields_.data())];
}

Result<uint64_t> ImportCsv::Whole(std::string_view column, uint64_t most) const {
  uint64_t value = 0;
  if (ParseWhole(Text(column), most, &value)) return value;
  return At(column, fmt::format("{} is not a whole number from 0 to {}", Quoted(Text(column)), most));
}

Result<std::optional<int64_t>> ImportCsv::Time(std::string_view column) const {
  const std::string_view text = Text(column);
  if (text.empty()) return std::optional<int64_t>();
  const Result<int64_t> ns = ParseQuantity(UnitKind::kDuration, fmt::format("{}{}", text, Find(column)->unit));
  if (!ns.ok()) return At(column, ns.error().message);
  return std::optional<int64_t>(*ns);
}

Error ImportCsv::At(std::string_view column, const std::string& what) const {
  const std::string_view text = Text(column);
  return AtOctet(static_cast<size_t>(text.data() - line_.data()), fmt::format("'{}': {}", column, what));
}

Error ImportCsv::AtOctet(size_t octet, const std::string& what) const {
  return {fmt::format("{}:{}:{}: error: {}", path_, reader_.line_number(), octet + 1, what)};
}

}  // namespace uhaul
