#include "workloads/capture_replay.h"

#include <fmt/format.h>

#include <algorithm>

namespace uhaul {
namespace {

constexpr double kMaxSpeed = 1e6;
constexpr double kLatestNanos = 9e18;
constexpr HashKey kContentsKey{0x6f6374, 0x657473};

}  // namespace

Result<CaptureReplay> CaptureReplay::Open(const std::string& path, CaptureReplayOptions options) {
  if (!(options.speed >= 1 / kMaxSpeed && options.speed <= kMaxSpeed)) {
    return Error{fmt::format("a speed of {}; it is a factor from {} to {}", options.speed, 1 / kMaxSpeed, kMaxSpeed)};
  }
  Result<CaptureReader> reader = CaptureReader::Open(path);
  if (!reader.ok()) return reader.error();
  return CaptureReplay(*std::move(reader), options);
}

TimePoint CaptureReplay::Paced(TimePoint recorded) const {
  switch (options_.pace) {
    case CaptureReplayOptions::Pace::kAtOnce:
      return TimePoint();
    case CaptureReplayOptions::Pace::kRecorded:
      if (options_.speed == 1) return recorded;
      return TimePoint::FromNanos(
          static_cast<int64_t>(std::min(static_cast<double>(recorded.nanos()) / options_.speed, kLatestNanos)));
  }
  UHAUL_CHECK(false);
}

TimePoint CaptureReplay::NextTime() {
  if (!loaded_ && !over_) {
    const Result<bool> more = flows_.Next(&next_);
    if (!more.ok()) status_ = more.error();
    loaded_ = more.ok() && *more;
    over_ = !loaded_;
  }
  return over_ ? TimePoint::Never() : Paced(next_.at);
}

CaptureReplayPacket CaptureReplay::Pop() {
  CaptureReplayPacket packet;
  packet.at = NextTime();
  UHAUL_CHECK(packet.at != TimePoint::Never());
  loaded_ = false;
  const CaptureFlow& flow = flows()[next_.flow];
  packet.recorded = next_.at;
  packet.octets = next_.packet.octets;
  packet.wire_octets = next_.packet.wire_octets;
  packet.ip_octets = next_.frame.ip_octets;
  packet.flow = next_.flow;
  packet.sequence = static_cast<uint32_t>(flow.packets - 1);
  packet.connection = flows_.ConnectionOf(next_.flow);
  packet.reverse = flow.reverse;
  packet.first = flow.packets == 1;
  packet.tcp_flags = next_.frame.tcp_flags;
  switch (options_.digest) {
    case CaptureReplayOptions::Digest::kNumber:
      packet.digest = flow.packets - 1 + (flow.peer != kNoFlow ? flows()[flow.peer].packets : 0);
      break;
    case CaptureReplayOptions::Digest::kContents:
      packet.digest = SipHash24(kContentsKey, packet.octets);
      break;
  }
  return packet;
}

}  // namespace uhaul
