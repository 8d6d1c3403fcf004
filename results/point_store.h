// The store: one file per point is the truth. DIR/ID.json holds the result, to the byte the same for the same point and
// engine build; DIR/ID.prov.json holds where and when it was made.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/record/record.h"

namespace uhaul {

struct StoredPoint {
  std::string id;
  std::string engine;                       // "sim", "runtime" or "import"
  std::string build;                        // the engine's build id: a point made by another build is not current
  std::map<std::string, std::string> spec;  // canonical SI values by key
  RunRecord record;
};

struct Provenance {
  std::string id;
  std::string engine;
  std::string build;
  std::string command;
  std::string host;
  std::string started;  // ISO 8601, UTC
  std::string finished;
  double cpu_seconds = 0;
  std::map<std::string, std::string> versions;        // ns3, compiler, project, ...
  std::map<std::string, std::string> measurements{};  // of the host, by engines that run in real time
};

// Writes DIR/ID.json and DIR/ID.prov.json: temporary file, fsync, rename.
Status WritePoint(const std::string& directory, const StoredPoint& point, const Provenance& provenance);
// DIR/ID.SUFFIX: what else a run of the point has to say; likewise, and before the point itself.
Status WriteBeside(const std::string& directory, const std::string& id, const std::string& suffix,
                   const std::string& text);
// DIR/ID.failed: the error and the log's tail of a point that could not be made.
Status WriteFailure(const std::string& directory, const std::string& id, const std::string& error);
Result<StoredPoint> ReadPoint(const std::string& directory, const std::string& id);
// All but the record, which stays empty: for those who look for some of very many.
Result<StoredPoint> ReadPointHead(const std::string& directory, const std::string& id);
Result<Provenance> ReadProvenance(const std::string& directory, const std::string& id);
// The point's exact bytes in ID.json.
std::string EncodePoint(const StoredPoint& point);
// The build that made ID.json, without reading it whole; an error if there is none.
Result<std::string> PointBuild(const std::string& directory, const std::string& id);

}  // namespace uhaul
