// Reading a definition: yaml-cpp for the syntax, everything else by us, because yaml-cpp accepts repeated keys in
// silence and knows nothing of ours.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "experiments/definition.h"
#include "experiments/profile_file.h"
#include "experiments/yaml_documents.h"

namespace uhaul {
namespace {

constexpr size_t kDeepestInclude = 16;
constexpr size_t kMostGrids = 10'000;
constexpr size_t kMostValues = kMostPoints;

using Assignments = std::vector<Axis>;

std::string PlaceOf(const std::string& file, const YAML::Mark& mark) {
  if (mark.is_null()) return file;
  return fmt::format("{}:{}:{}", file, mark.line + 1, mark.column + 1);
}

// One file, with what includes it.
class Reader {
 public:
  Reader(std::string file, std::vector<std::string> including)
      : file_(std::move(file)), including_(std::move(including)) {}
  Result<Definition> Read();

 private:
  Error At(const YAML::Node& node, const std::string& message) const {
    return Error{fmt::format("{}: error: {}", PlaceOf(file_, node.Mark()), message)};
  }
  Result<std::string> Text() const;
  Result<Definition> FromNode(const YAML::Node& root);
  Status CheckKeys(const YAML::Node& map, const std::vector<std::string>& known) const;
  Result<std::string> Scalar(const YAML::Node& node, const std::string& what) const;
  Result<std::vector<std::string>> Scalars(const YAML::Node& node, const std::string& what) const;
  Result<Assignments> Parameters(const YAML::Node& node) const;
  Status Section(const YAML::Node& map, const std::string& prefix, std::set<std::string>* seen, Assignments* out) const;
  Status One(const std::string& key, const YAML::Node& key_node, const YAML::Node& node, std::set<std::string>* seen,
             Assignments* out) const;
  Status Append(const Parameter& parameter, const YAML::Node& node, std::set<std::string>* seen, Axis* axis) const;
  Status Include(const YAML::Node& list, Definition* definition) const;
  Status Combine(const Assignments& parameters, const YAML::Node& variants, Definition* definition) const;

  std::string file_;
  std::vector<std::string> including_;  // canonical paths, outermost first
};

Result<std::string> Reader::Text() const {
  std::error_code ignored;
  if (std::filesystem::is_directory(file_, ignored)) return Error{file_ + ": error: is a folder, not a definition"};
  std::ifstream in(file_, std::ios::binary);
  if (!in) return Error{file_ + ": error: cannot read this file"};
  std::string text(kLargestDefinition + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kLargestDefinition) {
    return Error{fmt::format("{}: error: larger than {} octets, which no definition is", file_, kLargestDefinition)};
  }
  return text;
}

Result<Definition> Reader::Read() {
  const Result<std::string> text = Text();
  if (!text.ok()) return text.error();
  try {
    const YamlDocuments documents = ReadYamlDocuments(*text);
    if (!documents.first) return Error{file_ + ": error: is empty"};
    if (documents.second) {
      return Error{PlaceOf(file_, *documents.second) + ": error: a second document; one file is one definition"};
    }
    return FromNode(*documents.first);
  } catch (const YAML::Exception& e) {
    return Error{fmt::format("{}: error: not YAML: {}", PlaceOf(file_, e.mark), e.msg)};
  }
}

Result<Definition> Reader::FromNode(const YAML::Node& root) {
  if (!root.IsMap()) return At(root, "a definition is a map of name, about, paper, include, parameters and variants");
  if (Status s = CheckKeys(root, {"name", "about", "paper", "include", "parameters", "variants", "testbed"}); !s.ok())
    return s.error();
  Definition definition;
  if (!root["name"]) return At(root, "'name' is missing");
  const Result<std::string> name = Scalar(root["name"], "name");
  if (!name.ok()) return name.error();
  definition.name = *name;
  if (root["about"]) {
    const Result<std::string> about = Scalar(root["about"], "about");
    if (!about.ok()) return about.error();
    definition.about = *about;
  }
  if (root["paper"]) {
    const Result<std::vector<std::string>> paper = Scalars(root["paper"], "paper");
    if (!paper.ok()) return paper.error();
    definition.paper = *paper;
  }
  if (root["include"]) {
    if (Status s = Include(root["include"], &definition); !s.ok()) return s.error();
  } else {
    definition.grids.push_back({file_, {}});
  }
  Assignments parameters;
  if (root["parameters"]) {
    Result<Assignments> read = Parameters(root["parameters"]);
    if (!read.ok()) return read.error();
    parameters = *std::move(read);
  }
  if (Status s = Combine(parameters, root["variants"], &definition); !s.ok()) return s.error();
  return definition;
}

Status Reader::CheckKeys(const YAML::Node& map, const std::vector<std::string>& known) const {
  std::set<std::string> seen;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) return At(entry.first, "a key must be a word");
    const std::string& key = entry.first.Scalar();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return At(entry.first, fmt::format("unknown key {}{}", Quoted(key), DidYouMean(key, known)));
    }
    if (!seen.insert(key).second) return At(entry.first, fmt::format("duplicate key {}", Quoted(key)));
  }
  return {};
}

