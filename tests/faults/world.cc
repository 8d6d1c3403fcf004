#include "tests/faults/world.h"

#include <algorithm>

#include "core/node/machine_set.h"
#include "tests/faults/message_text.h"

namespace uhaul::faults {
namespace {

// Far from every flow of the world: what somebody else put into the switch's table.
FiveTuple FillerTuple(uint32_t n) {
  FiveTuple t;
  t.source = FiveTuple::Ipv4(192, 168, static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n));
  t.destination = FiveTuple::Ipv4(192, 168, 255, 255);
  return t;
}

std::vector<FlowKey> MakeFlows(uint32_t count) {
  const FlowHasher hasher(kWorldKey);
  std::vector<FlowKey> flows;
  for (uint32_t n = 0; n < count; ++n) {
    FiveTuple t;
    t.source =
        FiveTuple::Ipv4(10, static_cast<uint8_t>(n >> 16), static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n));
    t.destination = FiveTuple::Ipv4(172, 16, 0, 1);
    t.source_port = 1024;
    t.destination_port = 80;
    flows.push_back(hasher.Key(t));
  }
  return flows;
}

uint32_t NumberOf(const FiveTuple& tuple) {
  const IpAddress& a = tuple.source;
  return (uint32_t{a[1]} << 16) | (uint32_t{a[2]} << 8) | a[3];
}

// A multi-queue NF spreads flows over this many queues at most.
constexpr uint32_t kMostLanes = 8;

uint32_t Lanes(const WorldOptions& options) { return options.multi_queue ? std::min(options.flows, kMostLanes) : 1; }

std::vector<Link> MakeLinks(const WorldOptions& options) {
  std::vector<Link> links{{Link::Kind::kControl, kControllerNode, kSwitchNode},
                          {Link::Kind::kControl, kSwitchNode, kControllerNode}};
  for (uint8_t x = 0; x < options.nfs; ++x) {
    links.push_back({Link::Kind::kControl, kControllerNode, NfNode(x)});
    links.push_back({Link::Kind::kControl, NfNode(x), kControllerNode});
    links.push_back({Link::Kind::kRelay, NfNode(x), kSwitchNode});
    for (uint32_t lane = 0; lane < Lanes(options); ++lane) {
      links.push_back({Link::Kind::kData, kSwitchNode, NfNode(x)});
    }
  }
  return links;
}

std::string NodeText(NodeId node) {
  switch (node.role) {
    case NodeId::Role::kController:
      return "controller";
    case NodeId::Role::kSwitch:
      return "switch";
    case NodeId::Role::kNf:
      return "NF " + std::to_string(node.instance);
  }
  UHAUL_CHECK(false);
}

constexpr const char* kSteps[kOperationSteps] = {"accepted",   "selected", "locked",   "first chunk",
                                                 "last chunk", "last put", "rerouted", "last delete",
                                                 "done",       "closed",   "aborted"};
constexpr const char* kOutcomes[] = {"pending", "moved", "refused", "no state", "returned", "rule failed", "busy"};

}  // namespace

struct World::Face {
  World& world;
  NodeId node;
  void OnEvent(TimePoint, const RecordEvent& event) { world.OnEvent(node, event); }
  void OnMessage(TimePoint, OutMessage& out) { world.OnMessage(node, out); }
  void OnPacket(TimePoint, const OutPacket& out) { world.OnPacket(node, out); }
};

World::World(WorldOptions options)
    : options_(std::make_shared<const WorldOptions>(std::move(options))),
      flows_(std::make_shared<const std::vector<FlowKey>>(MakeFlows(options_->flows))),
      links_(std::make_shared<const std::vector<Link>>(MakeLinks(*options_))),
      queues_(links_->size()),
      controller_(NewController()),
      switch_(NewSwitch()),
      truth_(options_->flows) {
  for (uint8_t x = 0; x < options_->nfs; ++x) nfs_.emplace_back(NewNf(x));
}

