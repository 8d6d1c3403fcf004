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
  for (uint32_t n = 0; used + n + left < options().table_capacity; ++n) rules.flows.push_back(FillerTuple(n));
  Outbox unheard;
  forwarding.OnMessage(now_, Message{0, controller().generation(), rules}, unheard);
}

void World::Empty() {
  msg::RemoveRules rules;
  for (uint32_t n = 0; n < options().table_capacity; ++n) rules.flows.push_back(FillerTuple(n));
  Outbox out;
  switch_.Write().OnMessage(now_, Message{0, controller().generation(), rules}, out);
  // What is acknowledged is theirs; which rules have found room now is the controller's.
  std::erase_if(out.messages,
                [](const OutMessage& m) { return std::holds_alternative<msg::RulesAck>(m.message.body); });
  Do(kSwitchNode, Take(kSwitchNode, out));
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

// The connection by which this machine has spoken to the controller is over.
void World::EndWords(size_t machine) {
  const NodeId node = MachineNode(machine);
  const size_t link = LinkOf(Link::Kind::kControl, node, kControllerNode);
  if (!options().hears_late || down(MachineIndex(kControllerNode))) return Cut(link);
  Queue& ghosts = queues_[LinkOf(Link::Kind::kGhost, node, kControllerNode)];
  for (Item& item : std::exchange(queues_[link], {})) ghosts.push_back(std::move(item));
}

void World::Connect(size_t machine) {
  if (down(MachineIndex(kControllerNode)) || down(machine)) return;
  Call(controller_, kControllerNode, Given::kConnected, machine,
       [&](Controller& controller, Outbox& out) { controller.OnConnected(now_, MachineNode(machine), out); });
}

void World::Break(size_t machine, bool late) {
  const NodeId node = MachineNode(machine);
  EndWords(machine);
  if (!late) Cut(LinkOf(Link::Kind::kControl, kControllerNode, node));
  Connect(machine);
}

void World::OpenStream(uint8_t from, uint8_t to) {
  if (down(MachineIndex(NfNode(from))) || down(MachineIndex(NfNode(to)))) return;
  Push(LinkOf(Link::Kind::kPeer, NfNode(from), NfNode(to)),
       Make(StreamOpened{incarnations_[MachineIndex(NfNode(from))]}));
}

void World::BreakPeers() {
  for (const uint8_t from : {0, 1}) {
    const uint8_t to = from == 0 ? 1 : 0;
    const size_t link = LinkOf(Link::Kind::kPeer, NfNode(from), NfNode(to));
    queues_[link].clear();  // the senders keep copies
    if (down(MachineIndex(NfNode(to)))) continue;
    Push(link, Make(StreamClosed{}));
    OpenStream(from, to);
  }
}

// A stream that the other end has not seen begin ends with its sender: nobody accepts it any more.
void World::CutUnaccepted(size_t link) {
  Queue& queue = queues_[link];
  const auto opened = std::find_if(queue.begin(), queue.end(), [](const Item& item) {
    return std::holds_alternative<StreamOpened>(item.payload->what);
  });
  for (auto item = opened; item != queue.end(); ++item) Lose(*item->payload);
  queue.erase(opened, queue.end());
}

void World::Crash(size_t machine, bool late) {
  const NodeId node = MachineNode(machine);
  if (node.role == NodeId::Role::kNf) {
    for (uint32_t f = 0; f < options().flows; ++f) truth_.flow(f).owner_died |= Owns(node.instance, f);
    truth_.OnNfDied(node.instance);
  }
  down_ |= static_cast<uint8_t>(1U << machine);
  for (size_t i = 0; i < link_count(); ++i) {
    const Link& l = setting_->links[i];
    const bool sent = l.from == node && l.kind != Link::Kind::kData;
    if (l.to == node) {
      // A connection's far end may read on what a controller that died had sent.
      Cut(i);
    } else if (sent && !late) {
      Cut(i);
    } else if (l.kind == Link::Kind::kControl && sent && node == kControllerNode) {
      Queue& ghosts = queues_[LinkOf(Link::Kind::kGhost, l.from, l.to)];
      for (Item& item : std::exchange(queues_[i], {})) ghosts.push_back(std::move(item));
    } else if (sent && l.kind == Link::Kind::kPeer) {
      CutUnaccepted(i);
    }
    if (l.from == node && l.kind == Link::Kind::kPeer && !down(MachineIndex(l.to))) Push(i, Make(StreamClosed{}));
  }
  if (node == kControllerNode) {
    if (late) durable_ = journal_->records.size();
    auto durable = std::make_shared<Journal>();
    for (size_t i = 0; i < durable_; ++i) durable->Append(journal_->records[i]);
    journal_ = std::move(durable);
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
      journal_base_ = journal_->records.size();
      if (options().hand_over) {
        const auto journal = journal_;
        Call(controller_, node, Given::kForgotten, 0,
             [&](Controller& controller, Outbox& out) { controller.Recover(now_, journal->records, out); });
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
  if (!options().hand_over) return;
  EndWords(machine);  // of the one before it
  Connect(machine);
  if (node.role != NodeId::Role::kNf) return;
  for (uint8_t y = 0; y < options().nfs; ++y) {
    if (y == node.instance) continue;
    OpenStream(node.instance, y);
    OpenStream(y, node.instance);
  }
}

bool World::CanDeclare(uint8_t nf) const {
  return !down(MachineIndex(kControllerNode)) && down(MachineIndex(NfNode(nf))) && (declared_ >> nf & 1) == 0 &&
         (options().hears_late || queues_[LinkOf(Link::Kind::kControl, NfNode(nf), kControllerNode)].empty());
}

void World::Sync() {
  durable_ = journal_->records.size();
  if (down(MachineIndex(kControllerNode))) return;
  const uint64_t records = durable_ - journal_base_;
  Call(controller_, kControllerNode, Given::kDurable, records,
       [&](Controller& controller, Outbox& out) { controller.OnDurable(now_, records, out); });
}

}  // namespace uhaul::faults
