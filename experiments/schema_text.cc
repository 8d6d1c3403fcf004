// The schema as text, Markdown and JSON schema.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/schema.h"

namespace uhaul {
namespace {

using Json = nlohmann::ordered_json;

std::string Allowed(const Parameter& p) {
  const auto show = [&](int64_t v) { return HumanValue(p, fmt::to_string(v)); };
  switch (p.type) {
    case ValueType::kText:
      return "a name or a path";
    case ValueType::kWord:
      return fmt::format("{}", fmt::join(p.words, ", "));
    case ValueType::kBoolean:
      return "true, false";
    case ValueType::kInteger:
    case ValueType::kDuration:
    case ValueType::kBytes:
    case ValueType::kRate:
      return fmt::format("{} to {}", show(p.min), show(p.max));
    case ValueType::kReal:
      return fmt::format("above {}, at most {}", p.real_min, p.real_max);
    case ValueType::kFilter:
      return "any, or a prefix";
    case ValueType::kSenders:
      return fmt::format("{} to {}, {}", p.min, p.max, fmt::join(p.words, ", "));
    case ValueType::kRho:
      return fmt::format("{}, or above 0, at most 1", fmt::join(p.words, ", "));
  }
  UHAUL_CHECK(false);
}

std::string DefaultOf(const Parameter& p) { return HumanValue(p, p.canonical(DefaultSpec())); }

// A scalar of this parameter, as an editor can check it.
Json ScalarSchema(const Parameter& p) {
  switch (p.type) {
    case ValueType::kWord:
      if (p.read_file) {
        return {
            {"anyOf", Json::array({Json{{"enum", p.words}}, Json{{"type", "string"}, {"pattern", "(/|\\.ya?ml$)"}}})}};
      }
      return {{"type", "string"}, {"enum", p.words}};
    case ValueType::kBoolean:
      return {{"type", "boolean"}};
    case ValueType::kInteger:
      return {{"anyOf", Json::array({Json{{"type", "integer"}, {"minimum", p.min}, {"maximum", p.max}},
                                     Json{{"type", "string"}, {"pattern", "^[0-9]+\\.\\.[0-9]+$"}}})}};
    case ValueType::kReal:
      return {{"type", "number"}, {"exclusiveMinimum", p.real_min}, {"maximum", p.real_max}};
    case ValueType::kDuration:
    case ValueType::kBytes:
    case ValueType::kRate:
      return {{"type", "string"},
              {"pattern", fmt::format("^[0-9.]+(\\.\\.[0-9.]+)? ?({})$", fmt::join(UnitNames(*UnitOf(p.type)), "|"))}};
    case ValueType::kText:
    case ValueType::kFilter:
      return {{"type", "string"}};
    case ValueType::kSenders:
    case ValueType::kRho:
      return {{"anyOf", Json::array({Json{{"type", "number"}}, Json{{"enum", p.words}},
                                     Json{{"type", "string"}, {"pattern", "^[0-9]+\\.\\.[0-9]+$"}}})}};
  }
  UHAUL_CHECK(false);
}

Json ParameterSchema(const Parameter& p) {
  const Json scalar = ScalarSchema(p);
  return {{"description", fmt::format("{}. Default: {}", p.help, DefaultOf(p))},
          {"anyOf", Json::array({scalar, Json{{"type", "array"}, {"items", scalar}, {"minItems", 1}}})}};
}

}  // namespace

std::vector<ParameterText> ParameterTexts() {
  std::vector<ParameterText> texts;
  for (const Parameter& p : Schema()) texts.push_back({p.key, DefaultOf(p), Allowed(p), p.help});
  return texts;
}

std::string SchemaText() {
  std::string out;
  for (const ParameterText& p : ParameterTexts()) {
    out += fmt::format("{:<26} {}\n{:<26}   default {}; {}\n", p.key, p.help, "", p.default_text, p.allowed);
  }
  return out;
}

std::string SchemaMarkdown() {
  std::string out = "| key | default | allowed | meaning |\n|---|---|---|---|\n";
  for (const ParameterText& p : ParameterTexts()) {
    out += fmt::format("| `{}` | {} | {} | {} |\n", p.key, p.default_text, p.allowed, p.help);
  }
  return out;
}

std::string SchemaJson() {
  Json parameters = {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
  Json& properties = parameters["properties"];
  for (const Parameter& p : Schema()) {
    const size_t dot = p.key.find('.');
    Json& section = properties[p.key.substr(0, dot)];
    if (section.is_null())
      section = {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
    section["properties"][p.key.substr(dot + 1)] = ParameterSchema(p);
  }
  for (const Parameter& p : Schema()) properties[p.key] = ParameterSchema(p);
  const Json text = {{"type", "string"}};
  const Json texts = {{"type", "array"}, {"items", text}};
  const Json parameter_map = {{"$ref", "#/$defs/parameters"}};
  const Json out = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                    {"title", "U-HAUL experiment definition"},
                    {"type", "object"},
                    {"required", {"name"}},
                    {"additionalProperties", false},
                    {"properties",
                     {{"name", text},
                      {"about", text},
                      {"paper", texts},
                      {"include", texts},
                      {"parameters", parameter_map},
                      {"variants", {{"type", "array"}, {"items", parameter_map}}}}},
                    {"$defs", {{"parameters", parameters}}}};
  return out.dump(2) + "\n";
}

}  // namespace uhaul
