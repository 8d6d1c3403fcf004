// World: one simulated testbed. It owns the machines of core/, the links between them and the run (run_control.h), and
// hands packets, messages and timers from one to the other. Handlers take `now` and know nothing of the calendar.
//
// A run has two halves, so that many points can share the first (SIMULATOR.md: sweeps fork):
//
//   World world(spec, scenario);
//   world.RunToStart();              // the warm-up, up to t0: the same for all points of a group
//   world.StartOperation(point);     // takes the point's profile, starts its move
//   RunRecord record = world.RunToEnd();
//
// The second half ends when the operation is closed and every flow with a row in the record has ended, or at the cap.
// One World exists at a time: ns-3's simulator is global.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/node/machine_set.h"
#include "experiments/run_control.h"
#include "experiments/topology.h"
#include "sim/calendar.h"
#include "sim/link.h"
#include "sim/shell.h"
#include "sim/timer.h"

namespace uhaul {

struct WorldOptions {
  std::optional<Granularity> granularity = {};       // ns-3's global value UhaulGranularity, which is Train
  std::string scheduler = "uhaul::SortedScheduler";  // of packets: any of ns-3's gives the same run
};

// For worlds whose options do not say: sets ns-3's global value.
void SetDefaultGranularity(Granularity granularity);

class World final : private DataReceiver, private MessageReceiver, private MachineHost {
 public:
  // Of `spec` only the fields that determine the warm-up count. An error names an unknown network function.
  static Result<std::unique_ptr<World>> Create(const PointSpec& spec, const Scenario& scenario,
                                               WorldOptions options = {});
  ~World() override;

  Status RunToStart();
  Status StartOperation(const PointSpec& point);
  RunRecord RunToEnd();

  // Of the last action.
  TimePoint now() const { return TimeOfKey(std::max<Key>(calendar_->current(), 0)); }
  const NfAgent& nf(uint8_t instance) const { return machines_.nf(instance); }
  const Controller& controller() const { return machines_.controller(); }
  const SwitchAgent& forwarding() const { return machines_.forwarding(); }
  const PacketSource& source() const { return run_.source(); }
  const Recorder& recorder() const { return run_.recorder(); }
  const Calendar& calendar() const { return *calendar_; }
  const Shell& shell() const { return *shell_; }
  uint64_t packets_on_links() const;           // data links
  uint64_t glided() const { return glided_; }  // actions that were carried out ahead of the calendar
  uint64_t leapt() const { return leapt_; }    // of these, those of packets that nobody looked at one by one
  uint64_t messages_with_packets() const;      // on control links; copies for information (packet-in) do not count

 private:
  World(const PointSpec& spec, const Scenario& scenario, const WorldOptions& options, std::vector<NfAgent> nfs);

  void MakeLinks();
  void MakeTimers();
  void MakeShell();
  std::unique_ptr<DataLink> MakeDataLink(std::string name, uint16_t link_rank);
  std::unique_ptr<ControlLink> MakeControlLink(std::string name, uint16_t link_rank);

  // ---- data
  void OnData(TimePoint now, uint16_t link_rank, const DataItem& item) override;
  void OnGenerator(TimePoint now);
  DataItem NextItem(TimePoint now);
  void Emit(TimePoint now);
  void ArmGenerator();
  void AtSwitch(TimePoint now, const DataItem& item);
  void Stamp(TimePoint now, DataItem* item) const;
  void Steer(TimePoint now, DataItem item);
  void AtNf(TimePoint now, uint8_t nf, const DataItem& item);
  void Process(TimePoint now, uint8_t nf, const DataItem& item);
  void AtSink(TimePoint now, const DataItem& item);
  void SendTo(DataLink& link, TimePoint now, const DataItem& item);
  void Offer(DataLink& link, TimePoint now, const DataItem& item);  // SendTo, inline
  void OnLinkDrop(TimePoint now, const DataItem& item);
  Packet PacketOf(const DataItem& item) const;
  DataItem ItemOf(const Packet& packet) const;

