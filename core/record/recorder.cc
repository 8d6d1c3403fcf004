#include "core/record/recorder.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>
#include <variant>

#include "core/base/check.h"

namespace uhaul {
namespace {
constexpr int64_t kSeriesIntervalNs = 100'000;
}

Recorder::Recorder(std::vector<RecorderFlow> flows, RecorderOptions options)
    : flows_(std::move(flows)),
      options_(options),
      by_tuple_(flows_.size()),
      facts_(flows_.size()),
      watched_(flows_.size(), 0),
      ended_(flows_.size(), false),
      selected_(flows_.size(), 0),
      outcomes_(flows_.size(), FlowOutcome::kPending) {
  uint64_t packets = 0;
  for (size_t i = 0; i < flows_.size(); ++i) {
    facts_[i].first_packet = packets;
    facts_[i].packets = flows_[i].packets;
    packets += flows_[i].packets;
  }
  delivered_.assign(packets, false);
  std::iota(by_tuple_.begin(), by_tuple_.end(), 0u);
  std::sort(by_tuple_.begin(), by_tuple_.end(),
            [this](uint32_t a, uint32_t b) { return flows_[a].tuple < flows_[b].tuple; });
}

uint32_t Recorder::NumberOf(const FiveTuple& tuple) const {
  const auto it = std::lower_bound(by_tuple_.begin(), by_tuple_.end(), tuple,
                                   [this](uint32_t a, const FiveTuple& t) { return flows_[a].tuple < t; });
  if (it == by_tuple_.end() || flows_[*it].tuple != tuple) return static_cast<uint32_t>(flows_.size());
  return *it;
}

void Recorder::OnFirstSent(TimePoint now, uint32_t flow) {
  facts_[flow].first_sent_ns = now.nanos();
  if (!begun_ || now.nanos() > WindowEnd()) return;
  rows_.push_back({.flow = flow, .t0_unsent_bytes = flows_[flow].bytes});
  watched_[flow] = 1;
  ++open_;
}

bool Recorder::OnDelivered(TimePoint now, uint32_t flow, uint32_t sequence) {
  ++counters_.packets_delivered;
  Facts& f = facts_[flow];
  if (sequence < f.next_sequence) {
    ++counters_.packets_reordered;
  } else {
    f.next_sequence = sequence + 1;
  }
  UHAUL_CHECK(sequence < f.packets);
  auto seen = delivered_[f.first_packet + sequence];
  if (seen) {
    ++counters_.packets_duplicated;
    return false;
  }
  seen = true;
  if (++f.delivered == f.packets) f.finished_ns = now.nanos();
  if (f.delivered + f.lost < f.packets) [[likely]] {
    return false;
  }
  return Check(flow);
}

void Recorder::OnStreak(TimePoint last, uint32_t flow, uint32_t sequence, uint32_t count, Duration transit) {
  Facts& f = facts_[flow];
  UHAUL_CHECK(f.first_sent_ns != kNever && sequence >= f.next_sequence);
  UHAUL_CHECK(uint64_t{sequence} + count < f.packets);
  counters_.packets_sent += count;
  counters_.packets_delivered += count;
  f.sent += count;
  f.delivered += count;
  f.last_processed_ns = last.nanos();
  f.next_sequence = sequence + count;
  const auto seen = delivered_.begin() + static_cast<ptrdiff_t>(f.first_packet + sequence);
  std::fill(seen, seen + count, true);
  if (begun_) f.transit_max_ns = std::max(f.transit_max_ns, transit.nanos());
}

bool Recorder::OnLost(uint32_t flow) {
  ++counters_.packets_lost;
  ++facts_[flow].lost;
  return Check(flow);
}

bool Recorder::Ended(uint32_t flow) const {
  const Facts& f = facts_[flow];
  if (f.delivered == f.packets) return true;
  return !options_.retransmits && f.sent == f.packets && f.delivered + f.lost >= f.packets;
}

bool Recorder::Check(uint32_t flow) {
  if (!Ended(flow)) return false;
  if (!ended_[flow]) {
    ended_[flow] = true;
    ++ended_flows_;
  }
  if (watched_[flow] != 0) {
    watched_[flow] = 0;
    --open_;
  }
  return true;
}

void Recorder::CloseTransits(TimePoint now) {
  record_.transit_median_ns = transits_.Median(now);
  transits_closed_ = true;
}

void Recorder::Begin(const RecorderBegin& begin) {
  UHAUL_CHECK(!begun_);
  UHAUL_CHECK(begin.unsent_bytes.size() == begin.active.size());
  UHAUL_CHECK(begin.numbers.empty() || begin.numbers.size() == begin.active.size());
  begun_ = true;
  watch_ns_ = begin.watch.nanos();
  record_.t0_ns = begin.at.nanos();
  record_.nf_states_at_t0 = begin.nf_states;
  for (size_t i = 0; i < begin.active.size(); ++i) {
    const uint32_t flow = begin.numbers.empty() ? NumberOf(begin.active[i].flow.tuple) : begin.numbers[i];
    if (flow == flows_.size()) continue;  // not of this trace
    rows_.push_back({.flow = flow,
                     .t0_bytes = begin.active[i].bytes.count(),
                     .t0_last_packet_ns = facts_[flow].last_processed_ns,
                     .t0_unsent_bytes = begin.unsent_bytes[i],
                     .active = true});
    if (!Ended(flow)) {
      watched_[flow] = 1;
      ++open_;
    }
  }
}

int64_t Recorder::WindowEnd() const {
  const int64_t downtime_end = record_.step_ns(OperationStep::kLastDelete);  // kNever is less than any time
  // While the downtime goes on, it may yet last longer than the watch.
  if (!over_ && downtime_end == kNever) return std::numeric_limits<int64_t>::max();
  return std::max(record_.t0_ns + watch_ns_, downtime_end);
}

void Recorder::OnOperationOver() {
  over_ = true;
  // Flows that came while the downtime was open, and after the window: they have no row after all.
  for (const Row& row : rows_) {
    if (!row.active && !Arrived(row) && watched_[row.flow] != 0) {
      watched_[row.flow] = 0;
      --open_;
    }
  }
}

bool Recorder::Arrived(const Row& row) const { return facts_[row.flow].first_sent_ns <= WindowEnd(); }

bool Recorder::AllEnded(TimePoint now) const { return over_ && open_ == 0 && now.nanos() > WindowEnd(); }

TimePoint Recorder::WatchEnd() const { return over_ ? TimePoint::FromNanos(WindowEnd() + 1) : TimePoint::Never(); }

uint64_t Recorder::PacketsLeft(TimePoint now, uint64_t enough) {
  if (!over_ || now.nanos() <= WindowEnd()) return std::numeric_limits<uint64_t>::max();
  const auto left = [&](uint32_t flow) -> uint64_t {
    const Facts& f = facts_[flow];
    const uint64_t gone = uint64_t{f.delivered} + f.lost;
    return watched_[flow] != 0 && f.packets > gone ? f.packets - gone : 0;
  };
  if (rows_.empty()) return 0;
  // From here on flows only lose packets: none has more than the witness had when it was chosen.
  if (left(witness_) > enough || witness_left_ <= enough) return left(witness_);
  const auto less = [&](const Row& a, const Row& b) { return left(a.flow) < left(b.flow); };
  witness_ = std::max_element(rows_.begin(), rows_.end(), less)->flow;
  witness_left_ = left(witness_);
  return witness_left_;
}

void Recorder::OnBuffered(TimePoint now, const event::Buffered& e) {
  const size_t place = static_cast<size_t>(e.place);
  BufferUse& use = record_.buffers[place];
  use.peak_bytes = std::max(use.peak_bytes, e.held.count());
  use.volume_bytes += e.added.count();
  Series& s = series_[place];
  const BufferSample sample{now.nanos(), e.held.count()};
  const int64_t interval = now.nanos() / kSeriesIntervalNs;
  if (interval != s.interval) {
    if (s.interval >= 0) use.series.push_back(s.largest);
    s.interval = interval;
    s.largest = sample;
  } else if (sample.bytes > s.largest.bytes) {
    s.largest = sample;
  }
  s.last = sample;
}

// The last level is shown too, in the interval after its own if that already has a larger one.
void Recorder::CloseSeries(Series* series, BufferUse* use) const {
  if (series->interval < 0) return;
  use->series.push_back(series->largest);
  if (series->last.bytes != series->largest.bytes) {
    use->series.push_back({(series->interval + 1) * kSeriesIntervalNs, series->last.bytes});
  }
}

void Recorder::OnEvent(TimePoint now, const RecordEvent& event) {
  const auto flow_of = [this](const FiveTuple& tuple) { return NumberOf(tuple); };
  std::visit(
      [&](const auto& e) {
        using T = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<T, event::Step>) {
          record_.steps_ns[static_cast<size_t>(e.step)] = now.nanos();
        } else if constexpr (std::is_same_v<T, event::Selected>) {
          if (const uint32_t f = flow_of(e.tuple); f < flows_.size()) selected_[f] = 1;
        } else if constexpr (std::is_same_v<T, event::Outcome>) {
          counters_.flows_moved += e.outcome == FlowOutcome::kMoved ? 1 : 0;
          if (const uint32_t f = flow_of(e.tuple); f < flows_.size()) outcomes_[f] = e.outcome;
        } else if constexpr (std::is_same_v<T, event::Eviction>) {
          if (e.nf == options_.source_nf) {
            record_.evictions.push_back({e.pass.at.nanos(), e.pass.before, e.pass.after});
          }
        } else if constexpr (std::is_same_v<T, event::Buffered>) {
          OnBuffered(now, e);
        } else if constexpr (std::is_same_v<T, event::BufferOverflow>) {
          BufferUse& use = record_.buffers[static_cast<size_t>(e.place)];
          use.dropped_bytes += e.bytes.count();
          ++use.dropped_packets;
        } else if constexpr (std::is_same_v<T, event::RulesInstalled>) {
          counters_.rules_installed += e.installed;
          counters_.rules_peak = std::max<uint64_t>(counters_.rules_peak, e.table_entries);
        }
      },
      event);
}

