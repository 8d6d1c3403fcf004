// SizeDistribution's files: the shipped tables by name, anybody's by path.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <system_error>

#include "workloads/distribution.h"
#include "workloads/line_reader.h"

namespace uhaul {
namespace {

constexpr size_t kMaxLine = 512;
constexpr size_t kMaxLines = 200'000;
constexpr std::array<const char*, 5> kShipped = {"web_search", "facebook_cache", "azure_wan", "facebook_cache_tab8",
                                                 "azure_wan_tab8"};

std::string DataDirectory() {
  const char* directory = std::getenv("UHAUL_WORKLOADS");
  return directory != nullptr && *directory != '\0' ? directory : UHAUL_WORKLOADS_DIR;
}

bool ParseNumber(std::string_view text, double* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// Levenshtein's distance, for "did you mean".
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string Folded(std::string_view name) {
  std::string folded;
  for (char c : name.substr(0, 64)) {
    if (c == '-' || c == ' ') c = '_';
    folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return folded;
}

Error UnknownName(const std::string& name) {
  size_t best = 4;  // further away than three edits is a different word
  std::string hint;
  for (const char* shipped : kShipped) {
    const size_t distance = EditDistance(Folded(name), shipped);
    if (distance >= best) continue;
    best = distance;
    hint = fmt::format("; did you mean '{}'?", shipped);
  }
  return Error{
      fmt::format("unknown workload '{}'{} Shipped are {}; anything else is read as a file's path, and there is "
                  "no such file",
                  name, hint.empty() ? "." : hint, fmt::join(kShipped, ", "))};
}

// One line of the file that is neither empty nor a comment.
Result<SizeDistribution::Point> ParsePoint(std::string_view line, const LineReader& reader) {
  const size_t comma = line.find(',');
  if (comma == std::string_view::npos || line.find(',', comma + 1) != std::string_view::npos) {
    return reader.At("expected two columns, `bytes,cumulative_probability`");
  }
  SizeDistribution::Point point;
  const std::string_view bytes = TrimSpace(line.substr(0, comma));
  const std::string_view probability = TrimSpace(line.substr(comma + 1));
  if (!ParseNumber(bytes, &point.bytes)) return reader.At(fmt::format("'{}' is not a number of bytes", bytes));
  if (!ParseNumber(probability, &point.probability)) {
    return reader.At(fmt::format("'{}' is not a probability", probability));
  }
  return point;
}

struct ParsedFile {
  std::vector<SizeDistribution::Point> points;
  std::vector<size_t> lines;  // of each point
  std::map<std::string, std::string> about;
};

void AddAbout(std::string_view comment, ParsedFile* file) {
  std::string_view key, value;
  if (!ParseAbout(comment, &key, &value)) return;
  std::string& text = file->about[std::string(key)];  // a key again continues its text
  if (!text.empty()) text += ' ';
  text += value;
}

Result<ParsedFile> ParseFile(LineReader& reader) {
  ParsedFile file;
  std::string_view raw;
  for (;;) {
    const Result<bool> more = reader.Next(&raw);
    if (!more) return more.error();
    if (!*more) return file;
    if (reader.line_number() > kMaxLines) return reader.At(fmt::format("more than {} lines", kMaxLines));
    const std::string_view line = TrimSpace(raw);
    if (line.empty()) continue;
    if (line.starts_with('#')) {
      AddAbout(line, &file);
      continue;
    }
    if (file.points.empty() && line == "bytes,cumulative_probability") continue;  // spreadsheets like a header line
    const Result<SizeDistribution::Point> point = ParsePoint(line, reader);
    if (!point) return point.error();
    file.points.push_back(*point);
    file.lines.push_back(reader.line_number());
  }
}

Status CheckProvenance(const std::map<std::string, std::string>& about, const std::string& path) {
  const auto source = about.find("source");
  if (source == about.end() || source->second.empty()) {
    return Error{path + ": a shipped distribution says where it comes from; add a comment `# source: ...`"};
  }
  const auto evidence = about.find("evidence");
  const std::string value = evidence == about.end() ? "" : evidence->second;
  if (value != "independent" && value != "fitted" && value != "synthetic") {
    return Error{fmt::format("{}: evidence is '{}'; add a comment `# evidence: independent`, `fitted` or `synthetic`",
                             path, value)};
  }
  return {};
}

}  // namespace

std::vector<std::string> SizeDistribution::Shipped() { return {kShipped.begin(), kShipped.end()}; }

Result<SizeDistribution> SizeDistribution::Load(const std::string& name) {
  const bool shipped = std::find(kShipped.begin(), kShipped.end(), name) != kShipped.end();
  const std::string path = shipped ? fmt::format("{}/{}.csv", DataDirectory(), name) : name;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    if (!shipped) return UnknownName(name);
    return Error{path + ": the shipped distribution is missing; set UHAUL_WORKLOADS to the directory that holds it"};
  }
  Result<LineReader> reader = LineReader::Open(path, kMaxLine);
  if (!reader) return reader.error();
  Result<ParsedFile> file = ParseFile(*reader);
  if (!file) return file.error();
  if (shipped) {
    const Status status = CheckProvenance(file->about, path);
    if (!status) return status.error();
  }
  const std::vector<size_t>& lines = file->lines;
  Result<SizeDistribution> distribution =
      FromPlacedPoints(std::move(file->points), path, [&](size_t i) { return fmt::format("{}:{}", path, lines[i]); });
  if (distribution) distribution->about_ = std::move(file->about);
  return distribution;
}

}  // namespace uhaul
