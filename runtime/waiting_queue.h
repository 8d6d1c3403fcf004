// WaitingQueue: packets that wait behind a ring or a port's transmit queue, in order, as headers and size in the
// PacketStore, so that they pin no mbuf. Bounded in octets: "full" is an answer.
#pragma once

#include <deque>

#include "core/base/units.h"
#include "runtime/packet_store.h"

namespace uhaul::runtime {

// Where held packets and new mbufs are.
struct PacketMemory {
  rte_mempool* pool = nullptr;
  PacketStore* store = nullptr;
};

class WaitingQueue {
 public:
  WaitingQueue(PacketMemory memory, Bytes limit) : memory_(memory), limit_(limit) {}
  ~WaitingQueue() {
    for (const PacketStore::Handle handle : handles_) memory_.store->Drop(handle);
  }
  WaitingQueue(const WaitingQueue&) = delete;
  WaitingQueue& operator=(const WaitingQueue&) = delete;

  bool empty() const { return handles_.empty(); }
  size_t size() const { return handles_.size(); }

  // A packet that is in the store; false if there is no room: it stays there.
  bool Push(PacketStore::Handle handle) {
    const Bytes size(memory_.store->MetaOf(handle).bytes);
    if (bytes_ + size > limit_) return false;
    bytes_ += size;
    handles_.push_back(handle);
    return true;
  }

  // Copies the packet and frees the mbuf; false if there is no room: it stays the caller's.
  bool Push(rte_mbuf* mbuf) {
    const PacketStore::Handle handle = memory_.store->KeepNew(mbuf);
    if (!Push(handle)) {
      memory_.store->Drop(handle);
      return false;
    }
    rte_pktmbuf_free(mbuf);
    return true;
  }

  // The first packet, in an mbuf of the caller's; null, and it stays, while the pool is empty. Not of an empty queue.
  rte_mbuf* Pop() {
    const Bytes size(memory_.store->MetaOf(handles_.front()).bytes);
    rte_mbuf* mbuf = memory_.store->Take(handles_.front(), memory_.pool);
    if (mbuf == nullptr) return nullptr;
    handles_.pop_front();
    bytes_ -= size;
    return mbuf;
  }

 private:
  PacketMemory memory_;
  std::deque<PacketStore::Handle> handles_;
  Bytes bytes_;
  Bytes limit_;
};

}  // namespace uhaul::runtime