Controller World::NewController() const { return Controller({options_->profile, kWorldKey, options_->nfs}); }
SwitchAgent World::NewSwitch() const {
  return SwitchAgent({options_->profile, kWorldKey, options_->table_capacity, 0});
}
NfAgent World::NewNf(uint8_t x) const {
  return NfAgent({x, {.capacity = options_->fit_capacity, .window = options_->window}, options_->profile, kWorldKey},
                 std::make_unique<OracleNf>(kWorldKey));
}

// ---- the operator

void World::Begin(size_t move) {
  const PlannedMove& plan = options_->moves[move];
  moves_begun_ = std::max(moves_begun_, move + 1);
  auto& station = controller_.Write();
  Controller& controller = station.machine();
  const auto id = plan.request.scheme.flows == MoveFlows::kElephants
                      ? controller.MoveElephant(now_, plan.request, plan.detector, station.outbox())
                      : controller.Move(now_, plan.request, station.outbox());
  if (log_ != nullptr) Log("    " + (id.ok() ? "operation " + std::to_string(*id) : "refused: " + id.error().message));
  SettleMachine(kControllerNode);
}

void World::Apply(const Choice& choice) {
  if (log_ != nullptr) Log(Describe(choice));
  switch (choice.act) {
    case Act::kInject:
      return Inject(choice.a);
    case Act::kDeliver:
      return Deliver(choice.a);
    case Act::kTimer:
      return FireTimer(choice.a);
    case Act::kMove:
      return Begin(choice.a);
    case Act::kAbort: {
      auto& station = controller_.Write();
      (void)station.machine().Abort(now_, choice.a, station.outbox()).ok();  // past the transfer it is refused
      return SettleMachine(kControllerNode);
    }
    case Act::kRefuse:
      nfs_[choice.a].Write();
      return oracle(static_cast<uint8_t>(choice.a)).RefuseImports(1);
    case Act::kFill:
      return Fill(choice.a);
    case Act::kLose:
      return LoseHead(choice.a);
    case Act::kRepeat: {
      const Item head = queues_[choice.a].front();
      Deliver(choice.a);
      queues_[choice.a].insert(queues_[choice.a].begin(), head);
      return;
    }
    case Act::kCrash:
      return Crash(choice.a);
  }
}

void World::Settle() {
  for (;;) {
    size_t i = 0;
    while (i < queues_.size() && queues_[i].empty()) ++i;
    if (i == queues_.size()) return;
    Apply({Act::kDeliver, static_cast<uint16_t>(i)});
  }
}

// ---- what happens

void World::Inject(uint32_t flow) {
  FlowTruth& f = truth_.flow(flow);
  UHAUL_CHECK(f.sent < kMostPackets);
  Packet packet;
  packet.flow = Flow(flow);
  packet.bytes = 100;
  packet.tcp_flags = tcp_flag::kAck;
  packet.handle = f.sent++;
  packet.digest = options_->look_alike ? 0 : packet.handle;
  uint8_t nf = 0;
  auto& station = switch_.Write();
  station.machine().OnBurst(now_, {&packet, 1}, {&nf, 1}, station.outbox());
  ToNf(nf, packet);
  SettleMachine(kSwitchNode);
}

void World::ToNf(uint8_t nf, const Packet& packet) {
  const uint32_t lane = NumberOf(packet.flow.tuple) % Lanes(*options_);
  Push(LinkOf(Link::Kind::kData, kSwitchNode, NfNode(nf), lane), packet);
}

void World::Deliver(size_t link) {
  UHAUL_CHECK(!queues_[link].empty());
  const Item item = queues_[link].front();
  queues_[link].erase(queues_[link].begin());
  std::visit([&](const auto& what) { Arrive((*links_)[link], what); }, item.payload->what);
}

