// What the points cost to make.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <tuple>

#include "results/metrics.h"
#include "results/report/parts.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

struct Cost {
  std::vector<double> cpu_ms;
  std::vector<double> busy_ns;  // of runs in real time
  size_t kept_rate = 0;
};

std::string Cell(std::vector<double> values, double (*pick)(std::vector<double>&), int decimals) {
  return values.empty() ? "-" : Fixed(pick(values), decimals);
}
double Middle(std::vector<double>& values) { return Quantile(values, 0.5); }
double Most(std::vector<double>& values) { return Quantile(values, 1); }

}  // namespace

std::string PerformancePart(const ReportInput& input) {
  std::map<std::pair<std::string, std::string>, const StoredPoint*> points;  // by engine and ID
  for (const auto& all : {input.points, input.engine_points}) {
    for (const StoredPoint& point : all) points[{point.engine, point.id}] = &point;
  }
  std::map<std::tuple<std::string, std::string, std::string>, Cost> costs;
  for (const Provenance& p : input.provenance) {
    const auto at = points.find({p.engine, p.id});
    if (at == points.end()) continue;
    const auto clock = p.measurements.find("clock");
    const std::string engine = clock == p.measurements.end() ? p.engine : p.engine + ", clock " + clock->second;
    Cost& cost = costs[{engine, SpecText(*at->second, "workload.name"), SpecText(*at->second, "scheme.name")}];
    cost.cpu_ms.push_back(1e3 * p.cpu_seconds);
    const auto busy = p.measurements.find("busy_ns_per_packet");
    if (busy == p.measurements.end()) continue;
    cost.busy_ns.push_back(std::strtod(busy->second.c_str(), nullptr));
    const auto kept = p.measurements.find("kept_rate");
    cost.kept_rate += kept != p.measurements.end() && kept->second == "yes";
  }
  if (costs.empty()) return "";
  TextGrid grid;
  grid.columns = {{"engine", true},
                  {"workload", true},
                  {"scheme", true},
                  {"points"},
                  {"CPU, ms, median"},
                  {"CPU, ms, the most"},
                  {"busy per packet, ns, median"},
                  {"kept the rate"}};
  for (const auto& [key, cost] : costs) {
    const auto& [engine, workload, scheme] = key;
    grid.rows.push_back({engine, workload, scheme, fmt::to_string(cost.cpu_ms.size()), Cell(cost.cpu_ms, Middle, 1),
                         Cell(cost.cpu_ms, Most, 1), Cell(cost.busy_ns, Middle, 0),
                         cost.busy_ns.empty() ? "-" : fmt::format("{} of {}", cost.kept_rate, cost.busy_ns.size())});
  }
  RenderOptions html;
  html.format = RenderFormat::kHtml;
  return Section(
      "performance", "Performance",
      Paragraph("What the points cost to make: CPU time of the process that made each. In the simulator that is what "
                "comes after the warm-up, which the points of a trace share. In real time a run takes as long as it "
                "takes: there, what a packet takes of the lcore that does everything, and how many runs kept the "
                "offered rate.") +
          RenderGrid(grid, html));
}

}  // namespace uhaul
