#include "workloads/packet_source.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "workloads/frame_time.h"
#include "workloads/open_loop_source.h"
#include "workloads/recorded_source.h"
#include "workloads/window_source.h"

namespace uhaul {

struct PacketSource::State {
  std::variant<OpenLoopSource, WindowSource, RecordedSource> source;
};

namespace {

std::variant<OpenLoopSource, WindowSource, RecordedSource> Make(const Trace& trace, const SourceOptions& options) {
  UHAUL_CHECK(options.link.bits_per_second() > 0);
  UHAUL_CHECK(options.packet_bytes >= kLeastFrameBytes);
  TimePoint before;
  for (const TraceFlow& flow : trace.flows) {
    UHAUL_CHECK(flow.arrival >= before);
    UHAUL_CHECK(flow.bytes > 0);
    UHAUL_CHECK(flow.bytes / options.packet_bytes < 0xffffffff);
    before = flow.arrival;
  }
  if (options.model == SenderModel::kWindow) return WindowSource(trace, options);
  return OpenLoopSource(trace, options);
}

}  // namespace

PacketSource::PacketSource(const Trace& trace, SourceOptions options)
    : state_(std::make_unique<State>(State{Make(trace, options)})) {}
PacketSource::PacketSource(const RecordedTraffic& traffic)
    : state_(std::make_unique<State>(State{RecordedSource(traffic)})) {}
PacketSource::~PacketSource() = default;
PacketSource::PacketSource(PacketSource&&) noexcept = default;
PacketSource& PacketSource::operator=(PacketSource&&) noexcept = default;

bool PacketSource::closed_loop() const { return std::holds_alternative<WindowSource>(state_->source); }

TimePoint PacketSource::NextTime() const {
  if (const auto* open = std::get_if<OpenLoopSource>(&state_->source)) return open->NextTime();
  return std::visit([](const auto& source) { return source.NextTime(); }, state_->source);
}

SourcePacket PacketSource::Pop() {
  if (auto* open = std::get_if<OpenLoopSource>(&state_->source)) return open->Pop();
  return std::visit([](auto& source) { return source.Pop(); }, state_->source);
}

void PacketSource::Look(TimePoint before, Rounds* rounds) const {
  rounds->count = 0;
  if (const auto* open = std::get_if<OpenLoopSource>(&state_->source)) open->Look(before, rounds);
}

void PacketSource::Skip(const Rounds& rounds) { std::get<OpenLoopSource>(state_->source).Skip(rounds); }

void PacketSource::OnDelivered(TimePoint now, uint32_t flow, uint32_t sequence) {
  if (auto* window = std::get_if<WindowSource>(&state_->source)) window->OnDelivered(now, flow, sequence);
}

uint64_t PacketSource::UnsentBytes(uint32_t flow) const {
  return std::visit([flow](const auto& source) { return source.UnsentBytes(flow); }, state_->source);
}

uint64_t PacketSource::Waiting() const {
  return std::visit([](const auto& source) { return source.Waiting(); }, state_->source);
}

uint64_t PacketSource::Retransmissions() const {
  const auto* window = std::get_if<WindowSource>(&state_->source);
  return window == nullptr ? 0 : window->Retransmissions();
}

}  // namespace uhaul
