#include "results/collect.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "results/metrics.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

struct Column {
  const char* name;
  const char* title;  // in the table of means; nullptr: only in the CSV
  int decimals;
  std::optional<double> (*value)(const RunMetrics& m, const RunRecord& record);
};

Confusion OwnConfusion(const RunRecord& record) {
  return Confuse(record, record.elephant_bytes_threshold, OwnSelection(record));
}
// Only where elephants were chosen: other schemes have no threshold.
std::optional<double> Rate(const RunRecord& record, std::optional<double> (*rate)(const Confusion&)) {
  if (record.elephant_bytes_threshold == 0) return std::nullopt;
  return rate(OwnConfusion(record));
}

constexpr auto kController = static_cast<size_t>(BufferPlace::kController);
constexpr auto kDestination = static_cast<size_t>(BufferPlace::kDestination);

using M = RunMetrics;
using R = RunRecord;
using D = std::optional<double>;
constexpr Column kColumns[] = {
    {"active", "active", 1, [](const M& m, const R&) -> D { return m.active; }},
    {"selected", "selected", 1, [](const M& m, const R&) -> D { return m.selected; }},
    {"selected_alive", "alive", 2, [](const M& m, const R&) -> D { return m.selected_alive; }},
    {"moved", "moved", 1, [](const M&, const R& r) -> D { return r.counters.flows_moved; }},
    {"rho", nullptr, 4, [](const M&, const R& r) -> D { return r.rho; }},
    {"recall_percent", nullptr, 1, [](const M&, const R& r) { return Rate(r, Recall); }},
    {"accuracy_percent", nullptr, 1, [](const M&, const R& r) { return Rate(r, Accuracy); }},
    {"fn_percent", "FN %", 1, [](const M&, const R& r) { return Rate(r, FalseNegatives); }},
    {"fp_percent", "FP %", 1, [](const M&, const R& r) { return Rate(r, FalsePositives); }},
    {"downtime_ms", "T ms", 3, [](const M& m, const R&) { return m.downtime_ms; }},
    {"done_ms", "T done", 3, [](const M& m, const R&) { return m.done_ms; }},
    {"missed", "missed", 2, [](const M& m, const R&) -> D { return m.missed; }},
    {"die_out_ms", "die-out", 3, [](const M& m, const R&) { return m.die_out_ms; }},
    {"total_ms", "total ms", 3, [](const M& m, const R&) { return m.total_ms; }},
    {"share_shifted_percent", "shifted %", 1, [](const M& m, const R&) { return m.share_shifted; }},
    {"pause_p99_us", "pause p99 us", 1, [](const M& m, const R&) -> D { return m.pause_us.p99; }},
    {"pause_max_us", nullptr, 1, [](const M& m, const R&) -> D { return m.pause_us.max; }},
    {"controller_peak_bytes", "held peak B", 0, [](const M& m, const R&) -> D { return m.buffer_peak[kController]; }},
    {"controller_volume_bytes", nullptr, 0, [](const M& m, const R&) -> D { return m.buffer_volume[kController]; }},
    {"destination_peak_bytes", nullptr, 0, [](const M& m, const R&) -> D { return m.buffer_peak[kDestination]; }},
    {"destination_volume_bytes", nullptr, 0, [](const M& m, const R&) -> D { return m.buffer_volume[kDestination]; }},
    {"rules", "rules", 1, [](const M& m, const R&) -> D { return m.rules; }},
    {"rules_peak", nullptr, 0, [](const M& m, const R&) -> D { return m.rules_peak; }},
    {"control_messages", "messages", 0, [](const M& m, const R&) -> D { return m.messages; }},
    {"control_bytes", nullptr, 0, [](const M& m, const R&) -> D { return m.control_bytes; }},
    {"packets_lost", "lost", 1, [](const M& m, const R&) -> D { return m.lost; }},
    {"packets_reordered", "reordered", 1, [](const M&, const R& r) -> D { return r.counters.packets_reordered; }},
    {"buffer_dropped", nullptr, 0, [](const M& m, const R&) -> D { return m.buffer_dropped; }},
    {"capped", nullptr, 0, [](const M& m, const R&) -> D { return m.capped ? 1 : 0; }},
};

// Whole numbers before words, and by size: 3000000 before 10000000.
bool ValueLess(const std::string& a, const std::string& b) {
  const auto is_number = [](const std::string& s) {
    return !s.empty() && s.size() < 19 && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (is_number(a) && is_number(b)) return std::stoull(a) < std::stoull(b);
  return a < b;
}
struct RowLess {
  bool operator()(const std::vector<std::string>& a, const std::vector<std::string>& b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), ValueLess);
  }
};