FlowRow Recorder::MakeRow(const Row& row, int64_t transit_median) const {
  const RecorderFlow& flow = flows_[row.flow];
  const Facts& facts = facts_[row.flow];
  FlowRow out;
  out.tuple = flow.tuple;
  out.arrival_ns = flow.arrival_ns;
  out.first_sent_ns = facts.first_sent_ns;
  out.last_processed_ns = facts.last_processed_ns;
  out.finished_ns = facts.finished_ns;
  out.final_bytes = flow.bytes;
  out.t0_bytes = row.t0_bytes;
  out.t0_last_packet_ns = row.t0_last_packet_ns;
  out.active = row.active;
  out.selected = selected_[row.flow] != 0;
  out.outcome = outcomes_[row.flow];
  if (facts.transit_max_ns != kNever) out.pause_ns = std::max<int64_t>(0, facts.transit_max_ns - transit_median);
  out.t0_unsent_bytes = static_cast<int64_t>(row.t0_unsent_bytes);
  return out;
}

RunRecord Recorder::Finish(TimePoint now, bool capped, double rho, uint64_t elephant_bytes_threshold) {
  UHAUL_CHECK(begun_);
  over_ = true;
  if (!transits_closed_) CloseTransits(TimePoint::FromNanos(record_.t0_ns));
  record_.rho = rho;
  record_.elephant_bytes_threshold = elephant_bytes_threshold;
  record_.ended_ns = now.nanos();
  record_.capped = capped;
  record_.counters = counters_;
  for (int place = 0; place < kBufferPlaces; ++place) {
    CloseSeries(&series_[static_cast<size_t>(place)], &record_.buffers[static_cast<size_t>(place)]);
  }
  const auto by_tuple = [](const FlowRow& a, const FlowRow& b) { return a.tuple < b.tuple; };
  for (const Row& row : rows_) {
    if (row.active) record_.flows.push_back(MakeRow(row, record_.transit_median_ns));
  }
  const auto arrivals = static_cast<ptrdiff_t>(record_.flows.size());
  for (const Row& row : rows_) {
    if (!row.active && Arrived(row)) record_.flows.push_back(MakeRow(row, record_.transit_median_ns));
  }
  std::sort(record_.flows.begin(), record_.flows.begin() + arrivals, by_tuple);
  std::sort(record_.flows.begin() + arrivals, record_.flows.end(), by_tuple);
  return std::move(record_);
}

}  // namespace uhaul
