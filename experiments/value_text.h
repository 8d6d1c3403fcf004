// Values as people write them ("3MB", "100ms", "10Gbps") and as the machine keeps them (whole bytes, nanoseconds, bits
// per second). Decimal fractions are exact: 0.2625ms is 262500 ns, and 0.5B is an error, not a rounding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace uhaul {

enum class UnitKind : uint8_t { kDuration, kBytes, kRate };

// The units of a kind, as error messages list them.
const std::vector<std::string>& UnitNames(UnitKind kind);

// Splits "2.5MB" into "2.5" and "MB"; the unit may be empty.
struct NumberAndUnit {
  std::string_view number;
  std::string_view unit;
};
NumberAndUnit SplitUnit(std::string_view text);

// One unit in base units (nanoseconds, bytes, bits per second); 0 if the kind has no such unit.
int64_t UnitSize(UnitKind kind, std::string_view unit);

// "number unit" in base units. The error is the rest of a sentence that begins with the parameter's quoted key.
Result<int64_t> ParseQuantity(UnitKind kind, std::string_view text);
// The shortest exact writing: 3000000 -> "3MB".
std::string FormatQuantity(UnitKind kind, int64_t value);

// Plain decimal integers, no sign but '-', no leading zeros, no spaces.
Result<int64_t> ParseInteger(std::string_view text);
// A finite decimal number; no hexadecimal, no "inf", no "nan".
Result<double> ParseReal(std::string_view text);

// Text of at most `limit` octets for an error message: quoted, with control characters made visible.
std::string Quoted(std::string_view text, size_t limit = 80);

// The names within a plausible typing error of `word`, best first, at most two; dotted names are also compared by their
// last part ("edm.windo" -> "fit.window").
std::vector<std::string> Suggest(std::string_view word, const std::vector<std::string>& names);
// "; did you mean 'a'?", or nothing.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& names);

}  // namespace uhaul