Result<std::string> Reader::Scalar(const YAML::Node& node, const std::string& what) const {
  if (!node.IsScalar() || node.Scalar().empty()) return At(node, fmt::format("'{}' needs text", what));
  return node.Scalar();
}

Result<std::vector<std::string>> Reader::Scalars(const YAML::Node& node, const std::string& what) const {
  if (!node.IsSequence()) return At(node, fmt::format("'{}' needs a list", what));
  std::vector<std::string> out;
  for (const YAML::Node& element : node) {
    const Result<std::string> text = Scalar(element, what);
    if (!text.ok()) return text.error();
    out.push_back(*text);
  }
  return out;
}

Result<Assignments> Reader::Parameters(const YAML::Node& node) const {
  if (node.IsNull()) return Assignments{};
  if (!node.IsMap()) return At(node, "parameters are a map of key: value");
  Assignments out;
  std::set<std::string> seen;
  if (Status s = Section(node, "", &seen, &out); !s.ok()) return s.error();
  return out;
}

Status Reader::Section(const YAML::Node& map, const std::string& prefix, std::set<std::string>* seen,
                       Assignments* out) const {
  std::set<std::string> here;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) return At(entry.first, "a key must be a word");
    const std::string& word = entry.first.Scalar();
    if (!here.insert(word).second) return At(entry.first, fmt::format("duplicate key {}", Quoted(word)));
    const std::string key = prefix + word;
    if (entry.second.IsMap() && prefix.empty() && FindParameter(key) == nullptr) {
      if (Status s = Section(entry.second, key + ".", seen, out); !s.ok()) return s;
      continue;
    }
    if (Status s = One(key, entry.first, entry.second, seen, out); !s.ok()) return s;
  }
  return {};
}

Status Reader::One(const std::string& key, const YAML::Node& key_node, const YAML::Node& node,
                   std::set<std::string>* seen, Assignments* out) const {
  const Parameter* parameter = FindParameter(key);
  if (parameter == nullptr) {
    return At(key_node, fmt::format("unknown parameter {}{}", Quoted(key), DidYouMean(key, ParameterKeys())));
  }
  if (!seen->insert(key).second) return At(key_node, fmt::format("duplicate key {}", Quoted(key)));
  Axis axis{parameter, {}, PlaceOf(file_, node.Mark())};
  std::set<std::string> values;
  if (node.IsScalar()) {
    if (Status s = Append(*parameter, node, &values, &axis); !s.ok()) return s;
  } else if (node.IsSequence()) {
    if (node.size() == 0) return At(node, fmt::format("'{}' has an empty list", key));
    for (const YAML::Node& element : node) {
      if (Status s = Append(*parameter, element, &values, &axis); !s.ok()) return s;
    }
  } else {
    return At(key_node, fmt::format("'{}' needs a value or a list of values", key));
  }
  out->push_back(std::move(axis));
  return {};
}

