// Testbed: the paper's testbed in one process on one lcore (RUNTIME: roles joined by bursts). It owns the machines of
// core/, the links between them, the generator that replays the trace, the sink and the recorder, and hands bursts,
// messages and timers from one to the other.
//
// Every role works on what it received: the switch, the NFs and the sink parse each frame's headers; the sink names
// flow and packet by the five-tuple and the sequence number that it finds there.
//
// Two clocks. Virtual: time comes from the generator's schedule and from links that take as long as wires do; one
// packet at a time, deterministic. Real (TSC): packets leave at the trace's times as far as this machine can, bursts
// of up to 32, links are rings, the clock is read once per burst. Handlers take `now` and do not know which.
//
//   RunToStart();            // the warm-up, up to t0
//   StartOperation(point);   // takes the point's profile, starts its move
//   RunToEnd();              // until the operation is closed and every flow with a row has ended, or the cap
//
// Under the virtual clock a process may be forked between the first two, if the EAL's memory is private (eal.h).
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/flow/flow_map.h"
#include "core/node/controller.h"
#include "core/node/nf_agent.h"
#include "core/node/switch_agent.h"
#include "core/record/recorder.h"
#include "experiments/point_spec.h"
#include "experiments/scenario.h"
#include "runtime/control_link.h"
#include "runtime/event_queue.h"
#include "runtime/link.h"
#include "runtime/packet_store.h"
#include "runtime/topology.h"
#include "runtime/tsc_clock.h"
#include "workloads/packet_parser.h"
#include "workloads/packet_source.h"

namespace uhaul::runtime {

enum class ClockKind : uint8_t { kVirtual, kTsc };

struct TestbedOptions {
  ClockKind clock = ClockKind::kVirtual;
  double tsc_hz = 0;            // kTsc
  rte_mempool* pool = nullptr;  // outlives the testbed
};

// How well the generator kept its schedule, and how busy the lcore was, in real time.
struct Punctuality {
  static constexpr int64_t kLateNs = 100'000;
  uint64_t packets = 0;
  uint64_t late = 0;      // packets that left more than kLateNs after their time
  int64_t latest_ns = 0;  // the worst
  int64_t busy_ns = 0;    // in rounds that found something to do
  int64_t elapsed_ns = 0;
  // More than one packet in a hundred late: the run did not keep its rate.
  bool kept_rate() const { return late * 100 <= packets; }
};

class Testbed final : private DataReceiver, private MessageReceiver {
 public:
  // Of `spec` only the fields that determine the warm-up count.
  static Result<std::unique_ptr<Testbed>> Create(const PointSpec& spec, const Scenario& scenario,
                                                 const TestbedOptions& options);
  ~Testbed() override;

  Status RunToStart();
  Status StartOperation(const PointSpec& point);
  RunRecord RunToEnd();

  const ParseCounters& parsed() const { return parsed_; }
  const Punctuality& punctuality() const { return punctuality_; }
  size_t held_peak() const { return store_.held_peak(); }
  const NfAgent& nf(uint8_t instance) const { return nfs_[instance]; }

 private:
  Testbed(const PointSpec& spec, const Scenario& scenario, const TestbedOptions& options, std::vector<NfAgent> nfs);
  void MakeLinks();
  void MakeTimers();
  std::unique_ptr<DataLink> MakeDataLink(std::string name, uint16_t link_rank);
  std::unique_ptr<ControlLink> MakeControlLink(uint16_t link_rank);

  // ---- data
  void OnData(TimePoint now, uint16_t link_rank, std::span<rte_mbuf* const> burst) override;
  void OnGenerator(TimePoint now);
  void ArmGenerator();
  static void FillFrame(rte_mbuf* mbuf, const FrameContents& contents);
  void AtSwitch(TimePoint now, std::span<rte_mbuf* const> burst);
  void AtNf(TimePoint now, uint8_t nf, std::span<rte_mbuf* const> burst);
  void AtSink(TimePoint now, std::span<rte_mbuf* const> burst);
  void AtGenerator(TimePoint now, std::span<rte_mbuf* const> burst);  // acknowledgements
  void Relayed(TimePoint now, std::span<rte_mbuf* const> burst);
  void SendBurst(DataLink& link, TimePoint now, std::span<rte_mbuf* const> burst);
  void SendHeld(DataLink& link, TimePoint now, const Packet& packet);
  bool Parse(rte_mbuf* mbuf, Packet* packet);
  uint32_t NumberOf(const FlowKey& flow) const;
  void Lose(TimePoint now, const FlowKey& flow);

  // ---- control
  void OnMessage(TimePoint now, uint16_t link_rank, const Message& message) override;
  void OnMachineTimer(TimePoint now, Machine machine);
  // Does what the machine wants done, and arms its timer. After every call of a machine.
  void Settle(TimePoint now, Machine machine);
  void Drain(TimePoint now, Machine machine);
  void Dispatch(TimePoint now, Machine from, OutMessage& out);
  void Release(TimePoint now, const OutPacket& out, uint8_t at);
  void CallTimer(TimePoint now, Machine machine);
  TimePoint DeadlineOf(Machine machine) const;
  void CheckOperation(TimePoint now);
  void CheckEnd(TimePoint now);

  // ---- the run
  void RunLoop();  // until paused_ or stopped_
  void RunRealTime();
  bool Generate(TimePoint now);  // both: whether there was anything to do
  bool Poll(DataLink& link, uint16_t link_rank);
  void OnStartTimer(TimePoint now);
  void ApplyProfile(const Profile& profile);

  const PointSpec spec_;
  const Scenario& scenario_;
  const TestbedOptions options_;
  EventQueue queue_;
  TscClock clock_;
  const FlowHasher hasher_;
  FlowMap<uint32_t> numbers_;  // flow -> its number in the trace
  std::vector<NfAgent> nfs_;
  SwitchAgent switch_;
  Controller controller_;
  PacketSource source_;
  Recorder recorder_;
  Outbox outbox_;
  std::array<Packet, kBurst> packets_;  // scratch: one burst as the machines see it
  PacketStore store_;
  ParseCounters parsed_;
  Punctuality punctuality_;

  std::unique_ptr<DataLink> to_switch_;
  std::array<std::unique_ptr<DataLink>, kNfCount> switch_to_nf_;
  std::array<std::unique_ptr<DataLink>, kNfCount> nf_to_switch_;
  std::array<std::unique_ptr<DataLink>, kNfCount> nf_to_sink_;
  std::unique_ptr<DataLink> acknowledgements_;
  std::unique_ptr<ControlLink> control_to_switch_;
  std::unique_ptr<ControlLink> control_from_switch_;
  std::array<std::unique_ptr<ControlLink>, kNfCount> control_to_nf_;
  std::array<std::unique_ptr<ControlLink>, kNfCount> control_from_nf_;

  std::array<std::unique_ptr<Timer>, kMachines> machine_timers_;
  std::unique_ptr<Timer> generator_;
  std::unique_ptr<Timer> start_timer_;
  std::unique_ptr<Timer> cap_timer_;
  std::unique_ptr<Timer> watch_timer_;

  TimePoint start_;        // t0, as it came
  bool started_ = false;   // the clock runs
  bool at_start_ = false;  // t0 has come
  bool moving_ = false;    // an operation was started and is not over
  bool over_ = false;
  bool paused_ = false;
  bool stopped_ = false;
  bool capped_ = false;
  double rho_ = 0;
  uint64_t elephant_threshold_ = 0;
};

}  // namespace uhaul::runtime
