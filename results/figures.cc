// The data behind the paper's figures. The figures themselves survive only as far as the text quotes them, so most
// lines have no number of the paper beside them.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "results/sampled.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

constexpr auto kController = static_cast<size_t>(BufferPlace::kController);

struct FigureWriter {
  const Study& study;
  const PaperNumbers& paper;
  bool exact;  // CSV: full precision
  TextGrid grid;

  std::string Number(std::optional<double> value, int decimals) const {
    return exact ? Exact(value) : Fixed(value, decimals);
  }
  // Value, lower and upper end of its band.
  void AppendBanded(std::vector<std::string>& row, const Sampled& sampled, int decimals) const {
    const auto band = sampled.band();
    row.push_back(Number(sampled.value, decimals));
    row.push_back(Number(band ? std::optional<double>(band->low) : std::nullopt, decimals));
    row.push_back(Number(band ? std::optional<double>(band->high) : std::nullopt, decimals));
  }
  void Columns(std::initializer_list<const char*> titles) {
    for (const char* title : titles) grid.columns.push_back({title, grid.columns.empty()});
  }
};

// The thresholds that were run.
std::string Definition(const FigureWriter& writer, uint64_t threshold) {
  return writer.exact ? fmt::to_string(threshold) : ThresholdText(threshold);
}

Sampled MeanAt(const WorkloadRuns& runs, uint64_t threshold,
               std::function<std::optional<double>(const UhaulRun&)> figure) {
  return Sample(runs, MeanOf(runs, AtThreshold(threshold, std::move(figure))));
}

Sampled RateAt(const WorkloadRuns& runs, uint64_t threshold, Confusion UhaulRun::*member, Rate rate) {
  return Sample(runs, Pooled(
                          runs,
                          [=](const TraceRuns& trace) -> const Confusion* {
                            const UhaulRun* run = RunAt(trace, threshold);
                            return run == nullptr ? nullptr : &(run->*member);
                          },
                          rate));
}

// Figures 4-6.
void WriteAccuracy(FigureWriter& writer, const std::string& workload) {
  writer.Columns({"threshold", "recall", "recall_low", "recall_high", "recall_per_run", "recall_snapshot",
                  "accuracy_conventional", "recall_size_based"});
  const WorkloadRuns& runs = writer.study.Of(workload);
  for (const uint64_t threshold : runs.thresholds) {
    std::vector<std::string> row = {Definition(writer, threshold)};
    writer.AppendBanded(row, RateAt(runs, threshold, &UhaulRun::own, Recall), 1);
    const Sampled per_run = MeanAt(runs, threshold, [](const UhaulRun& run) { return Recall(run.own); });
    row.push_back(writer.Number(per_run.value, 1));
    row.push_back(writer.Number(RateAt(runs, threshold, &UhaulRun::snapshot, Recall).value, 1));
    row.push_back(writer.Number(RateAt(runs, threshold, &UhaulRun::own, Accuracy).value, 1));
    row.push_back(writer.Number(RateAt(runs, threshold, &UhaulRun::size, Recall).value, 1));
    writer.grid.rows.push_back(std::move(row));
  }
}

using BufferMember = std::array<uint64_t, kBufferPlaces> RunMetrics::*;

Sampled OpenNfBuffer(const WorkloadRuns& runs, BufferMember member) {
  return Sample(runs, MeanOf(runs, [member](const TraceRuns& trace) -> std::optional<double> {
                  if (trace.opennf == nullptr) return std::nullopt;
                  return static_cast<double>((trace.opennf_metrics.*member)[kController]) / 1e6;
                }));
}
Sampled UhaulBuffer(const WorkloadRuns& runs, uint64_t threshold, BufferMember member) {
  return MeanAt(runs, threshold, [member](const UhaulRun& run) -> std::optional<double> {
    return static_cast<double>((run.metrics.*member)[kController]) / 1e6;
  });
}

