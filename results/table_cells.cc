#include "results/table_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace uhaul {
namespace {

// Canonical values are SI in base units: nanoseconds, bits per second.
std::string Readable(std::string_view key, const std::string& value) {
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) return value;
  if (key == "fit.window") return fmt::format("{:g} ms", number / 1e6);
  if (key == "link.rate") return fmt::format("{:g} Gbps", number / 1e9);
  return value;
}

}  // namespace

Statistic MeanOf(const WorkloadRuns& runs, RunFigure figure) {
  std::vector<std::optional<double>> values;
  for (const TraceRuns& trace : runs.traces) values.push_back(figure(trace));
  return [values = std::move(values)](const Draw& draw) -> std::optional<double> {
    double sum = 0;
    size_t count = 0;
    for (const uint32_t i : draw) {
      if (!values[i]) continue;
      sum += *values[i];
      ++count;
    }
    if (count == 0) return std::nullopt;
    return sum / static_cast<double>(count);
  };
}

Statistic Pooled(const WorkloadRuns& runs, RunConfusion confusion, Rate rate) {
  std::vector<Confusion> counts;
  for (const TraceRuns& trace : runs.traces) {
    const Confusion* c = confusion(trace);
    counts.push_back(c == nullptr ? Confusion{} : *c);
  }
  return [counts = std::move(counts), rate](const Draw& draw) {
    Confusion sum;
    for (const uint32_t i : draw) sum += counts[i];
    return rate(sum);
  };
}