  // ---- data, ahead of the calendar
  struct Glided {
    Key last = 0;  // what was done last
    uint64_t actions = 0;
    void Add(Key key) {
      last = std::max(last, key);
      ++actions;
    }
  };
  // How a sender's packets go when they leap.
  struct LeapPath {
    Packet first;
    uint8_t nf = 0;
    Duration to_nf;  // from the generator
  };
  bool MayGlide(TimePoint now);
  uint64_t PacketsLeft(TimePoint now, uint64_t enough);
  void Glide(TimePoint now);
  void GlideTo(Key bound, Glided* glided);
  bool OnOnePath() const;
  void Carry(TimePoint now, bool no_rules, Key bound, Glided* glided);
  void CarryAll(Key bound, Glided* glided);
  bool Leap(Key bound, Glided* glided);
  Key BatchKeys() const;
  bool GoesOnUntil(TimePoint now, Key bound);

  // ---- control
  void OnMessage(TimePoint now, uint16_t link_rank, const Message& message) override;
  void OnMachineTimer(TimePoint now, NodeId machine);
  void OnEvent(TimePoint now, const RecordEvent& event) override { run_.recorder().OnEvent(now, event); }
  void Send(TimePoint now, NodeId from, NodeId to, Message message) override;
  void Release(TimePoint now, NodeId at, const OutPacket& out) override;
  void SendMarker(TimePoint now, NodeId at, uint8_t nf, const Marker& marker) override;
  void PassMarker(TimePoint now, uint8_t from, uint8_t nf);  // that NF relays it to this one
  void Wake(NodeId machine, TimePoint at) override { machine_timers_[MachineIndex(machine)]->Set(at); }
  void CheckOperation(TimePoint now);
  void CheckEnd(TimePoint now);

  // ---- the run
  void OnStartTimer(TimePoint now);

  const PointSpec spec_;
  std::unique_ptr<Calendar> calendar_;
  RunControl run_;
  MachineSet machines_;
  std::vector<FlowKey> keys_;      // by flow
  std::vector<uint32_t> packets_;  // by flow

  std::unique_ptr<DataLink> to_switch_;
  std::array<std::unique_ptr<DataLink>, kNfCount> switch_to_nf_;
  std::array<std::unique_ptr<DataLink>, kNfCount> nf_to_switch_;
  std::array<std::unique_ptr<DataLink>, kNfCount> nf_to_sink_;
  std::unique_ptr<DataLink> acknowledgements_;
  std::unique_ptr<ControlLink> control_to_switch_;
  std::unique_ptr<ControlLink> control_from_switch_;
  std::array<std::unique_ptr<ControlLink>, kNfCount> control_to_nf_;
  std::array<std::unique_ptr<ControlLink>, kNfCount> control_from_nf_;
  std::array<std::unique_ptr<ControlLink>, kNfCount> peer_;  // by the instance that sends
  // On the links to the NFs, and back from them, in order: what their items stand for.
  std::array<std::deque<Marker>, kNfCount> markers_;
  std::array<std::deque<Marker>, kNfCount> relayed_markers_;

  std::array<std::unique_ptr<Timer>, kMachines> machine_timers_;
  std::unique_ptr<Timer> generator_;
  std::unique_ptr<Timer> start_timer_;
  std::unique_ptr<Timer> cap_timer_;
  std::unique_ptr<Timer> watch_timer_;
  std::unique_ptr<Shell> shell_;

  Rounds rounds_;                     // scratch
  std::vector<LeapPath> leap_paths_;  // scratch
  TimePoint next_glide_;              // none is tried before
  TimePoint switch_changed_;          // when the switch last did anything but forward
  uint64_t glided_ = 0;
  uint64_t leapt_ = 0;
  bool at_start_ = false;  // t0 has come
  bool stopped_ = false;
  bool capped_ = false;
};

}  // namespace uhaul
