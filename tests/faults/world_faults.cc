// What breaks, and how it comes back.
#include <algorithm>
#include <utility>

#include "core/node/machine_set.h"
#include "tests/faults/message_text.h"
#include "tests/faults/world.h"

namespace uhaul::faults {
namespace {

// Far from every flow of the world: what somebody else put into the switch's table.
FiveTuple FillerTuple(uint32_t n) {
  FiveTuple t;
  t.source = FiveTuple::Ipv4(192, 168, static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n));
  t.destination = FiveTuple::Ipv4(192, 168, 255, 255);
  return t;
}

}  // namespace

void World::Fill(uint32_t left) {
  SwitchAgent& forwarding = switch_.Write();
  const uint32_t used = forwarding.table_entries();
  msg::InstallRules rules;
  for (uint32_t n = 0; used + n + left < options_->table_capacity; ++n) rules.flows.push_back(FillerTuple(n));
  Outbox unheard;
  forwarding.OnMessage(now_, Message{0, controller().generation(), rules}, unheard);
}

void World::Empty() {
  msg::RemoveRules rules;
  for (uint32_t n = 0; n < options_->table_capacity; ++n) rules.flows.push_back(FillerTuple(n));
  Outbox unheard;
  switch_.Write().OnMessage(now_, Message{0, controller().generation(), rules}, unheard);
}

// Packets that go down with something are lost for a reason that everybody can see.
void World::Lose(const Payload& payload) {
  if (const auto* packet = std::get_if<Packet>(&payload.what)) {
    return truth_.OnLost(FlowNumber(packet->flow.tuple), packet->handle);
  }
  const auto* message = std::get_if<Message>(&payload.what);
  if (message == nullptr) return;
  std::visit(
      [&]<class Body>(const Body& body) {
        if constexpr (std::is_same_v<Body, msg::PacketEvent> || std::is_same_v<Body, msg::PacketOut>) {
          truth_.OnLost(FlowNumber(body.packet.flow.tuple), body.packet.handle);
        } else if constexpr (std::is_same_v<Body, msg::ReturnedPacket>) {  // its sender keeps a copy, while it lives
          truth_.flow(FlowNumber(body.packet.flow.tuple)).at_risk |= uint64_t{1} << body.packet.handle;
        }
      },
      message->body);
}

void World::LoseHead(size_t link) {
  const Item item = queues_[link].front();
  queues_[link].erase(queues_[link].begin());
  Lose(*item.payload);
}

void World::Cut(size_t link) {
  for (const Item& item : std::exchange(queues_[link], {})) Lose(*item.payload);
}

void World::Connect(size_t machine) {
  if (down(MachineIndex(kControllerNode)) || down(machine)) return;
  Call(controller_, kControllerNode,
       [&](Controller& controller, Outbox& out) { controller.OnConnected(now_, MachineNode(machine), out); });
}

void World::Break(size_t machine, bool late) {
  const NodeId node = MachineNode(machine);
  Cut(LinkOf(Link::Kind::kControl, node, kControllerNode));
  if (!late) Cut(LinkOf(Link::Kind::kControl, kControllerNode, node));
  Connect(machine);
}

void World::OpenStream(uint8_t from, uint8_t to) {
  if (down(MachineIndex(NfNode(from))) || down(MachineIndex(NfNode(to)))) return;
  Push(LinkOf(Link::Kind::kPeer, NfNode(from), NfNode(to)), StreamOpened{incarnations_[MachineIndex(NfNode(from))]});
}

void World::BreakPeers() {
  for (const uint8_t from : {0, 1}) {
    const uint8_t to = from == 0 ? 1 : 0;
    const size_t link = LinkOf(Link::Kind::kPeer, NfNode(from), NfNode(to));
    queues_[link].clear();  // the senders keep copies
    if (down(MachineIndex(NfNode(to)))) continue;
    Push(link, StreamClosed{});
    OpenStream(from, to);
  }
}

void World::Crash(size_t machine, bool late) {
  const NodeId node = MachineNode(machine);
  if (node.role == NodeId::Role::kNf) {
    for (uint32_t f = 0; f < options_->flows; ++f) truth_.flow(f).owner_died |= Owns(node.instance, f);
    truth_.OnNfDied(node.instance);
  }
  down_ |= static_cast<uint8_t>(1U << machine);
  for (size_t i = 0; i < links_->size(); ++i) {
    const Link& l = (*links_)[i];
    const bool sent = l.from == node && l.kind != Link::Kind::kData;
    if (l.to == node) {
      // A connection's far end may read on what a controller that died had sent.
      Cut(i);
    } else if (sent && !late) {
      Cut(i);
    }
    if (l.from == node && l.kind == Link::Kind::kPeer && !down(MachineIndex(l.to))) Push(i, StreamClosed{});
  }
  if (node == kControllerNode) {
    if (late) durable_ = journal_.size();
    journal_.resize(durable_);
  }
}

void World::Restart(size_t machine) {
  down_ &= static_cast<uint8_t>(~(1U << machine));
  ++incarnations_[machine];
  const NodeId node = MachineNode(machine);
  switch (node.role) {
    case NodeId::Role::kController:
      controller_ = Shared<Controller>(NewController());
      declared_ = 0;  // it has to be told again
      journal_base_ = journal_.size();
      if (options_->hand_over) {
        Call(controller_, node, [&](Controller& controller, Outbox& out) {
          const std::vector<JournalRecord> records(journal_.begin(),
                                                   journal_.begin() + static_cast<std::ptrdiff_t>(journal_base_));
          controller.Recover(now_, records, out);
        });
        for (size_t m = 1; m < machine_count(); ++m) Connect(m);
      }
      return;
    case NodeId::Role::kSwitch:
      switch_ = Shared<SwitchAgent>(NewSwitch());
      break;
    case NodeId::Role::kNf:
      nfs_[node.instance] = Shared<NfAgent>(NewNf(node.instance));
      break;
  }
  if (!options_->hand_over) return;
  Connect(machine);
  if (node.role != NodeId::Role::kNf) return;
  for (uint8_t y = 0; y < options_->nfs; ++y) {
    if (y == node.instance) continue;
    OpenStream(node.instance, y);
    OpenStream(y, node.instance);
  }
}

bool World::CanDeclare(uint8_t nf) const {
  return !down(MachineIndex(kControllerNode)) && down(MachineIndex(NfNode(nf))) && (declared_ >> nf & 1) == 0 &&
         queues_[LinkOf(Link::Kind::kControl, NfNode(nf), kControllerNode)].empty();
}

void World::Sync() {
  durable_ = journal_.size();
  if (down(MachineIndex(kControllerNode))) return;
  Call(controller_, kControllerNode,
       [&](Controller& controller, Outbox& out) { controller.OnDurable(now_, durable_ - journal_base_, out); });
}

}  // namespace uhaul::faults
