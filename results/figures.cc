#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "results/figure_writer.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

constexpr auto kController = static_cast<size_t>(BufferPlace::kController);

using Row = FigureRow;

Sampled RateAt(const WorkloadRuns& runs, uint64_t threshold, Confusion UhaulRun::*member, Rate rate) {
  return Sample(runs, Pooled(
                          runs,
                          [=](const TraceRuns& trace) -> const Confusion* {
                            const UhaulRun* run = RunAt(trace, threshold);
                            return run == nullptr ? nullptr : &(run->*member);
                          },
                          rate));
}

// Figures 4-6. The paper's numbers are 100 % less the false-negative rates of Tables 1-3 (contradiction 1).
void WriteAccuracy(FigureWriter& writer, const Study& study, const std::string& workload, int figure) {
  writer.Threshold();
  writer.Numbers({"recall", "recall_low", "recall_high", "recall_paper", "recall_per_run", "recall_snapshot",
                  "accuracy_conventional", "recall_size_based"},
                 1);
  const WorkloadRuns& runs = study.Of(workload);
  for (const uint64_t threshold : runs.thresholds) {
    Row row = {Count(threshold)};
    AppendBanded(row, RateAt(runs, threshold, &UhaulRun::own, Recall));
    const PaperNumber* missed =
        writer.paper.Find(fmt::format("Table {}", figure - 3), "false_negative_rate", workload, threshold);
    const bool printed = missed != nullptr && missed->value;
    row.push_back(Number(printed ? std::optional<double>(100 - *missed->value) : std::nullopt));
    row.push_back(Number(MeanAt(runs, threshold, [](const UhaulRun& run) { return Recall(run.own); }).value));
    row.push_back(Number(RateAt(runs, threshold, &UhaulRun::snapshot, Recall).value));
    row.push_back(Number(RateAt(runs, threshold, &UhaulRun::own, Accuracy).value));
    row.push_back(Number(RateAt(runs, threshold, &UhaulRun::size, Recall).value));
    writer.Add(std::move(row));
  }
  writer.data.notes.push_back(fmt::format(
      "The paper's numbers are 100 % less the false-negative rates of Table {}, which is what it calls accuracy.",
      figure - 3));
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
void WriteDowntime(FigureWriter& writer, const Study& study, const std::string& workload) {
  writer.Threshold();
  writer.Numbers({"uhaul_ms", "uhaul_ms_low", "uhaul_ms_high", "uhaul_ms_paper"}, 3);
  writer.Numbers({"opennf_ms", "opennf_ms_low", "opennf_ms_high"}, 2);
  for (const char* what : {"peak", "volume"}) {
    for (const char* scheme : {"uhaul", "opennf"}) {
      for (const char* end : {"", "_low", "_high"}) {
        writer.data.columns.push_back({fmt::format("{}_{}_mb{}", scheme, what, end), FigureUnit::kNumber, 3});
      }
    }
  }
  const WorkloadRuns& runs = study.Of(workload);
  const Sampled opennf = Sample(runs, MeanOf(runs, [](const TraceRuns& t) { return t.opennf_metrics.downtime_ms; }));
  for (const uint64_t threshold : runs.thresholds) {
    Row row = {Count(threshold)};
    AppendBanded(row, MeanAt(runs, threshold, [](const UhaulRun& run) { return run.metrics.downtime_ms; }));
    const PaperNumber* number = writer.paper.Find("derived", "uhaul_downtime", workload, threshold);
    row.push_back(Number(number == nullptr ? std::nullopt : number->value));
    AppendBanded(row, opennf);
    for (const BufferMember member : {&RunMetrics::buffer_peak, &RunMetrics::buffer_volume}) {
      AppendBanded(row, UhaulBuffer(runs, threshold, member));
      AppendBanded(row, OpenNfBuffer(runs, member));
    }
    writer.Add(std::move(row));
  }
  writer.data.notes.push_back(
      "The paper's downtimes of U-HAUL are its total times (Tables 12-13) less its die-out times (Tables 10-11). Peak: "
      "most bytes held at once at the controller; volume: all that it ever held.");
}

// Figure 10.
void WriteMissed(FigureWriter& writer, const Study& study) {
  writer.Texts({"workload"});
  writer.Threshold();
  writer.Numbers({"missed", "missed_low", "missed_high"}, 2);
  for (const char* workload : {"web_search", "facebook_cache"}) {
    const WorkloadRuns& runs = study.Of(workload);
    for (const uint64_t threshold : runs.thresholds) {
      Row row = {Text(workload), Count(threshold)};
      const auto missed = [](const UhaulRun& run) -> std::optional<double> {
        if (!run.metrics.downtime_ms) return std::nullopt;
        return static_cast<double>(run.metrics.missed);
      };
      AppendBanded(row, MeanAt(runs, threshold, missed));
      writer.Add(std::move(row));
    }
  }
  writer.data.notes.push_back("The paper prints no number of this figure.");
}

// Section 2's text gives one number for a move without guarantees, and a bound for optimised ones with them, of half of
// 2,000 states each.
FigureCell PaperOfFigure2(const std::string& scheme, uint64_t states) {
  if (states != 2000) return {};
  if (scheme == "opennf-ng") return {">= 268", 268};
  if (scheme == "opennf-lf-pl-er" || scheme == "opennf-op-pl-er") return {"> 400", 400};
  return {};
}

constexpr const char* kFigure2Costs =
    "Costs: profile emulab-2016-fig2. Its cost of get was fitted to the 268 ms (NG with PL), its cost of an event to "
    "'beyond 400 ms' (LF with PL and ER); its cost of put is an assumption. At 2,000 states those two are no evidence; "
    "the other rows follow from them. 'moved': flows, mean of the runs.";

struct SchemeRuns {
  std::vector<double> downtimes;
  double moved = 0;
  size_t runs = 0;
};

// Figures 2a, 2b: runs that began at a number of states.
void WriteByScheme(FigureWriter& writer, std::span<const StoredPoint> points, bool only_optimised) {
  writer.Texts({"workload", "scheme"});
  writer.Numbers({"states"}, 0);
  writer.Numbers({"moved"}, 1);
  writer.Numbers({"downtime_ms", "least_ms", "most_ms"}, 2);
  writer.Numbers({"runs", "without_downtime", "paper_ms"}, 0);
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
    const auto when_any = [any](double value) { return Number(any ? std::optional<double>(value) : std::nullopt); };
    writer.Add({Text(workload), Text(scheme), Count(states), Number(runs.moved / static_cast<double>(runs.runs)),
                when_any(any ? SpreadOf(runs.downtimes).mean : 0), when_any(any ? *least : 0),
                when_any(any ? *most : 0), Count(runs.runs), Count(runs.runs - runs.downtimes.size()),
                PaperOfFigure2(scheme, states)});
  }
  writer.data.notes.push_back(kFigure2Costs);
}