std::set<std::string> AllKeys(std::span<const StoredPoint> points) {
  std::set<std::string> keys;
  for (const StoredPoint& point : points) {
    for (const auto& [key, value] : point.spec) keys.insert(key);
  }
  return keys;
}

template <class Keys>
std::vector<std::string> ValuesOf(const StoredPoint& point, const Keys& keys) {
  std::vector<std::string> values;
  for (const std::string& key : keys) {
    const auto at = point.spec.find(key);
    values.push_back(at == point.spec.end() ? "" : at->second);
  }
  return values;
}

// The keys that tell points apart, names first; a key that those before it decide (a scheme's parts, say) is left out.
std::vector<std::string> TellingKeys(std::span<const StoredPoint> points) {
  std::vector<std::string> order = {"workload.name", "scheme.name", "profile.name", "edm.threshold"};
  for (const std::string& key : AllKeys(points)) {
    if (std::find(order.begin(), order.end(), key) == order.end() && key != "workload.trace") order.push_back(key);
  }
  std::vector<std::string> kept;
  for (const std::string& key : order) {
    std::map<std::vector<std::string>, std::string> decided;
    bool tells = false;
    for (const StoredPoint& point : points) {
      const std::string value = ValuesOf(point, std::vector<std::string>{key}).front();
      tells = tells || decided.emplace(ValuesOf(point, kept), value).first->second != value;
    }
    if (tells) kept.push_back(key);
  }
  return kept;
}

}  // namespace

std::string CollectCsv(std::span<const StoredPoint> points) {
  const std::set<std::string> keys = AllKeys(points);
  TextGrid grid;
  grid.columns = {{"id", true}, {"engine", true}};
  for (const std::string& key : keys) grid.columns.push_back({key, true});
  for (const Column& column : kColumns) grid.columns.push_back({column.name});
  std::map<std::vector<std::string>, std::vector<std::string>, RowLess> rows;
  for (const StoredPoint& point : points) {
    std::vector<std::string> order = ValuesOf(point, keys);
    std::vector<std::string> row = {point.id, point.engine};
    row.insert(row.end(), order.begin(), order.end());
    const RunMetrics metrics = ComputeMetrics(point.record);
    for (const Column& column : kColumns) row.push_back(Exact(column.value(metrics, point.record)));
    order.push_back(point.engine);
    rows.emplace(std::move(order), std::move(row));
  }
  for (auto& [order, row] : rows) grid.rows.push_back(std::move(row));
  return RenderCsv(grid);
}

std::string CollectMeans(std::span<const StoredPoint> points, const RenderOptions& options) {
  const std::vector<std::string> varying = TellingKeys(points);
  struct Sum {
    double total = 0;
    size_t count = 0;
  };
  std::map<std::vector<std::string>, std::pair<size_t, std::vector<Sum>>, RowLess> groups;
  for (const StoredPoint& point : points) {
    auto& [count, sums] = groups[ValuesOf(point, varying)];
    sums.resize(std::size(kColumns));
    ++count;
    const RunMetrics metrics = ComputeMetrics(point.record);
    for (size_t i = 0; i < std::size(kColumns); ++i) {
      const std::optional<double> value = kColumns[i].value(metrics, point.record);
      if (!value) continue;
      sums[i].total += *value;
      ++sums[i].count;
    }
  }
  TextGrid grid;
  for (const std::string& key : varying) grid.columns.push_back({key});
  grid.columns.push_back({"n"});
  for (const Column& column : kColumns) {
    if (column.title != nullptr) grid.columns.push_back({column.title});
  }
  for (const auto& [values, group] : groups) {
    std::vector<std::string> row = values;
    for (std::string& value : row) {
      if (value.empty()) value = "-";
    }
    row.push_back(fmt::to_string(group.first));
    for (size_t i = 0; i < std::size(kColumns); ++i) {
      if (kColumns[i].title == nullptr) continue;
      const Sum& sum = group.second[i];
      row.push_back(sum.count == 0 ? "-" : Fixed(sum.total / static_cast<double>(sum.count), kColumns[i].decimals));
    }
    grid.rows.push_back(std::move(row));
  }
  return options.format == RenderFormat::kCsv ? RenderCsv(grid) : RenderGrid(grid, options);
}

}  // namespace uhaul
