// The schema: one table of every parameter of a point. It drives parsing, checks, help, the JSON schema for editors,
// canonical values and with them a point's identity. Nothing else knows a parameter's key, unit, default or limits.
//
// A value has two writings: a person's ("3MB", "on") and the canonical one ("3000000", "true"): whole nanoseconds,
// bytes and bits per second, words, shortest round-trip decimals.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "experiments/point_spec.h"
#include "experiments/value_text.h"

namespace uhaul {

enum class ValueType : uint8_t {
  kText,      // a name or a path
  kWord,      // one of `words`
  kBoolean,   // true, false
  kInteger,   // min .. max
  kReal,      // above real_min, up to real_max
  kDuration,  // min .. max, in nanoseconds
  kBytes,
  kRate,
  kFilter,   // "any" or an address prefix
  kSenders,  // a count, "unlimited" or "window"
  kRho,      // "offline", "trace", "snapshot" or a number in (0, 1]
};

struct Value {
  std::string canonical;
  int64_t integer = 0;  // integers and quantities in base units
  double real = 0;
  std::shared_ptr<const Profile> profile = nullptr;  // of a profile that a file describes
};

struct Parameter {
  std::string key;
  ValueType type = ValueType::kText;
  std::string help;
  int64_t min = 0;
  int64_t max = INT64_MAX;
  double real_min = 0;  // exclusive
  double real_max = 0;
  std::vector<std::string> words;
  bool open_words = false;  // canonical values may name more than `words` (schemes and profiles of another build)
  bool warm_up = false;     // part of what points of one trace group share
  std::function<void(PointSpec&, const Value&)> assign;
  std::function<std::string(const PointSpec&)> canonical;
  // Where a value may be a file's path instead (a '/' in it, or .yaml at its end): what the file says.
  std::function<Result<Value>(const std::string& path)> read_file;
  std::function<bool(const PointSpec&)> matters;
};

// In the order in which values are applied: a named scheme or profile before what overrides its parts.
const std::vector<Parameter>& Schema();
const Parameter* FindParameter(std::string_view key);
std::vector<std::string> ParameterKeys();
std::optional<UnitKind> UnitOf(ValueType type);

// The error is a whole sentence with the key in it.
Result<Value> ParseValue(const Parameter& parameter, std::string_view text);
Result<Value> ParseCanonicalValue(const Parameter& parameter, std::string_view text);
// The canonical value as a person would write it.
std::string HumanValue(const Parameter& parameter, std::string_view canonical);

// The values of a scalar as written in a definition: one, or those of a range ("3..10MB": steps of 1 of the unit;
// "1..30"). At most `limit`.
Result<std::vector<Value>> ParseValues(const Parameter& parameter, std::string_view text, size_t limit);

// What a point is when nothing is said: the paper's setting (section 4.1), scheme uhaul, profile emulab-2016.
PointSpec DefaultSpec();

// A combination of values that makes no sense together, and the parameter to blame.
struct SpecProblem {
  std::string key;
  std::string message;
};
std::optional<SpecProblem> CheckSpec(const PointSpec& spec);

// The inverse of CanonicalSpec. Strict: unknown or missing keys, values out of their limits or not in canonical form,
// keys that cannot matter are errors, so that FromCanonical(m) succeeds only if CanonicalSpec of its answer is m.
Result<PointSpec> FromCanonical(const std::map<std::string, std::string>& canonical);

// A parameter in words.
struct ParameterText {
  std::string key;
  std::string default_text;
  std::string allowed;
  std::string help;
};
std::vector<ParameterText> ParameterTexts();

// For `uhaul schema`: a table for people, or a JSON schema of definition files for editors.
std::string SchemaText();
std::string SchemaMarkdown();
std::string SchemaJson();

}  // namespace uhaul
