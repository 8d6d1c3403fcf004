// Reading points back from folders of results.
//
//   DIR/ID.json          one run of each point
//   DIR/rep-1/ID.json    repeated runs (uhaul run --repeat), a folder each
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/point_spec.h"
#include "results/point_store.h"

namespace uhaul {

bool PointExists(const std::string& directory, const std::string& id);
// Whether the engine fell behind the offered rate (provenance: kept_rate "no"). A point that was copied without its
// provenance counts as made in time.
bool FellBehind(const std::string& directory, const std::string& id);
// The identities of all points in a folder, sorted; none if it holds none. An error if it cannot be read.
Result<std::vector<std::string>> PointIdsIn(const std::string& directory);
std::vector<std::string> PointIdsOf(const std::vector<PointSpec>& specs);

// Reads points of one folder, each once, and counts those that are not there.
class PointReader {
 public:
  explicit PointReader(std::string directory) : directory_(std::move(directory)) {}
  Status Read(const std::vector<std::string>& ids);

  std::vector<StoredPoint>& points() { return points_; }
  const std::vector<StoredPoint>& points() const { return points_; }
  size_t missing() const { return missing_; }

 private:
  std::string directory_;
  std::vector<StoredPoint> points_;
  size_t missing_ = 0;
  std::set<std::string> seen_;
};

// The folder of each repetition: `results` itself, or results/rep-1 .. rep-N.
std::vector<std::string> RepetitionFolders(const std::string& results, unsigned repeat);

// All runs in a folder, its rep-* folders in order of their numbers included.
struct RunsRead {
  std::vector<StoredPoint> runs;
  std::vector<StoredPoint> late;  // which fell behind
};
// Of runs that are not `wanted` by all but their record, the record stays empty: a folder may hold a hundred thousand.
// Null: all are.
Result<RunsRead> ReadRuns(const std::string& directory,
                          const std::function<bool(const StoredPoint& head)>& wanted = nullptr);

}  // namespace uhaul
