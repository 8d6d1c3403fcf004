// ControlLink: messages between the controller and a machine, in memory, in order, without loss: it stands for a
// reliable channel. The profile charges it a rate and a delay, with either clock.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "core/node/link_timing.h"
#include "core/protocol/message.h"
#include "runtime/event_queue.h"

namespace uhaul::runtime {

class MessageReceiver {
 public:
  virtual ~MessageReceiver() = default;
  virtual void OnMessage(TimePoint now, uint16_t link_rank, const Message& message) = 0;
};

class ControlLink final : public Source {
 public:
  ControlLink(uint16_t link_rank, EventQueue* queue, MessageReceiver* receiver)
      : Source(link_rank), queue_(queue), receiver_(receiver), timing_(BitRate(10'000'000'000), Duration()) {
    queue_->Add(*this);
  }
  void Set(BitRate rate, Duration delay) {
    timing_.SetRate(rate);
    timing_.SetDelay(delay);
  }
  // `size`: octets on the wire (WireSize).
  void Send(TimePoint now, Message message, Bytes size) {
    const Duration time = timing_.TransmissionTime(static_cast<uint32_t>(std::max<uint64_t>(size.count(), 1)));
    const Key key = std::max(MakeKey(timing_.Occupy(now, time), rank()), last_key_ + kKeysPerNano);
    last_key_ = key;
    messages_.push_back({key, std::move(message)});
    if (messages_.size() == 1) queue_->SetHead(*this, key);
  }
  void Act(TimePoint now) override {
    const Message message = std::move(messages_.front().message);
    messages_.pop_front();
    if (!messages_.empty()) queue_->SetHead(*this, messages_.front().key);
    receiver_->OnMessage(now, rank(), message);
  }

 private:
  struct Slot {
    Key key = 0;
    Message message;
  };
  EventQueue* queue_;
  MessageReceiver* receiver_;
  LinkTiming timing_;
  std::deque<Slot> messages_;
  Key last_key_ = -1;
};

}  // namespace uhaul::runtime
