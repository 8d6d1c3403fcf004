#include "experiments/definition.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace uhaul {
namespace {

// Traces vary fastest: results of one setting then stand together.
std::vector<const Axis*> InOrder(const Grid& grid) {
  std::vector<const Axis*> axes;
  for (const Axis& axis : grid.axes) axes.push_back(&axis);
  std::stable_partition(axes.begin(), axes.end(), [](const Axis* a) { return a->parameter->key != "workload.trace"; });
  return axes;
}

std::string Label(const Parameter& parameter) { return parameter.key == "workload.trace" ? "trace" : parameter.key; }

std::string Product(const Grid& grid) {
  std::vector<std::string> factors;
  for (const Axis* axis : InOrder(grid)) {
    if (axis->values.size() > 1) factors.push_back(fmt::format("{}[{}]", Label(*axis->parameter), axis->values.size()));
  }
  return factors.empty() ? "1" : fmt::format("{}", fmt::join(factors, " x "));
}

// Sets the grid's values in the schema's order (a named scheme before what overrides its parts).
PointSpec Resolve(const std::vector<const Axis*>& axes, const std::vector<size_t>& chosen,
                  const std::vector<size_t>& order) {
  PointSpec spec = DefaultSpec();
  for (const size_t i : order) axes[i]->parameter->assign(spec, axes[i]->values[chosen[i]]);
  return spec;
}

std::string PlaceOf(const Grid& grid, std::string_view key) {
  if (const Axis* axis = grid.Find(key)) return axis->place;
  // The parameter to blame has its default: point to something that was set beside it.
  const std::string section(key.substr(0, key.find('.') + 1));
  for (const Axis& axis : grid.axes) {
    if (axis.parameter->key.starts_with(section)) return axis.place;
  }
  return grid.file;
}

Status ExpandGrid(const Grid& grid, std::vector<PointSpec>* points) {
  const std::vector<const Axis*> axes = InOrder(grid);
  std::vector<size_t> order(axes.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return axes[a]->parameter < axes[b]->parameter; });
  std::vector<size_t> chosen(axes.size(), 0);
  for (;;) {
    PointSpec spec = Resolve(axes, chosen, order);
    if (const std::optional<SpecProblem> problem = CheckSpec(spec)) {
      return Error{fmt::format("{}: error: {}", PlaceOf(grid, problem->key), problem->message)};
    }
    points->push_back(std::move(spec));
    size_t i = axes.size();
    while (i > 0 && chosen[i - 1] + 1 == axes[i - 1]->values.size()) chosen[--i] = 0;
    if (i == 0) return {};
    ++chosen[i - 1];
  }
}

}  // namespace

void Grid::Set(const Axis& axis) {
  for (Axis& present : axes) {
    if (present.parameter == axis.parameter) {
      present = axis;
      return;
    }
  }
  axes.push_back(axis);
}

const Axis* Grid::Find(std::string_view key) const {
  for (const Axis& axis : axes) {
    if (axis.parameter->key == key) return &axis;
  }
  return nullptr;
}

size_t Grid::PointCount() const {
  size_t count = 1;
  for (const Axis& axis : axes) {
    count *= axis.values.size();
    if (count > kMostPoints) return kMostPoints + 1;
  }
  return count;
}

Result<Axis> ParseSet(int number, const std::string& text) {
  const std::string place = fmt::format("--set #{} {}", number, Quoted(text));
  const auto fail = [&](const std::string& message) { return Error{fmt::format("{}: error: {}", place, message)}; };
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return fail("needs the form key=value");
  const std::string key = text.substr(0, equals);
  const Parameter* parameter = FindParameter(key);
  if (parameter == nullptr) {
    return fail(fmt::format("unknown parameter {}{}", Quoted(key), DidYouMean(key, ParameterKeys())));
  }
  std::string_view rest = std::string_view(text).substr(equals + 1);
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  Axis axis{parameter, {}, place};
  std::set<std::string> seen;
  for (;;) {
    const size_t comma = rest.find(',');
    std::string_view element = rest.substr(0, comma);
    while (element.starts_with(' ')) element.remove_prefix(1);
    while (element.ends_with(' ')) element.remove_suffix(1);
    const Result<std::vector<Value>> values = ParseValues(*parameter, element, kMostPoints);
    if (!values.ok()) return fail(values.error().message);
    for (const Value& value : *values) {
      if (!seen.insert(value.canonical).second) {
        return fail(fmt::format("'{}' has the value {} twice", key, HumanValue(*parameter, value.canonical)));
      }
      axis.values.push_back(value);
    }
    if (axis.values.size() > kMostPoints) return fail("has too many values");
    if (comma == std::string_view::npos) return axis;
    rest.remove_prefix(comma + 1);
  }
}

void ApplySets(const std::vector<Axis>& sets, Definition* definition) {
  for (Grid& grid : definition->grids) {
    for (const Axis& axis : sets) grid.Set(axis);
  }
}

Result<std::vector<PointSpec>> Expand(const Definition& definition) {
  size_t total = 0;
  for (const Grid& grid : definition.grids) {
    total += grid.PointCount();
    if (total > kMostPoints) {
      return Error{fmt::format("{}: error: more than {} points; narrow an axis", grid.file, kMostPoints)};
    }
  }
  std::vector<PointSpec> points;
  points.reserve(total);
  for (const Grid& grid : definition.grids) {
    if (const Status status = ExpandGrid(grid, &points); !status.ok()) return status.error();
  }
  return points;
}

std::string Summarize(const Definition& definition, size_t distinct) {
  size_t total = 0;
  std::vector<std::string> products;
  for (const Grid& grid : definition.grids) {
    total += grid.PointCount();
    products.push_back(Product(grid));
  }
  std::string text = fmt::format("{} point{} = {}", total, total == 1 ? "" : "s", fmt::join(products, " + "));
  if (distinct < total) text += fmt::format(" ({} distinct)", distinct);
  return text;
}

}  // namespace uhaul
