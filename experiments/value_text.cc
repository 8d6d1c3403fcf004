#include "experiments/value_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace uhaul {
namespace {

struct Unit {
  std::string_view name;
  int64_t size;
};

// Largest first, as messages list them; where two names have one size the first is the one we write.
constexpr Unit kDurations[] = {
    {"min", 60'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}};
constexpr Unit kSizes[] = {
    {"TB", 1'000'000'000'000}, {"GiB", 1 << 30}, {"GB", 1'000'000'000}, {"MiB", 1 << 20}, {"MB", 1'000'000},
    {"KiB", 1 << 10},          {"KB", 1'000},    {"kB", 1'000},         {"B", 1}};
constexpr Unit kRates[] = {{"Gbps", 1'000'000'000}, {"Mbps", 1'000'000}, {"kbps", 1'000}, {"bps", 1}};

template <class Function>
auto WithUnits(UnitKind kind, Function function) {
  switch (kind) {
    case UnitKind::kDuration:
      return function(kDurations, std::size(kDurations));
    case UnitKind::kBytes:
      return function(kSizes, std::size(kSizes));
    case UnitKind::kRate:
      return function(kRates, std::size(kRates));
  }
  UHAUL_CHECK(false);
}

std::string_view BaseUnitName(UnitKind kind) {
  switch (kind) {
    case UnitKind::kDuration:
      return "nanoseconds";
    case UnitKind::kBytes:
      return "bytes";
    case UnitKind::kRate:
      return "bits per second";
  }
  UHAUL_CHECK(false);
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// An unsigned decimal number as digits and how many of them stand behind the point.
struct Decimal {
  unsigned __int128 digits = 0;
  int behind_point = 0;
};

Result<Decimal> ParseDecimal(std::string_view text) {
  Decimal out;
  bool point = false;
  bool any = false;
  int significant = 0;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (!IsDigit(c)) return Error{"is not a number"};
    any = true;
    if (out.digits > 0 || c != '0') ++significant;
    if (significant > 24) return Error{"has too many digits"};
    out.digits = out.digits * 10 + static_cast<unsigned>(c - '0');
    if (point) ++out.behind_point;
  }
  if (!any || text.front() == '.' || text.back() == '.' || out.behind_point > 18) return Error{"is not a number"};
  return out;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string_view LastPart(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

// How many edits are still a typing error in a word of this length.
size_t Tolerance(size_t length) { return length <= 3 ? 1 : length <= 7 ? 2 : 3; }

}  // namespace

const std::vector<std::string>& UnitNames(UnitKind kind) {
  static const std::vector<std::string> kNames[] = {
      {"min", "s", "ms", "us", "ns"}, {"GB", "MB", "KB", "B", "GiB", "MiB", "KiB"}, {"Gbps", "Mbps", "kbps", "bps"}};
  return kNames[static_cast<size_t>(kind)];
}

NumberAndUnit SplitUnit(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && (IsDigit(text[end]) || text[end] == '.' || text[end] == '-' || text[end] == '+')) ++end;
  std::string_view unit = text.substr(end);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  return {text.substr(0, end), unit};
}

int64_t UnitSize(UnitKind kind, std::string_view unit) {
  return WithUnits(kind, [&](const Unit* units, size_t count) -> int64_t {
    for (size_t i = 0; i < count; ++i) {
      if (units[i].name == unit) return units[i].size;
    }
    return 0;
  });
}

Result<int64_t> ParseQuantity(UnitKind kind, std::string_view text) {
  const auto [number, unit] = SplitUnit(text);
  const int64_t size = UnitSize(kind, unit);
  if (size == 0) {
    return Error{fmt::format("needs a unit, got {}  (one of {})", Quoted(text), fmt::join(UnitNames(kind), ", "))};
  }
  if (!number.empty() && number.front() == '-') return Error{fmt::format("may not be negative, got {}", Quoted(text))};
  const Result<Decimal> decimal = ParseDecimal(number);
  if (!decimal.ok()) return Error{fmt::format("{}: {}", decimal.error().message, Quoted(text))};
  unsigned __int128 value = decimal->digits;
  if (value > (static_cast<unsigned __int128>(1) << 84)) return Error{fmt::format("is too large: {}", Quoted(text))};
  value *= static_cast<unsigned __int128>(size);
  for (int i = 0; i < decimal->behind_point; ++i) {
    if (value % 10 != 0) {
      return Error{fmt::format("is not a whole number of {}: {}", BaseUnitName(kind), Quoted(text))};
    }
    value /= 10;
  }
  if (value > static_cast<unsigned __int128>(INT64_MAX)) return Error{fmt::format("is too large: {}", Quoted(text))};
  return static_cast<int64_t>(value);
}

std::string FormatQuantity(UnitKind kind, int64_t value) {
  return WithUnits(kind, [&](const Unit* units, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const bool binary = units[i].name.find('i') != std::string_view::npos && kind == UnitKind::kBytes;
      if (value != 0 && !binary && units[i].name != "min" && value % units[i].size == 0) {
        return fmt::format("{}{}", value / units[i].size, units[i].name);
      }
    }
    return fmt::format("{}{}", value, units[count - 1].name);
  });
}

Result<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return Error{fmt::format("is too large: {}", Quoted(text))};
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  const bool canonical = text == "0" || (!digits.empty() && digits.front() != '0');
  if (error != std::errc() || end != text.data() + text.size() || !canonical) {
    return Error{fmt::format("needs a whole number, got {}", Quoted(text))};
  }
  return value;
}

Result<double> ParseReal(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return Error{fmt::format("needs a number, got {}", Quoted(text))};
  }
  return value;
}

std::string Quoted(std::string_view text, size_t limit) {
  std::string out = "'";
  for (size_t i = 0; i < text.size() && i < limit; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += text[i];
    }
  }
  return out + (text.size() > limit ? "...'" : "'");
}

std::vector<std::string> Suggest(std::string_view word, const std::vector<std::string>& names) {
  struct Candidate {
    size_t distance;
    size_t place;
  };
  if (word.size() > 64) return {};
  const auto best = [&](std::string_view (*part)(std::string_view)) {
    std::vector<Candidate> near;
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string_view a = part(word);
      const size_t distance = EditDistance(a, part(names[i]));
      if (distance <= Tolerance(a.size()) && distance < std::max<size_t>(a.size(), 2)) near.push_back({distance, i});
    }
    std::stable_sort(near.begin(), near.end(),
                     [](const Candidate& a, const Candidate& b) { return a.distance < b.distance; });
    std::vector<std::string> out;
    for (const Candidate& c : near) {
      if (c.distance == near.front().distance && out.size() < 2) out.push_back(names[c.place]);
    }
    return out;
  };
  std::vector<std::string> out = best([](std::string_view name) { return name; });
  // A right name in a wrong section, or a name without its section.
  if (out.empty()) out = best(LastPart);
  return out;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& names) {
  const std::vector<std::string> near = Suggest(word, names);
  if (near.empty()) return "";
  return fmt::format("; did you mean '{}'?", fmt::join(near, "' or '"));
}

}  // namespace uhaul