// Figures 7-9.
void WriteDowntime(FigureWriter& writer, const std::string& workload) {
  writer.Columns({"threshold", "uhaul_ms", "uhaul_ms_low", "uhaul_ms_high", "uhaul_ms_paper", "opennf_ms",
                  "opennf_ms_low", "opennf_ms_high", "uhaul_peak_mb", "opennf_peak_mb", "uhaul_volume_mb",
                  "opennf_volume_mb"});
  const WorkloadRuns& runs = writer.study.Of(workload);
  const Sampled opennf = Sample(runs, MeanOf(runs, [](const TraceRuns& t) { return t.opennf_metrics.downtime_ms; }));
  for (const uint64_t threshold : runs.thresholds) {
    std::vector<std::string> row = {Definition(writer, threshold)};
    writer.AppendBanded(row, MeanAt(runs, threshold, [](const UhaulRun& run) { return run.metrics.downtime_ms; }), 3);
    const PaperNumber* number = writer.paper.Find("derived", "uhaul_downtime", workload, threshold);
    row.push_back(writer.Number(number == nullptr ? std::nullopt : number->value, 3));
    writer.AppendBanded(row, opennf, 2);
    for (const BufferMember member : {&RunMetrics::buffer_peak, &RunMetrics::buffer_volume}) {
      row.push_back(writer.Number(UhaulBuffer(runs, threshold, member).value, 3));
      row.push_back(writer.Number(OpenNfBuffer(runs, member).value, 3));
    }
    writer.grid.rows.push_back(std::move(row));
  }
}

// Figure 10.
void WriteMissed(FigureWriter& writer) {
  writer.Columns({"workload", "threshold", "missed", "missed_low", "missed_high"});
  for (const char* workload : {"web_search", "facebook_cache"}) {
    const WorkloadRuns& runs = writer.study.Of(workload);
    for (const uint64_t threshold : runs.thresholds) {
      std::vector<std::string> row = {workload, Definition(writer, threshold)};
      const auto missed = [](const UhaulRun& run) -> std::optional<double> {
        if (!run.metrics.downtime_ms) return std::nullopt;
        return static_cast<double>(run.metrics.missed);
      };
      writer.AppendBanded(row, MeanAt(runs, threshold, missed), 2);
      writer.grid.rows.push_back(std::move(row));
    }
  }
}

// Section 2's text gives one number for a move without guarantees, and a bound for optimised ones with them, of half of
// 2,000 states each.
const char* PaperOfFigure2(const std::string& scheme, uint64_t states) {
  if (states != 2000) return "";
  if (scheme == "opennf-ng") return ">= 268";
  if (scheme == "opennf-lf-pl-er" || scheme == "opennf-op-pl-er") return "> 400";
  return "";
}

constexpr const char* kFigure2Costs =
    "Costs: profile emulab-2016-fig2. Its cost of get was fitted to the 268 ms (NG with PL), its cost of an event to "
    "'beyond 400 ms' (LF with PL and ER); its cost of put is an assumption. At 2,000 states those two are no evidence; "
    "the "
    "other rows follow from them. 'moved': flows, mean of the runs.";

struct SchemeRuns {
  std::vector<double> downtimes;
  double moved = 0;
  size_t runs = 0;
};

