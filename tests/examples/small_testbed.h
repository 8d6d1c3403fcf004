// The smallest engine there is: two NFs behind a switch, a controller, and time as a number. It does what each engine
// does for the machines of core/, and no more: now, send, wake me at. Data links take no time; control links what the
// profile says.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/node/controller.h"
#include "core/node/nf_agent.h"
#include "core/node/switch_agent.h"

class SmallTestbed {
 public:
  using MakeFunction = std::function<std::unique_ptr<uhaul::NetworkFunction>()>;

  SmallTestbed(const uhaul::Profile& profile, uhaul::HashKey key, const MakeFunction& make)
      : profile_(profile),
        hasher_(key),
        switch_({.profile = profile, .hash_key = key}),
        controller_({.profile = profile, .hash_key = key}) {
    for (uint8_t i = 0; i < 2; ++i) {
      nfs_.push_back(uhaul::NfAgent({.instance = i, .fit = {}, .profile = profile, .hash_key = key}, make()));
    }
  }

  uhaul::FlowKey Flow(uint8_t number) const {
    uhaul::FiveTuple tuple;
    tuple.source = uhaul::FiveTuple::Ipv4(10, 0, 0, number);
    tuple.destination = uhaul::FiveTuple::Ipv4(172, 16, 0, 1);
    tuple.source_port = 40000;
    tuple.destination_port = 443;
    return hasher_.Key(tuple);
  }

  // A full-size packet; its digest is its number in the flow.
  static uhaul::Packet PacketOf(const uhaul::FlowKey& flow, uint64_t number) {
    uhaul::Packet packet;
    packet.flow = flow;
    packet.bytes = 1500;
    packet.digest = number;
    return packet;
  }

  // A packet reaches the switch at `now`, after whatever was due before.
  void Send(uhaul::TimePoint now, const uhaul::Packet& packet) {
    RunUntil(now);
    uint8_t nf = 0;
    switch_.OnBurst(now, {&packet, 1}, {&nf, 1}, outbox_);
    Carry(uhaul::kSwitchNode);
    ToNf(nf, packet);
  }

  void RunUntil(uhaul::TimePoint end) {
    while (Next() <= end) {
      now_ = std::max(now_, Next());
      if (!messages_.empty() && messages_.begin()->first <= now_) {
        const Sent sent = messages_.begin()->second;
        messages_.erase(messages_.begin());
        Receive(sent);
      } else {
        Wake();
      }
    }
    now_ = std::max(now_, end);
  }

  uhaul::Result<uhaul::OperationId> Move(const uhaul::MoveRequest& request) {
    auto id = controller_.Move(now_, request, outbox_);
    Carry(uhaul::kControllerNode);
    return id;
  }
  uhaul::Result<uhaul::OperationId> MoveElephant(const uhaul::MoveRequest& request,
                                                 const uhaul::DetectorSpec& detector) {
    auto id = controller_.MoveElephant(now_, request, detector, outbox_);
    Carry(uhaul::kControllerNode);
    return id;
  }

  const uhaul::NetworkFunction& function(size_t nf) const { return nfs_[nf].function(); }
  const uhaul::Controller& controller() const { return controller_; }
  uint64_t delivered() const { return delivered_; }
  // When a step of the operation was last reached; Never if it was not.
  uhaul::TimePoint At(uhaul::OperationStep step) const {
    const auto at = steps_.find(step);
    return at == steps_.end() ? uhaul::TimePoint::Never() : at->second;
  }

 private:
  struct Sent {
    uhaul::NodeId from;
    uhaul::OutMessage message;
  };

  uhaul::TimePoint Next() const {
    uhaul::TimePoint next = std::min(switch_.NextDeadline(), controller_.NextDeadline());
    for (const uhaul::NfAgent& nf : nfs_) next = std::min(next, nf.NextDeadline());
    return messages_.empty() ? next : std::min(next, messages_.begin()->first);
  }

  void Wake() {
    if (controller_.NextDeadline() <= now_) controller_.OnTimer(now_, outbox_);
    Carry(uhaul::kControllerNode);
    if (switch_.NextDeadline() <= now_) switch_.OnTimer(now_, outbox_);
    Carry(uhaul::kSwitchNode);
    for (uint8_t i = 0; i < 2; ++i) {
      if (nfs_[i].NextDeadline() <= now_) nfs_[i].OnTimer(now_, outbox_);
      Carry(uhaul::NfNode(i));
    }
  }

  void Receive(const Sent& sent) {
    const uhaul::NodeId to = sent.message.to;
    switch (to.role) {
      case uhaul::NodeId::Role::kController:
        controller_.OnMessage(now_, sent.from, sent.message.message, outbox_);
        break;
      case uhaul::NodeId::Role::kSwitch:
        switch_.OnMessage(now_, sent.message.message, outbox_);
        break;
      case uhaul::NodeId::Role::kNf:
        nfs_[to.instance].OnMessage(now_, sent.message.message, outbox_);
        break;
    }
    Carry(to);
  }

  void ToNf(uint8_t nf, const uhaul::Packet& packet) {
    uhaul::NfVerdict verdict = uhaul::NfVerdict::kForward;
    nfs_[nf].OnBurst(now_, {&packet, 1}, {&verdict, 1}, outbox_);
    const uint8_t relay = nfs_[nf].relay_target();
    Carry(uhaul::NfNode(nf));
    if (verdict == uhaul::NfVerdict::kForward) ++delivered_;
    if (verdict == uhaul::NfVerdict::kRelay) {
      uhaul::Packet relayed = packet;
      relayed.relayed = true;
      ToNf(relay, relayed);
    }
  }

  // What a machine wants done.
  void Carry(uhaul::NodeId from) {
    uhaul::Outbox out;
    std::swap(out, outbox_);
    for (const uhaul::RecordEvent& event : out.events) {
      if (const auto* step = std::get_if<uhaul::event::Step>(&event)) steps_[step->step] = now_;
    }
    for (uhaul::OutMessage& message : out.messages) {
      messages_.emplace(now_ + profile_.control_delay, Sent{from, std::move(message)});
    }
    for (const uhaul::OutMarker& marker : out.markers) {  // the switch's, and by way of it an NF's
      nfs_[marker.nf].OnMarker(now_, marker.marker, outbox_);
      Carry(uhaul::NfNode(marker.nf));
    }
    for (const uhaul::OutPacket& packet : out.packets) {
      switch (packet.fate) {
        case uhaul::OutPacket::Fate::kToSink:
          ++delivered_;
          break;
        case uhaul::OutPacket::Fate::kToNf:
        case uhaul::OutPacket::Fate::kRelay:
          ToNf(packet.nf, packet.packet);
          break;
        case uhaul::OutPacket::Fate::kDropped:
        case uhaul::OutPacket::Fate::kForgotten:
          break;
      }
    }
  }

  uhaul::Profile profile_;
  uhaul::FlowHasher hasher_;
  uhaul::SwitchAgent switch_;
  uhaul::Controller controller_;
  std::vector<uhaul::NfAgent> nfs_;
  uhaul::Outbox outbox_;
  std::multimap<uhaul::TimePoint, Sent> messages_;  // under way, by arrival; equal ones in the order sent
  std::map<uhaul::OperationStep, uhaul::TimePoint> steps_;
  uhaul::TimePoint now_;
  uint64_t delivered_ = 0;
};
