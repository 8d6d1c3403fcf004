#include "experiments/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "experiments/profile_file.h"
#include "experiments/workload_file.h"

namespace uhaul {
namespace {

Error About(const Parameter& parameter, const std::string& message) {
  return Error{fmt::format("'{}' {}", parameter.key, message)};
}

std::string ShowNumber(const Parameter& parameter, int64_t value) {
  const std::optional<UnitKind> unit = UnitOf(parameter.type);
  return unit ? FormatQuantity(*unit, value) : fmt::to_string(value);
}

Result<Value> InLimits(const Parameter& parameter, int64_t number) {
  if (number < parameter.min || number > parameter.max) {
    return About(parameter, fmt::format("must be between {} and {}, got {}", ShowNumber(parameter, parameter.min),
                                        ShowNumber(parameter, parameter.max), ShowNumber(parameter, number)));
  }
  return Value{fmt::to_string(number), number, 0};
}

Result<Value> RealInLimits(const Parameter& parameter, std::string_view text) {
  const Result<double> number = ParseReal(text);
  if (!number.ok()) return About(parameter, number.error().message);
  if (!(*number > parameter.real_min) || *number > parameter.real_max) {
    return About(parameter, fmt::format("must be above {} and at most {}, got {}", parameter.real_min,
                                        parameter.real_max, Quoted(text)));
  }
  return Value{fmt::format("{}", *number), 0, *number};
}

std::string OneOf(const Parameter& parameter) { return fmt::format("{}", fmt::join(parameter.words, ", ")); }

Result<Value> WordValue(const Parameter& parameter, std::string_view text) {
  const auto found = std::find(parameter.words.begin(), parameter.words.end(), text);
  if (found == parameter.words.end()) {
    const std::string cure = DidYouMean(text, parameter.words);
    return About(parameter, fmt::format("has no value {} (one of {}){}", Quoted(text), OneOf(parameter), cure));
  }
  return Value{*found, found - parameter.words.begin(), 0};
}

bool IsName(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

// `stamp`: add the hash of a file that is named without.
Result<Value> TextValue(const Parameter& parameter, std::string_view text, bool stamp) {
  const bool control =
      std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (text.empty() || text.size() > 1024 || control) return About(parameter, "needs a name or a path");
  // A bare name is a shipped distribution; anything else is a file, whose contents are part of its canonical name.
  static const std::vector<std::string> kShipped = {"web_search", "facebook_cache", "azure_wan", "facebook_cache_tab8",
                                                    "azure_wan_tab8"};
  if (IsWorkloadFile(text)) return Value{stamp ? WithHash(text) : std::string(text), 0, 0};
  const bool even = text.starts_with("even:");  // its number is looked at when the trace is made
  if (!even && std::find(kShipped.begin(), kShipped.end(), text) == kShipped.end()) {
    return About(parameter, fmt::format("has no value {} (one of {}, even:N, a .csv file, or pcap:FILE){}",
                                        Quoted(text), fmt::join(kShipped, ", "), DidYouMean(text, kShipped)));
  }
  return Value{std::string(text), 0, 0};
}

Result<Value> BooleanValue(const Parameter& parameter, std::string_view text) {
  if (text == "true") return Value{"true", 1, 0};
  if (text == "false") return Value{"false", 0, 0};
  return About(parameter, fmt::format("needs true or false, got {}", Quoted(text)));
}

Result<Value> FilterValue(const Parameter& parameter, std::string_view text) {
  const Result<FlowFilter> filter = FlowFilter::Parse(text);
  if (!filter.ok())
    return About(parameter, fmt::format("needs 'any' or a prefix such as 10.0.0.0/9, got {}", Quoted(text)));
  return Value{filter->ToString(), 0, 0};
}

bool IsWordOf(const Parameter& parameter, std::string_view text) {
  return std::find(parameter.words.begin(), parameter.words.end(), text) != parameter.words.end();
}

bool LooksNumeric(std::string_view text) {
  return !text.empty() && (text.front() == '-' || text.front() == '.' || (text.front() >= '0' && text.front() <= '9'));
}

Result<Value> WordOrNumber(const Parameter& parameter, std::string_view text) {
  if (IsWordOf(parameter, text)) return Value{std::string(text), 0, 0};
  if (!LooksNumeric(text)) {
    return About(parameter, fmt::format("has no value {} (one of {}, or a number){}", Quoted(text), OneOf(parameter),
                                        DidYouMean(text, parameter.words)));
  }
  if (parameter.type == ValueType::kRho) return RealInLimits(parameter, text);
  const Result<int64_t> number = ParseInteger(text);
  if (!number.ok()) return About(parameter, number.error().message);
  return InLimits(parameter, *number);
}

Result<Value> QuantityValue(const Parameter& parameter, UnitKind unit, std::string_view text) {
  const Result<int64_t> number = ParseQuantity(unit, text);
  if (!number.ok()) return About(parameter, number.error().message);
  return InLimits(parameter, *number);
}

Result<Value> IntegerValue(const Parameter& parameter, std::string_view text) {
  const Result<int64_t> number = ParseInteger(text);
  if (!number.ok()) return About(parameter, number.error().message);
  return InLimits(parameter, *number);
}

// "3..10MB" -> "3", "10MB". Paths may hold two dots; only numeric types have ranges.
bool SplitRange(const Parameter& parameter, std::string_view text, std::string_view* first, std::string_view* last) {
  const bool ranged = parameter.type == ValueType::kInteger || parameter.type == ValueType::kSenders ||
                      parameter.type == ValueType::kReal || parameter.type == ValueType::kRho ||
                      UnitOf(parameter.type).has_value();
  const size_t dots = text.find("..");
  if (!ranged || dots == std::string_view::npos) return false;
  *first = text.substr(0, dots);
  *last = text.substr(dots + 2);
  return true;
}

struct Steps {
  int64_t from = 0;
  int64_t to = 0;
  int64_t step = 1;
};

Result<Steps> RangeSteps(const Parameter& parameter, std::string_view text, std::string_view first,
                         std::string_view last) {
  const std::optional<UnitKind> unit = UnitOf(parameter.type);
  if (!unit && parameter.type != ValueType::kInteger && parameter.type != ValueType::kSenders) {
    return About(parameter, fmt::format("takes no range, got {}; list the values", Quoted(text)));
  }
  Steps steps;
  if (unit) {
    const std::string_view unit_name = SplitUnit(last).unit;
    const std::string_view first_unit = SplitUnit(first).unit;
    if (!first_unit.empty() && first_unit != unit_name) {
      return About(parameter, fmt::format("has a range in two units, {}; its step would be in doubt", Quoted(text)));
    }
    const std::string from_text = std::string(first) + (first_unit.empty() ? std::string(unit_name) : "");
    const Result<int64_t> from = ParseQuantity(*unit, from_text);
    const Result<int64_t> to = ParseQuantity(*unit, last);
    if (!to.ok()) return About(parameter, to.error().message);
    if (!from.ok()) return About(parameter, from.error().message);
    steps = {*from, *to, UnitSize(*unit, unit_name)};
  } else {
    const Result<int64_t> from = ParseInteger(first);
    const Result<int64_t> to = ParseInteger(last);
    if (!from.ok()) return About(parameter, from.error().message);
    if (!to.ok()) return About(parameter, to.error().message);
    steps = {*from, *to, 1};
  }
  if (steps.from > steps.to) return About(parameter, fmt::format("has a range that runs backwards, {}", Quoted(text)));
  return steps;
}

}  // namespace

const Parameter* FindParameter(std::string_view key) {
  static const auto* const kIndex = [] {
    auto* index = new std::unordered_map<std::string_view, const Parameter*>;
    for (const Parameter& parameter : Schema()) {
      const bool inserted = index->emplace(parameter.key, &parameter).second;
      UHAUL_CHECK(inserted);
    }
    return index;
  }();
  const auto found = kIndex->find(key);
  return found == kIndex->end() ? nullptr : found->second;
}

std::vector<std::string> ParameterKeys() {
  std::vector<std::string> keys;
  for (const Parameter& parameter : Schema()) keys.push_back(parameter.key);
  return keys;
}

std::optional<UnitKind> UnitOf(ValueType type) {
  if (type == ValueType::kDuration) return UnitKind::kDuration;
  if (type == ValueType::kBytes) return UnitKind::kBytes;
  if (type == ValueType::kRate) return UnitKind::kRate;
  return std::nullopt;
}

Result<Value> ParseValue(const Parameter& parameter, std::string_view text) {
  if (parameter.read_file && IsProfilePath(text)) return parameter.read_file(std::string(text));
  switch (parameter.type) {
    case ValueType::kText:
      return TextValue(parameter, text, true);
    case ValueType::kWord:
      return WordValue(parameter, text);
    case ValueType::kBoolean:
      return BooleanValue(parameter, text);
    case ValueType::kInteger:
      return IntegerValue(parameter, text);
    case ValueType::kReal:
      return RealInLimits(parameter, text);
    case ValueType::kDuration:
      return QuantityValue(parameter, UnitKind::kDuration, text);
    case ValueType::kBytes:
      return QuantityValue(parameter, UnitKind::kBytes, text);
    case ValueType::kRate:
      return QuantityValue(parameter, UnitKind::kRate, text);
    case ValueType::kFilter:
      return FilterValue(parameter, text);
    case ValueType::kSenders:
    case ValueType::kRho:
      return WordOrNumber(parameter, text);
  }
  UHAUL_CHECK(false);
}

Result<Value> ParseCanonicalValue(const Parameter& parameter, std::string_view text) {
  if (parameter.type == ValueType::kWord && parameter.open_words && IsName(text)) return Value{std::string(text), 0, 0};
  if (parameter.type == ValueType::kText) return TextValue(parameter, text, false);
  Result<Value> value = UnitOf(parameter.type) ? IntegerValue(parameter, text) : ParseValue(parameter, text);
  if (value.ok() && value->canonical != text) {
    return About(parameter,
                 fmt::format("is not in canonical form: {}, not {}", Quoted(text), Quoted(value->canonical)));
  }
  return value;
}

std::string HumanValue(const Parameter& parameter, std::string_view canonical) {
  const std::optional<UnitKind> unit = UnitOf(parameter.type);
  if (!unit) return std::string(canonical);
  const Result<int64_t> number = ParseInteger(canonical);
  return number.ok() ? FormatQuantity(*unit, *number) : std::string(canonical);
}

Result<std::vector<Value>> ParseValues(const Parameter& parameter, std::string_view text, size_t limit) {
  std::vector<Value> values;
  std::string_view first;
  std::string_view last;
  if (!SplitRange(parameter, text, &first, &last)) {
    Result<Value> value = ParseValue(parameter, text);
    if (!value.ok()) return value.error();
    values.push_back(*std::move(value));
    return values;
  }
  const Result<Steps> steps = RangeSteps(parameter, text, first, last);
  if (!steps.ok()) return steps.error();
  if (static_cast<uint64_t>((steps->to - steps->from) / steps->step) >= limit) {
    return About(parameter, fmt::format("has a range of more than {} values, {}", limit, Quoted(text)));
  }
  for (int64_t number = steps->from; number <= steps->to; number += steps->step) {
    Result<Value> value = InLimits(parameter, number);
    if (!value.ok()) return value.error();
    values.push_back(*std::move(value));
  }
  return values;
}

std::optional<SpecProblem> CheckSpec(const PointSpec& spec) {
  if ((spec.on_time > Duration()) != (spec.off_time > Duration())) {
    return SpecProblem{spec.on_time > Duration() ? "workload.on" : "workload.off",
                       "on-off senders need both workload.on and workload.off above zero"};
  }
  if (spec.migration_states == 0 && !IsCapture(spec.workload) &&
      spec.migration_after + spec.migration_within > spec.duration) {
    return SpecProblem{
        "workload.duration",
        fmt::format("the migration may begin as late as {}, after the trace's last arrival at {} "
                    "(migration.after + migration.within > workload.duration)",
                    FormatQuantity(UnitKind::kDuration, (spec.migration_after + spec.migration_within).nanos()),
                    FormatQuantity(UnitKind::kDuration, spec.duration.nanos()))};
  }
  if (spec.migration_states == 0 && spec.phase == MigrationPhase::kPreEviction &&
      spec.migration_lead >= spec.fit.window) {
    return SpecProblem{"migration.lead", "'migration.lead' must be shorter than 'fit.window'"};
  }
  const bool hand_over = spec.scheme.transfer == Transfer::kPeer;
  if (hand_over != (spec.scheme.hold == HoldAt::kDestination)) {
    return SpecProblem{"scheme.hold", "'scheme.hold' is destination where 'scheme.transfer' is peer, and only there"};
  }
  if (hand_over && spec.scheme.guarantee != Guarantee::kOrderPreserving) {
    return SpecProblem{"scheme.guarantee", "'scheme.guarantee' is order-preserving where 'scheme.transfer' is peer"};
  }
  if (hand_over && (spec.scheme.relay_unknown || spec.scheme.after != AfterMove::kKeep)) {
    return SpecProblem{spec.scheme.relay_unknown ? "scheme.relay_unknown" : "scheme.after",
                       "where 'scheme.transfer' is peer the other flows stay: relay_unknown=false, after=keep"};
  }
  const bool wildcard = spec.scheme.flows != MoveFlows::kElephants && spec.move_limit == 0;
  if (spec.scheme.relay_end == RelayEnd::kMarked && (!spec.scheme.relay_unknown || wildcard)) {
    return SpecProblem{"scheme.relay_end",
                       "'scheme.relay_end' is marked only where 'scheme.relay_unknown' is true and flows are moved one "
                       "by one: flows=elephants, or a move.limit"};
  }
  if (spec.scheme.idle_timeout_us < 0) return SpecProblem{"scheme.idle_timeout", "may not be negative"};
  return std::nullopt;
}

}  // namespace uhaul
