#include "sim/link.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace uhaul {

DataLink::DataLink(LinkOptions options, Calendar* calendar, DataReceiver* receiver)
    : Source(options.rank),
      name_(std::move(options.name)),
      calendar_(calendar),
      receiver_(receiver),
      timing_(options.rate, options.delay),
      ring_(64),
      mask_(ring_.size() - 1) {
  SetQueue(options.queue);
  calendar_->Add(*this);
}

void DataLink::SetRate(BitRate rate) {
  timing_.SetRate(rate);
  SetQueue(queue_);
}

void DataLink::SetDelay(Duration delay) { timing_.SetDelay(delay); }

void DataLink::SetQueue(Bytes queue) {
  queue_ = queue;
  queue_time_ =
      rate().bits_per_second() == 0 ? Duration::Nanos(kNoKey / kKeysPerNano / 4) : rate().TransmissionTime(queue);
}

void DataLink::Drop(const DataItem& item) {
  ++counters_.drops;
  counters_.dropped_bytes += item.bytes;
  if (tap_ != nullptr) tap_->OnDropped(item);
}

void DataLink::Announce(Key key) { calendar_->Announce(*this, key); }

void DataLink::Act(TimePoint now) {
  UHAUL_CHECK(count_ > 0);
  UHAUL_CHECK(ring_[head_].key == MakeKey(now, rank()));
  const DataItem item = Take();
  if (count_ > 0) calendar_->Announce(*this, ring_[head_].key);
  if (tap_ != nullptr) [[unlikely]] {
    tap_->OnArrived(item);
  }
  receiver_->OnData(now, rank(), item);
}

void DataLink::Grow() {
  std::vector<Slot> larger(ring_.size() * 2);
  for (size_t i = 0; i < count_; ++i) larger[i] = ring_[(head_ + i) & mask_];
  ring_.swap(larger);
  mask_ = ring_.size() - 1;
  head_ = 0;
}

ControlLink::ControlLink(LinkOptions options, Calendar* calendar, MessageReceiver* receiver)
    : Source(options.rank),
      name_(std::move(options.name)),
      calendar_(calendar),
      receiver_(receiver),
      timing_(options.rate, options.delay) {
  calendar_->Add(*this);
}

void ControlLink::Send(TimePoint now, Message message, Bytes size) {
  const Duration time = timing_.TransmissionTime(static_cast<uint32_t>(std::max<uint64_t>(size.count(), 1)));
  const Key key = std::max(MakeKey(timing_.Occupy(now, time), rank()), last_key_ + kKeysPerNano);
  last_key_ = key;
  ++counters_.packets;
  counters_.bytes += size.count();
  queue_.push_back({key, std::move(message)});
  if (queue_.size() == 1) calendar_->SetHead(*this, key);
}

void ControlLink::Act(TimePoint now) {
  UHAUL_CHECK(!queue_.empty());
  UHAUL_CHECK(queue_.front().key == MakeKey(now, rank()));
  const Message message = std::move(queue_.front().message);
  queue_.pop_front();
  if (!queue_.empty()) calendar_->SetHead(*this, queue_.front().key);
  receiver_->OnMessage(now, rank(), message);
}

}  // namespace uhaul
