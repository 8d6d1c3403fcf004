#include "runtime/link.h"

#include <unistd.h>

#include <algorithm>

#include "core/base/check.h"

namespace uhaul::runtime {

WireLink::WireLink(const LinkOptions& options, EventQueue* queue, DataReceiver* receiver, PacketMemory memory)
    : Source(options.rank),
      queue_(queue),
      receiver_(receiver),
      memory_(memory),
      timing_(options.rate, options.delay),
      queue_time_(options.rate.bits_per_second() == 0 ? Duration::Nanos(kNoKey / kKeysPerNano / 4)
                                                      : options.rate.TransmissionTime(options.queue)) {
  queue_->Add(*this);
}

WireLink::~WireLink() {
  for (const Slot& slot : ring_) {
    if (slot.mbuf != nullptr) rte_pktmbuf_free(slot.mbuf);
  }
}

bool WireLink::Admit(TimePoint now, uint32_t bytes, Slot slot) {
  const Duration time = timing_.TransmissionTime(std::max(bytes, kMinFrameBytes));
  if (timing_.Backlog(now) + time > queue_time_) [[unlikely]] {
    return false;
  }
  slot.key = std::max(MakeKey(timing_.Occupy(now, time), rank()), last_key_ + kKeysPerNano);
  last_key_ = slot.key;
  if (slot.mbuf != nullptr && mbufs_ >= kMostMbufs) {
    slot.handle = memory_.store->KeepNew(slot.mbuf);
    rte_pktmbuf_free(slot.mbuf);
    slot.mbuf = nullptr;
  }
  mbufs_ += slot.mbuf != nullptr ? 1 : 0;
  ring_.push_back(slot);
  if (ring_.size() == 1) queue_->SetHead(*this, slot.key);
  return true;
}

size_t WireLink::Send(TimePoint now, std::span<rte_mbuf* const> burst) {
  for (size_t i = 0; i < burst.size(); ++i) {
    if (!Admit(now, FrameField::Of(burst[i]).bytes, {0, burst[i], 0})) return i;
  }
  return burst.size();
}

bool WireLink::SendHeld(TimePoint now, PacketStore::Handle handle) {
  return Admit(now, memory_.store->MetaOf(handle).bytes, {0, nullptr, handle});
}

void WireLink::Act(TimePoint now) {
  UHAUL_CHECK(!ring_.empty());
  const Slot slot = ring_.front();
  ring_.pop_front();
  if (!ring_.empty()) queue_->SetHead(*this, ring_.front().key);
  rte_mbuf* mbuf = slot.mbuf;
  if (mbuf != nullptr) {
    --mbufs_;
  } else {
    mbuf = memory_.store->Take(slot.handle, memory_.pool);
    UHAUL_CHECK(mbuf != nullptr);  // the pool is larger than all links' shares together
  }
  receiver_->OnData(now, rank(), {&mbuf, 1});
}

RingLink::RingLink(const LinkOptions& options, PacketMemory memory) : waiting_(memory, options.queue) {
  ring_ = rte_ring_create(options.name.substr(0, RTE_RING_NAMESIZE - 1).c_str(), kRingSize, SOCKET_ID_ANY,
                          RING_F_SP_ENQ | RING_F_SC_DEQ);
  UHAUL_CHECK(ring_ != nullptr);
}

RingLink::~RingLink() {
  void* mbuf = nullptr;
  while (rte_ring_dequeue(ring_, &mbuf) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
  rte_ring_free(ring_);
}

size_t RingLink::Send(TimePoint, std::span<rte_mbuf* const> burst) {
  size_t sent = 0;
  if (!waiting_.empty()) [[unlikely]] {
    Refill();
  }
  if (waiting_.empty()) {
    sent = rte_ring_sp_enqueue_burst(ring_, reinterpret_cast<void* const*>(burst.data()),
                                     static_cast<unsigned>(burst.size()), nullptr);
  }
  while (sent < burst.size() && waiting_.Push(burst[sent])) ++sent;
  return sent;
}

bool RingLink::SendHeld(TimePoint, PacketStore::Handle handle) {
  if (!waiting_.Push(handle)) return false;
  Refill();
  return true;
}

void RingLink::Refill() {
  while (!waiting_.empty() && !rte_ring_full(ring_)) {
    rte_mbuf* mbuf = waiting_.Pop();
    if (mbuf == nullptr) return;  // later, when others have been freed
    UHAUL_CHECK(rte_ring_sp_enqueue(ring_, mbuf) == 0);
  }
}

size_t RingLink::Receive(std::span<rte_mbuf*> burst) {
  return rte_ring_sc_dequeue_burst(ring_, reinterpret_cast<void**>(burst.data()), static_cast<unsigned>(burst.size()),
                                   nullptr);
}

}  // namespace uhaul::runtime
