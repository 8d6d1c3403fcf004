// The event log: what happens, in lines. And what the custody of flows meets, counted.
#include <cstdio>

#include "core/node/machine_set.h"
#include "tests/faults/message_text.h"
#include "tests/faults/world.h"

namespace uhaul::faults {

void World::Log(const std::string& line) const {
  if (log_ == nullptr) return;
  if (delays_ == nullptr) return log_->push_back(line);
  char at[32];
  std::snprintf(at, sizeof at, "%12.3f us  ", static_cast<double>(now_.nanos()) * 1e-3);
  log_->push_back(at + line);
}

void World::CountCells(const Link& link, const Payload& payload) {
  if (link.to.role != NodeId::Role::kNf) return;
  const FlowCustody& custody = nf(link.to.instance).custody();
  const auto count = [&](const FiveTuple& tuple, Input input) {
    const Custody state = custody.StateOf(Flow(FlowNumber(tuple)));
    cells_->Count(state, input, acts_seen_);
  };
  const auto count_all = [&](Input input) {
    for (uint32_t f = 0; f < options().flows; ++f) count(Flow(f).tuple, input);
  };
  const auto& what = payload.what;
  if (const auto* packet = std::get_if<Packet>(&what)) return count(packet->flow.tuple, Input::kPacket);
  if (const auto* marker = std::get_if<Marker>(&what)) {
    if (marker->epoch != 0) count(marker->flow.tuple, Input::kMarker);
    return;
  }
  if (std::holds_alternative<StreamOpened>(what)) return count_all(Input::kStreamOpened);
  if (std::holds_alternative<StreamClosed>(what)) return count_all(Input::kStreamClosed);
  const MessageBody& body = std::get<Message>(what).body;
  if (const auto* command = std::get_if<msg::CustodyCommand>(&body)) {
    const auto verb = static_cast<Input>(static_cast<int>(Input::kPrepare) + static_cast<int>(command->verb));
    for (const FiveTuple& tuple : command->flows) count(tuple, verb);
  } else if (const auto* state = std::get_if<msg::State>(&body)) {
    count(state->chunk.tuple, Input::kState);
  } else if (const auto* packet = std::get_if<msg::ReturnedPacket>(&body)) {
    count(packet->packet.flow.tuple, Input::kReturnedPacket);
  } else if (const auto* returned = std::get_if<msg::Returned>(&body)) {
    count(returned->tuple, Input::kReturned);
  }
}

std::string World::ItemText(const Link& link, const Payload& payload) const {
  if (const auto* packet = std::get_if<Packet>(&payload.what)) {
    if (link.kind == Link::Kind::kRelay)
      return "switch passes on " + PacketText(*packet) + " from " + NodeText(link.from);
    return NodeText(link.to) + " takes " + PacketText(*packet);
  }
  if (const auto* marker = std::get_if<Marker>(&payload.what)) {
    if (marker->epoch == 0) return NodeText(link.to) + " takes the marker behind what was relayed";
    return NodeText(link.to) + " takes the marker of " + FlowText(marker->flow.tuple) + ", epoch " +
           std::to_string(marker->epoch) + (marker->port == 0 ? "" : ", by its second port");
  }
  const std::string stream = NodeText(link.to) + ": the stream from " + NodeText(link.from);
  if (std::holds_alternative<StreamClosed>(payload.what)) return stream + " ends";
  if (std::holds_alternative<StreamOpened>(payload.what)) return stream + " begins";
  return NodeText(link.to) + " receives from " + NodeText(link.from) + ": " +
         MessageText(std::get<Message>(payload.what));
}

std::string World::Describe(const Choice& choice) const {
  const uint32_t flow = choice.a & ~kSecondPort;
  const auto head = [&] { return ItemText(setting_->links[choice.a], *queues_[choice.a].front().payload); };
  switch (choice.act) {
    case Act::kInject:
      return "packet f" + std::to_string(flow) + " #" + std::to_string(truth_.flow(flow).sent) +
             (flow == choice.a ? "" : "'") + " reaches the switch, which sends it to NF " +
             std::to_string(RouteOf(flow));
    case Act::kTakeOver:
      return "the switch's data path follows its next rule of f" + std::to_string(choice.a);
    case Act::kDeliver:
      return head();
    case Act::kTimer:
      return "timer of " + NodeText(MachineNode(choice.a));
    case Act::kMove: {
      const MoveRequest& request = options().moves[choice.a].request;
      return "operator: move from NF " + std::to_string(request.src) + " to NF " + std::to_string(request.dst) +
             ", scheme " + request.scheme.name;
    }
    case Act::kSync:
      return "the journal is durable";
    case Act::kDeclare:
      return "operator: NF " + std::to_string(choice.a) + " is dead";
    case Act::kRestart:
      return NodeText(MachineNode(choice.a)) + " starts again";
    case Act::kAbort:
      return "operator: abort operation " + std::to_string(choice.a);
    case Act::kRefuse:
      return "FAULT NF " + std::to_string(choice.a) + " will refuse an import";
    case Act::kFill:
      return "FAULT somebody fills the switch's table but for " + std::to_string(choice.a) + " entries";
    case Act::kEmpty:
      return "somebody takes entries out of the switch's table again";
    case Act::kLose:
    case Act::kLoseMarker:
      return "FAULT lost: " + head();
    case Act::kRepeat:
      return "FAULT repeated: " + head();
    case Act::kBreak:
      return "FAULT the connection of controller and " + NodeText(MachineNode(choice.a & ~kLate)) + " breaks" +
             ((choice.a & kLate) != 0 ? "; what is on the way to it still arrives" : "");
    case Act::kBreakPeers:
      return "FAULT the streams between NF 0 and NF 1 break";
    case Act::kCrash:
      return "FAULT " + NodeText(MachineNode(choice.a & ~kLate)) + " crashes" +
             ((choice.a & kLate) != 0 ? "; what it had sent or written still arrives" : "");
  }
  UHAUL_CHECK(false);
}

}  // namespace uhaul::faults