void World::Arrive(const Link& link, const Message& message) {
  switch (link.to.role) {
    case NodeId::Role::kController: {
      auto& station = controller_.Write();
      station.machine().OnMessage(now_, link.from, message, station.outbox());
      break;
    }
    case NodeId::Role::kSwitch: {
      auto& station = switch_.Write();
      station.machine().OnMessage(now_, message, station.outbox());
      break;
    }
    case NodeId::Role::kNf: {
      auto& station = nfs_[link.to.instance].Write();
      station.machine().OnMessage(now_, message, station.outbox());
      break;
    }
  }
  SettleMachine(link.to);
}

void World::Arrive(const Link& link, const Packet& packet) {
  if (link.to == kSwitchNode) return ToNf(nf(link.from.instance).relay_target(), packet);
  const uint8_t x = link.to.instance;
  auto& station = nfs_[x].Write();
  NfVerdict verdict = NfVerdict::kForward;
  station.machine().OnBurst(now_, {&packet, 1}, {&verdict, 1}, station.outbox());
  if (verdict == NfVerdict::kRelay) Push(LinkOf(Link::Kind::kRelay, NfNode(x), kSwitchNode), packet);
  SettleMachine(link.to);
}

void World::FireTimer(size_t machine) {
  now_ = std::max(now_, DeadlineOf(machine));
  const NodeId node = MachineNode(machine);
  switch (node.role) {
    case NodeId::Role::kController:
      controller_.Write();
      break;
    case NodeId::Role::kSwitch:
      switch_.Write();
      break;
    case NodeId::Role::kNf:
      nfs_[node.instance].Write();
      break;
  }
  SettleMachine(node);
}

// ---- faults

void World::Fill(uint32_t left) {
  auto& station = switch_.Write();
  const uint32_t used = station.machine().table_entries();
  msg::InstallRules rules;
  for (uint32_t n = 0; used + n + left < options_->table_capacity; ++n) rules.flows.push_back(FillerTuple(n));
  Outbox unheard;
  station.machine().OnMessage(now_, Message{0, 0, rules}, unheard);
}

void World::LoseHead(size_t link) {
  const Item item = queues_[link].front();
  queues_[link].erase(queues_[link].begin());
  Lose(*item.payload);
}

// Packets that go down with something are lost for a reason that everybody can see.
void World::Lose(const Payload& payload) {
  if (const auto* packet = std::get_if<Packet>(&payload.what))
    return truth_.OnLost(NumberOf(packet->flow.tuple), packet->handle);
  std::visit(
      [&](const auto& body) {
        if constexpr (std::is_same_v<std::decay_t<decltype(body)>, msg::PacketIn>) return;  // a copy
        if constexpr (requires { body.packet.handle; })
          truth_.OnLost(NumberOf(body.packet.flow.tuple), body.packet.handle);
      },
      std::get<Message>(payload.what).body);
}

void World::Crash(size_t machine) {
  const NodeId node = MachineNode(machine);
  for (size_t i = 0; i < links_->size(); ++i) {
    const Link& l = (*links_)[i];
    if (!(l.from == node && l.kind == Link::Kind::kControl) && !(l.to == node)) continue;
    for (const Item& item : queues_[i]) Lose(*item.payload);
    queues_[i].clear();
  }
  switch (node.role) {
    case NodeId::Role::kController:
      controller_ = Shared<Controller>(NewController());
      break;
    case NodeId::Role::kSwitch:
      switch_ = Shared<SwitchAgent>(NewSwitch());
      break;
    case NodeId::Role::kNf:
      nfs_[node.instance] = Shared<NfAgent>(NewNf(node.instance));
      for (uint32_t f = 0; f < options_->flows; ++f) truth_.flow(f).state_excused = true;
      break;
  }
}

// ---- what machines say

void World::SettleMachine(NodeId node) {
  Face face{*this, node};
  switch (node.role) {
    case NodeId::Role::kController:
      controller_.Write().Settle(now_, face);
      break;
    case NodeId::Role::kSwitch:
      switch_.Write().Settle(now_, face);
      break;
    case NodeId::Role::kNf:
      nfs_[node.instance].Write().Settle(now_, face);
      CollectProcessed(node.instance);
      break;
  }
}

