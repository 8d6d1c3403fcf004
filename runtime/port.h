// EthPort: any DPDK port (memif, af_packet, a NIC) as a data link, one receive and one transmit queue. Unlike a ring it
// carries frames out of the process (wire_frame.h), both ways: Send is what leaves here, Receive what the other side
// sent.
//
// What the port does not take at once waits behind it, in order, in a queue that is bounded in octets and pins no mbuf.
// While there is no peer everything waits; then Send accepts nothing more. Send and Receive belong to one thread.
//
// Of what comes in only frames of ours get through; strangers' and cut ones are counted and freed. A frame that is too
// large for the port is accepted, counted and freed: no wait would make it fit.
//
// When a memif's peer is killed under load, a burst may be lost with its mbufs (fault_guard.h): at most 32, counted.
// What the peer had not yet taken out of the shared ring is lost too, and nobody can count it.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"
#include "runtime/capture.h"
#include "runtime/link.h"
#include "runtime/waiting_queue.h"

namespace uhaul::runtime {

struct EthPortOptions {
  std::string name;       // as the user calls it
  std::string device;     // as the EAL calls it: "net_memif0", "0000:03:00.0"
  bool connects = false;  // the driver must be started anew until the other end is there (a memif's client)
  Bytes queue{1'000'000'000};
  PacketMemory memory{};                          // mbufs of at least kPortDataOctets; outlives the port
  std::function<TimePoint()> clock{};             // read once per burst that came in: the reference of stamps
  std::function<void(const std::string&)> say{};  // what a person should know; by default a line on stderr
  Capture* capture = nullptr;                     // of what is on the wire, both ways; outlives the port
};

struct PortCounters {
  uint64_t received = 0;  // frames of ours, handed over
  uint64_t foreign = 0;
  uint64_t cut = 0;
  uint64_t sent = 0;  // taken by the port
  uint64_t too_large = 0;
  uint64_t link_losses = 0;  // times that Watch found the link gone
  uint64_t faults = 0;       // bursts that were under way when the peer's memory went away
  // By the port's own account (rte_eth_stats):
  uint64_t missed = 0;          // no room in the receive queue
  uint64_t receive_errors = 0;  // damaged on the wire
  uint64_t no_mbuf = 0;         // the pool was empty
  uint64_t send_errors = 0;
  bool operator==(const PortCounters&) const = default;
};

// What the EAL has.
std::vector<std::string> PortNames();

class EthPort final : public DataLink {
 public:
  // Configures and starts the port. An error names the ports that there are.
  static Result<std::unique_ptr<EthPort>> Open(EthPortOptions options);
  ~EthPort() override;

  // Waits until the other end is there, saying every two seconds what is missing.
  Status AwaitLink(Duration most);
  // Asks for the state of the link, says when it has changed, and connects again to a peer that has come back. Now and
  // then, not in every round: it may make system calls.
  bool Watch();

  size_t Send(TimePoint now, std::span<rte_mbuf* const> burst) override;
  bool SendHeld(TimePoint now, PacketStore::Handle handle) override;
  // Also sends what waits.
  size_t Receive(std::span<rte_mbuf*> burst) override;
  size_t in_flight() const override { return unsent_count_ + waiting_.size(); }

  PortCounters counters() const;
  const std::string& name() const { return options_.name; }

 private:
  static constexpr size_t kMost = 32;  // frames per call of the driver
  EthPort(EthPortOptions options, uint16_t port);
  Status Configure();
  int Start();
  void Stop();
  bool LinkUp();
  bool FitForWire(rte_mbuf* mbuf);
  // What was taken by the port, or lost with it.
  uint16_t Transmit(std::span<rte_mbuf*> burst);
  uint16_t Take(std::span<rte_mbuf*> burst);
  void StageCapture(std::span<rte_mbuf* const> burst);
  void CommitCapture(size_t frames);
  void SendWaiting();

  EthPortOptions options_;
  uint16_t port_;
  uint32_t most_octets_ = 0;
  bool shares_memory_ = false;  // with a peer
  bool started_ = false;
  int64_t tried_ns_ = 0;  // when it was started last, or its link was lost
  bool link_up_ = false;
  PortCounters counted_;
  WaitingQueue waiting_;
  // Taken out of the queue, not yet taken by the port.
  std::array<rte_mbuf*, kMost> unsent_;
  size_t unsent_first_ = 0;
  size_t unsent_count_ = 0;
};

}  // namespace uhaul::runtime
