// PacketSource: turns a trace into packets, or gives those of a capture, pulled one at a time. Serves `uhaul detect`,
// the simulator and the runtime.
//
// Open loop (kLimited, kUnlimited): at most N flows send at a time, the others wait unseen in order of arrival (FIFO);
// those that send share the link packet by packet, round robin. A packet takes its transmission time on the generator's
// link, so the source is never faster than the link. On-off senders pause for exponential times. Closed loop (kWindow):
// each flow has at most `window` packets under way; an acknowledgement (OnDelivered) lets the next go; a packet not
// acknowledged within the retransmission time-out is sent again (doubling, bounded), so that a long hold hurts as it
// would hurt TCP.
//
// A packet carries up to packet_bytes of its flow, the last one the remainder; a frame takes at least 64 octets of the
// link's time. Sequence numbers count packets of a flow from 0. The first packet is marked syn, the last fin.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/units.h"
#include "workloads/trace.h"

namespace uhaul {

class RecordedTraffic;

enum class SenderModel : uint8_t { kLimited, kUnlimited, kWindow };

struct SourceOptions {
  SenderModel model = SenderModel::kLimited;
  uint32_t limit = 3;            // kLimited
  uint32_t packet_bytes = 1500;  // at least 64
  BitRate link{10'000'000'000};
  Duration on_time;      // mean; zero: always on
  Duration off_time;     // mean
  uint32_t window = 10;  // kWindow, packets
  Duration retransmission_timeout = Duration::Millis(200);
  uint64_t seed = 1;  // for on-off times
};

struct SourcePacket {
  TimePoint at;  // when it begins to leave the generator
  uint32_t flow = 0;
  uint32_t sequence = 0;
  uint32_t bytes = 0;
  bool first = false;
  bool last = false;
  bool retransmission = false;
};

// A sender's part in a round: packet `sequence` of `flow`.
struct Turn {
  uint32_t flow = 0;
  uint32_t sequence = 0;
};
// What comes next, as far as it is the same again and again: each of `line` sends one packet, in this order, one every
// `packet_time`; none of them its flow's first or last.
struct Rounds {
  std::vector<Turn> line;
  uint32_t count = 0;  // rounds
  uint32_t bytes = 0;  // of a packet
  Duration packet_time;
};

class PacketSource {
 public:
  PacketSource(const Trace& trace, SourceOptions options);  // keeps a reference to the trace
  explicit PacketSource(const RecordedTraffic& traffic);    // likewise
  ~PacketSource();
  PacketSource(PacketSource&&) noexcept;
  PacketSource& operator=(PacketSource&&) noexcept;

  // When the next packet begins to leave; Never if nothing will unless an acknowledgement comes. In open loop it
  // depends on nothing outside, so it may be pulled ahead. In closed loop it may become earlier after OnDelivered.
  TimePoint NextTime() const;
  // The packet of NextTime(), which must not be Never.
  SourcePacket Pop();
  // Whole rounds of packets before `before`, from the next one on; a count of 0 if they are not even, or the line is a
  // long one. In open loop only.
  void Look(TimePoint before, Rounds* rounds) const;
  // Instead of so many calls of Pop: at most the rounds that Look told of, all else being the same.
  void Skip(const Rounds& rounds);
  // Closed loop: packet `sequence` of `flow` arrived at the sink, acknowledged at `now`. Ignored in open loop, and when
  // the packet is not under way (a copy arrived before).
  void OnDelivered(TimePoint now, uint32_t flow, uint32_t sequence);
  bool closed_loop() const;
  // Bytes of the flow not yet sent for the first time.
  uint64_t UnsentBytes(uint32_t flow) const;
  // Flows that have arrived but not sent a packet, at the time of the last Pop.
  uint64_t Waiting() const;
  // Packets sent again so far; 0 in open loop.
  uint64_t Retransmissions() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace uhaul
