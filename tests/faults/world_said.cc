// What machines say, and what becomes of it.
#include <algorithm>
#include <utility>

#include "core/node/machine_set.h"
#include "tests/faults/message_text.h"
#include "tests/faults/world.h"

namespace uhaul::faults {
namespace {

constexpr const char* kSteps[kOperationSteps] = {"accepted",   "selected", "locked",   "first chunk",
                                                 "last chunk", "last put", "rerouted", "last delete",
                                                 "done",       "closed",   "aborted"};
constexpr const char* kOutcomes[] = {"pending", "moved",         "refused",  "no state", "returned",  "rule failed",
                                     "busy",    "not installed", "reverted", "in doubt", "state lost"};

}  // namespace

// What the machine's state does not say by its hash decides the call as well.
uint64_t World::KeyOf(uint64_t machine, NodeId node, Given given, uint64_t what) const {
  StateHash hash;
  hash.Add(machine);
  hash.Add((static_cast<uint64_t>(now_.nanos()) << 16) | (MachineIndex(node) << 8) | static_cast<uint64_t>(given));
  hash.Add(incarnations_[MachineIndex(node)]);
  hash.Add(what);
  return hash.value();
}

Said World::Take(NodeId node, Outbox& out) const {
  Said said{std::move(out.events), {}, {}, std::move(out.packets), {}, std::move(out.journal)};
  if (node.role == NodeId::Role::kNf) said.processed = oracle(node.instance).TakeProcessed();
  for (OutMessage& message : out.messages) {
    said.messages.emplace_back(message.to, Make(std::move(message.message)));
  }
  for (const OutMarker& marker : out.markers) said.markers.emplace_back(marker.nf, Make(marker.marker));
  out.Clear();
  return said;
}

void World::Do(NodeId node, const Said& said) {
  size_t overflows = 0;
  for (const RecordEvent& event : said.events) {
    OnEvent(event);
    if (std::holds_alternative<event::BufferOverflow>(event)) ++overflows;
  }
  for (const Processed& processed : said.processed) Do(node.instance, processed);
  for (const auto& [to, message] : said.messages) OnMessage(node, to, message);
  for (const OutPacket& packet : said.packets) {
    const bool dropped = packet.fate == OutPacket::Fate::kDropped;
    OnPacket(node, packet, dropped && overflows > 0);
    if (dropped && overflows > 0) --overflows;
  }
  for (const auto& [x, marker] : said.markers) SendMarker(node, x, marker);
  for (const JournalRecord& record : said.journal) Write(record);
}

void World::SendMarker(NodeId from, uint8_t x, const PayloadPtr& marker) {
  if (from != kSwitchNode) return Push(LinkOf(Link::Kind::kRelay, from, kSwitchNode), marker);
  if (down(MachineIndex(NfNode(x)))) return;
  const auto& what = std::get<Marker>(marker->what);
  Push(DataLinkOf(x, FlowNumber(what.flow.tuple), what.port == 1), marker);
}

void World::Do(uint8_t x, const Processed& what) {
  const uint32_t flow = FlowNumber(what.flow.tuple);
  ViolationSet wrong = truth_.OnProcessed(flow, what);
  for (uint8_t y = 0; y < options().nfs; ++y) {
    if (y != x && Owns(y, flow)) wrong |= Bit(Violation::kTwoOwners);
  }
  violations_ |= wrong;
  if (log_ == nullptr) return;
  Log("    NF " + std::to_string(x) + " processes " + FlowText(what.flow.tuple) + " #" + std::to_string(what.number) +
      " on state of " + std::to_string(what.version) + " packets" +
      (wrong == 0 ? "" : "   <-- " + ViolationText(wrong)));
}

void World::Journal::Append(const JournalRecord& record) {
  records.push_back(record);
  StateHash both;
  both.Add(hash);
  both.Add(HashOf(record));
  hash = both.value();
}

void World::Write(const JournalRecord& record) {
  if (journal_.use_count() > 1) journal_ = std::make_shared<Journal>(*journal_);
  journal_->Append(record);
}

void World::OnEvent(const RecordEvent& event) {
  if (std::holds_alternative<event::BufferOverflow>(event)) ++overflows_;
  if (const auto* outcome = std::get_if<event::Outcome>(&event)) {
    // Its state is lost, may be older than what was processed, or (OpenNF) is where its packets are not.
    const bool says_so = outcome->outcome == FlowOutcome::kRuleFailed || outcome->outcome == FlowOutcome::kInDoubt ||
                         outcome->outcome == FlowOutcome::kStateLost;
    if (says_so) truth_.flow(FlowNumber(outcome->tuple)).reported = true;
    if (log_ != nullptr) {
      Log("    operation " + std::to_string(outcome->operation) + ": " + FlowText(outcome->tuple) + " " +
          kOutcomes[static_cast<int>(outcome->outcome)]);
    }
  } else if (const auto* step = std::get_if<event::Step>(&event); step != nullptr && log_ != nullptr) {
    Log("    operation " + std::to_string(step->operation) + ": " + kSteps[static_cast<int>(step->step)]);
  }
}

void World::OnMessage(NodeId from, NodeId to, const PayloadPtr& payload) {
  if (log_ != nullptr) {
    Log("    " + NodeText(from) + " to " + NodeText(to) + ": " + MessageText(std::get<Message>(payload->what)));
  }
  const bool peers = from.role == NodeId::Role::kNf && to.role == NodeId::Role::kNf;
  if (down(MachineIndex(to))) return Lose(*payload);
  Push(LinkOf(peers ? Link::Kind::kPeer : Link::Kind::kControl, from, to), payload);
}

void World::OnPacket(NodeId node, const OutPacket& out, bool because_full) {
  switch (out.fate) {
    case OutPacket::Fate::kForgotten:
      return;
    case OutPacket::Fate::kToSink:
      return;  // its processing is collected like that of any other
    case OutPacket::Fate::kToNf:
      return ToNf(out.nf, out.packet);
    case OutPacket::Fate::kRelay:
      return Push(LinkOf(Link::Kind::kRelay, node, kSwitchNode), Make(out.packet));
    case OutPacket::Fate::kDropped:
      // What was on its way to an NF that died, its successor drops, or who sent it, when it goes on without that one.
      if (node.role == NodeId::Role::kNf && truth_.flow(FlowNumber(out.packet.flow.tuple)).crashed &&
          nf(node.instance).custody().StateOf(out.packet.flow) == Custody::kOwn) {
        return truth_.OnLost(FlowNumber(out.packet.flow.tuple), out.packet.handle);
      }
      if (node.role == NodeId::Role::kNf && incarnations_[MachineIndex(node)] > 1 &&
          (nf(node.instance).dropping() || nf(node.instance).custody().StateOf(out.packet.flow) == Custody::kNone)) {
        return truth_.OnLost(FlowNumber(out.packet.flow.tuple), out.packet.handle);
      }
      if (!because_full) violations_ |= Bit(Violation::kDropped);
      if (log_ != nullptr) {
        Log("    " + NodeText(node) + " drops " + PacketText(out.packet) + (because_full ? "" : "   <-- DROPPED"));
      }
      return truth_.OnLost(FlowNumber(out.packet.flow.tuple), out.packet.handle);
  }
}

// A campaign, which has delays, asks for no hashes.
template <class What>
PayloadPtr World::Make(What what) const {
  uint64_t hash = 0;
  if constexpr (std::is_same_v<What, StreamClosed>) {
    hash = 1;
  } else if constexpr (std::is_same_v<What, StreamOpened>) {
    hash = 2 + what.incarnation;
  } else if (delays_ == nullptr) {
    hash = HashOf(what);
  }
  return std::make_shared<const Payload>(Payload{std::move(what), hash});
}
template PayloadPtr World::Make(Packet what) const;
template PayloadPtr World::Make(Marker what) const;
template PayloadPtr World::Make(StreamClosed what) const;
template PayloadPtr World::Make(StreamOpened what) const;

void World::Push(size_t link, PayloadPtr payload) {
  Queue& queue = queues_[link];
  TimePoint due = now_;
  if (delays_ != nullptr) {
    due = due + delays_->Draw(link);
    if (!queue.empty()) due = std::max(due, queue.back().due);
  }
  queue.push_back({std::move(payload), due});
}

size_t World::LinkOf(Link::Kind kind, NodeId from, NodeId to) const {
  return setting_->link_of[static_cast<size_t>(kind)][MachineIndex(from)][MachineIndex(to)];
}

}  // namespace uhaul::faults