std::optional<double> Overall(const WorkloadRuns& runs, const Statistic& statistic) {
  Draw all(runs.traces.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint32_t>(i);
  return statistic(all);
}

const UhaulRun* RunAt(const TraceRuns& trace, uint64_t threshold) {
  const auto it = trace.uhaul.find(threshold);
  return it == trace.uhaul.end() ? nullptr : &it->second;
}

const UhaulRun* SnapshotAt(const TraceRuns& trace, uint64_t threshold) {
  const auto it = trace.snapshot.find(threshold);
  return it == trace.snapshot.end() ? nullptr : &it->second;
}

RunFigure AtThreshold(uint64_t threshold, std::function<std::optional<double>(const UhaulRun&)> figure) {
  return [threshold, figure = std::move(figure)](const TraceRuns& trace) -> std::optional<double> {
    const UhaulRun* run = RunAt(trace, threshold);
    return run == nullptr ? std::nullopt : figure(*run);
  };
}

RunFigure AtSnapshot(uint64_t threshold, std::function<std::optional<double>(const UhaulRun&)> figure) {
  return [threshold, figure = std::move(figure)](const TraceRuns& trace) -> std::optional<double> {
    const UhaulRun* run = SnapshotAt(trace, threshold);
    return run == nullptr ? std::nullopt : figure(*run);
  };
}

std::string ThresholdText(uint64_t bytes) { return fmt::format("{:g} MB", static_cast<double>(bytes) / 1e6); }

std::optional<double> EnvelopeOfCells(const std::vector<double>& observed,
                                      const std::vector<std::vector<std::optional<double>>>& samples) {
  if (observed.empty() || samples.empty()) return std::nullopt;
  std::vector<std::vector<double>> vectors;
  for (size_t draw = 0; draw < samples[0].size(); ++draw) {
    std::vector<double> vector;
    for (const auto& cell : samples) {
      if (cell[draw]) vector.push_back(*cell[draw]);
    }
    if (vector.size() == samples.size()) vectors.push_back(std::move(vector));
  }
  if (vectors.empty()) return std::nullopt;
  return EnvelopeP(observed, vectors);
}

TableBuilder::TableBuilder(const Study& study, const PaperNumbers& paper, int number, std::string title,
                           std::string unit, int decimals)
    : study_(study), paper_(paper) {
  table_.number = number;
  table_.title = std::move(title);
  table_.unit = std::move(unit);
  table_.decimals = decimals;
}

void TableBuilder::AddSeries(const std::string& series, const std::string& metric,
                             const std::function<CellRecipe(const WorkloadRuns&, const PaperNumber&)>& recipe) {
  for (const PaperNumber& number : paper_.From(fmt::format("Table {}", table_.number), metric)) {
    const WorkloadRuns& runs = study_.Of(number.workload);
    TableCell cell;
    cell.series = series.empty() ? WorkloadTitle(number.workload) : series;
    cell.workload = number.workload;
    cell.threshold_bytes = number.threshold_bytes;
    cell.epoch = number.epoch;
    cell.paper = number.value.value_or(0);
    cell.evidence = number.evidence;
    const CellRecipe made = recipe(runs, number);
    cell.others = made.others;
    cell.ours = Overall(runs, made.statistic);
    for (const TraceRuns& trace : runs.traces) ++(made.present(trace) ? cell.traces : cell.missing);
    if (runs.HasBands() && cell.traces >= kTracesForBands) {
      auto samples = Resample(made.statistic, single_ ? runs.singles : runs.draws);
      cell.band = Band90(samples);
      if (cell.band && number.mark != Mark::kNotComparable) {
        observed_.push_back(cell.paper);
        samples_.push_back(std::move(samples));
      }
    }
    cell.verdict = Judge(cell.paper, cell.band, number.mark);
    table_.cells.push_back(std::move(cell));
    if (std::find(workloads_.begin(), workloads_.end(), number.workload) == workloads_.end()) {
      workloads_.push_back(number.workload);
    }
  }
}

void TableBuilder::NoteEvidence() {
  std::array<size_t, kEvidenceClasses> counts{};
  for (const TableCell& cell : table_.cells) ++counts[static_cast<size_t>(cell.evidence)];
  std::string line;
  for (int i = 0; i < kEvidenceClasses; ++i) {
    const size_t count = counts[static_cast<size_t>(i)];
    if (count == 0) continue;
    line += fmt::format("{}{} {}", line.empty() ? "" : ", ", count, EvidenceName(static_cast<Evidence>(i)));
  }
  Note(
      fmt::format("Of {} cells: {}. Only predicted cells are evidence for or against the model; the figures beside "
                  "them are predictions that the paper does not print.",
                  table_.cells.size(), line));
}

void TableBuilder::NoteTraces() {
  for (const std::string& workload : workloads_) {
    const WorkloadRuns& runs = study_.Of(workload);
    size_t missing = 0;
    for (const TableCell& cell : table_.cells) {
      if (cell.workload == workload) missing = std::max(missing, cell.missing);
    }
    std::string line = fmt::format("{}: {} traces", WorkloadTitle(workload), runs.traces.size());
    if (!runs.HasBands()) line += fmt::format(", no bands (they take {})", kTracesForBands);
    if (missing > 0) line += fmt::format("; up to {} of them missing in a cell", missing);
    if (runs.left_out > 0) line += fmt::format("; {} points of other settings left out", runs.left_out);
    Note(line + ".");
  }
}

void TableBuilder::NoteSetting() {
  for (const std::string& workload : workloads_) {
    const auto& setting = study_.Of(workload).setting;
    std::string line;
    for (const char* key :
         {"workload.load", "workload.senders", "link.rate", "fit.window", "migration.phase", "edm.rho",
          "scheme.guarantee", "scheme.parallelize", "scheme.early_release", "profile.name"}) {
      const auto it = setting.find(key);
      if (it == setting.end()) continue;
      line += fmt::format("{}{} {}", line.empty() ? "" : ", ", key, Readable(key, it->second));
    }
    if (!line.empty()) Note(fmt::format("Setting, {}: {}.", WorkloadTitle(workload), line));
  }
}

void TableBuilder::NoteContradictions() {
  const std::string name = fmt::format("Table {}", table_.number);
  for (const Contradiction& c : paper_.contradictions) {
    if (std::find(c.touches.begin(), c.touches.end(), name) == c.touches.end()) continue;
    Note(fmt::format("The paper against itself, {}: {}", c.number, c.sentence));
  }
}

Table TableBuilder::Finish() {
  table_.envelope_p = EnvelopeOfCells(observed_, samples_);
  if (table_.envelope_p) {
    Note(
        fmt::format("All {} cells at once (global envelope test): p = {:.4f} if the paper's numbers were {} of "
                    "this model; uncorrected, see the summary for Holm's correction.",
                    observed_.size(), *table_.envelope_p, single_ ? "a run" : "five-run means"));
  }
  NoteEvidence();
  NoteTraces();
  NoteSetting();
  NoteContradictions();
  return std::move(table_);
}

Table BuildTable(int number, const Study& study, const PaperNumbers& paper) {
  UHAUL_CHECK(number >= 1);
  UHAUL_CHECK(number <= kPaperTables);
  if (number <= 3) return DetectionTable(study, paper, number).Finish();
  if (number <= 5) return SizeBasedTable(study, paper, number).Finish();
  if (number <= 7) return FctTable(study, paper, number).Finish();
  if (number == 8) return FitTable(study, paper).Finish();
  if (number == 9) return MissedTable(study, paper).Finish();
  if (number <= 11) return DieOutTable(study, paper, number).Finish();
  return TotalTimeTable(study, paper, number).Finish();
}

Result<Table> BuildTable(int number, std::span<const StoredPoint> points, const RenderOptions& options) {
  if (number < 1 || number > kPaperTables) {
    return Error{fmt::format("the paper has no Table {}; there are Tables 1 to {}", number, kPaperTables)};
  }
  const auto paper = LoadPaperNumbers();
  if (!paper) return paper.error();
  return BuildTable(number, Study(points, options), *paper);
}

Result<std::string> RenderTable(int number, std::span<const StoredPoint> points, const RenderOptions& options) {
  const auto table = BuildTable(number, points, options);
  if (!table) return table.error();
  return RenderTable(*table, options);
}

Result<std::vector<Table>> BuildAllTables(const Study& study) {
  const auto paper = LoadPaperNumbers();
  if (!paper) return paper.error();
  std::vector<Table> tables;
  for (int number = 1; number <= kPaperTables; ++number) tables.push_back(BuildTable(number, study, *paper));
  return tables;
}

std::string RenderTables(std::span<const Table> tables, const RenderOptions& options) {
  std::string out;
  for (const Table& table : tables) out += (out.empty() ? "" : "\n") + RenderTable(table, options);
  return out;
}

}  // namespace uhaul
