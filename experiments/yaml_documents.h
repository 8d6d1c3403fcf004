// The documents of a YAML text, as far as anybody wants to know: the first, and where a second begins. yaml-cpp's
// LoadAll reads on for ever, into ever more memory, where a text is no YAML in certain ways (",").
#pragma once

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>

namespace uhaul {

struct YamlDocuments {
  std::optional<YAML::Node> first;
  std::optional<YAML::Mark> second;
};

// Throws what yaml-cpp throws.
YamlDocuments ReadYamlDocuments(const std::string& text);

}  // namespace uhaul