Status Reader::Append(const Parameter& parameter, const YAML::Node& node, std::set<std::string>* seen,
                      Axis* axis) const {
  if (!node.IsScalar()) return At(node, fmt::format("'{}' needs a value or a list of values", parameter.key));
  std::string text = node.Scalar();
  if (parameter.read_file && IsProfilePath(text)) {  // relative to the definition, as includes are
    text = (std::filesystem::path(file_).parent_path() / text).string();
  }
  const Result<std::vector<Value>> values = ParseValues(parameter, text, kMostValues);
  if (!values.ok()) return At(node, values.error().message);
  for (const Value& value : *values) {
    if (!seen->insert(value.canonical).second) {
      return At(node,
                fmt::format("'{}' has the value {} twice", parameter.key, HumanValue(parameter, value.canonical)));
    }
    axis->values.push_back(value);
  }
  if (axis->values.size() > kMostValues) return At(node, fmt::format("'{}' has too many values", parameter.key));
  return {};
}

Status Reader::Include(const YAML::Node& list, Definition* definition) const {
  const Result<std::vector<std::string>> names = Scalars(list, "include");
  if (!names.ok()) return names.error();
  if (names->empty()) return At(list, "'include' has an empty list");
  std::error_code ignored;
  std::vector<std::string> including = including_;
  including.push_back(std::filesystem::weakly_canonical(file_, ignored).string());
  for (size_t i = 0; i < names->size(); ++i) {
    const std::string path = (std::filesystem::path(file_).parent_path() / (*names)[i]).string();
    const std::string resolved = std::filesystem::weakly_canonical(path, ignored).string();
    if (std::find(including.begin(), including.end(), resolved) != including.end()) {
      return At(list[i], fmt::format("{} includes itself", Quoted((*names)[i])));
    }
    if (including.size() > kDeepestInclude) return At(list[i], "includes are nested too deeply");
    if (!std::filesystem::is_regular_file(path, ignored)) return At(list[i], fmt::format("no file {}", Quoted(path)));
    Result<Definition> included = Reader(path, including).Read();
    if (!included.ok()) return included.error();
    for (Grid& grid : included->grids) definition->grids.push_back(std::move(grid));
    if (definition->grids.size() > kMostGrids) return At(list[i], "too many grids");
  }
  return {};
}

// Two collections that share a part bring the same grid twice: it stands once.
void DropRepeated(std::vector<Grid>* grids) {
  std::set<std::string> seen;
  std::erase_if(*grids, [&](const Grid& grid) {
    std::string text;
    for (const Axis& axis : grid.axes) {
      text += axis.parameter->key + ":";
      for (const Value& value : axis.values) text += value.canonical + ",";
      text += "\n";
    }
    return !seen.insert(std::move(text)).second;
  });
}

Status Reader::Combine(const Assignments& parameters, const YAML::Node& variants, Definition* definition) const {
  for (Grid& grid : definition->grids) {
    for (const Axis& axis : parameters) grid.Set(axis);
  }
  if (variants) {
    if (!variants.IsSequence() || variants.size() == 0)
      return At(variants, "'variants' needs a list of parameter maps");
    std::vector<Grid> combined;
    for (const YAML::Node& variant : variants) {
      const Result<Assignments> assignments = Parameters(variant);
      if (!assignments.ok()) return assignments.error();
      for (Grid grid : definition->grids) {
        for (const Axis& axis : *assignments) grid.Set(axis);
        combined.push_back(std::move(grid));
      }
      if (combined.size() > kMostGrids) return At(variant, "too many grids");
    }
    definition->grids = std::move(combined);
  }
  DropRepeated(&definition->grids);
  return {};
}

}  // namespace

Result<Definition> LoadDefinition(const std::string& path) { return Reader(path, {}).Read(); }

}  // namespace uhaul