void World::CollectProcessed(uint8_t x) {
  for (const Processed& what : oracle(x).TakeProcessed()) {
    const ViolationSet wrong = truth_.OnProcessed(NumberOf(what.flow.tuple), x, what);
    violations_ |= wrong;
    if (log_ == nullptr) continue;
    Log("    NF " + std::to_string(x) + " processes " + FlowText(what.flow.tuple) + " #" + std::to_string(what.number) +
        " on state of " + std::to_string(what.version) + " packets" +
        (wrong == 0 ? "" : "   <-- " + ViolationText(wrong)));
  }
}

void World::OnEvent(NodeId, const RecordEvent& event) {
  if (std::holds_alternative<event::BufferOverflow>(event)) ++overflows_;
  if (const auto* outcome = std::get_if<event::Outcome>(&event)) {
    // OpenNF: its state is at dst, its packets are not.
    if (outcome->outcome == FlowOutcome::kRuleFailed) truth_.flow(NumberOf(outcome->tuple)).state_excused = true;
  }
  if (log_ == nullptr) return;
  if (const auto* step = std::get_if<event::Step>(&event)) {
    Log("    operation " + std::to_string(step->operation) + ": " + kSteps[static_cast<int>(step->step)]);
  } else if (const auto* outcome = std::get_if<event::Outcome>(&event)) {
    Log("    operation " + std::to_string(outcome->operation) + ": " + FlowText(outcome->tuple) + " " +
        kOutcomes[static_cast<int>(outcome->outcome)]);
  }
}

void World::OnMessage(NodeId from, OutMessage& out) {
  if (log_ != nullptr) Log("    " + NodeText(from) + " to " + NodeText(out.to) + ": " + MessageText(out.message));
  Push(LinkOf(Link::Kind::kControl, from, out.to), std::move(out.message));
}

void World::OnPacket(NodeId node, const OutPacket& out) {
  switch (out.fate) {
    case OutPacket::Fate::kToSink:
      return;  // its processing is collected like that of any other
    case OutPacket::Fate::kToNf:
      return ToNf(out.nf, out.packet);
    case OutPacket::Fate::kRelay:
      return Push(LinkOf(Link::Kind::kRelay, node, kSwitchNode), out.packet);
    case OutPacket::Fate::kDropped:
      if (log_ != nullptr) Log("    " + NodeText(node) + " drops " + PacketText(out.packet));
      return truth_.OnLost(NumberOf(out.packet.flow.tuple), out.packet.handle);
  }
}

void World::Push(size_t link, std::variant<Packet, Message> what) {
  const uint64_t hash = std::visit([](const auto& w) { return HashOf(w); }, what);
  Queue& queue = queues_[link];
  TimePoint due = now_;
  if (delays_ != nullptr) {
    due = due + delays_->Draw(link);
    if (!queue.empty()) due = std::max(due, queue.back().due);
  }
  queue.push_back({std::make_shared<const Payload>(Payload{std::move(what), hash}), due});
}

size_t World::LinkOf(Link::Kind kind, NodeId from, NodeId to, uint32_t lane) const {
  for (size_t i = 0; i < links_->size(); ++i) {
    const Link& l = (*links_)[i];
    if (l.kind == kind && l.from == from && l.to == to) return i + lane;
  }
  UHAUL_CHECK(false);
}

// ---- what is there

bool World::in_flight() const {
  return std::any_of(queues_.begin(), queues_.end(), [](const Queue& q) { return !q.empty(); });
}

TimePoint World::DeadlineOf(size_t machine) const {
  const NodeId node = MachineNode(machine);
  switch (node.role) {
    case NodeId::Role::kController:
      return controller().NextDeadline();
    case NodeId::Role::kSwitch:
      return forwarding().NextDeadline();
    case NodeId::Role::kNf: {
      const TimePoint next = nf(node.instance).NextDeadline();
      return next == nf(node.instance).fit().NextPass() ? TimePoint::Never() : next;
    }
  }
  UHAUL_CHECK(false);
}

