// Links: one direction each, first in, first out. A link has a rate, a delay and a transmit queue of so many octets; it
// holds what is queued and what is under way in one ring, and acts when its head arrives at the far end.
//
// An item offered at `now` begins to leave when everything before it has left, takes its size over the rate (a frame
// counts at least 64 octets, and at least 1 ns), and arrives `delay` later. It is dropped, and counted, if the octets
// not yet on the wire and its own would exceed the queue.
//
// Data links carry small items and not packets: the flow's number, the packet's number in the flow, and what its
// journey so far has added. Control links carry messages and lose nothing: they stand for a reliable channel.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "core/node/link_timing.h"
#include "core/protocol/message.h"
#include "sim/calendar.h"

namespace uhaul {

inline constexpr int64_t kNoStamp = -1;

struct DataItem {
  enum Flags : uint8_t { kFirst = 1, kLast = 2, kRelayed = 4, kDoNotBuffer = 8, kAcknowledgement = 16, kMarker = 32 };
  int64_t stamp_ns = kNoStamp;  // when it first left the switch
  uint32_t flow = 0;            // its number in the trace
  uint32_t sequence = 0;        // of the packet in its flow, from 0
  uint32_t bytes = 0;
  uint8_t flags = 0;
  uint8_t nf = 0;  // kRelayed: the NF instance it goes to
};

struct LinkOptions {
  std::string name;
  uint16_t rank = 0;
  BitRate rate{10'000'000'000};
  Duration delay;
  Bytes queue{1'000'000'000};
};

struct LinkCounters {
  uint64_t packets = 0;  // accepted
  uint64_t bytes = 0;
  uint64_t drops = 0;
  uint64_t dropped_bytes = 0;
};

class DataLink;

// Who receives at the far end of a data link, in the model.
class DataReceiver {
 public:
  virtual ~DataReceiver() = default;
  virtual void OnData(TimePoint now, uint16_t link_rank, const DataItem& item) = 0;
};

// The link's face in ns-3: asked only while somebody listens.
class LinkTap {
 public:
  virtual ~LinkTap() = default;
  virtual void OnAccepted(const DataItem& item) = 0;
  virtual void OnDropped(const DataItem& item) = 0;
  virtual void OnArrived(const DataItem& item) = 0;
};

class DataLink final : public Source {
 public:
  DataLink(LinkOptions options, Calendar* calendar, DataReceiver* receiver);

  // False if the queue had no room: the item is gone and counted.
  [[gnu::always_inline]] bool Send(TimePoint now, const DataItem& item) { return Pass(now, item, 0) != kNoKey; }
  // The same, but that an item which arrives before `bound` is not kept: the caller takes it on at the key it is told.
  // kNoKey if there was no room.
  [[gnu::always_inline]] Key Pass(TimePoint now, const DataItem& item, Key bound) {
    const Duration time = timing_.TransmissionTime(std::max(item.bytes, kMinFrameBytes));
    if (timing_.Backlog(now) + time > queue_time_) [[unlikely]] {
      Drop(item);
      return kNoKey;
    }
    // The delay may have been lowered under way; on a wire nothing overtakes.
    const Key key = std::max(MakeKey(timing_.Occupy(now, time), rank()), last_key_ + kKeysPerNano);
    last_key_ = key;
    ++counters_.packets;
    counters_.bytes += item.bytes;
    if (key >= bound) Keep(key, item);
    if (tap_ != nullptr) [[unlikely]] {
      tap_->OnAccepted(item);
    }
    return key;
  }
  // Whether items of this size that are offered at `first` and at least `every` apart pass without waiting; and how
  // long each takes.
  bool PassesEvenly(TimePoint first, uint32_t bytes, Duration every) {
    const Duration time = timing_.TransmissionTime(std::max(bytes, kMinFrameBytes));
    return time <= every && time <= queue_time_ && timing_.Backlog(first) == Duration() &&
           MakeKey(first + time + delay(), rank()) > last_key_;
  }
  Duration TimeToPass(uint32_t bytes) { return timing_.TransmissionTime(std::max(bytes, kMinFrameBytes)) + delay(); }
  // So many did, the last one offered at `last`; its key.
  Key PassEvenly(TimePoint last, uint32_t bytes, uint64_t count) {
    counters_.packets += count;
    counters_.bytes += count * bytes;
    return last_key_ = MakeKey(timing_.Occupy(last, timing_.TransmissionTime(std::max(bytes, kMinFrameBytes))), rank());
  }
  void Act(TimePoint now) override;

  // ---- for an action that empties links itself (World::Glide). Between Leave and Return the calendar does not know of
  // what the link holds.
  void Leave() {
    away_ = true;
    calendar_->SetHead(*this, kNoKey);
  }
  void Return() {
    away_ = false;
    calendar_->SetHead(*this, head_key());
  }
  // When the next item arrives; kNoKey if there is none.
  Key head_key() const { return count_ == 0 ? kNoKey : ring_[head_].key; }
  // What arrives next; there must be something.
  const DataItem& head() const { return ring_[head_].item; }
  DataItem Take() {
    const DataItem item = ring_[head_].item;
    head_ = (head_ + 1) & mask_;
    --count_;
    return item;
  }

  void SetRate(BitRate rate);
  void SetDelay(Duration delay);
  void SetQueue(Bytes queue);
  void SetTap(LinkTap* tap) { tap_ = tap; }
  const std::string& name() const { return name_; }
  BitRate rate() const { return timing_.rate(); }
  Duration delay() const { return timing_.delay(); }
  Bytes queue() const { return queue_; }
  const LinkCounters& counters() const { return counters_; }
  size_t in_flight() const { return count_; }
  // Of those, what arrives before `bound`.
  size_t ArrivingBefore(Key bound) const {
    size_t low = 0;
    for (size_t high = count_; low < high;) {
      const size_t middle = (low + high) / 2;
      if (ring_[(head_ + middle) & mask_].key < bound) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

 private:
  struct Slot {
    Key key = 0;
    DataItem item;
  };
  [[gnu::always_inline]] void Keep(Key key, const DataItem& item) {
    if (count_ > mask_) [[unlikely]] {
      Grow();
    }
    Slot& slot = ring_[(head_ + count_) & mask_];
    slot.key = key;
    slot.item = item;
    if (++count_ == 1 && !away_) Announce(key);
  }
  void Grow();
  void Drop(const DataItem& item);
  void Announce(Key key);

  std::string name_;
  Calendar* calendar_;
  DataReceiver* receiver_;
  LinkTap* tap_ = nullptr;
  LinkTiming timing_;
  Bytes queue_;
  Duration queue_time_;  // what the queue holds, as time on the wire
  std::vector<Slot> ring_;
  size_t mask_ = 0;  // its size, a power of two, less one
  size_t head_ = 0;
  size_t count_ = 0;
  bool away_ = false;
  Key last_key_ = -1;  // keys within a link only rise
  LinkCounters counters_;
};

class MessageReceiver {
 public:
  virtual ~MessageReceiver() = default;
  virtual void OnMessage(TimePoint now, uint16_t link_rank, const Message& message) = 0;
};

class ControlLink final : public Source {
 public:
  ControlLink(LinkOptions options, Calendar* calendar, MessageReceiver* receiver);

  // `size`: octets on the wire (WireSize).
  void Send(TimePoint now, Message message, Bytes size);
  void Act(TimePoint now) override;

  void SetRate(BitRate rate) { timing_.SetRate(rate); }
  void SetDelay(Duration delay) { timing_.SetDelay(delay); }
  const std::string& name() const { return name_; }
  BitRate rate() const { return timing_.rate(); }
  Duration delay() const { return timing_.delay(); }
  const LinkCounters& counters() const { return counters_; }
  size_t in_flight() const { return queue_.size(); }
  template <class Predicate>
  size_t CountIf(Predicate predicate) const {
    return static_cast<size_t>(
        std::count_if(queue_.begin(), queue_.end(), [&](const Slot& slot) { return predicate(slot.message); }));
  }

 private:
  struct Slot {
    Key key = 0;
    Message message;
  };
  std::string name_;
  Calendar* calendar_;
  MessageReceiver* receiver_;
  LinkTiming timing_;
  std::deque<Slot> queue_;
  Key last_key_ = -1;
  LinkCounters counters_;
};

}  // namespace uhaul
