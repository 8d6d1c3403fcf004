#include "results/collect.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

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

// The keys that tell points apart, names first; a key that those before it decide (a scheme's parts, say) is left out.
std::vector<std::string> TellingKeys(std::span<const PointLine> lines) {
  std::vector<std::string> order = {"workload.name", "scheme.name", "profile.name", "edm.threshold"};
  for (const std::string& key : KeysOf(lines)) {
    if (std::find(order.begin(), order.end(), key) == order.end() && key != "workload.trace") order.push_back(key);
  }
  std::vector<std::string> kept;
  for (const std::string& key : order) {
    std::map<std::vector<std::string>, std::string> decided;
    bool tells = false;
    for (const PointLine& line : lines) {
      const std::string value = ValuesOf(line, {key}).front();
      tells = tells || decided.emplace(ValuesOf(line, kept), value).first->second != value;
    }
    if (tells) kept.push_back(key);
  }
  return kept;
}

}  // namespace

PointLine LineOf(const StoredPoint& point) {
  PointLine line{point.id, point.engine, point.build, point.spec, {}};
  const MeasuredRun run = Measure(point.record);
  for (const Metric& metric : Metrics()) line.metrics.push_back(ValueOf(metric, run));
  return line;
}

std::vector<PointLine> LinesOf(std::span<const StoredPoint> points) {
  std::vector<PointLine> lines;
  for (const StoredPoint& point : points) lines.push_back(LineOf(point));
  return lines;
}

std::vector<std::string> KeysOf(std::span<const PointLine> lines) {
  std::set<std::string> keys;
  for (const PointLine& line : lines) {
    for (const auto& [key, value] : line.spec) keys.insert(key);
  }
  return {keys.begin(), keys.end()};
}

std::vector<std::string> ValuesOf(const PointLine& line, const std::vector<std::string>& keys) {
  std::vector<std::string> values;
  for (const std::string& key : keys) {
    const auto at = line.spec.find(key);
    values.push_back(at == line.spec.end() ? "" : at->second);
  }
  return values;
}

std::vector<PointLine> Sorted(std::vector<PointLine> lines) {
  const std::vector<std::string> keys = KeysOf(lines);
  std::vector<std::pair<std::vector<std::string>, size_t>> order;
  for (size_t i = 0; i < lines.size(); ++i) {
    order.emplace_back(ValuesOf(lines[i], keys), i);
    order.back().first.push_back(lines[i].engine);
    order.back().first.push_back(lines[i].id);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return RowLess()(a.first, b.first); });
  std::vector<PointLine> sorted;
  for (const auto& [values, i] : order) sorted.push_back(std::move(lines[i]));
  return sorted;
}

std::string CollectCsv(std::span<const PointLine> lines) {
  const std::vector<std::string> keys = KeysOf(lines);
  TextGrid grid;
  grid.columns = {{"id", true}, {"engine", true}};
  for (const std::string& key : keys) grid.columns.push_back({key, true});
  for (const Metric& metric : Metrics()) grid.columns.push_back({metric.name});
  for (const PointLine& line : Sorted({lines.begin(), lines.end()})) {
    std::vector<std::string> row = {line.id, line.engine};
    for (std::string& value : ValuesOf(line, keys)) row.push_back(std::move(value));
    for (const auto& metric : line.metrics) row.push_back(Exact(metric));
    grid.rows.push_back(std::move(row));
  }
  return RenderCsv(grid);
}

SweepMeans MeansOf(std::span<const PointLine> lines) {
  struct Sum {
    double total = 0;
    size_t count = 0;
  };
  SweepMeans means;
  means.keys = TellingKeys(lines);
  std::map<std::vector<std::string>, std::pair<size_t, std::vector<Sum>>, RowLess> groups;
  for (const PointLine& line : lines) {
    auto& [count, sums] = groups[ValuesOf(line, means.keys)];
    sums.resize(line.metrics.size());
    ++count;
    for (size_t i = 0; i < line.metrics.size(); ++i) {
      if (!line.metrics[i]) continue;
      sums[i].total += *line.metrics[i];
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
      if (value.empty()) value.assign(1, '-');
    }
    row.push_back(fmt::to_string(line.runs));
    for (size_t i = 0; i < Metrics().size(); ++i) {
      if (Metrics()[i].title != nullptr) row.push_back(Fixed(line.metrics[i], Metrics()[i].decimals));
    }
    grid.rows.push_back(std::move(row));
  }
  return options.format == RenderFormat::kCsv ? RenderCsv(grid) : RenderGrid(grid, options);
}

std::string CollectMeans(std::span<const PointLine> lines, const RenderOptions& options) {
  return RenderMeans(MeansOf(lines), options);
}

}  // namespace uhaul
