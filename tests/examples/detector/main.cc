// A detector of one's own: most elephants that U-HAUL's chooses have ended already, and moving them is for nothing.
// This one takes flows that are large and sent a packet in the last milliseconds. Both look at the same trace at the
// same instants; what counts is how much traffic is still to come of what each would move, per flow moved.
#include <algorithm>
#include <cstdio>

#include "core/flow/elephant_detector.h"
#include "workloads/replay.h"

using namespace uhaul::literals;

class StillSending final : public uhaul::ElephantDetector {
 public:
  StillSending(uhaul::TimePoint now, uhaul::Bytes at_least, uhaul::Duration quiet)
      : now_(now), at_least_(at_least), quiet_(quiet) {}

  uhaul::Selection Select(std::span<const uhaul::ActiveFlow> active) const override {
    uhaul::Selection selection;
    for (const uhaul::ActiveFlow& flow : active) {
      selection.total_bytes += flow.bytes;
      if (flow.bytes < at_least_ || flow.fin || now_ - flow.last_packet > quiet_) continue;
      selection.selected_bytes += flow.bytes;
      selection.flows.push_back(flow);
    }
    // The order in which they are moved: a total one, largest first.
    std::sort(selection.flows.begin(), selection.flows.end(), [](const auto& a, const auto& b) {
      return a.bytes != b.bytes ? a.bytes > b.bytes : a.flow.tuple < b.flow.tuple;
    });
    return selection;
  }

 private:
  uhaul::TimePoint now_;
  uhaul::Bytes at_least_;
  uhaul::Duration quiet_;
};

struct Tally {
  size_t flows = 0;
  uint64_t bytes_to_come = 0;
  double MegabytesPerFlow() const { return flows == 0 ? 0 : static_cast<double>(bytes_to_come) / 1e6 / flows; }
};

void Add(const uhaul::Selection& selection, const uhaul::Replay& replay, Tally* tally) {
  for (const uhaul::ActiveFlow& flow : selection.flows) {
    for (size_t i = 0; i < replay.active.size(); ++i) {
      if (replay.active[i].flow.id == flow.flow.id) tally->bytes_to_come += replay.unsent_bytes[i].count();
    }
    ++tally->flows;
  }
}

int main() {
  const auto trace = uhaul::GenerateTrace({.workload = "web_search", .duration = 1_s, .seed = 3});
  if (!trace.ok()) return std::printf("%s\n", trace.error().message.c_str()), 1;
  Tally largest;
  Tally sending;
  for (int ms = 300; ms < 1000; ms += 100) {
    const uhaul::TimePoint now = uhaul::TimePoint::FromNanos(ms * 1'000'000LL);
    const uhaul::Replay replay = uhaul::ReplayTrace(*trace, {.source = {}, .table = {}, .at = now});
    Add(uhaul::ProportionDetector(0.81).Select(replay.active), replay, &largest);
    Add(StillSending(now, 100_KB, 5_ms).Select(replay.active), replay, &sending);
  }
  std::printf("by proportion: %zu flows moved, %.2f MB to come of each\n", largest.flows, largest.MegabytesPerFlow());
  std::printf("still sending: %zu flows moved, %.2f MB to come of each\n", sending.flows, sending.MegabytesPerFlow());
  return sending.flows > 0 && sending.MegabytesPerFlow() > largest.MegabytesPerFlow() ? 0 : 1;
}
