// OpenLoopSource: the senders that listen to nobody. A flow arrives, waits for one of `limit` places in order of
// arrival, sends in turn with the others that have a place, and leaves with its last packet.
//
// Turns: those with a place form a line in order of joining; the turn goes along the line and starts again at its
// front. Who joins stands at the end, so that one who joins while the last in line sends is next. On-off: an on period
// begins with the flow's first packet after it took its place and lasts an exponential time; at its first turn after
// that, the flow leaves its place to the next one waiting and is off for an exponential time; then it waits again,
// behind those already waiting. So every on period sends at least one packet, and waiting costs no on time.
//
// The next packet is chosen ahead (what is chosen depends on nothing outside). A packet costs a few list steps, no
// allocation, and no division unless it is shorter than the others.
#pragma once

#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "workloads/packet_source.h"
#include "workloads/ring.h"

namespace uhaul {

class OpenLoopSource {
 public:
  OpenLoopSource(const Trace& trace, const SourceOptions& options);

  TimePoint NextTime() const { return next_time_; }
  SourcePacket Pop();
  // PacketSource says what they do.
  void Look(TimePoint before, Rounds* rounds) const;
  void Skip(const Rounds& rounds);
  uint64_t UnsentBytes(uint32_t flow) const { return senders_[flow].unsent; }
  uint64_t Waiting() const { return waiting_flows_; }

 private:
  static constexpr uint32_t kNobody = 0xffffffff;
  struct Sender {
    uint64_t unsent = 0;
    TimePoint on_until = TimePoint::Never();  // Never: no on period has begun
    uint32_t sequence = 0;
    uint32_t before = kNobody;  // in the line of those with a place
    uint32_t after = kNobody;
  };
  using Sleeper = std::pair<TimePoint, uint32_t>;

  static constexpr uint32_t kLongLine = 16;
  static constexpr uint64_t kMostRounds = 1U << 24;

  void Choose();
  void ChooseSlowly();
  void Admit(TimePoint now);
  void FillPlaces();
  TimePoint NextArrivalOrWake() const;
  void Join(uint32_t flow);
  void Leave(uint32_t flow);
  bool OnPeriodIsOver(uint32_t flow);

  const Trace* trace_;
  SourceOptions options_;
  bool on_off_;
  uint32_t limit_;
  Duration full_packet_time_;

  std::vector<Sender> senders_;
  std::vector<Random> clocks_;  // one per flow if on-off
  Ring<uint32_t> waiting_;
  // Those that are off, by the time they come back, then by flow.
  std::priority_queue<Sleeper, std::vector<Sleeper>, std::greater<>> asleep_;
  uint32_t front_ = kNobody;
  uint32_t back_ = kNobody;
  uint32_t turn_ = kNobody;  // kNobody: past the end of the line
  uint32_t places_taken_ = 0;

  size_t arrived_ = 0;
  TimePoint next_arrival_;
  TimePoint link_free_;
  TimePoint next_time_;
  uint64_t started_ = 0;
  uint64_t waiting_flows_ = 0;
};

}  // namespace uhaul
