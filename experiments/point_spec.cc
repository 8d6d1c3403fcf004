#include "experiments/point_spec.h"

#include <fmt/format.h>

#include "core/base/hash.h"
#include "experiments/schema.h"

namespace uhaul {
namespace {

// Part of every identity: raised when the meaning of a key changes, so that old points are not taken for new ones.
constexpr std::string_view kSchemaVersion = "uhaul-point 1\n";

// Two keyed hashes of 64 bits: an accidental collision among n points has probability n^2 / 2^129.
std::string Identity(const std::map<std::string, std::string>& canonical, HashKey first, HashKey second) {
  std::string text(kSchemaVersion);
  for (const auto& [key, value] : canonical) {
    text += key;
    text += '=';
    text += value;
    text += '\n';
  }
  const std::span<const uint8_t> data(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  return fmt::format("{:016x}{:016x}", SipHash24(first, data), SipHash24(second, data));
}

}  // namespace

std::map<std::string, std::string> CanonicalSpec(const PointSpec& spec) {
  std::map<std::string, std::string> canonical;
  for (const Parameter& parameter : Schema()) {
    if (parameter.matters(spec)) canonical.emplace(parameter.key, parameter.canonical(spec));
  }
  return canonical;
}

std::string PointId(const PointSpec& spec) {
  return Identity(CanonicalSpec(spec), {0x7568617570303031, 0x1}, {0x7568617570303032, 0x2});
}

std::string TraceGroupKey(const PointSpec& spec) {
  std::map<std::string, std::string> canonical;
  for (const Parameter& parameter : Schema()) {
    if (parameter.warm_up && parameter.matters(spec)) canonical.emplace(parameter.key, parameter.canonical(spec));
  }
  return Identity(canonical, {0x7568617567303031, 0x3}, {0x7568617567303032, 0x4});
}

Result<PointSpec> FromCanonical(const std::map<std::string, std::string>& canonical) {
  PointSpec spec = DefaultSpec();
  for (const auto& [key, value] : canonical) {
    if (FindParameter(key) == nullptr) return Error{fmt::format("unknown parameter {}", Quoted(key))};
  }
  for (const Parameter& parameter : Schema()) {
    const auto found = canonical.find(parameter.key);
    if (found == canonical.end()) continue;
    const Result<Value> value = ParseCanonicalValue(parameter, found->second);
    if (!value.ok()) return value.error();
    parameter.assign(spec, *value);
  }
  if (const std::optional<SpecProblem> problem = CheckSpec(spec)) return Error{problem->message};
  const std::map<std::string, std::string> again = CanonicalSpec(spec);
  for (const auto& [key, value] : again) {
    const auto found = canonical.find(key);
    if (found == canonical.end()) return Error{fmt::format("'{}' is missing", key)};
    if (found->second != value) return Error{fmt::format("'{}' is not in canonical form", key)};
  }
  for (const auto& [key, value] : canonical) {
    if (!again.contains(key)) return Error{fmt::format("'{}' cannot matter to this point", key)};
  }
  return spec;
}

}  // namespace uhaul
