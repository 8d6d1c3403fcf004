// What is on its way between machines, what a machine says when it is called, and a memory of such calls.
//
// A machine is a value: in the same state, at the same time, given the same, it does the same. A search comes by the
// same few thousand calls millions of times; a Memo lets it make each of them once. Machines are told apart by their
// hashes, as states are anyway.
#pragma once

#include <memory>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "core/node/controller.h"
#include "core/node/nf_agent.h"
#include "core/node/switch_agent.h"
#include "core/protocol/journal_record.h"
#include "tests/faults/oracle_nf.h"

namespace uhaul::faults {

// A stream between two NFs: its end, and its beginning, in their places.
struct StreamClosed {};
struct StreamOpened {
  uint64_t incarnation = 0;  // of the sender
};
struct Payload {
  std::variant<Packet, Message, Marker, StreamClosed, StreamOpened> what;
  uint64_t hash = 0;
};
using PayloadPtr = std::shared_ptr<const Payload>;

// A machine that is copied when it is written to.
template <class Machine>
class Shared {
 public:
  explicit Shared(Machine machine) : held_(std::make_shared<Held>(std::move(machine))) {}
  const Machine& Read() const { return held_->machine; }
  Machine& Write() {
    if (held_.use_count() > 1) held_ = std::make_shared<Held>(held_->machine);
    held_->hashed_at = TimePoint::Never();
    return held_->machine;
  }
  uint64_t Hash(TimePoint now) const {
    if (held_->hashed_at != now) {
      StateHash hash;
      Read().Hash(hash, now);
      held_->hash = hash.value();
      held_->hashed_at = now;
    }
    return held_->hash;
  }

 private:
  struct Held {
    explicit Held(Machine m) : machine(std::move(m)) {}
    Machine machine;
    uint64_t hash = 0;
    TimePoint hashed_at = TimePoint::Never();
  };
  std::shared_ptr<Held> held_;
};

// An outbox, ready to go out: messages and markers as payloads, with their hashes.
struct Said {
  std::vector<RecordEvent> events;
  std::vector<Processed> processed;  // by an NF
  std::vector<std::pair<NodeId, PayloadPtr>> messages;
  std::vector<OutPacket> packets;
  std::vector<std::pair<uint8_t, PayloadPtr>> markers;  // to this NF
  std::vector<JournalRecord> journal;
};

class Memo {
 public:
  template <class Machine>
  struct Call {
    Shared<Machine> after;
    uint8_t verdict = 0;  // of a packet
    std::vector<Said> said;
  };

  template <class Machine>
  const Call<Machine>* Find(uint64_t key) const {
    const auto& calls = std::get<Calls<Machine>>(calls_);
    const auto found = calls.find(key);
    return found == calls.end() ? nullptr : &found->second;
  }
  template <class Machine>
  void Add(uint64_t key, Call<Machine> call) {
    auto& calls = std::get<Calls<Machine>>(calls_);
    if (calls.size() >= kMost) calls.clear();
    calls.emplace(key, std::move(call));
  }

 private:
  static constexpr size_t kMost = 300'000;  // calls of each kind of machine
  template <class Machine>
  using Calls = std::unordered_map<uint64_t, Call<Machine>>;
  std::tuple<Calls<Controller>, Calls<SwitchAgent>, Calls<NfAgent>> calls_;
};

}  // namespace uhaul::faults
