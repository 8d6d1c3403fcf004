// One NF instance's custody of flows, brought into any state, with everything that can come to it at hand.
#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/node/flow_custody.h"
#include "tests/core/node/world.h"

namespace uhaul::testing {

using msg::CustodyStatus;
using msg::CustodyVerb;

inline constexpr uint64_t kNonce = 77;
inline const std::array<Custody, 11> kStates = {
    Custody::kNone,      Custody::kOwn,     Custody::kArmed,       Custody::kExporting,  Custody::kSent, Custody::kWait,
    Custody::kImporting, Custody::kRefused, Custody::kReturnArmed, Custody::kReturnSent, Custody::kHold};
inline const std::array<std::string, 11> kNames = {"NONE",      "OWN",     "ARMED",  "EXPORTING", "SENT", "WAIT",
                                                   "IMPORTING", "REFUSED", "RARMED", "RSENT",     "HOLD"};
inline const std::array<std::string, 21> kAnswers = {
    "prepared",   "not-prepared", "armed",       "not-armed", "no-state",       "active",  "active-lost",
    "refused",    "committed",    "cancelled",   "reverted",  "in-doubt",       "nothing", "holding",
    "armed-back", "stale",        "misdirected", "installed", "install-failed", "arrived", "no-room"};

inline Custody StateNamed(const std::string& name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return kStates[i];
  }
  FAIL("no state " << name);
  return Custody::kNone;
}

// One NF instance's custody, and the flow in question. Operation 1: epoch 4 forward, 5 back, 6 over.
class CustodyBench {
 public:
  CustodyBench() : function_(violations_), fit_({.capacity = 64}), hasher_(kTestKey) {
    flow_ = hasher_.Key(*FiveTuple::Parse("tcp:10.0.0.1:1>10.0.0.2:80"));
  }

  CustodyContext Context() { return {now_, 0, hasher_, function_, fit_, held_, Bytes(100'000), work_, outbox_}; }
  std::string Command(CustodyVerb verb, Epoch epoch, uint64_t peer_incarnation = 9) {
    outbox_.Clear();
    CustodyContext context = Context();
    custody_.OnCommand(context, 1, {verb, epoch, 1, peer_incarnation, kNonce, {flow_.tuple}});
    for (size_t i = 0; i < work_.size();) {  // a deletion costs nothing here
      if (work_[i].kind != CustodyTask::Kind::kCommitted) {
        ++i;
        continue;
      }
      const CustodyTask task = work_[i];
      work_.erase(work_.begin() + static_cast<std::ptrdiff_t>(i));
      custody_.Run(context, task);
    }
    return Said();
  }
  // What was reported to the controller: the last status, "-" if none.
  std::string Said() {
    custody_.Flush(outbox_);
    std::string said = "-";
    for (const OutMessage& m : outbox_.messages) {
      if (const auto* report = std::get_if<msg::CustodyReport>(&m.message.body)) {
        said = kAnswers[static_cast<size_t>(report->flows.back().status)];
      }
    }
    outbox_.messages.clear();
    return said;
  }
  void Mark(Epoch epoch, uint64_t nonce = kNonce, uint8_t port = 0) {
    CustodyContext context = Context();
    custody_.OnMarker(context, {flow_, epoch, nonce, port});
  }
  void State(Epoch epoch, size_t octets = 8) {
    CustodyContext context = Context();
    msg::State state{epoch, true, {flow_.tuple, function_.schema(), std::vector<uint8_t>(octets), Bytes(500), false}};
    custody_.OnState(context, 1, state);
  }
  void RunWork() {
    CustodyContext context = Context();
    std::vector<CustodyTask> work;
    work.swap(work_);
    for (const CustodyTask& task : work) custody_.Run(context, task);
  }
  // "processed", "buffered" or "refused".
  std::string Packet(uint64_t digest = 0) {
    outbox_.Clear();
    uhaul::Packet packet;
    packet.flow = flow_;
    packet.bytes = 100;
    packet.digest = digest;
    const Bytes before = held_;
    CustodyContext context = Context();
    if (!custody_.OnPacket(context, packet)) return "processed";
    return held_ > before ? "buffered" : "refused";
  }
  void Own() {
    uhaul::Packet packet;
    packet.flow = flow_;
    packet.bytes = 100;
    function_.Process(now_, {&packet, 1});
    fit_.Record(now_, packet);
  }

  void Reach(Custody state) {
    switch (state) {
      case Custody::kNone:
        Reach(Custody::kSent);
        Command(CustodyVerb::kCommit, 4);
        break;
      case Custody::kOwn:
        Reach(Custody::kImporting);
        RunWork();
        break;
      case Custody::kArmed:
        Own();
        Command(CustodyVerb::kArm, 4);
        break;
      case Custody::kExporting:
        Reach(Custody::kArmed);
        Mark(4);
        break;
      case Custody::kSent:
        Reach(Custody::kExporting);
        RunWork();
        break;
      case Custody::kWait:
        Command(CustodyVerb::kPrepare, 4);
        break;
      case Custody::kImporting:
        Reach(Custody::kWait);
        State(4);
        break;
      case Custody::kRefused:
        Reach(Custody::kWait);
        State(4, 3);
        RunWork();
        break;
      case Custody::kReturnArmed:
        Reach(Custody::kRefused);
        Command(CustodyVerb::kArmBack, 5);
        break;
      case Custody::kReturnSent:
        Reach(Custody::kReturnArmed);
        Mark(5);
        break;
      case Custody::kHold:
        Reach(Custody::kSent);
        Command(CustodyVerb::kHold, 5);
        break;
    }
    outbox_.Clear();
    (void)Said();
    REQUIRE(custody_.StateOf(flow_) == state);
  }

  std::shared_ptr<uint64_t> violations_ = std::make_shared<uint64_t>(0);
  OracleNf function_;
  FlowTable fit_;
  FlowHasher hasher_;
  FlowKey flow_;
  TimePoint now_ = TimePoint::FromNanos(1'000'000);
  Bytes held_;
  std::vector<CustodyTask> work_;
  Outbox outbox_;
  FlowCustody custody_;
};

inline std::string NameOf(Custody state) { return kNames[static_cast<size_t>(state)]; }

}  // namespace uhaul::testing