std::string TitleOf(const std::string& name) {
  static const std::map<std::string, std::string> kTitles = {{"2a", "Migration time by guarantee and optimisation"},
                                                             {"2b", "Migration time by number of states (OP PL ER)"},
                                                             {"4", "Accuracy of elephant detection, web search"},
                                                             {"5", "Accuracy of elephant detection, Facebook"},
                                                             {"6", "Accuracy of elephant detection, Azure WAN"},
                                                             {"7", "Downtime and buffer at the controller, web search"},
                                                             {"8", "Downtime and buffer at the controller, Facebook"},
                                                             {"9", "Downtime and buffer at the controller, Azure WAN"},
                                                             {"10", "Missed flows, web search and Facebook"},
                                                             {"sweet-spot", "The best threshold by total time"},
                                                             {"cost", "What a flow's state may cost"}};
  return kTitles.at(name);
}

template <class Write>
Result<FigureData> Build(const std::string& name, Write write) {
  const auto paper = LoadPaperNumbers();
  if (!paper) return paper.error();
  FigureWriter writer{*paper, {name, TitleOf(name), {}, {}, {}}};
  write(writer);
  const auto contradictions = ContradictionsOf("Figure " + name);
  if (!contradictions) return contradictions.error();
  for (const std::string& sentence : *contradictions) writer.data.notes.push_back(sentence);
  return std::move(writer.data);
}

}  // namespace

bool IsOfStudy(const std::string& name) { return name != "2a" && name != "2b" && name != "cost"; }

