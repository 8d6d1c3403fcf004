// The roles of the data plane: generator, switch, NF and sink, each of which takes bursts from its links and sends
// bursts on. They work on what they receive: switch, NF and sink parse each frame's headers; the sink names flow and
// packet by the five-tuple and the sequence number that it finds there.
//
// A role is handed its machine's station for the time of a call, and does not settle it: that is its owner's.
#pragma once

#include <array>
#include <span>

#include "core/node/machine_set.h"
#include "runtime/datapath.h"

namespace uhaul::runtime {

// How well the generator kept its schedule, and how busy the lcore was, in real time.
struct Punctuality {
  static constexpr int64_t kLateNs = 100'000;
  uint64_t packets = 0;
  uint64_t late = 0;       // packets that left more than kLateNs after their time
  int64_t latest_ns = 0;   // the worst
  int64_t busy_ns = 0;     // in rounds that found something to do
  int64_t stalled_ns = 0;  // in rounds of more than kLateNs: nearly always somebody else had the processor
  int64_t elapsed_ns = 0;
  // More than one packet in a hundred late: the run did not keep its rate.
  bool kept_rate() const { return late * 100 <= packets; }
};

class GeneratorRole {
 public:
  GeneratorRole(RunControl* run, Datapath* path, DataLink* out) : run_(run), path_(path), out_(out) {}
  ~GeneratorRole();
  GeneratorRole(const GeneratorRole&) = delete;
  GeneratorRole& operator=(const GeneratorRole&) = delete;

  TimePoint NextTime() const { return run_->source().NextTime(); }
  // By a schedule: the packet whose time is now.
  void SendOne(TimePoint now);
  // Real time: whatever is due, up to a burst; how many. What finds no mbuf leaves later.
  size_t SendDue(TimePoint now, Punctuality* punctuality);
  void OnAcknowledgements(TimePoint now, std::span<rte_mbuf* const> burst);

 private:
  void Stock();
  RunControl* run_;
  Datapath* path_;
  DataLink* out_;
  Outgoing empty_;  // mbufs for the next burst
};

class SwitchRole {
 public:
  SwitchRole(Datapath* path, std::array<DataLink*, kNfCount> to_nf) : path_(path), to_nf_(to_nf) {}
  void OnBurst(TimePoint now, std::span<rte_mbuf* const> burst, SwitchAgent& agent, Outbox& outbox);
  // From an NF, for another NF: no rule is asked.
  void OnRelayed(TimePoint now, std::span<rte_mbuf* const> burst);
  void Release(TimePoint now, const OutPacket& out);
  uint64_t forwarded() const { return forwarded_; }  // packets from the generator

 private:
  // Each as the switch's rules say.
  void Dispatch(TimePoint now, const Outgoing& accepted, SwitchAgent& agent, Outbox& outbox);
  Datapath* path_;
  uint64_t forwarded_ = 0;
  std::array<DataLink*, kNfCount> to_nf_;
  std::array<Packet, kBurst> packets_;  // scratch
};

class NfRole {
 public:
  NfRole(Datapath* path, DataLink* to_sink, DataLink* to_switch)
      : path_(path), to_sink_(to_sink), to_switch_(to_switch) {}
  void OnBurst(TimePoint now, std::span<rte_mbuf* const> burst, NfAgent& agent, Outbox& outbox);
  void Release(TimePoint now, const OutPacket& out);

 private:
  void OnIntercepted(TimePoint now, const Outgoing& accepted, NfAgent& agent, Outbox& outbox);
  Datapath* path_;
  DataLink* to_sink_;
  DataLink* to_switch_;
  std::array<Packet, kBurst> packets_;  // scratch
};

class SinkRole {
 public:
  // `acknowledgements`: null where senders want none.
  SinkRole(Datapath* path, DataLink* acknowledgements) : path_(path), acknowledgements_(acknowledgements) {}
  void OnBurst(TimePoint now, std::span<rte_mbuf* const> burst);

 private:
  void Acknowledge(TimePoint now, const FrameReading& reading);
  Datapath* path_;
  DataLink* acknowledgements_;
};

}  // namespace uhaul::runtime
