#include "core/protocol/reliable_channel.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/little_endian.h"

namespace uhaul {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderOctets = 1 + 8 + 8 + 8;

}  // namespace

Status ReliableChannel::Send(std::vector<uint8_t> message) {
  if (message.size() > options_.message_octets) {
    return Error{"a message of " + std::to_string(message.size()) + " octets is over the limit of " +
                 std::to_string(options_.message_octets)};
  }
  const Bytes size(message.size());
  if (queued_ + size > options_.credit) {
    return Error{"the peer does not acknowledge: " + std::to_string(queued_.count()) + " octets wait for it"};
  }
  queued_ += size;
  out_.push_back({std::move(message), {}, 0, true});
  return {};
}

std::vector<uint8_t> ReliableChannel::Frame(uint64_t sequence, std::span<const uint8_t> message) {
  std::vector<uint8_t> frame;
  frame.reserve(kHeaderOctets + message.size());
  frame.push_back(kVersion);
  AppendLittle(options_.session, &frame);
  AppendLittle(sequence, &frame);
  AppendLittle(expected_, &frame);
  frame.insert(frame.end(), message.begin(), message.end());
  owes_ = false;
  return frame;
}

std::optional<std::vector<uint8_t>> ReliableChannel::Poll(TimePoint now) {
  const size_t window = std::min(out_.size(), options_.window);
  for (size_t i = 0; i < window; ++i) {
    Outgoing& next = out_[i];
    if (!next.due) continue;
    next.due = false;
    next.sent = now;
    ++next.times;
    if (deadline_ == TimePoint::Never()) deadline_ = now + timeout_;
    return Frame(first_ + i, next.message);
  }
  if (owes_) return Frame(0, {});
  return std::nullopt;
}

bool ReliableChannel::OnFrame(TimePoint now, std::span<const uint8_t> frame,
                              std::vector<std::vector<uint8_t>>* messages) {
  if (frame.size() < kHeaderOctets || frame.size() > kHeaderOctets + options_.message_octets) return false;
  if (frame[0] != kVersion || LoadLittle<uint64_t>(frame.data() + 1) != options_.session) return false;
  const auto sequence = LoadLittle<uint64_t>(frame.data() + 9);
  const auto acknowledged = LoadLittle<uint64_t>(frame.data() + 17);
  if (acknowledged > first_ + out_.size()) return false;  // of messages that were never sent
  if (acknowledged > first_) OnAcknowledged(now, acknowledged);
  if (sequence == 0) return true;
  owes_ = true;  // also for what came before: the acknowledgement may have been lost
  if (sequence < expected_ || sequence >= expected_ + options_.window) return true;
  early_.try_emplace(sequence, frame.begin() + kHeaderOctets, frame.end());
  for (auto it = early_.begin(); it != early_.end() && it->first == expected_; it = early_.erase(it), ++expected_) {
    messages->push_back(std::move(it->second));
  }
  return true;
}

void ReliableChannel::OnAcknowledged(TimePoint now, uint64_t next) {
  for (; first_ < next; ++first_) {
    const Outgoing& done = out_.front();
    if (done.times == 1) Measure(now - done.sent);
    queued_ -= Bytes(done.message.size());
    out_.pop_front();
  }
  const bool in_flight = !out_.empty() && out_.front().times > 0;
  deadline_ = in_flight ? now + timeout_ : TimePoint::Never();
}

// RFC 6298, 2.
void ReliableChannel::Measure(Duration round_trip) {
  const int64_t sample = round_trip.nanos();
  if (!measured_) {
    smoothed_ = round_trip;
    deviation_ = Duration::Nanos(sample / 2);
    measured_ = true;
  } else {
    const int64_t off = std::abs(smoothed_.nanos() - sample);
    deviation_ = Duration::Nanos((deviation_.nanos() * 3 + off) / 4);
    smoothed_ = Duration::Nanos((smoothed_.nanos() * 7 + sample) / 8);
  }
  timeout_ = std::clamp(smoothed_ + deviation_ * 4, options_.least_timeout, options_.most_timeout);
}

// The oldest is missing there; the others may be there already, ahead of their turn.
void ReliableChannel::OnTimer(TimePoint now) {
  if (now < deadline_) return;
  for (size_t i = 0; i < std::min(out_.size(), options_.window); ++i) out_[i].due = true;
  timeout_ = std::min(timeout_ * 2, options_.most_timeout);
  deadline_ = out_.empty() ? TimePoint::Never() : now + timeout_;
}

void ReliableChannel::Hash(StateHash& hash, TimePoint now) const {
  hash.Add(first_);
  hash.Add((expected_ << 1) | (owes_ ? 1U : 0U));
  for (const Outgoing& message : out_) {
    hash.Add((uint64_t{message.times} << 1) | (message.due ? 1U : 0U));
    hash.Add(std::span<const uint8_t>(message.message));
  }
  for (const auto& [sequence, message] : early_) {
    hash.Add(sequence);
    hash.Add(std::span<const uint8_t>(message));
  }
  hash.Add(static_cast<uint64_t>(timeout_.nanos()));
  hash.Add(deadline_ == TimePoint::Never() ? ~uint64_t{0} : static_cast<uint64_t>((deadline_ - now).nanos()));
}

}  // namespace uhaul
