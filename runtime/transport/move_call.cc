#include "runtime/transport/move_call.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/schema.h"

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kProfile = "profile.";

// A name that this build does not know means nothing without the values behind it.
Status CheckNames(const Json& values) {
  const auto name = [&](const char* key, const char* value) -> std::optional<std::string> {
    if (!values.contains(key) || values.contains(value)) return std::nullopt;
    return values[key].get<std::string>();
  };
  if (const auto scheme = name("scheme.name", "scheme.flows")) {
    if (const auto found = FindScheme(*scheme); !found) return found.error();
  }
  if (const auto profile = name("profile.name", "profile.get")) {
    if (const auto found = FindProfile(*profile); !found) return found.error();
  }
  return {};
}

// In the schema's order: a named row before what overrides its parts.
Status Apply(const Json& values, PointSpec* spec) {
  if (!values.is_object()) return Error{"'spec' is not an object of keys and canonical values"};
  for (const auto& [key, value] : values.items()) {
    if (FindParameter(key) == nullptr) {
      return Error{fmt::format("unknown parameter {}{}", Quoted(key), DidYouMean(key, ParameterKeys()))};
    }
    if (!value.is_string()) return Error{fmt::format("the value of '{}' is not text", key)};
  }
  if (const Status named = CheckNames(values); !named) return named;
  for (const Parameter& parameter : Schema()) {
    if (!values.contains(parameter.key)) continue;
    const Result<Value> value = ParseCanonicalValue(parameter, values[parameter.key].get<std::string>());
    if (!value) return value.error();
    parameter.assign(*spec, *value);
  }
  return {};
}

Result<uint8_t> Instance(const Json& call, const char* key) {
  const Json instance = call.value(key, Json());
  if (!instance.is_number_unsigned() || instance.get<uint64_t>() > UINT8_MAX) {
    return Error{fmt::format("'{}' needs the number of an NF instance, from 0", key)};
  }
  return instance.get<uint8_t>();
}

Result<DetectorSpec> DetectorOf(const Json& call, const PointSpec& spec) {
  DetectorSpec detector{.kind = spec.detector, .rho = 0, .threshold = spec.threshold};
  if (spec.detector == DetectorSpec::Kind::kSize) return detector;
  if (spec.rho_source == RhoSource::kGiven) detector.rho = spec.rho;
  if (call.contains("rho") && call["rho"].is_number()) detector.rho = call["rho"].get<double>();
  if (!(detector.rho > 0 && detector.rho <= 1)) {
    return Error{"'rho' needs the share of traffic that elephants make up, above 0 and at most 1"};
  }
  return detector;
}

}  // namespace

Result<MoveCall> ReadMoveCall(const Json& call, const Profile& in_force) {
  PointSpec spec = DefaultSpec();
  spec.profile = in_force;
  if (const Status applied = Apply(call.value("spec", Json::object()), &spec); !applied) return applied.error();
  const Result<uint8_t> src = Instance(call, "src");
  if (!src) return src.error();
  const Result<uint8_t> dst = Instance(call, "dst");
  if (!dst) return dst.error();
  MoveCall move{{.src = *src, .dst = *dst, .scheme = spec.scheme, .filter = spec.move_filter, .limit = spec.move_limit},
                std::nullopt,
                spec.profile};
  if (spec.scheme.flows == MoveFlows::kElephants) {
    const Result<DetectorSpec> detector = DetectorOf(call, spec);
    if (!detector) return detector.error();
    move.detector = *detector;
  }
  return move;
}

Json ProfileJson(const Profile& profile) {
  PointSpec spec = DefaultSpec();
  spec.profile = profile;
  Json values = Json::object();
  for (const Parameter& parameter : Schema()) {
    if (parameter.key.starts_with(kProfile)) values[parameter.key] = parameter.canonical(spec);
  }
  return values;
}

Result<Profile> ReadProfile(const Json& values, const Profile& base) {
  PointSpec spec = DefaultSpec();
  spec.profile = base;
  if (const Status applied = Apply(values, &spec); !applied) return applied.error();
  return spec.profile;
}

}  // namespace uhaul::runtime
