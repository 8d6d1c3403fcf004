#include "experiments/point_reader.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "experiments/value_text.h"

namespace uhaul {
namespace {

constexpr size_t kIdLength = 32;
constexpr std::string_view kRepetition = "rep-";

// The rep-N folders in `directory`, by N.
std::vector<std::string> RepetitionsIn(const std::string& directory) {
  std::vector<std::pair<int64_t, std::string>> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kRepetition) || !entry.is_directory(error)) continue;
    const Result<int64_t> number = ParseInteger(std::string_view(name).substr(kRepetition.size()));
    if (number.ok()) found.emplace_back(*number, entry.path().string());
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> folders;
  for (auto& [number, folder] : found) folders.push_back(std::move(folder));
  return folders;
}

}  // namespace

bool PointExists(const std::string& directory, const std::string& id) {
  return ::access(fmt::format("{}/{}.json", directory, id).c_str(), R_OK) == 0;
}

bool FellBehind(const std::string& directory, const std::string& id) {
  const Result<Provenance> provenance = ReadProvenance(directory, id);
  if (!provenance.ok()) return false;
  const auto kept = provenance->measurements.find("kept_rate");
  return kept != provenance->measurements.end() && kept->second == "no";
}

Result<std::vector<std::string>> PointIdsIn(const std::string& directory) {
  std::vector<std::string> ids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string stem = entry.path().stem();
    if (entry.path().extension() == ".json" && stem.size() == kIdLength) ids.push_back(stem);
  }
  if (error) return Error{fmt::format("{}: {}; 'uhaul run' makes results", directory, error.message())};
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<std::string> PointIdsOf(const std::vector<PointSpec>& specs) {
  std::vector<std::string> ids;
  for (const PointSpec& spec : specs) ids.push_back(PointId(spec));
  return ids;
}

Status PointReader::Read(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    if (!seen_.insert(id).second) continue;
    if (!PointExists(directory_, id)) {
      ++missing_;
      continue;
    }
    Result<StoredPoint> point = ReadPoint(directory_, id);
    if (!point.ok()) return point.error();
    points_.push_back(*std::move(point));
  }
  return {};
}

std::vector<std::string> RepetitionFolders(const std::string& results, unsigned repeat) {
  if (repeat <= 1) return {results};
  std::vector<std::string> folders;
  for (unsigned i = 1; i <= repeat; ++i) folders.push_back(fmt::format("{}/{}{}", results, kRepetition, i));
  return folders;
}

Result<RunsRead> ReadRuns(const std::string& directory, const std::function<bool(const StoredPoint& head)>& wanted) {
  std::vector<std::string> folders = RepetitionsIn(directory);
  folders.insert(folders.begin(), directory);
  RunsRead out;
  for (const std::string& folder : folders) {
    const Result<std::vector<std::string>> ids = PointIdsIn(folder);
    if (!ids.ok()) return ids.error();
    for (const std::string& id : *ids) {
      Result<StoredPoint> point = wanted ? ReadPointHead(folder, id) : ReadPoint(folder, id);
      if (wanted && point.ok() && wanted(*point)) point = ReadPoint(folder, id);
      if (!point.ok()) return point.error();
      auto& side = FellBehind(folder, id) ? out.late : out.runs;
      side.push_back(*std::move(point));
    }
  }
  return out;
}

}  // namespace uhaul
