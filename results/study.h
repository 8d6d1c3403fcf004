// The points of a study, in order: by workload, by trace, by threshold, with their metrics and joins computed once.
// Tables and claims are read off it. A mixture of settings is sorted out here: per workload the setting that most
// points share is taken, the rest is counted and left alone. It points into the points: they must outlive it.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "results/join.h"
#include "results/point_store.h"
#include "results/render_options.h"
#include "results/statistics.h"

namespace uhaul {

// One U-HAUL run.
struct UhaulRun {
  const StoredPoint* point = nullptr;
  RunMetrics metrics;
  Confusion own;                 // of the run's own selection
  Confusion size;                // of size-based detection on the same A
  Confusion snapshot;            // of U-HAUL's with rho by final size from A itself
  Confusion current;             // the same with rho by current size
  std::optional<FctRatios> fct;  // with the trace's OpenNF run
};

struct TraceRuns {
  std::string trace;
  const StoredPoint* any = nullptr;  // for what all schemes share: everything before t0
  const StoredPoint* opennf = nullptr;
  RunMetrics opennf_metrics;
  std::map<uint64_t, UhaulRun> uhaul;     // by threshold; rho as the operator would set it
  std::map<uint64_t, UhaulRun> snapshot;  // by threshold; runs with the oracle's rho
};

struct WorkloadRuns {
  std::string name;
  std::vector<TraceRuns> traces;
  std::vector<Draw> draws;    // of five traces; empty below 30 traces
  std::vector<Draw> singles;  // of one trace
  std::vector<uint64_t> thresholds;
  std::map<std::string, std::string> setting;  // the spec of one of its U-HAUL points, or of any
  size_t left_out = 0;                         // points of other settings

  bool HasBands() const { return !draws.empty(); }
};

// The two schemes that a study compares: one that moves every flow, one that moves elephants only.
struct StudySchemes {
  std::string all = "opennf";
  std::string elephants = "uhaul";
};

class Study {
 public:
  Study(std::span<const StoredPoint> points, const RenderOptions& options);
  Study(const std::vector<const StoredPoint*>& points, const RenderOptions& options, const StudySchemes& schemes);
  // Without traces if there are no points of that workload.
  const WorkloadRuns& Of(const std::string& workload) const;

 private:
  std::map<std::string, WorkloadRuns> workloads_;
};

inline constexpr std::array<const char*, 3> kPaperWorkloads = {"web_search", "facebook_cache", "azure_wan"};
std::string WorkloadTitle(const std::string& workload);
std::optional<uint64_t> SpecNumber(const StoredPoint& point, const std::string& key);
std::string SpecText(const StoredPoint& point, const std::string& key);

}  // namespace uhaul