// Figures 2a, 2b: runs that began at a number of states.
void WriteByScheme(FigureWriter& writer, std::span<const StoredPoint> points, bool only_optimised) {
  writer.Columns({"workload", "scheme", "states", "moved", "downtime_ms", "least_ms", "most_ms", "runs",
                  "without_downtime", "paper_ms"});
  std::map<std::tuple<std::string, std::string, uint64_t>, SchemeRuns> groups;
  for (const StoredPoint& point : points) {
    const uint64_t states = SpecNumber(point, "migration.states").value_or(0);
    if (states == 0) continue;
    const std::string scheme = SpecText(point, "scheme.name");
    if (only_optimised && scheme != "opennf-op-pl-er") continue;
    const RunMetrics metrics = ComputeMetrics(point.record);
    SchemeRuns& runs = groups[{SpecText(point, "workload.name"), scheme, states}];
    ++runs.runs;
    runs.moved += static_cast<double>(point.record.counters.flows_moved);
    if (metrics.downtime_ms) runs.downtimes.push_back(*metrics.downtime_ms);
  }
  for (const auto& [key, runs] : groups) {
    const auto& [workload, scheme, states] = key;
    const auto least = std::min_element(runs.downtimes.begin(), runs.downtimes.end());
    const auto most = std::max_element(runs.downtimes.begin(), runs.downtimes.end());
    const bool any = !runs.downtimes.empty();
    const auto when_any = [any](double value) { return any ? std::optional<double>(value) : std::nullopt; };
    const double mean = any ? SpreadOf(runs.downtimes).mean : 0;
    writer.grid.rows.push_back({workload, scheme, fmt::to_string(states),
                                writer.Number(runs.moved / static_cast<double>(runs.runs), 1),
                                writer.Number(when_any(mean), 2), writer.Number(when_any(any ? *least : 0), 2),
                                writer.Number(when_any(any ? *most : 0), 2), fmt::to_string(runs.runs),
                                fmt::to_string(runs.runs - runs.downtimes.size()), PaperOfFigure2(scheme, states)});
  }
}

std::string TitleOf(const std::string& name) {
  static const std::map<std::string, std::string> kTitles = {
      {"2a", "Migration time by guarantee and optimisation"},
      {"2b", "Migration time by number of flows moved (loss-free and order-preserving, PL and ER)"},
      {"4", "Accuracy of elephant detection, web search"},
      {"5", "Accuracy of elephant detection, Facebook"},
      {"6", "Accuracy of elephant detection, Azure WAN"},
      {"7", "Downtime and buffer at the controller, web search"},
      {"8", "Downtime and buffer at the controller, Facebook"},
      {"9", "Downtime and buffer at the controller, Azure WAN"},
      {"10", "Missed flows, web search and Facebook"}};
  return kTitles.at(name);
}

}  // namespace

std::vector<std::string> FigureNames() { return {"2a", "2b", "4", "5", "6", "7", "8", "9", "10"}; }

Result<std::string> RenderFigureData(const std::string& name, std::span<const StoredPoint> points,
                                     const RenderOptions& options) {
  const auto names = FigureNames();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return Error{fmt::format("no Figure {} is made from points; there are {}", name, fmt::join(names, ", "))};
  }
  const auto paper = LoadPaperNumbers();
  if (!paper) return paper.error();
  const Study study(points, options);
  FigureWriter writer{study, *paper, options.format == RenderFormat::kCsv, {}};
  if (name == "2a" || name == "2b") {
    WriteByScheme(writer, points, name == "2b");
  } else if (name == "10") {
    WriteMissed(writer);
  } else {
    const int number = name[0] - '0';
    const std::string workload = kPaperWorkloads[static_cast<size_t>((number - 4) % 3)];
    number <= 6 ? WriteAccuracy(writer, workload) : WriteDowntime(writer, workload);
  }
  if (options.format == RenderFormat::kCsv) return RenderCsv(writer.grid);
  const bool markdown = options.format == RenderFormat::kMarkdown;
  std::string out = fmt::format("{}Figure {}: {}\n\n", markdown ? "## " : "", name, TitleOf(name));
  out += RenderGrid(writer.grid, options) + "\n";
  if (name == "2a" || name == "2b") out += Bullet(kFigure2Costs, options.format);
  for (const Contradiction& c : paper->contradictions) {
    if (std::find(c.touches.begin(), c.touches.end(), "Figure " + name) == c.touches.end()) continue;
    out += Bullet(fmt::format("The paper against itself, {}: {}", c.number, c.sentence), options.format);
  }
  return out;
}

}  // namespace uhaul
