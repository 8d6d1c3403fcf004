// Recorder: turns what an engine sees (packets sent, processed, delivered, lost) and what machines say (RecordEvents)
// into the RunRecord of a point. Both engines use it, so that both mean the same by every field.
//
// An engine names flows by their number in the trace. The calls per packet cost a few nanoseconds and allocate nothing
// after the first 100 ms. Until Begin() the recorder only keeps what the record will need; a copy of the process made
// at Begin (a fork) holds everything.
//
// Rows: the flows of A, and those whose first packet is sent in [t0, t0 + max(T, watch)], T the downtime. `watch` lets
// a fast scheme's record cover the time that a slow one would have taken, so that flows can be joined across runs.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/base/units.h"
#include "core/flow/flow_table.h"
#include "core/record/event.h"
#include "core/record/record.h"
#include "core/record/transit_window.h"

namespace uhaul {

// A flow as the trace has it.
struct RecorderFlow {
  FiveTuple tuple;  // unique
  int64_t arrival_ns = 0;
  uint64_t bytes = 0;
  uint32_t packets = 0;
};

struct RecorderOptions {
  bool retransmits = false;  // a lost packet will be sent again: its flow has not ended
  uint8_t source_nf = 0;     // whose evictions are recorded
};

// The state of things at t0.
struct RecorderBegin {
  TimePoint at;
  std::span<const ActiveFlow> active;  // A
  std::span<const uint32_t>
      numbers{};                       // theirs in the trace, if the engine knows them: in real time looking up is slow
  std::vector<uint64_t> unsent_bytes;  // of each of them, in the same order
  uint64_t nf_states = 0;
  Duration watch;
};

class Recorder {
 public:
  explicit Recorder(std::vector<RecorderFlow> flows, RecorderOptions options = {});

  // ---- per packet
  // Worth its while some packets ahead of the others, where there are many flows. Any number.
  void Prefetch(uint32_t flow) const {
    if (flow < facts_.size()) __builtin_prefetch(&facts_[flow], 1);
  }
  uint32_t PacketsOf(uint32_t flow) const { return facts_[flow].packets; }  // as the trace has it
  void OnSent(TimePoint now, uint32_t flow, bool retransmission) {
    Facts& f = facts_[flow];
    ++counters_.packets_sent;
    if (!retransmission) ++f.sent;
    if (f.first_sent_ns == kNever) OnFirstSent(now, flow);
  }
  // `left_switch`: when the packet first left the switch.
  void OnProcessed(TimePoint now, uint32_t flow, TimePoint left_switch) {
    Facts& f = facts_[flow];
    f.last_processed_ns = now.nanos();
    const int64_t transit = (now - left_switch).nanos();
    if (!begun_) {
      transits_.Add(now, transit);
    } else if (transit > f.transit_max_ns) {
      f.transit_max_ns = transit;
    }
  }
  // All three for packets of a flow that came through one after the other, none of them its first or its last: each was
  // processed `transit` after it had left the switch, the last one at `last`. Not told of their transit times:
  // OnTransits.
  void OnStreak(TimePoint last, uint32_t flow, uint32_t sequence, uint32_t count, Duration transit);
  // So many packets at even distances, of any flows, were processed so long after they had left the switch.
  void OnTransits(TimePoint first, Duration every, uint32_t count, Duration transit) {
    if (!begun_) transits_.Add(first, every, count, transit.nanos());
  }
  // True if the flow has ended by this.
  bool OnDelivered(TimePoint now, uint32_t flow, uint32_t sequence);
  bool OnLost(uint32_t flow);
  // All of it delivered, or lost for good.
  bool Ended(uint32_t flow) const;

  // ---- the operation
  // The median of the transit times up to `now`, the instant of Begin, which takes a millisecond. An engine whose time
  // stands still calls it before it forks; otherwise Finish sees to it.
  void CloseTransits(TimePoint now);
  void Begin(const RecorderBegin& begin);
  void OnEvent(TimePoint now, const RecordEvent& event);
  // The operation is over, and so is its downtime, even if no delete ever completed.
  void OnOperationOver();
  RunCounters& counters() { return counters_; }

  // After OnOperationOver: every flow with a row has ended, and no flow can get a row any more.
  bool AllEnded(TimePoint now) const;
  // When AllEnded may become true by the passing of time alone; Never if not.
  TimePoint WatchEnd() const;
  // AllEnded cannot become true at `now` or after before at least so many packets are delivered or lost, unless the
  // operation or the watch ends meanwhile. A flow is looked for that makes it more than `enough`.
  uint64_t PacketsLeft(TimePoint now, uint64_t enough);

  // The flow's number; the trace's size if it has no such flow.
  uint32_t NumberOf(const FiveTuple& tuple) const;
  // Whether every flow of the trace has ended.
  bool TraceEnded() const { return ended_flows_ == flows_.size(); }
  uint64_t in_flight() const { return counters_.packets_sent - counters_.packets_delivered - counters_.packets_lost; }

  // `rho`, `elephant_bytes_threshold`: what the detector was given (0 if there was none).
  RunRecord Finish(TimePoint now, bool capped, double rho, uint64_t elephant_bytes_threshold);

 private:
  // One cache line: what a packet touches.
  struct alignas(64) Facts {
    int64_t first_sent_ns = kNever;
    int64_t last_processed_ns = kNever;
    int64_t finished_ns = kNever;
    int64_t transit_max_ns = kNever;  // after t0
    uint32_t sent = 0;                // once each
    uint32_t delivered = 0;           // once each
    uint32_t lost = 0;
    uint32_t next_sequence = 0;  // above the highest delivered
    uint32_t packets = 0;        // of the trace
    uint64_t first_packet = 0;   // in delivered_
  };
  // What only flows with a row may need.
  struct Row {
    uint32_t flow = 0;
    uint64_t t0_bytes = 0;
    int64_t t0_last_packet_ns = kNever;
    uint64_t t0_unsent_bytes = 0;
    bool active = false;
  };
  struct Series {
    int64_t interval = -1;  // of the sample in the making
    BufferSample largest;
    BufferSample last;
  };

  void OnFirstSent(TimePoint now, uint32_t flow);
  bool Check(uint32_t flow);
  bool Arrived(const Row& row) const;
  int64_t WindowEnd() const;
  void OnBuffered(TimePoint now, const event::Buffered& e);
  void CloseSeries(Series* series, BufferUse* use) const;
  FlowRow MakeRow(const Row& row, int64_t transit_median) const;

  std::vector<RecorderFlow> flows_;
  RecorderOptions options_;
  std::vector<uint32_t> by_tuple_;
  std::vector<Facts> facts_;
  std::vector<bool> delivered_;  // by packet of the trace
  TransitWindow transits_{Duration::Millis(100)};
  bool transits_closed_ = false;

  bool begun_ = false;
  bool over_ = false;
  int64_t watch_ns_ = 0;
  RunRecord record_;
  std::vector<Row> rows_;         // A, then arrivals in order of their first packet
  std::vector<uint8_t> watched_;  // by flow: has a row, has not ended
  std::vector<bool> ended_;       // by flow
  uint64_t ended_flows_ = 0;
  uint64_t open_ = 0;                                             // rows whose flow has not ended
  uint64_t witness_left_ = std::numeric_limits<uint64_t>::max();  // when it was chosen
  uint32_t witness_ = 0;                                          // the flow that had most left when PacketsLeft looked
  std::vector<uint8_t> selected_;                                 // by flow
  std::vector<FlowOutcome> outcomes_;                             // by flow
  std::array<Series, kBufferPlaces> series_;
  RunCounters counters_;
};

}  // namespace uhaul
