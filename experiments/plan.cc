#include "experiments/plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "experiments/schema.h"

namespace uhaul {
namespace {

using Json = nlohmann::json;

constexpr int64_t kLargestPlan = int64_t{1} << 30;  // octets
constexpr int kDeepest = 8;

Error Bad(const std::string& path, const std::string& message) {
  return Error{fmt::format("{}: error: {}", path, message)};
}

Result<std::string> ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Bad(path, fmt::format("cannot read: {}", std::strerror(errno)));
  in.seekg(0, std::ios::end);
  const std::streamoff size = in.tellg();
  if (size < 0 || size > kLargestPlan) return Bad(path, "is not a plan: larger than 1 GiB, or not a file");
  in.seekg(0);
  std::string text(static_cast<size_t>(size), '\0');
  in.read(text.data(), size);
  if (in.gcount() != size) return Bad(path, "cannot read it whole");
  return text;
}

// JSON that repeats no key: nlohmann would keep the last one in silence.
Result<Json> ParseStrict(const std::string& path, const std::string& text) {
  std::vector<std::set<std::string>> open;
  std::string repeated;
  bool too_deep = false;
  const Json::parser_callback_t watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest) too_deep = true;
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key) {
      const std::string key = parsed.get<std::string>();
      if (!open.back().insert(key).second && repeated.empty()) repeated = key;
    }
    return true;
  };
  try {
    Json json = Json::parse(text, watch);
    if (!repeated.empty()) return Bad(path, fmt::format("duplicate key {}", Quoted(repeated)));
    if (too_deep) return Bad(path, "is nested too deeply");
    return json;
  } catch (const Json::exception& e) {
    return Bad(path, fmt::format("not JSON: {}", e.what()));
  }
}

bool HasExactly(const Json& json, std::initializer_list<const char*> keys) {
  if (!json.is_object() || json.size() != keys.size()) return false;
  for (const char* key : keys) {
    if (!json.contains(key)) return false;
  }
  return true;
}

Result<PlannedPoint> ReadPlannedPoint(const Json& json) {
  if (!HasExactly(json, {"id", "spec"}) || !json["id"].is_string() || !json["spec"].is_object()) {
    return Error{"is not {\"id\": ..., \"spec\": {...}}"};
  }
  std::map<std::string, std::string> canonical;
  for (const auto& [key, value] : json["spec"].items()) {
    if (!value.is_string()) return Error{fmt::format("the value of {} is not text", Quoted(key))};
    canonical.emplace(key, value.get<std::string>());
  }
  Result<PointSpec> spec = FromCanonical(canonical);
  if (!spec.ok()) return spec.error();
  PlannedPoint point{json["id"].get<std::string>(), *std::move(spec)};
  if (point.id != PointId(point.spec)) return Error{fmt::format("has the identity {}", PointId(point.spec))};
  return point;
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
  Json groups = Json::array();
  for (const std::vector<PlannedPoint>& group : plan.groups) {
    Json points = Json::array();
    for (const PlannedPoint& point : group) {
      points.push_back({{"id", point.id}, {"spec", CanonicalSpec(point.spec)}});
    }
    groups.push_back(std::move(points));
  }
  std::string text;
  try {
    text = Json{{"plan", 1}, {"out", plan.out}, {"groups", std::move(groups)}}.dump() + "\n";
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

Result<Plan> ReadPlan(const std::string& path) {
  const Result<std::string> text = ReadWhole(path);
  if (!text.ok()) return text.error();
  const Result<Json> json = ParseStrict(path, *text);
  if (!json.ok()) return json.error();
  if (!HasExactly(*json, {"plan", "out", "groups"}) || !(*json)["plan"].is_number_integer() ||
      !(*json)["out"].is_string() || !(*json)["groups"].is_array()) {
    return Bad(path, "is not {\"plan\": 1, \"out\": DIR, \"groups\": [...]}");
  }
  if ((*json)["plan"] != 1)
    return Bad(path, fmt::format("plan version {}, this build reads 1", (*json)["plan"].dump()));
  Plan plan;
  plan.out = (*json)["out"].get<std::string>();
  if (plan.out.empty()) return Bad(path, "'out' is empty");
  std::set<std::string> ids;
  std::set<std::string> keys;
  for (const Json& group : (*json)["groups"]) {
    const std::string where = fmt::format("group {}", plan.groups.size());
    if (!group.is_array() || group.empty()) return Bad(path, where + " is not a list of points");
    plan.groups.emplace_back();
    std::string key;
    for (const Json& element : group) {
      const std::string place = fmt::format("{}, point {}", where, plan.groups.back().size());
      Result<PlannedPoint> point = ReadPlannedPoint(element);
      if (!point.ok()) return Bad(path, fmt::format("{}: {}", place, point.error().message));
      if (!ids.insert(point->id).second) return Bad(path, fmt::format("{}: {} stands twice", place, point->id));
      const std::string point_key = TraceGroupKey(point->spec);
      if (key.empty() && !keys.insert(point_key).second) return Bad(path, place + ": its trace has a group already");
      if (key.empty()) key = point_key;
      if (point_key != key) return Bad(path, place + ": does not share the warm-up of its group");
      plan.groups.back().push_back(*std::move(point));
    }
  }
  return plan;
}

}  // namespace uhaul
