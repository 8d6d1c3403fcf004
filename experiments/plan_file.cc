#include "experiments/plan_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include "experiments/schema.h"

namespace uhaul {
namespace {

namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;

constexpr int64_t kLargestPlan = int64_t{1} << 30;  // octets

// `length` octets from `begin`, with room behind them for simdjson.
Result<simdjson::padded_string> ReadPart(int fd, size_t begin, size_t length) {
  simdjson::padded_string text(length);
  size_t done = 0;
  while (done < length) {
    const ssize_t n = ::pread(fd, text.data() + done, length - done, static_cast<off_t>(begin + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error{fmt::format("cannot read: {}", std::strerror(errno))};
    if (n == 0) return Error{"cannot read it whole"};
    done += static_cast<size_t>(n);
  }
  return text;
}

// What an object has under `key`; none if it is not an object, or has other keys than so many.
std::optional<dom::element> Member(const dom::element& json, size_t keys, const char* key) {
  dom::object object;
  dom::element member;
  if (json.get(object) != simdjson::SUCCESS || object.size() != keys) return std::nullopt;
  if (object.at_key(key).get(member) != simdjson::SUCCESS) return std::nullopt;
  return member;
}

Result<PlannedPoint> ReadPoint(const dom::element& json) {
  std::string_view id;
  dom::object values;
  const auto id_member = Member(json, 2, "id");
  const auto spec_member = Member(json, 2, "spec");
  if (!id_member || !spec_member || id_member->get(id) != simdjson::SUCCESS ||
      spec_member->get(values) != simdjson::SUCCESS) {
    return Error{"is not {\"id\": ..., \"spec\": {...}}"};
  }
  std::map<std::string, std::string> canonical;
  for (const auto [key, value] : values) {
    std::string_view text;
    const std::string name(key);
    if (value.get(text) != simdjson::SUCCESS) return Error{fmt::format("the value of {} is not text", Quoted(name))};
    if (!canonical.emplace(name, text).second) return Error{fmt::format("duplicate key {}", Quoted(name))};
  }
  Result<PointSpec> spec = FromCanonical(canonical);
  if (!spec.ok()) return spec.error();
  PlannedPoint point{std::string(id), *std::move(spec)};
  if (point.id != PointId(point.spec)) return Error{fmt::format("has the identity {}", PointId(point.spec))};
  return point;
}

Result<std::vector<PlannedPoint>> ReadGroup(std::string_view text, size_t index) {
  const auto bad = [&](const std::string& message) { return Error{fmt::format("group {}{}", index, message)}; };
  dom::parser parser;
  dom::array elements;
  const auto parsed = parser.parse(text.data(), text.size(), false);
  if (parsed.error() != simdjson::SUCCESS) {
    return bad(fmt::format(": not JSON: {}", simdjson::error_message(parsed.error())));
  }
  if (parsed.get(elements) != simdjson::SUCCESS || elements.size() == 0) return bad(" is not a list of points");
  std::vector<PlannedPoint> points;
  for (const dom::element element : elements) {
    Result<PlannedPoint> point = ReadPoint(element);
    if (!point.ok()) return bad(fmt::format(", point {}: {}", points.size(), point.error().message));
    points.push_back(*std::move(point));
  }
  return points;
}

// What the whole of a plan must be, beside its points: each of them once, in the one group of its trace.
class Uniqueness {
 public:
  Status Add(const std::vector<PlannedPoint>& points, size_t index) {
    const std::string key = TraceGroupKey(points.front().spec);
    for (size_t i = 0; i < points.size(); ++i) {
      const auto bad = [&](const std::string& message) {
        return Error{fmt::format("group {}, point {}{}", index, i, message)};
      };
      if (!ids_.insert(points[i].id).second) return bad(fmt::format(": {} stands twice", points[i].id));
      if (TraceGroupKey(points[i].spec) != key) return bad(": does not share the warm-up of its group");
    }
    if (!keys_.insert(key).second) return Error{fmt::format("group {}, point 0: its trace has a group already", index)};
    return {};
  }

 private:
  std::set<std::string> ids_;
  std::set<std::string> keys_;
};

}  // namespace

PlanFile::~PlanFile() { ::close(fd_); }

Result<std::unique_ptr<PlanFile>> PlanFile::Open(const std::string& path) {
  const auto bad = [&](const std::string& message) { return Error{fmt::format("{}: error: {}", path, message)}; };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return bad(fmt::format("cannot read: {}", std::strerror(errno)));
  std::unique_ptr<PlanFile> plan(new PlanFile(path, fd));
  if (const Status read = plan->Read(); !read.ok()) return bad(read.error().message);
  return plan;
}

Status PlanFile::Read() {
  struct stat status {};
  if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > kLargestPlan) {
    return Error{"is not a plan: larger than 1 GiB, or not a file"};
  }
  const Result<simdjson::padded_string> text = ReadPart(fd_, 0, static_cast<size_t>(status.st_size));
  if (!text.ok()) return text.error();
  const Error shape{"is not {\"plan\": 1, \"out\": DIR, \"groups\": [...]}"};
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  if (const auto error = parser.iterate(*text).get(document); error != simdjson::SUCCESS) {
    return Error{fmt::format("not JSON: {}", simdjson::error_message(error))};
  }
  if (document.get_object().get(object) != simdjson::SUCCESS) return shape;
  std::set<std::string> keys;
  Uniqueness unique;
  for (auto field : object) {
    std::string_view key;
    if (const auto error = field.unescaped_key().get(key); error != simdjson::SUCCESS) {
      return Error{fmt::format("not JSON: {}", simdjson::error_message(error))};
    }
    if (!keys.emplace(key).second) return Error{fmt::format("duplicate key {}", Quoted(std::string(key)))};
    if (key == "plan") {
      int64_t version = 0;
      if (field.value().get(version) != simdjson::SUCCESS) return shape;
      if (version != 1) return Error{fmt::format("plan version {}, this build reads 1", version)};
    } else if (key == "out") {
      std::string_view out;
      if (field.value().get(out) != simdjson::SUCCESS) return shape;
      if (out.empty()) return Error{"'out' is empty"};
      out_ = out;
    } else if (key == "groups") {
      ondemand::array groups;
      if (field.value().get(groups) != simdjson::SUCCESS) return shape;
      for (auto group : groups) {
        ondemand::array elements;
        std::string_view raw;
        const size_t index = ranges_.size();
        if (group.get(elements) != simdjson::SUCCESS || elements.raw_json().get(raw) != simdjson::SUCCESS) {
          return Error{fmt::format("group {} is not a list of points", index)};
        }
        const Result<std::vector<PlannedPoint>> points = ReadGroup(raw, index);
        if (!points.ok()) return points.error();
        if (Status added = unique.Add(*points, index); !added.ok()) return added;
        ranges_.push_back({static_cast<size_t>(raw.data() - text->data()), raw.size(), points->size()});
      }
    } else {
      return shape;
    }
  }
  if (keys.size() != 3) return shape;
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
    return Error{"not JSON: something follows the plan"};
  return {};
}

Result<std::vector<PlannedPoint>> PlanFile::Group(size_t index) const {
  const Range& range = ranges_[index];
  const auto bad = [&](const Error& error) { return Error{fmt::format("{}: error: {}", path_, error.message)}; };
  const Result<simdjson::padded_string> text = ReadPart(fd_, range.begin, range.length);
  if (!text.ok()) return bad(text.error());
  Result<std::vector<PlannedPoint>> points = ReadGroup({text->data(), text->size()}, index);
  if (!points.ok()) return bad(points.error());
  if (points->size() != range.points) return bad({fmt::format("group {} has changed", index)});
  return points;
}

}  // namespace uhaul
