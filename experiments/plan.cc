#include "experiments/plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace uhaul {
namespace {

using Json = nlohmann::json;

Error Bad(const std::string& path, const std::string& message) {
  return Error{fmt::format("{}: error: {}", path, message)};
}

void AppendText(const std::string& value, std::string* text) {
  const bool plain =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  if (plain) {
    text->append("\"").append(value).append("\"");
  } else {
    text->append(Json(value).dump());
  }
}

// By hand: a sweep has a hundred thousand of them, and a tree of JSON for each took most of its start.
void AppendPoint(const PlannedPoint& point, std::string* text) {
  text->append("{\"id\":");
  AppendText(point.id, text);
  text->append(",\"spec\":{");
  bool first = true;
  for (const auto& [key, value] : CanonicalSpec(point.spec)) {
    if (!std::exchange(first, false)) text->append(",");
    AppendText(key, text);
    text->append(":");
    AppendText(value, text);
  }
  text->append("}}");
}

Status WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error{std::strerror(errno)};
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace

Plan MakePlan(const std::vector<PointSpec>& points, std::string out) {
  Plan plan;
  plan.out = std::move(out);
  std::set<std::string> seen;
  std::map<std::string, size_t> group_of;
  // Groups stand in the order of their first points, points in the order given: the definition decides, not a hash.
  for (const PointSpec& spec : points) {
    std::string id = PointId(spec);
    if (!seen.insert(id).second) continue;
    const auto [group, added] = group_of.emplace(TraceGroupKey(spec), plan.groups.size());
    if (added) plan.groups.emplace_back();
    plan.groups[group->second].push_back({std::move(id), spec});
  }
  return plan;
}

Status WritePlan(const Plan& plan, const std::string& path) {
  std::string text;
  try {
    text = "{\"groups\":[";
    for (const std::vector<PlannedPoint>& group : plan.groups) {
      text += &group == &plan.groups.front() ? "[" : ",[";
      for (const PlannedPoint& point : group) {
        if (&point != &group.front()) text += ',';
        AppendPoint(point, &text);
      }
      text += ']';
    }
    text += fmt::format("],\"out\":{},\"plan\":1}}\n", Json(plan.out).dump());
  } catch (const Json::exception& e) {
    return Bad(path, fmt::format("cannot be written as JSON: {}", e.what()));  // a path that is not UTF-8
  }
  const std::string temporary = path + ".tmp";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return Bad(path, fmt::format("cannot write: {}", std::strerror(errno)));
  Status written = WriteAll(fd, text);
  if (written.ok() && ::fsync(fd) != 0) written = Error{std::strerror(errno)};
  if (::close(fd) != 0 && written.ok()) written = Error{std::strerror(errno)};
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) written = Error{std::strerror(errno)};
  if (!written.ok()) {
    ::unlink(temporary.c_str());
    return Bad(path, fmt::format("cannot write: {}", written.error().message));
  }
  return {};
}

}  // namespace uhaul
