#include "runtime/run_telemetry.h"

#include <numeric>
#include <string_view>
#include <variant>

#include "results/record_fields.h"

namespace uhaul::runtime {
namespace {

constexpr Duration kPeriod = Duration::Millis(100);

}  // namespace

void RunTelemetry::OnEvent(const RecordEvent& event) {
  if (const auto* step = std::get_if<event::Step>(&event)) {
    operation_ = true;
    next_ = TimePoint();  // a run may be over before a tenth of a second is
    figures_.id = step->operation;
    const std::string_view name = kStepNames[static_cast<size_t>(step->step)];
    figures_.phase.fill(0);
    name.copy(figures_.phase.data(), figures_.phase.size() - 1);
  } else if (std::holds_alternative<event::Selected>(event)) {
    ++figures_.flows;
  } else if (const auto* buffered = std::get_if<event::Buffered>(&event)) {
    held_bytes_[static_cast<size_t>(buffered->place)] = buffered->held.count();
  } else if (const auto* eviction = std::get_if<event::Eviction>(&event)) {
    if (eviction->nf < kNfCount) evictions_[eviction->nf] += eviction->pass.before - eviction->pass.after;
  }
}

void RunTelemetry::Publish(TimePoint now, const Plane& plane) {
  next_ = now + kPeriod;
  TelemetrySnapshot snapshot;
  snapshot.at_ns = static_cast<uint64_t>(now.nanos());
  snapshot.fit_count = kNfCount;
  for (uint8_t i = 0; i < kNfCount; ++i) {
    const FlowTable& fit = plane.machines().nf(i).fit();
    snapshot.fits[i] = {i + uint64_t{1}, fit.size(now), capacity_, fit.full(), evictions_[i]};
  }
  if (operation_) {
    figures_.held_bytes = std::accumulate(held_bytes_.begin(), held_bytes_.end(), uint64_t{0});
    snapshot.operation_count = 1;
    snapshot.operations[0] = figures_;
  }
  const RunCounters& counters = plane.facts().counters();
  snapshot.switch_figures = {plane.machines().forwarding().table_entries(), plane.forwarding_role().forwarded(),
                             counters.packet_ins, counters.packet_outs};
  PublishTelemetry(snapshot);
}

}  // namespace uhaul::runtime