std::vector<std::string> FigureNames() {
  return {"2a", "2b", "4", "5", "6", "7", "8", "9", "10", "sweet-spot", "cost"};
}

size_t FigureData::Column(std::string_view column) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == column; });
  UHAUL_CHECK(found != columns.end());
  return static_cast<size_t>(found - columns.begin());
}

Result<std::vector<std::string>> ContradictionsOf(const std::string& what) {
  const auto paper = LoadPaperNumbers();
  if (!paper) return paper.error();
  std::vector<std::string> sentences;
  for (const Contradiction& c : paper->contradictions) {
    if (std::find(c.touches.begin(), c.touches.end(), what) == c.touches.end()) continue;
    sentences.push_back(fmt::format("The paper against itself, {}: {}", c.number, c.sentence));
  }
  return sentences;
}

Status AddPaperShares(FigureData* figure) {
  const auto paper = LoadPaperNumbers();
  if (!paper) return paper.error();
  constexpr std::pair<const char*, double> kShares[] = {{"fraction_flows_below_10KB_lower_bound", 1e4},
                                                        {"fraction_flows_below_100KB", 1e5},
                                                        {"fraction_flows_below_1MB_lower_bound", 1e6}};
  for (const auto& [metric, bytes] : kShares) {
    for (const PaperNumber& number : paper->numbers) {
      if (number.metric != metric || !number.value) continue;
      figure->rows.push_back(
          {Text("paper: " + number.workload), Number(bytes), Number(*number.value / 100), {}, Text("printed")});
    }
  }
  return {};
}

Result<FigureData> BuildFigure(const std::string& name, const Study& study, const RenderOptions& options) {
  return Build(name, [&](FigureWriter& writer) {
    if (name == "10") return WriteMissed(writer, study);
    if (name == "sweet-spot") return WriteSweetSpot(writer, study, options.least_shifted_percent);
    const int number = name[0] - '0';
    const std::string workload = kPaperWorkloads[static_cast<size_t>((number - 4) % 3)];
    number <= 6 ? WriteAccuracy(writer, study, workload, number) : WriteDowntime(writer, study, workload);
  });
}

Result<FigureData> BuildFigure(const std::string& name, std::span<const StoredPoint> points,
                               const RenderOptions& options) {
  const auto names = FigureNames();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return Error{fmt::format("no Figure {} is made from points; there are {}", name, fmt::join(names, ", "))};
  }
  if (IsOfStudy(name)) return BuildFigure(name, Study(points, options), options);
  return Build(name, [&](FigureWriter& writer) {
    name == "cost" ? WriteCostPerFlow(writer, points, options) : WriteByScheme(writer, points, name == "2b");
  });
}

std::string FigureTitle(const FigureData& figure) {
  const bool of_paper = !figure.name.empty() && figure.name[0] >= '0' && figure.name[0] <= '9';
  return of_paper ? fmt::format("Figure {}: {}", figure.name, figure.title) : figure.title;
}

std::string RenderFigure(const FigureData& figure, const RenderOptions& options) {
  const bool exact = options.format == RenderFormat::kCsv;
  TextGrid grid;
  for (const FigureColumn& column : figure.columns) {
    grid.columns.push_back({column.name, grid.columns.empty() || column.unit == FigureUnit::kText});
  }
  for (const auto& cells : figure.rows) {
    std::vector<std::string> row;
    for (size_t i = 0; i < cells.size(); ++i) {
      const FigureColumn& column = figure.columns[i];
      if (column.unit == FigureUnit::kText || !cells[i].text.empty()) {
        row.push_back(cells[i].text);
      } else if (column.unit == FigureUnit::kThreshold && !exact && cells[i].number) {
        row.push_back(ThresholdText(static_cast<uint64_t>(*cells[i].number)));
      } else {
        row.push_back(exact ? Exact(cells[i].number) : Fixed(cells[i].number, column.decimals));
      }
    }
    grid.rows.push_back(std::move(row));
  }
  if (exact) return RenderCsv(grid);
  std::string out = Heading(2, FigureTitle(figure), options.format);
  if (options.format == RenderFormat::kText) out += "\n";
  out += RenderGrid(grid, options) + "\n";
  for (const std::string& note : figure.notes) out += Bullet(note, options.format);
  return out;
}

}  // namespace uhaul
