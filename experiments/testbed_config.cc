#include "experiments/testbed_config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <vector>

#include "experiments/value_text.h"

namespace uhaul {
namespace {

const std::map<std::string, std::vector<std::string>> kPorts = {{"generator", {"switch", "nf1", "nf2"}},
                                                                {"switch", {"generator", "nf1", "nf2"}},
                                                                {"nf1", {"switch", "sink"}},
                                                                {"nf2", {"switch", "sink"}}};

class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  Result<TestbedConfig> Read(const YAML::Node& section) {
    if (!section.IsMap()) return At(section, "'testbed' needs roles and their ports, key: value");
    std::set<std::string> seen;
    for (const auto& entry : section) {
      const std::string key = entry.first.Scalar();
      if (!seen.insert(key).second) return At(entry.first, fmt::format("duplicate key {}", Quoted(key)));
      Status read;
      if (key == "controller") {
        read = Text(entry.second, "controller", &config_.controller);
      } else if (key == "journal") {
        read = Text(entry.second, "journal", &config_.journal);
      } else if (key == "rate_scale") {
        read = Scale(entry.second);
      } else {
        read = Role(key, entry.first, entry.second);
      }
      if (!read) return read.error();
    }
    if (config_.controller.empty()) return At(section, "'controller' is missing: the address where it listens");
    return config_;
  }

 private:
  Error At(const YAML::Node& node, const std::string& message) const {
    return Error{fmt::format("{}:{}:{}: error: {}", file_, node.Mark().line + 1, node.Mark().column + 1, message)};
  }
  Status Text(const YAML::Node& node, const std::string& what, std::string* out) const {
    if (!node.IsScalar() || node.Scalar().empty()) return At(node, fmt::format("'{}' needs a text", what));
    *out = node.Scalar();
    return {};
  }
  Status Scale(const YAML::Node& node) {
    std::string text;
    if (Status read = Text(node, "rate_scale", &text); !read) return read;
    try {
      config_.rate_scale = node.as<double>();
    } catch (const YAML::Exception&) {
      return At(node, fmt::format("'rate_scale' needs a number, got {}", Quoted(text)));
    }
    if (!(config_.rate_scale >= 0.0001 && config_.rate_scale <= 1)) {
      return At(node, "'rate_scale' is from 0.0001 to 1 (1: real time)");
    }
    return {};
  }
  Status Role(const std::string& role, const YAML::Node& key, const YAML::Node& node) {
    const auto known = kPorts.find(role);
    if (known == kPorts.end()) {
      return At(
          key,
          fmt::format("unknown key {}{}", Quoted(role),
                      DidYouMean(role, {"controller", "rate_scale", "journal", "generator", "switch", "nf1", "nf2"})));
    }
    if (!node.IsMap()) return At(node, fmt::format("'{}' needs its ports, name: port", role));
    std::map<std::string, std::string>& ports = config_.roles[role];
    for (const auto& entry : node) {
      const std::string name = entry.first.Scalar();
      if (std::find(known->second.begin(), known->second.end(), name) == known->second.end()) {
        return At(entry.first,
                  fmt::format("'{}' has no port {} (it has {})", role, Quoted(name), fmt::join(known->second, ", ")));
      }
      if (ports.contains(name)) return At(entry.first, fmt::format("duplicate key {}", Quoted(name)));
      if (Status read = Text(entry.second, name, &ports[name]); !read) return read;
    }
    for (const std::string& name : known->second) {
      if (!ports.contains(name)) return At(node, fmt::format("'{}' lacks its port '{}'", role, name));
    }
    return {};
  }

  std::string file_;
  TestbedConfig config_;
};

Result<YAML::Node> Load(const std::string& path) {
  try {
    return YAML::LoadFile(path);
  } catch (const YAML::BadFile&) {
    return Error{path + ": error: cannot read this file"};
  } catch (const YAML::Exception& e) {
    return Error{fmt::format("{}:{}:{}: error: {}", path, e.mark.line + 1, e.mark.column + 1, e.msg)};
  }
}

}  // namespace

Result<TestbedConfig> LoadTestbed(const std::string& path) {
  const Result<YAML::Node> root = Load(path);
  if (!root) return root.error();
  if (!root->IsMap() || !(*root)["testbed"]) return Error{path + ": error: there is no section 'testbed'"};
  return Reader(path).Read((*root)["testbed"]);
}

bool HasTestbed(const std::string& path) {
  const Result<YAML::Node> root = Load(path);
  return root && root->IsMap() && (*root)["testbed"];
}

}  // namespace uhaul
