// ReliableChannel: one end of a stream of messages that arrive all, once and in order, over a transport that loses,
// repeats, delays and reorders frames (and corrupts none). A sans-I/O machine:
//
//   channel.Send(message)                      queues; an error if the peer is too far behind
//   while (frame = channel.Poll(now)) ...      what is to go out now
//   channel.OnFrame(now, frame, &messages)     what came in; appends the messages whose turn it is
//   channel.OnTimer(now) at NextDeadline()     then Poll again
//
// Every frame carries the number of its message and acknowledges everything below a number (cumulatively). The receiver
// keeps what comes early, within a window; what was sent and not acknowledged in time is sent again, with time-outs
// that follow the measured round trip and double (RFC 6298, without its clock granularity; Karn's rule: only messages
// sent once are measured). Both ends belong to one session; frames of any other, an older connection's ghosts, are
// ignored.
//
// Bounded: so many messages are in flight, so many octets wait, and no frame announces more than a message's limit.
//
//   frame: u8 1 | u64 session | u64 sequence, 0 for none | u64 acknowledged: the next expected | message
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/base/hash.h"
#include "core/base/result.h"
#include "core/base/units.h"

namespace uhaul {

struct ReliableChannelOptions {
  uint64_t session = 0;
  size_t window = 64;                          // messages in flight
  Bytes credit{16 << 20};                      // of messages that wait or are in flight
  size_t message_octets = 1024 * 1024 + 4096;  // at most, each
  Duration first_timeout = Duration::Millis(20);
  Duration least_timeout = Duration::Millis(1);
  Duration most_timeout = Duration::Seconds(2);
};

class ReliableChannel {
 public:
  explicit ReliableChannel(ReliableChannelOptions options) : options_(options), timeout_(options.first_timeout) {}

  Status Send(std::vector<uint8_t> message);
  std::optional<std::vector<uint8_t>> Poll(TimePoint now);
  // False: not a frame of this session; nothing changed.
  bool OnFrame(TimePoint now, std::span<const uint8_t> frame, std::vector<std::vector<uint8_t>>* messages);
  void OnTimer(TimePoint now);
  TimePoint NextDeadline() const { return deadline_; }

  // Everything sent has been acknowledged, and everything received acknowledged.
  bool idle() const { return out_.empty() && !owes_; }
  Bytes unacknowledged() const { return queued_; }
  void Hash(StateHash& hash, TimePoint now) const;

 private:
  struct Outgoing {
    std::vector<uint8_t> message;
    TimePoint sent;
    uint32_t times = 0;
    bool due = true;  // to be sent, for the first time or again
  };
  void OnAcknowledged(TimePoint now, uint64_t next);
  void Measure(Duration round_trip);
  std::vector<uint8_t> Frame(uint64_t sequence, std::span<const uint8_t> message);

  ReliableChannelOptions options_;
  std::deque<Outgoing> out_;  // from first_ on
  uint64_t first_ = 1;        // the number of the oldest unacknowledged message
  Bytes queued_;
  std::map<uint64_t, std::vector<uint8_t>> early_;  // received ahead of their turn
  uint64_t expected_ = 1;
  bool owes_ = false;  // an acknowledgement
  Duration timeout_;
  Duration smoothed_;
  Duration deviation_;
  bool measured_ = false;
  TimePoint deadline_ = TimePoint::Never();
};

}  // namespace uhaul
