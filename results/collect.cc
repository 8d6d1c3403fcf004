#include "results/collect.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "results/metric_table.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

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
  for (const Metric& metric : Metrics()) grid.columns.push_back({metric.name});
  std::map<std::vector<std::string>, std::vector<std::string>, RowLess> rows;
  for (const StoredPoint& point : points) {
    std::vector<std::string> order = ValuesOf(point, keys);
    std::vector<std::string> row = {point.id, point.engine};
    row.insert(row.end(), order.begin(), order.end());
    const MeasuredRun run = Measure(point.record);
    for (const Metric& metric : Metrics()) row.push_back(Exact(ValueOf(metric, run)));
    order.push_back(point.engine);
    rows.emplace(std::move(order), std::move(row));
  }
  for (auto& [order, row] : rows) grid.rows.push_back(std::move(row));
  return RenderCsv(grid);
}

SweepMeans MeansOf(std::span<const StoredPoint> points) {
  struct Sum {
    double total = 0;
    size_t count = 0;
  };
  SweepMeans means;
  means.keys = TellingKeys(points);
  std::map<std::vector<std::string>, std::pair<size_t, std::vector<Sum>>, RowLess> groups;
  for (const StoredPoint& point : points) {
    auto& [count, sums] = groups[ValuesOf(point, means.keys)];
    sums.resize(Metrics().size());
    ++count;
    const MeasuredRun run = Measure(point.record);
    for (size_t i = 0; i < Metrics().size(); ++i) {
      const std::optional<double> value = ValueOf(Metrics()[i], run);
      if (!value) continue;
      sums[i].total += *value;
      ++sums[i].count;
    }
  }
  for (const auto& [values, group] : groups) {
    SweepMeans::Line line{values, group.first, {}};
    for (const Sum& sum : group.second) {
      line.metrics.push_back(sum.count == 0 ? std::nullopt
                                            : std::optional<double>(sum.total / static_cast<double>(sum.count)));
    }
    means.lines.push_back(std::move(line));
  }
  return means;
}

std::string RenderMeans(const SweepMeans& means, const RenderOptions& options) {
  TextGrid grid;
  for (const std::string& key : means.keys) grid.columns.push_back({key});
  grid.columns.push_back({"n"});
  for (const Metric& metric : Metrics()) {
    if (metric.title != nullptr) grid.columns.push_back({metric.title});
  }
  for (const SweepMeans::Line& line : means.lines) {
    std::vector<std::string> row = line.values;
    for (std::string& value : row) {
      if (value.empty()) value = "-";
    }
    row.push_back(fmt::to_string(line.runs));
    for (size_t i = 0; i < Metrics().size(); ++i) {
      if (Metrics()[i].title != nullptr) row.push_back(Fixed(line.metrics[i], Metrics()[i].decimals));
    }
    grid.rows.push_back(std::move(row));
  }
  return options.format == RenderFormat::kCsv ? RenderCsv(grid) : RenderGrid(grid, options);
}

std::string CollectMeans(std::span<const StoredPoint> points, const RenderOptions& options) {
  return RenderMeans(MeansOf(points), options);
}

}  // namespace uhaul
