// How cells are made from runs: figures of one run, averaged or pooled over the runs of a draw. Private to results/.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "results/paper_tables.h"
#include "results/study.h"

namespace uhaul {

// A figure of one trace's runs; nullopt if they do not give it.
using RunFigure = std::function<std::optional<double>(const TraceRuns&)>;
using RunConfusion = std::function<const Confusion*(const TraceRuns&)>;
using Rate = std::optional<double> (*)(const Confusion&);

// The mean over the runs of a draw that give the figure.
Statistic MeanOf(const WorkloadRuns& runs, RunFigure figure);
// The rate of all flows of the draw's runs taken together.
Statistic Pooled(const WorkloadRuns& runs, RunConfusion confusion, Rate rate);
// Of all traces, each once.
std::optional<double> Overall(const WorkloadRuns& runs, const Statistic& statistic);

// The run at a threshold; nullptr if there is none.
const UhaulRun* RunAt(const TraceRuns& trace, uint64_t threshold);
const UhaulRun* SnapshotAt(const TraceRuns& trace, uint64_t threshold);
// A figure of a U-HAUL run as a figure of its trace.
RunFigure AtThreshold(uint64_t threshold, std::function<std::optional<double>(const UhaulRun&)> figure);
RunFigure AtSnapshot(uint64_t threshold, std::function<std::optional<double>(const UhaulRun&)> figure);

// What a table makes of each cell.
struct CellRecipe {
  Statistic statistic;
  std::function<bool(const TraceRuns&)> present;  // the run is there, whatever it gives
  std::vector<std::optional<double>> others;
};

// Collects cells with what their global test needs.
class TableBuilder {
 public:
  TableBuilder(const Study& study, const PaperNumbers& paper, int number, std::string title, std::string unit,
               int decimals);
  const Study& study() const { return study_; }
  Table& table() { return table_; }

  // One run per draw instead of five: for what the paper prints of one run.
  void OfSingleRuns() { single_ = true; }
  // A cell for each of the paper's numbers of this metric, in its order.
  void AddSeries(const std::string& series, const std::string& metric,
                 const std::function<CellRecipe(const WorkloadRuns&, const PaperNumber&)>& recipe);
  void Note(std::string sentence) { table_.notes.push_back(std::move(sentence)); }
  // The global test, and the notes that every table has.
  Table Finish();

 private:
  void NoteEvidence();
  void NoteTraces();
  void NoteSetting();
  void NoteContradictions();

  const Study& study_;
  const PaperNumbers& paper_;
  Table table_;
  bool single_ = false;
  std::vector<std::string> workloads_;                       // in order of appearance
  std::vector<std::vector<std::optional<double>>> samples_;  // by cell with a band
  std::vector<double> observed_;
};

// p of the envelope test over the cells' samples (by cell, by draw); nullopt with nothing to test.
std::optional<double> EnvelopeOfCells(const std::vector<double>& observed,
                                      const std::vector<std::vector<std::optional<double>>>& samples);

// One table each; Finish() is called by the caller.
TableBuilder DetectionTable(const Study& study, const PaperNumbers& paper, int number);  // 1-3
TableBuilder SizeBasedTable(const Study& study, const PaperNumbers& paper, int number);  // 4-5
TableBuilder FctTable(const Study& study, const PaperNumbers& paper, int number);        // 6-7
TableBuilder FitTable(const Study& study, const PaperNumbers& paper);                    // 8
TableBuilder MissedTable(const Study& study, const PaperNumbers& paper);                 // 9
TableBuilder DieOutTable(const Study& study, const PaperNumbers& paper, int number);     // 10-11
TableBuilder TotalTimeTable(const Study& study, const PaperNumbers& paper, int number);  // 12-13
Table BuildTable(int number, const Study& study, const PaperNumbers& paper);

// "3 MB", "1.5 MB".
std::string ThresholdText(uint64_t bytes);

}  // namespace uhaul
