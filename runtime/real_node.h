// RealNode: a plane in real time, and its machines' channels to the controller, wherever that is. Its owner calls
// Round() without end: first what is due (messages, timers), then packets from the generator towards the sink. The
// clock is read once per burst.
//
// A process may be all of a testbed's roles, joined by rings, or one of them, with ports.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/plane.h"
#include "runtime/transport/channel.h"
#include "runtime/transport/delay_line.h"
#include "runtime/tsc_clock.h"

namespace uhaul::runtime {

class RealNode final : private MachineHost {
 public:
  // `run`, `clock`, `memory`, links and channels outlive it.
  static Result<std::unique_ptr<RealNode>> Create(RunControl* run, const TscClock* clock, PacketMemory memory,
                                                  FactLog* log = nullptr, bool restarted = false);
  ~RealNode() override;

  Plane& plane() { return *plane_; }
  const Plane& plane() const { return *plane_; }
  void MakeLinks(const MakeLink& make) { plane_->MakeLinks(make); }
  // Bursts that come out of `link` are those of this rank. Polled in the order of these calls.
  void AddInput(uint16_t link_rank, DataLink* link) { inputs_.push_back({link_rank, link}); }
  // What arrives over a connected channel that is not a message of the southbound API.
  using OnAdmin = std::function<void(std::string_view text)>;
  // The machine's way to the controller; no machine: only its owner speaks there.
  void Attach(std::optional<NodeId> machine, Channel* channel, OnAdmin on_admin = nullptr);
  // The controller is in this process and rings when it has written.
  void Listen(Doorbell* bell) { bell_ = bell; }
  // `clocks_agree`: the controller's clock is ours, so that a message's way counts from when it was sent.
  void SetProfile(const Profile& profile, bool clocks_agree);
  // This process is the generator, too.
  void Generate(bool on) { generates_ = on; }
  // Every machine's first deadline.
  void Start();
  // The channels' far end has gone, as Round() said: what is for it is lost from now on, until there is one again.
  void Disconnect();
  void Reconnect() { connected_ = true; }
  // Through the controller: the way to another instance is open (again).
  void OnPath(uint8_t peer);

  // Whether there was anything to do. An error is a channel's: the controller has gone, or speaks in tongues.
  Result<bool> Round();
  TimePoint now() const { return now_; }
  const Punctuality& punctuality() const { return punctuality_; }
  void AddElapsed(Duration elapsed) { punctuality_.elapsed_ns += elapsed.nanos(); }

 private:
  struct Southbound;  // a machine's channel, and what has arrived on it
  struct FromPeer {   // from one machine of this process to another
    NodeId from;
    NodeId to;
    Message message;
  };

  RealNode(RunControl* run, const TscClock* clock);
  bool RunDue(TimePoint now);
  bool ChannelsCall(TimePoint now);
  Status PollChannels();
  Status Flush(TimePoint now);
  struct Input {
    uint16_t link_rank;
    DataLink* link;
  };
  bool PollLink(const Input& input);

  void OnEvent(TimePoint now, const RecordEvent& event) override { plane_->facts().Event(now, event); }
  void Send(TimePoint now, NodeId from, NodeId to, Message message) override;
  void Queue(TimePoint now, Southbound& way, Message message);
  void Release(TimePoint now, NodeId at, const OutPacket& out) override { plane_->Release(now, at, out); }
  void SendMarker(TimePoint now, NodeId at, uint8_t nf, const Marker& marker) override {
    plane_->SendMarker(now, at, nf, marker);
  }
  void Wake(NodeId machine, TimePoint at) override { deadlines_[MachineIndex(machine)] = at; }

  RunControl* run_;
  const TscClock* clock_;
  std::unique_ptr<Plane> plane_;
  std::vector<std::unique_ptr<Southbound>> southbound_;
  DelayLine<FromPeer> peers_;
  std::array<TimePoint, kMachines> deadlines_;
  std::vector<Input> inputs_;
  bool generates_ = false;
  bool clocks_agree_ = true;
  Status broken_;  // the first fault of a channel
  bool connected_ = true;
  Doorbell* bell_ = nullptr;
  bool unread_ = false;  // a channel has more
  TimePoint next_poll_;
  TimePoint next_flush_;
  TimePoint now_;
  Punctuality punctuality_;
};

}  // namespace uhaul::runtime
