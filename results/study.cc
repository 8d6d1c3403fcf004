#include "results/study.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace uhaul {
namespace {

using Points = std::vector<const StoredPoint*>;

bool StartsWith(const std::string& text, std::string_view prefix) { return text.rfind(prefix, 0) == 0; }

// The values under these prefixes as one string.
std::string KeyOf(const StoredPoint& point, std::initializer_list<std::string_view> prefixes) {
  std::string key;
  for (const auto& [name, value] : point.spec) {
    if (name == "workload.name" || name == "workload.trace" || name == "edm.threshold") continue;
    for (const std::string_view prefix : prefixes) {
      if (StartsWith(name, prefix)) key += name + "=" + value + "\n";
    }
  }
  return key;
}
std::string WarmUpKey(const StoredPoint& point) {
  return point.engine + "\n" + KeyOf(point, {"workload.", "link.", "fit.", "nf.", "switch.", "migration."});
}
std::string CostKey(const StoredPoint& point) { return KeyOf(point, {"profile.", "run."}); }
std::string SchemeKey(const StoredPoint& point) { return KeyOf(point, {"scheme.", "move.", "edm."}); }
std::string SchemeKeyWithoutRho(const StoredPoint& point) { return KeyOf(point, {"scheme.", "move.", "edm.detector"}); }

// The largest group of points that agree on `key`; of equally large ones the one whose key comes first.
template <class Key>
Points MostCommon(const Points& points, Key key) {
  std::map<std::string, Points> groups;
  for (const StoredPoint* point : points) groups[key(*point)].push_back(point);
  Points best;
  for (const auto& [name, group] : groups) {
    if (group.size() > best.size()) best = group;
  }
  return best;
}

template <class Predicate>
Points Where(const Points& points, Predicate predicate) {
  Points found;
  std::copy_if(points.begin(), points.end(), std::back_inserter(found), [&](const auto* p) { return predicate(*p); });
  return found;
}

struct Chosen {
  Points any;
  Points uhaul;
  Points snapshot;
  Points opennf;
};

Chosen Choose(const Points& points, const StudySchemes& schemes) {
  Chosen chosen;
  chosen.any = MostCommon(points, WarmUpKey);
  const auto of_scheme = [](const Points& from, const std::string& name) {
    return Where(from, [&](const StoredPoint& p) { return SpecText(p, "scheme.name") == name; });
  };
  const Points all_uhaul = Where(of_scheme(chosen.any, schemes.elephants), [](const StoredPoint& p) {
    return SpecText(p, "edm.detector") != "size" && SpecNumber(p, "edm.threshold").has_value();
  });
  // rho offline is the primary reading, fixed before running: any other only where nobody ran that one.
  Points pool = Where(all_uhaul, [](const StoredPoint& p) { return SpecText(p, "edm.rho") == "offline"; });
  if (pool.empty()) pool = Where(all_uhaul, [](const StoredPoint& p) { return SpecText(p, "edm.rho") != "snapshot"; });
  chosen.uhaul = MostCommon(pool, [](const StoredPoint& p) { return CostKey(p) + SchemeKey(p); });
  chosen.snapshot = Where(all_uhaul, [](const StoredPoint& p) { return SpecText(p, "edm.rho") == "snapshot"; });
  chosen.opennf = of_scheme(chosen.any, schemes.all);
  if (!chosen.uhaul.empty()) {
    const std::string cost = CostKey(*chosen.uhaul[0]);
    const std::string scheme = SchemeKeyWithoutRho(*chosen.uhaul[0]);
    chosen.opennf = Where(chosen.opennf, [&](const StoredPoint& p) { return CostKey(p) == cost; });
    chosen.snapshot = Where(
        chosen.snapshot, [&](const StoredPoint& p) { return CostKey(p) == cost && SchemeKeyWithoutRho(p) == scheme; });
  }
  chosen.opennf = MostCommon(chosen.opennf, [](const StoredPoint& p) { return CostKey(p) + SchemeKey(p); });
  chosen.snapshot = MostCommon(chosen.snapshot, [](const StoredPoint& p) { return CostKey(p) + SchemeKey(p); });
  return chosen;
}

UhaulRun MakeRun(const StoredPoint& point, uint64_t threshold, const StoredPoint* opennf) {
  const RunRecord& record = point.record;
  UhaulRun run;
  run.point = &point;
  run.metrics = ComputeMetrics(record);
  run.own = Confuse(record, threshold, OwnSelection(record));
  run.size = Confuse(record, threshold, SelectBySize(record, threshold));
  // Without bytes there is nothing to select.
  const double rho = SnapshotRho(record, threshold).value_or(0);
  run.snapshot = Confuse(record, threshold, SelectByProportion(record, rho));
  const double rho_current = SnapshotRhoByCurrentSize(record, threshold).value_or(0);
  run.current = Confuse(record, threshold, SelectByProportion(record, rho_current));
  if (opennf != nullptr) run.fct = JoinFct(opennf->record, record, threshold);
  return run;
}

// Traces by number, then by name.
bool TraceBefore(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

void AddRuns(const Chosen& chosen, WorkloadRuns& runs) {
  std::map<std::string, TraceRuns> traces;
  const auto of = [&](const StoredPoint* point) -> TraceRuns& {
    TraceRuns& trace = traces[SpecText(*point, "workload.trace")];
    if (trace.any == nullptr) trace.any = point;
    return trace;
  };
  for (const StoredPoint* point : chosen.any) of(point);
  for (const StoredPoint* point : chosen.opennf) {
    TraceRuns& trace = of(point);
    trace.opennf = point;
    trace.opennf_metrics = ComputeMetrics(point->record);
  }
  std::set<uint64_t> thresholds;
  for (const StoredPoint* point : chosen.uhaul) {
    const uint64_t threshold = *SpecNumber(*point, "edm.threshold");
    thresholds.insert(threshold);
    TraceRuns& trace = of(point);
    trace.uhaul[threshold] = MakeRun(*point, threshold, trace.opennf);
  }
  for (const StoredPoint* point : chosen.snapshot) {
    const uint64_t threshold = *SpecNumber(*point, "edm.threshold");
    TraceRuns& trace = of(point);
    trace.snapshot[threshold] = MakeRun(*point, threshold, trace.opennf);
  }
  runs.thresholds.assign(thresholds.begin(), thresholds.end());
  for (auto& [name, trace] : traces) {
    trace.trace = name;
    runs.traces.push_back(std::move(trace));
  }
  std::sort(runs.traces.begin(), runs.traces.end(),
            [](const TraceRuns& a, const TraceRuns& b) { return TraceBefore(a.trace, b.trace); });
}

// A stream of its own for each workload: their traces are independent.
uint64_t StreamOf(const std::string& workload) {
  uint64_t stream = 0;
  for (const char c : workload) stream = Mix64(stream + static_cast<unsigned char>(c));
  return stream;
}

Points PointersTo(std::span<const StoredPoint> points) {
  Points pointers;
  for (const StoredPoint& point : points) pointers.push_back(&point);
  return pointers;
}

}  // namespace

std::string SpecText(const StoredPoint& point, const std::string& key) {
  const auto it = point.spec.find(key);
  return it == point.spec.end() ? "" : it->second;
}

std::optional<uint64_t> SpecNumber(const StoredPoint& point, const std::string& key) {
  const std::string text = SpecText(point, key);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string WorkloadTitle(const std::string& workload) {
  if (workload == "web_search") return "Web search";
  if (workload == "facebook_cache") return "Facebook";
  if (workload == "azure_wan") return "Azure WAN";
  return workload;
}

Study::Study(std::span<const StoredPoint> points, const RenderOptions& options)
    : Study(PointersTo(points), options, StudySchemes()) {}

Study::Study(const Points& points, const RenderOptions& options, const StudySchemes& schemes) {
  std::map<std::string, Points> by_workload;
  for (const StoredPoint* point : points) {
    // Figure 2's scenario starts at a number of states, not at a time: another experiment.
    if (SpecNumber(*point, "migration.states").value_or(0) > 0) continue;
    by_workload[SpecText(*point, "workload.name")].push_back(point);
  }
  for (auto& [name, all] : by_workload) {
    std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
    WorkloadRuns& runs = workloads_[name];
    runs.name = name;
    const Chosen chosen = Choose(all, schemes);
    runs.left_out = all.size() - chosen.any.size();
    runs.setting = chosen.uhaul.empty() ? chosen.any[0]->spec : chosen.uhaul[0]->spec;
    AddRuns(chosen, runs);
    if (runs.traces.size() < kTracesForBands) continue;
    runs.draws = DrawTraces(runs.traces.size(), kRunsOfThePaper, options.resamples, options.seed, StreamOf(name));
    runs.singles = DrawTraces(runs.traces.size(), 1, options.resamples, options.seed, StreamOf(name) + 1);
  }
}

const WorkloadRuns& Study::Of(const std::string& workload) const {
  static const WorkloadRuns kNone;
  const auto it = workloads_.find(workload);
  return it == workloads_.end() ? kNone : it->second;
}

}  // namespace uhaul
