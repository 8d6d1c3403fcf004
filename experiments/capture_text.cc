#include "experiments/capture_text.h"

#include <fmt/format.h>

#include "experiments/value_text.h"

namespace uhaul {

std::string CaptureText(const CaptureTotals& totals) {
  std::string text = fmt::format("{} frames in {}, {} IP packets of {} bytes\n", totals.frames,
                                 FormatQuantity(UnitKind::kDuration, totals.end.nanos()), totals.packets, totals.bytes);
  const auto line = [&](uint64_t count, const std::string& what) {
    if (count > 0) text += fmt::format("  {} {}\n", count, what);
  };
  for (size_t i = 1; i < kParseOutcomes; ++i) {
    line(totals.parsed.by_outcome[i], fmt::format("left out: {}", NameOf(static_cast<ParseOutcome>(i))));
  }
  line(totals.parsed.fragments, "fragments, counted to flows without ports");
  line(totals.parsed.tagged, "with VLAN tags");
  line(totals.cut, "captured in part");
  line(totals.backwards, "recorded as older than one before; they count at the time of that one");
  return text;
}

}  // namespace uhaul
