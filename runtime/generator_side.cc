#include "runtime/generator_side.h"

#include <utility>

namespace uhaul::runtime {

void GeneratorSide::Begin(TimePoint t0, const PointSpec& point) {
  if (begun_) return;
  begun_ = true;
  AtStart at_start;
  const auto& flows = run_->scenario().trace.flows;
  for (uint32_t i = 0; i < flows.size() && flows[i].arrival <= t0; ++i) {
    const bool begun = run_->source().UnsentBytes(i) < flows[i].bytes;
    if (!begun || run_->recorder().Ended(i)) continue;
    at_start.active.push_back({run_->hasher().Key(flows[i].tuple), Bytes(flows[i].bytes), t0, false, false});
    at_start.unsent_bytes.push_back(run_->source().UnsentBytes(i));
  }
  run_->Begin(t0, point, std::move(at_start));
}

std::optional<GeneratorSide::End> GeneratorSide::Ended(TimePoint now) {
  if (!begun_ || ended_) return std::nullopt;
  if (over_ && run_->moving()) run_->OnOperationOver();
  const bool capped = now >= run_->cap();
  if (!capped && !run_->Ended(now)) return std::nullopt;
  ended_ = true;
  return End{now, capped};
}

}  // namespace uhaul::runtime
