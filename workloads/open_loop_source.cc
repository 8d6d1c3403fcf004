#include "workloads/open_loop_source.h"

#include <algorithm>

#include "core/base/check.h"
#include "workloads/frame_time.h"
#include "workloads/random_streams.h"

namespace uhaul {

OpenLoopSource::OpenLoopSource(const Trace& trace, const SourceOptions& options)
    : trace_(&trace),
      options_(options),
      on_off_(options.on_time > Duration() && options.off_time > Duration()),
      limit_(options.model == SenderModel::kLimited ? options.limit : kNobody),
      full_packet_time_(FrameTime(options.link, options.packet_bytes)),
      senders_(trace.flows.size()) {
  UHAUL_CHECK(limit_ > 0);
  for (size_t i = 0; i < senders_.size(); ++i) {
    senders_[i].unsent = trace.flows[i].bytes;
    if (on_off_) clocks_.emplace_back(options.seed, kOnOffStream + i);
  }
  next_arrival_ = trace.flows.empty() ? TimePoint::Never() : trace.flows.front().arrival;
  Choose();
}

// Puts whoever arrived or came back by `now` into the waiting queue, in order of time, arrivals first.
void OpenLoopSource::Admit(TimePoint now) {
  for (;;) {
    const TimePoint wake = asleep_.empty() ? TimePoint::Never() : asleep_.top().first;
    if (std::min(next_arrival_, wake) > now) return;
    if (next_arrival_ <= wake) {
      waiting_.push(static_cast<uint32_t>(arrived_++));
      next_arrival_ = arrived_ == senders_.size() ? TimePoint::Never() : trace_->flows[arrived_].arrival;
    } else {
      waiting_.push(asleep_.top().second);
      asleep_.pop();
    }
  }
}

void OpenLoopSource::FillPlaces() {
  while (places_taken_ < limit_ && !waiting_.empty()) {
    Join(waiting_.front());
    waiting_.pop();
  }
}

TimePoint OpenLoopSource::NextArrivalOrWake() const {
  return asleep_.empty() ? next_arrival_ : std::min(next_arrival_, asleep_.top().first);
}

void OpenLoopSource::Join(uint32_t flow) {
  Sender& sender = senders_[flow];
  sender.before = back_;
  sender.after = kNobody;
  (back_ == kNobody ? front_ : senders_[back_].after) = flow;
  back_ = flow;
  if (turn_ == kNobody) turn_ = flow;
  ++places_taken_;
}

void OpenLoopSource::Leave(uint32_t flow) {
  const Sender& sender = senders_[flow];
  (sender.before == kNobody ? front_ : senders_[sender.before].after) = sender.after;
  (sender.after == kNobody ? back_ : senders_[sender.after].before) = sender.before;
  if (turn_ == flow) turn_ = sender.after;
  --places_taken_;
}

bool OpenLoopSource::OnPeriodIsOver(uint32_t flow) {
  Sender& sender = senders_[flow];
  if (sender.on_until == TimePoint::Never()) {
    sender.on_until = link_free_ + ExponentialTime(clocks_[flow], static_cast<double>(options_.on_time.nanos()));
    return false;
  }
  return link_free_ >= sender.on_until;
}

// Finds who sends when the link is free next: turn_ and next_time_.
inline void OpenLoopSource::Choose() {
  // Nobody comes or goes: nearly always.
  if (!on_off_ && front_ != kNobody && next_arrival_ > link_free_ && (waiting_.empty() || places_taken_ >= limit_)) {
    if (turn_ == kNobody) turn_ = front_;
    next_time_ = link_free_;
    return;
  }
  ChooseSlowly();
}

void OpenLoopSource::ChooseSlowly() {
  for (;;) {
    if (NextArrivalOrWake() <= link_free_) Admit(link_free_);
    if (places_taken_ < limit_ && !waiting_.empty()) FillPlaces();
    if (front_ == kNobody) {
      const TimePoint next = NextArrivalOrWake();
      if (next == TimePoint::Never()) {
        next_time_ = next;
        return;
      }
      link_free_ = next;
      continue;
    }
    if (turn_ == kNobody) turn_ = front_;
    const uint32_t flow = turn_;
    if (on_off_ && OnPeriodIsOver(flow)) {
      Leave(flow);
      senders_[flow].on_until = TimePoint::Never();
      const Duration off = ExponentialTime(clocks_[flow], static_cast<double>(options_.off_time.nanos()));
      asleep_.emplace(link_free_ + std::max(off, Duration::Nanos(1)), flow);
      continue;
    }
    next_time_ = link_free_;
    return;
  }
}

SourcePacket OpenLoopSource::Pop() {
  UHAUL_CHECK(next_time_ != TimePoint::Never());
  const uint32_t flow = turn_;
  Sender& sender = senders_[flow];
  SourcePacket packet;
  packet.at = next_time_;
  packet.flow = flow;
  packet.sequence = sender.sequence++;
  packet.first = packet.sequence == 0;
  packet.last = sender.unsent <= options_.packet_bytes;
  packet.bytes = packet.last ? static_cast<uint32_t>(sender.unsent) : options_.packet_bytes;
  sender.unsent -= packet.bytes;
  link_free_ =
      next_time_ + (packet.bytes == options_.packet_bytes ? full_packet_time_ : FrameTime(options_.link, packet.bytes));
  if (packet.first) ++started_;
  waiting_flows_ = arrived_ - started_;
  if (packet.last) {
    Leave(flow);
  } else {
    turn_ = sender.after;
  }
  Choose();
  return packet;
}

void OpenLoopSource::Look(TimePoint before, Rounds* rounds) const {
  rounds->count = 0;
  // An arrival, even if it only waits, is between two rounds.
  const TimePoint until = std::min(before, next_arrival_);
  if (on_off_ || front_ == kNobody || places_taken_ > kLongLine || next_time_ >= until) return;
  const int64_t packets = ((until - next_time_).nanos() - 1) / full_packet_time_.nanos() + 1;
  uint64_t count = static_cast<uint64_t>(packets) / places_taken_;
  if (count == 0) return;
  rounds->line.clear();
  uint32_t flow = turn_;
  do {
    const Sender& sender = senders_[flow];
    if (sender.sequence == 0) return;
    count = std::min(count, (sender.unsent - 1) / options_.packet_bytes);
    rounds->line.push_back({flow, sender.sequence});
    flow = sender.after == kNobody ? front_ : sender.after;
  } while (flow != turn_);
  rounds->count = static_cast<uint32_t>(std::min<uint64_t>(count, kMostRounds));
  rounds->bytes = options_.packet_bytes;
  rounds->packet_time = full_packet_time_;
}

void OpenLoopSource::Skip(const Rounds& rounds) {
  UHAUL_CHECK(rounds.line.size() == places_taken_ && rounds.line.front().flow == turn_);
  for (const Turn& turn : rounds.line) {
    Sender& sender = senders_[turn.flow];
    UHAUL_CHECK(sender.unsent > uint64_t{rounds.count} * options_.packet_bytes);
    sender.sequence += rounds.count;
    sender.unsent -= uint64_t{rounds.count} * options_.packet_bytes;
  }
  link_free_ = next_time_ + full_packet_time_ * (int64_t{rounds.count} * places_taken_);
  waiting_flows_ = arrived_ - started_;
  turn_ = senders_[rounds.line.back().flow].after;  // past the end of the line: who joins now is next
  Choose();
}

}  // namespace uhaul