uint8_t World::RouteOf(uint32_t flow) const {
  SwitchAgent probe = forwarding();
  Packet packet;
  packet.flow = Flow(flow);
  uint8_t nf = 0;
  Outbox unheard;
  probe.OnBurst(now_, {&packet, 1}, {&nf, 1}, unheard);
  return nf;
}

std::string World::EndFault() const {
  if (!controller().idle()) return "an operation never ends";
  if (controller().held_bytes() != Bytes()) return "the controller holds packets of nobody";
  for (uint8_t x = 0; x < options_->nfs; ++x) {
    if (nf(x).held_bytes() != Bytes()) return "NF " + std::to_string(x) + " holds packets for ever";
  }
  for (uint32_t f = 0; f < options_->flows; ++f) {
    const std::string name = "f" + std::to_string(f);
    if (truth_.flow(f).missing() != 0) return "a packet of " + name + " is gone, and nobody says so";
    int owners = 0;
    bool routed = false;
    for (uint8_t x = 0; x < options_->nfs; ++x) {
      if (!nf(x).function().Knows(Flow(f))) continue;
      ++owners;
      routed |= RouteOf(f) == x;
    }
    if (truth_.flow(f).state_excused) continue;
    if (owners > 1) return name + " has state in two places";
    if (owners == 0 && truth_.flow(f).processed != 0) return name + " has no state anywhere";
    if (owners == 1 && !routed) return "the switch sends " + name + " where its state is not";
  }
  return {};
}

uint64_t World::Hash() const {
  StateHash hash;
  hash.Add(controller_.Hash(now_));
  hash.Add(switch_.Hash(now_));
  for (const Shared<NfAgent>& nf : nfs_) hash.Add(nf.Hash(now_));
  for (const Queue& queue : queues_) {
    hash.Add(queue.size());
    for (const Item& item : queue) hash.Add(item.payload->hash);
  }
  truth_.Hash(hash);
  hash.Add(moves_begun_);
  hash.Add(violations_);
  return hash.value();
}

void World::Log(const std::string& line) const {
  if (log_ != nullptr) log_->push_back(line);
}

std::string World::ItemText(const Link& link, const Payload& payload) const {
  const auto* packet = std::get_if<Packet>(&payload.what);
  if (packet == nullptr) {
    return NodeText(link.to) + " receives from " + NodeText(link.from) + ": " +
           MessageText(std::get<Message>(payload.what));
  }
  if (link.kind == Link::Kind::kRelay)
    return "switch passes on " + PacketText(*packet) + " from " + NodeText(link.from);
  return NodeText(link.to) + " takes " + PacketText(*packet);
}

std::string World::Describe(const Choice& choice) const {
  const auto head = [&] { return ItemText((*links_)[choice.a], *queues_[choice.a].front().payload); };
  switch (choice.act) {
    case Act::kInject:
      return "packet f" + std::to_string(choice.a) + " #" + std::to_string(truth_.flow(choice.a).sent) +
             " reaches the switch, which sends it to NF " + std::to_string(RouteOf(choice.a));
    case Act::kDeliver:
      return head();
    case Act::kTimer:
      return "timer of " + NodeText(MachineNode(choice.a));
    case Act::kMove: {
      const MoveRequest& request = options_->moves[choice.a].request;
      return "operator: move from NF " + std::to_string(request.src) + " to NF " + std::to_string(request.dst) +
             ", scheme " + request.scheme.name;
    }
    case Act::kAbort:
      return "operator: abort operation " + std::to_string(choice.a);
    case Act::kRefuse:
      return "FAULT NF " + std::to_string(choice.a) + " will refuse an import";
    case Act::kFill:
      return "FAULT somebody fills the switch's table but for " + std::to_string(choice.a) + " entries";
    case Act::kLose:
      return "FAULT lost: " + head();
    case Act::kRepeat:
      return "FAULT repeated: " + head();
    case Act::kCrash:
      return "FAULT crash and restart of " + NodeText(MachineNode(choice.a));
  }
  UHAUL_CHECK(false);
}

}  // namespace uhaul::faults
