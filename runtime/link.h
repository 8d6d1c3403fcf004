// Data links: one direction each, first in, first out, behind one burst interface. A link owns the mbufs that it has
// accepted. Two kinds:
//
//   WireLink   a wire under the virtual clock: a rate, a delay and a transmit queue of so many octets. A packet offered
//              at `now` begins to leave when everything before it has left, takes its size over the rate (at least 64
//              octets and 1 ns), and arrives `delay` later: then the link hands it to the receiver.
//   RingLink   a ring between two roles on one lcore, in real time: what is in it can be received at once.
//
// Neither pins many mbufs: what exceeds a few hundred waits in the PacketStore, in order, as headers and size.
#pragma once

#include <rte_ring.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "core/node/link_timing.h"
#include "runtime/event_queue.h"

#include "runtime/packet_store.h"
#include "runtime/waiting_queue.h"

namespace uhaul::runtime {

inline constexpr size_t kBurst = 32;

struct LinkOptions {
  std::string name;
  uint16_t rank = 0;
  BitRate rate{10'000'000'000};
  Duration delay;
  Bytes queue{1'000'000'000};
};

class DataReceiver {
 public:
  virtual ~DataReceiver() = default;
  // Owns the mbufs from here on.
  virtual void OnData(TimePoint now, uint16_t link_rank, std::span<rte_mbuf* const> burst) = 0;
};

class DataLink {
 public:
  virtual ~DataLink() = default;
  // Accepts the first so many; the rest found no room and stay the caller's. An empty burst lets go of what waits: in
  // real time the sender calls now and then.
  virtual size_t Send(TimePoint now, std::span<rte_mbuf* const> burst) = 0;
  // A packet that is in the store; false if there is no room: it stays there.
  virtual bool SendHeld(TimePoint now, PacketStore::Handle handle) = 0;
  // What has arrived (a WireLink hands it over by itself).
  virtual size_t Receive(std::span<rte_mbuf*> burst) = 0;
  virtual size_t in_flight() const = 0;
};

// A link that somebody else owns: a port outlives the runs that send on it.
class BorrowedLink final : public DataLink {
 public:
  explicit BorrowedLink(DataLink* link) : link_(link) {}
  size_t Send(TimePoint now, std::span<rte_mbuf* const> burst) override { return link_->Send(now, burst); }
  bool SendHeld(TimePoint now, PacketStore::Handle handle) override { return link_->SendHeld(now, handle); }
  size_t Receive(std::span<rte_mbuf*> burst) override { return link_->Receive(burst); }
  size_t in_flight() const override { return link_->in_flight(); }

 private:
  DataLink* link_;
};

class WireLink final : public DataLink, public Source {
 public:
  WireLink(const LinkOptions& options, EventQueue* queue, DataReceiver* receiver, PacketMemory memory);
  ~WireLink() override;
  size_t Send(TimePoint now, std::span<rte_mbuf* const> burst) override;
  bool SendHeld(TimePoint now, PacketStore::Handle handle) override;
  size_t Receive(std::span<rte_mbuf*>) override { return 0; }
  size_t in_flight() const override { return ring_.size(); }
  void Act(TimePoint now) override;

 private:
  static constexpr size_t kMostMbufs = 256;
  struct Slot {
    Key key = 0;
    rte_mbuf* mbuf = nullptr;  // null: in the store
    PacketStore::Handle handle = 0;
  };
  bool Admit(TimePoint now, uint32_t bytes, Slot slot);

  EventQueue* queue_;
  DataReceiver* receiver_;
  PacketMemory memory_;
  LinkTiming timing_;
  Duration queue_time_;  // what the transmit queue holds, as time on the wire
  std::deque<Slot> ring_;
  size_t mbufs_ = 0;
  Key last_key_ = -1;  // keys within a link only rise
};

class RingLink final : public DataLink {
 public:
  RingLink(const LinkOptions& options, PacketMemory memory);
  ~RingLink() override;
  size_t Send(TimePoint now, std::span<rte_mbuf* const> burst) override;
  bool SendHeld(TimePoint now, PacketStore::Handle handle) override;
  size_t Receive(std::span<rte_mbuf*> burst) override;
  size_t in_flight() const override { return rte_ring_count(ring_) + waiting_.size(); }

 private:
  static constexpr unsigned kRingSize = 512;
  void Refill();

  rte_ring* ring_;
  WaitingQueue waiting_;  // behind the ring
};

}  // namespace uhaul::runtime
