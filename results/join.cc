#include "results/join.h"

#include <algorithm>

namespace uhaul {
namespace {

std::vector<const FlowRow*> ByTuple(const RunRecord& record) {
  std::vector<const FlowRow*> rows;
  rows.reserve(record.flows.size());
  for (const FlowRow& row : record.flows) rows.push_back(&row);
  std::sort(rows.begin(), rows.end(), [](const FlowRow* a, const FlowRow* b) { return a->tuple < b->tuple; });
  return rows;
}

const FlowRow* Find(const std::vector<const FlowRow*>& rows, const FiveTuple& tuple) {
  const auto at = std::lower_bound(rows.begin(), rows.end(), tuple,
                                   [](const FlowRow* row, const FiveTuple& t) { return row->tuple < t; });
  return at != rows.end() && (*at)->tuple == tuple ? *at : nullptr;
}

bool ArrivedDuringMove(const RunRecord& opennf, const FlowRow& row) {
  const int64_t over = opennf.step_ns(OperationStep::kLastDelete);
  return !row.active && row.first_sent_ns != kNever && row.first_sent_ns >= opennf.t0_ns && over != kNever &&
         row.first_sent_ns <= over;
}

// `mate`: the flow's row under U-HAUL, nullptr if it has none.
bool Belongs(const RunRecord& opennf, const FlowRow& row, const FlowRow* mate, MicePopulation population) {
  const bool unselected = row.active && mate != nullptr && mate->active && !mate->selected;
  switch (population) {
    case MicePopulation::kUnselected:
      return unselected;
    case MicePopulation::kAlive:
      return unselected && mate->t0_unsent_bytes > 0;
    case MicePopulation::kArrived:
      return ArrivedDuringMove(opennf, row);
    case MicePopulation::kAll:
      return unselected || ArrivedDuringMove(opennf, row);
  }
  UHAUL_CHECK(population <= MicePopulation::kAll);
  return false;
}

struct Sums {
  double opennf = 0;
  double uhaul = 0;
  double opennf_arrival = 0;
  double uhaul_arrival = 0;
  std::vector<double> ratios;
};

std::optional<double> Divide(double a, double b) {
  if (b <= 0) return std::nullopt;
  return a / b;
}

void Add(const FlowRow& row, const FlowRow* mate, FctRatio& join, Sums& sums) {
  if (mate == nullptr) {
    ++join.unpaired;
    return;
  }
  const auto a = FctMs(row);
  const auto b = FctMs(*mate);
  if (!a || !b) {
    ++join.unfinished;
    return;
  }
  ++join.flows;
  sums.opennf += *a;
  sums.uhaul += *b;
  sums.opennf_arrival += FctFromArrivalMs(row).value_or(0);
  sums.uhaul_arrival += FctFromArrivalMs(*mate).value_or(0);
  if (*b > 0) sums.ratios.push_back(*a / *b);  // a flow of one packet may take no time at all on an ideal link
}

void Close(std::optional<double> opennf_downtime, Sums& sums, FctRatio& join) {
  join.ratio_of_means = Divide(sums.opennf, sums.uhaul);
  join.from_arrival = Divide(sums.opennf_arrival, sums.uhaul_arrival);
  if (!sums.ratios.empty()) {
    const Spread spread = SpreadOf(std::move(sums.ratios));
    join.mean_of_ratios = spread.mean;
    join.median = spread.median;
    join.p99 = spread.p99;
  }
  if (opennf_downtime) {
    join.arithmetic = Divide(sums.uhaul + static_cast<double>(join.flows) * *opennf_downtime, sums.uhaul);
  }
}

}  // namespace

FctRatios JoinFct(const RunRecord& opennf, const RunRecord& uhaul, uint64_t threshold) {
  const auto mates = ByTuple(uhaul);
  FctRatios joins;
  std::array<Sums, kMicePopulations> sums;
  for (const FlowRow& row : opennf.flows) {
    if (row.final_bytes >= threshold) continue;
    const FlowRow* mate = Find(mates, row.tuple);
    for (size_t i = 0; i < joins.size(); ++i) {
      if (Belongs(opennf, row, mate, static_cast<MicePopulation>(i))) Add(row, mate, joins[i], sums[i]);
    }
  }
  const auto downtime = DowntimeMs(opennf);
  for (size_t i = 0; i < joins.size(); ++i) Close(downtime, sums[i], joins[i]);
  return joins;
}

std::optional<double> ReductionPercent(std::optional<double> part, std::optional<double> whole) {
  if (!part || !whole || *whole == 0) return std::nullopt;
  return 100 * (1 - *part / *whole);
}

std::optional<double> LatencyReduction(std::optional<double> ratio) {
  if (!ratio || *ratio <= 0) return std::nullopt;
  return 100 * (1 - 1 / *ratio);
}

}  // namespace uhaul
