#include "experiments/profile_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "experiments/schema.h"
#include "experiments/yaml_documents.h"

namespace uhaul {
namespace {

constexpr std::string_view kPrefix = "profile.";
constexpr size_t kLargestProfile = 64 * 1024;

// The schema's costs: everything of a profile but its name.
std::vector<const Parameter*> Costs() {
  std::vector<const Parameter*> costs;
  for (const Parameter& parameter : Schema()) {
    if (parameter.key.starts_with(kPrefix) && parameter.type != ValueType::kWord) costs.push_back(&parameter);
  }
  return costs;
}

std::string ShortKey(const Parameter& parameter) { return parameter.key.substr(kPrefix.size()); }
bool IsPart(std::string_view key) { return key.ends_with("_batch") || key.ends_with("_kib"); }

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Result<ProfileFile> Read() {
    std::ifstream in(path_, std::ios::binary);
    std::error_code ignored;
    if (!in || std::filesystem::is_directory(path_, ignored)) return Error{path_ + ": error: cannot read this file"};
    std::string text(kLargestProfile + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(in.gcount()));
    if (text.size() > kLargestProfile) {
      return Error{fmt::format("{}: error: larger than {} octets, which no profile is", path_, kLargestProfile)};
    }
    try {
      const YamlDocuments documents = ReadYamlDocuments(text);
      if (!documents.first || documents.second) return Error{path_ + ": error: a profile is one document"};
      return FromNode(*documents.first);
    } catch (const YAML::Exception& e) {
      return Error{fmt::format("{}:{}:{}: error: not YAML: {}", path_, e.mark.line + 1, e.mark.column + 1, e.msg)};
    }
  }

 private:
  Error At(const YAML::Node& node, const std::string& message) const {
    return Error{fmt::format("{}:{}:{}: error: {}", path_, node.Mark().line + 1, node.Mark().column + 1, message)};
  }

  Result<ProfileFile> FromNode(const YAML::Node& root) {
    if (!root.IsMap()) return At(root, "a profile is a map of name, about, measured and costs");
    PointSpec spec = DefaultSpec();
    spec.profile = Profile{};
    std::set<std::string> seen;
    for (const auto& entry : root) {
      if (!entry.first.IsScalar()) return At(entry.first, "a key must be a word");
      const std::string& key = entry.first.Scalar();
      if (!seen.insert(key).second) return At(entry.first, fmt::format("duplicate key {}", Quoted(key)));
      Status read;
      if (key == "name") {
        read = Name(entry.second);
      } else if (key == "about") {
        read = Text(entry.second, key, &file_.about);
      } else if (key == "measured") {
        read = Measured(entry.second);
      } else {
        read = Cost(key, entry.first, entry.second, &spec);
      }
      if (!read) return read.error();
    }
    if (!seen.contains("name")) return At(root, "'name' is missing: what points are to call this profile");
    for (const Parameter* cost : Costs()) {
      const std::string key = ShortKey(*cost);
      if (!IsPart(key) && !seen.contains(key)) return At(root, fmt::format("'{}' is missing: {}", key, cost->help));
    }
    spec.profile.name = name_;
    file_.profile = std::move(spec.profile);
    return std::move(file_);
  }

  Status Text(const YAML::Node& node, const std::string& what, std::string* out) const {
    if (!node.IsScalar() || node.Scalar().empty()) return At(node, fmt::format("'{}' needs text", what));
    *out = node.Scalar();
    return {};
  }

  Status Name(const YAML::Node& node) {
    if (Status read = Text(node, "name", &name_); !read) return read;
    const Parameter* parameter = FindParameter("profile.name");
    if (!ParseCanonicalValue(*parameter, name_) || IsProfilePath(name_)) {
      return At(node, fmt::format("{} is no name: at most 64 of a-z, 0-9, '-', '_', '.'", Quoted(name_)));
    }
    if (FindProfile(name_))
      return At(node, fmt::format("{} is a profile of our own: choose another name", Quoted(name_)));
    return {};
  }

  Status Measured(const YAML::Node& node) {
    if (!node.IsMap()) return At(node, "'measured' needs what it says of the measurement, key: text");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return At(entry.first, "a key must be a word");
      const std::string& key = entry.first.Scalar();
      if (!seen.insert(key).second) return At(entry.first, fmt::format("duplicate key {}", Quoted(key)));
      std::string text;
      if (Status read = Text(entry.second, key, &text); !read) return read;
      file_.measured.emplace_back(key, text);
    }
    return {};
  }

  Status Cost(const std::string& key, const YAML::Node& key_node, const YAML::Node& node, PointSpec* spec) const {
    const std::vector<const Parameter*> costs = Costs();
    const auto found =
        std::find_if(costs.begin(), costs.end(), [&](const Parameter* p) { return ShortKey(*p) == key; });
    if (found == costs.end()) {
      std::vector<std::string> known = {"name", "about", "measured"};
      for (const Parameter* cost : costs) known.push_back(ShortKey(*cost));
      return At(key_node, fmt::format("unknown key {}{}", Quoted(key), DidYouMean(key, known)));
    }
    if (!node.IsScalar()) return At(node, fmt::format("'{}' needs a value", key));
    const Result<Value> value = ParseValue(**found, node.Scalar());
    if (!value) return At(node, value.error().message);
    (*found)->assign(*spec, *value);
    return {};
  }

  std::string path_;
  std::string name_;
  ProfileFile file_;
};

// Double-quoted: a person's line may hold what YAML would read as syntax.
std::string YamlText(const std::string& text) {
  YAML::Emitter out;
  out << YAML::DoubleQuoted << text;
  return out.c_str();
}

}  // namespace

bool IsProfilePath(std::string_view text) {
  return text.find('/') != std::string_view::npos || text.ends_with(".yaml") || text.ends_with(".yml");
}

Result<ProfileFile> LoadProfile(const std::string& path) { return Reader(path).Read(); }

std::string ProfileYaml(const ProfileFile& file) {
  PointSpec spec = DefaultSpec();
  spec.profile = file.profile;
  std::string out = fmt::format("name: {}\n", file.profile.name);
  if (!file.about.empty()) out += fmt::format("about: {}\n", YamlText(file.about));
  if (!file.measured.empty()) out += "measured:\n";
  for (const auto& [key, text] : file.measured) out += fmt::format("  {}: {}\n", YamlText(key), YamlText(text));
  for (const Parameter* cost : Costs()) {
    const std::string key = ShortKey(*cost);
    const std::string value = cost->canonical(spec);
    if (IsPart(key) && value == "0") continue;
    out += fmt::format("{}: {}\n", key, HumanValue(*cost, value));
  }
  return out;
}

Status WriteProfile(const std::string& path, const ProfileFile& file) {
  const std::string temporary = path + ".tmp";
  std::ofstream out(temporary, std::ios::binary);
  out << ProfileYaml(file);
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(temporary, path, error);
  if (!out || error) return Error{fmt::format("{}: error: cannot write this file", path)};
  return {};
}

}  // namespace uhaul
