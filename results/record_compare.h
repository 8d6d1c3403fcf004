// Two records field by field, for engines that claim the same run: equal means equal in every octet, but for the
// counters that say how the engine worked.
#pragma once

#include <optional>
#include <string>

#include "core/record/record.h"

namespace uhaul {

struct FieldDifference {
  std::string field;  // "flows[12].t0_bytes", "steps_ns.done", "counters.events"
  std::string a;      // "null" for a time that never came
  std::string b;
};

// The first field, in the order of the file, in which they differ; nullopt if they are equal.
std::optional<FieldDifference> FirstDifference(const RunRecord& a, const RunRecord& b);

}  // namespace uhaul
