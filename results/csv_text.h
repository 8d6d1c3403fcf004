// A line of comma-separated values without quoting, as our own data files use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace uhaul {

inline std::vector<std::string> SplitCommas(std::string_view line) {
  std::vector<std::string> fields;
  for (;;) {
    const size_t comma = line.find(',');
    fields.emplace_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

}  // namespace uhaul
