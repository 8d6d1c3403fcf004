#include "tests/faults/world.h"

#include <algorithm>
#include <bit>

#include "core/node/machine_set.h"
#include "tests/faults/message_text.h"

namespace uhaul::faults {
namespace {

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

// A multi-queue NF spreads flows over this many queues at most.
constexpr uint32_t kMostLanes = 8;

uint32_t Lanes(const WorldOptions& options) { return options.multi_queue ? std::min(options.flows, kMostLanes) : 1; }

std::vector<Link> MakeLinks(const WorldOptions& options) {
  std::vector<Link> links{{Link::Kind::kControl, kControllerNode, kSwitchNode},
                          {Link::Kind::kControl, kSwitchNode, kControllerNode}};
  if (options.hand_over) links.push_back({Link::Kind::kGhost, kControllerNode, kSwitchNode});
  for (uint8_t x = 0; x < options.nfs; ++x) {
    if (options.hand_over) links.push_back({Link::Kind::kGhost, kControllerNode, NfNode(x)});
    links.push_back({Link::Kind::kControl, kControllerNode, NfNode(x)});
    links.push_back({Link::Kind::kControl, NfNode(x), kControllerNode});
    links.push_back({Link::Kind::kRelay, NfNode(x), kSwitchNode});
    for (uint8_t y = 0; y < options.nfs; ++y) {
      if (x != y) links.push_back({Link::Kind::kPeer, NfNode(x), NfNode(y)});
    }
    for (uint32_t lane = 0; lane < Lanes(options) * options.ports; ++lane) {
      links.push_back({Link::Kind::kData, kSwitchNode, NfNode(x)});
    }
  }
  // The last ones, for those before them have been numbered so in every seed's log.
  if (options.hears_late) links.push_back({Link::Kind::kGhost, kSwitchNode, kControllerNode});
  for (uint8_t x = 0; options.hears_late && x < options.nfs; ++x) {
    links.push_back({Link::Kind::kGhost, NfNode(x), kControllerNode});
  }
  return links;
}

}  // namespace

World::Setting::Setting(WorldOptions given)
    : options(std::move(given)), flows(MakeFlows(options.flows)), links(MakeLinks(options)) {
  for (size_t i = links.size(); i-- > 0;) {  // the first of several lanes
    const Link& l = links[i];
    link_of[static_cast<size_t>(l.kind)][MachineIndex(l.from)][MachineIndex(l.to)] = static_cast<uint16_t>(i);
  }
}

World::World(WorldOptions given)
    : setting_(std::make_shared<const Setting>(std::move(given))),
      queues_(setting_->links.size()),
      controller_(NewController()),
      switch_(NewSwitch()),
      truth_(options().flows),
      journal_(std::make_shared<Journal>()) {
  for (uint8_t x = 0; x < options().nfs; ++x) nfs_.emplace_back(NewNf(x));
  if (!options().hand_over) return;
  for (uint8_t x = 0; x < options().nfs; ++x) {
    for (uint8_t y = 0; y < options().nfs; ++y) {
      if (x != y) OpenStream(x, y);
    }
  }
  for (size_t m = 1; m < machine_count(); ++m) Connect(m);
}

Controller World::NewController() const {
  return Controller({.profile = options().profile,
                     .hash_key = kWorldKey,
                     .nf_count = options().nfs,
                     .journal = options().hand_over,
                     .limits = {.grace = options().grace}});
}
SwitchAgent World::NewSwitch() const {
  const uint8_t incarnation = incarnations_[MachineIndex(kSwitchNode)];
  return SwitchAgent({.profile = options().profile,
                      .hash_key = kWorldKey,
                      .table_capacity = options().table_capacity,
                      .incarnation = incarnation,
                      .restarted = options().hand_over && incarnation > 1,
                      .marking = options().marking,
                      .lag = options().lag,
                      .nf_ports = options().ports});
}
NfAgent World::NewNf(uint8_t x) const {
  return NfAgent({x,
                  {.capacity = options().fit_capacity, .window = options().window},
                  options().profile,
                  kWorldKey,
                  incarnations_[MachineIndex(NfNode(x))],
                  {.ports = options().ports},
                  options().hand_over && incarnations_[MachineIndex(NfNode(x))] > 1},
                 std::make_unique<OracleNf>(kWorldKey, options().ports > 1));
}

// ---- the operator

void World::Begin(size_t move) {
  const PlannedMove& plan = options().moves[move];
  moves_begun_ = std::max(moves_begun_, move + 1);
  Call(controller_, kControllerNode, Given::kForgotten, 0, [&](Controller& controller, Outbox& out) {
    const auto id = plan.request.scheme.flows == MoveFlows::kElephants
                        ? controller.MoveElephant(now_, plan.request, plan.detector, out)
                        : controller.Move(now_, plan.request, out);
    if (log_ != nullptr)
      Log("    " + (id.ok() ? "operation " + std::to_string(*id) : "refused: " + id.error().message));
  });
}

void World::Apply(const Choice& choice) {
  if (log_ != nullptr) Log(Describe(choice));
  if (choice.act == Act::kCrash) {  // each machine's is a kind of its own
    acts_seen_ |= 1U << (kActs + (choice.a & ~kLate));
  } else if (choice.act >= Act::kAbort) {
    acts_seen_ |= 1U << static_cast<int>(choice.act);
  }
  switch (choice.act) {
    case Act::kInject:
      return Inject(choice.a & ~kSecondPort, (choice.a & kSecondPort) != 0);
    case Act::kDeliver:
      return Deliver(choice.a);
    case Act::kTimer:
      return FireTimer(choice.a);
    case Act::kMove:
      return Begin(choice.a);
    case Act::kSync:
      return Sync();
    case Act::kDeclare:
      declared_ |= static_cast<uint8_t>(1U << choice.a);
      EndWords(MachineIndex(NfNode(static_cast<uint8_t>(choice.a))));
      return Call(controller_, kControllerNode, Given::kForgotten, 0, [&](Controller& controller, Outbox& out) {
        controller.DeclareDead(now_, NfNode(static_cast<uint8_t>(choice.a)), out);
      });
    case Act::kRestart:
      return Restart(choice.a);
    case Act::kTakeOver:
      return TakeOver(choice.a);
    case Act::kAbort:
      return Call(controller_, kControllerNode, Given::kForgotten, 0, [&](Controller& controller, Outbox& out) {
        (void)controller.Abort(now_, choice.a, out).ok();  // past the transfer it is refused
      });
    case Act::kRefuse:
      nfs_[choice.a].Write();
      return oracle(static_cast<uint8_t>(choice.a)).RefuseImports(1);
    case Act::kFill:
      return Fill(choice.a);
    case Act::kEmpty:
      return Empty();
    case Act::kLose:
    case Act::kLoseMarker:
      return LoseHead(choice.a);
    case Act::kRepeat: {
      const Item head = queues_[choice.a].front();
      Deliver(choice.a);
      queues_[choice.a].insert(queues_[choice.a].begin(), head);
      return;
    }
    case Act::kBreak:
      return Break(choice.a & ~kLate, (choice.a & kLate) != 0);
    case Act::kBreakPeers:
      return BreakPeers();
    case Act::kCrash:
      return Crash(choice.a & ~kLate, (choice.a & kLate) != 0);
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

void World::TakeOver(uint32_t flow) {
  Call(switch_, kSwitchNode, Given::kTakeOver, flow,
       [&](SwitchAgent& forwarding, Outbox&) { forwarding.TakeOver(Flow(flow)); });
}

void World::Inject(uint32_t flow, bool reverse) {
  FlowTruth& f = truth_.flow(flow);
  UHAUL_CHECK(f.sent < kMostPackets);
  Packet packet;
  packet.flow = Flow(flow);
  packet.bytes = 100;
  packet.tcp_flags = f.sent == options().fin_at ? tcp_flag::kFin : tcp_flag::kAck;
  packet.reverse = reverse;
  packet.handle = f.sent++;
  if (reverse) f.reverse |= uint64_t{1} << packet.handle;
  packet.digest = options().look_alike ? 0 : packet.handle;
  if (down(MachineIndex(kSwitchNode))) return truth_.OnLost(flow, packet.handle);
  const auto call = [&](SwitchAgent& forwarding, Outbox& out) {
    uint8_t nf = 0;
    forwarding.OnBurst(now_, {&packet, 1}, {&nf, 1}, out);
    return nf;
  };
  // Before what else the switch may say: it has left first.
  CallWith(switch_, kSwitchNode, Given::kPacket, memo_ == nullptr ? 0 : HashOf(packet), call, [&](uint8_t nf) {
    if (nf != msg::kNoNf) return ToNf(nf, packet);
    truth_.OnLost(flow, packet.handle);  // a switch that restarted: for all to see
  });
}

void World::ToNf(uint8_t nf, const Packet& packet) {
  FlowTruth& truth = truth_.flow(FlowNumber(packet.flow.tuple));
  if (down(MachineIndex(NfNode(nf)))) return truth_.OnLost(FlowNumber(packet.flow.tuple), packet.handle);
  if (this->nf(nf).dropping()) truth.at_risk |= uint64_t{1} << packet.handle;  // it may be lost there
  Push(DataLinkOf(nf, FlowNumber(packet.flow.tuple), packet.reverse), Make(packet));
}

void World::Deliver(size_t link) {
  UHAUL_CHECK(!queues_[link].empty());
  const Item item = queues_[link].front();
  queues_[link].erase(queues_[link].begin());
  if (cells_ != nullptr) CountCells(setting_->links[link], *item.payload);
  std::visit([&](const auto& what) { Arrive(link, item.payload->hash, what); }, item.payload->what);
}

void World::Arrive(size_t index, uint64_t hash, const Message& message) {
  const Link& link = setting_->links[index];
  if (const auto* returned = std::get_if<msg::ReturnedPacket>(&message.body)) {
    FlowTruth& truth = truth_.flow(FlowNumber(returned->packet.flow.tuple));
    truth_.OnInside(FlowNumber(returned->packet.flow.tuple), link.to.instance, returned->packet.handle);
    truth.at_risk &= ~(uint64_t{1} << returned->packet.handle);  // what has come back is to be processed
  }
  const uint64_t what = hash ^ Mix64(index + 1);
  switch (link.to.role) {
    case NodeId::Role::kController:
      return Call(controller_, link.to, Given::kMessage, what, [&](Controller& machine, Outbox& out) {
        std::optional<uint64_t> connection;
        if (link.kind == Link::Kind::kGhost) connection = 0;
        machine.OnMessage(now_, link.from, message, out, connection);
      });
    case NodeId::Role::kSwitch:
      return Call(switch_, link.to, Given::kMessage, what,
                  [&](SwitchAgent& machine, Outbox& out) { machine.OnMessage(now_, message, out); });
    case NodeId::Role::kNf:
      return Call(nfs_[link.to.instance], link.to, Given::kMessage, what,
                  [&](NfAgent& machine, Outbox& out) { machine.OnMessage(now_, message, out); });
  }
}

void World::Arrive(size_t index, uint64_t hash, const Packet& packet) {
  const Link& link = setting_->links[index];
  if (link.to == kSwitchNode) {
    Packet relayed = packet;
    relayed.relayed = true;
    return ToNf(nf(link.from.instance).relay_target(), relayed);
  }
  const uint8_t x = link.to.instance;
  truth_.OnInside(FlowNumber(packet.flow.tuple), x, packet.handle);
  const auto call = [&](NfAgent& machine, Outbox& out) {
    NfVerdict verdict = NfVerdict::kForward;
    machine.OnBurst(now_, {&packet, 1}, {&verdict, 1}, out);
    return static_cast<uint8_t>(verdict);
  };
  CallWith(nfs_[x], link.to, Given::kPacket, hash, call, [&](uint8_t verdict) {
    if (verdict != static_cast<uint8_t>(NfVerdict::kRelay)) return;
    Push(LinkOf(Link::Kind::kRelay, link.to, kSwitchNode), Make(packet));
  });
}

void World::Arrive(size_t index, uint64_t hash, const Marker& marker) {
  const NodeId to = setting_->links[index].to;
  if (to == kSwitchNode) {  // relayed
    return SendMarker(kSwitchNode, nf(setting_->links[index].from.instance).relay_target(), Make(marker));
  }
  Call(nfs_[to.instance], to, Given::kMarker, hash,
       [&](NfAgent& machine, Outbox& out) { machine.OnMarker(now_, marker, out); });
}

void World::Arrive(size_t index, uint64_t, const StreamClosed&) {
  const Link& link = setting_->links[index];
  Call(nfs_[link.to.instance], link.to, Given::kClosed, link.from.instance,
       [&](NfAgent& machine, Outbox& out) { machine.OnPeerClosed(now_, link.from.instance, out); });
}

void World::Arrive(size_t index, uint64_t, const StreamOpened& opened) {
  const Link& link = setting_->links[index];
  Call(nfs_[link.to.instance], link.to, Given::kOpened, (opened.incarnation << 8) | link.from.instance,
       [&](NfAgent& machine, Outbox& out) { machine.OnPeerOpened(now_, link.from.instance, opened.incarnation, out); });
}

void World::FireTimer(size_t machine) {
  now_ = std::max(now_, DeadlineOf(machine));
  const NodeId node = MachineNode(machine);
  const auto nothing = [](auto&, Outbox&) {};  // what is due comes by itself
  switch (node.role) {
    case NodeId::Role::kController:
      return Call(controller_, node, Given::kTime, 0, nothing);
    case NodeId::Role::kSwitch:
      return Call(switch_, node, Given::kTime, 0, nothing);
    case NodeId::Role::kNf:
      return Call(nfs_[node.instance], node, Given::kTime, 0, nothing);
  }
}

size_t World::DataLinkOf(uint8_t nf, uint32_t flow, bool second_port) const {
  const size_t lane = flow % Lanes(options()) * options().ports + (second_port ? 1 : 0);
  return LinkOf(Link::Kind::kData, kSwitchNode, NfNode(nf)) + lane;
}

// ---- what is there

bool World::in_flight() const {
  if (!down(MachineIndex(kSwitchNode)) && forwarding().behind()) return true;
  return std::any_of(queues_.begin(), queues_.end(), [](const Queue& q) { return !q.empty(); });
}

TimePoint World::DeadlineOf(size_t machine) const {
  if (down(machine)) return TimePoint::Never();
  const NodeId node = MachineNode(machine);
  switch (node.role) {
    case NodeId::Role::kController:
      return controller().NextDeadline();
    case NodeId::Role::kSwitch:
      return forwarding().NextDeadline();
    case NodeId::Role::kNf: {
      const TimePoint next = nf(node.instance).NextDeadline();
      if (next != nf(node.instance).fit().NextPass()) return next;
      // Work may be due behind the pass.
      return delays_ != nullptr && !nf(node.instance).custody().idle() ? next : TimePoint::Never();
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

bool World::Owns(uint8_t x, uint32_t flow) const {
  if (down(MachineIndex(NfNode(x)))) return false;
  switch (nf(x).custody().StateOf(Flow(flow))) {
    case Custody::kOwn:
    case Custody::kArmed:
      return nf(x).function().Knows(Flow(flow));
    case Custody::kNone:
      return nf(x).function().Knows(Flow(flow));  // it was never told of the flow
    case Custody::kExporting:
    case Custody::kSent:
    case Custody::kWait:
    case Custody::kImporting:
    case Custody::kRefused:
    case Custody::kReturnArmed:
    case Custody::kReturnSent:
    case Custody::kHold:
      return false;
  }
  UHAUL_CHECK(false);
}

std::string World::EndFault() const {
  if (!controller().idle()) return "an operation never ends";
  if (controller().held_bytes() != Bytes()) return "the controller holds packets of nobody";
  for (uint8_t x = 0; x < options().nfs; ++x) {
    if (down(MachineIndex(NfNode(x)))) continue;
    if (nf(x).held_bytes() != Bytes()) return "NF " + std::to_string(x) + " holds packets for ever";
    if (!nf(x).custody().idle()) return "NF " + std::to_string(x) + " waits for ever";
  }
  for (uint32_t f = 0; f < options().flows; ++f) {
    if (const std::string fault = EndFaultOf(f); !fault.empty()) return fault;
  }
  return {};
}

std::string World::EndFaultOf(uint32_t flow) const {
  const std::string name = "f" + std::to_string(flow);
  const FlowTruth& f = truth_.flow(flow);
  if (f.missing() != 0) return "a packet of " + name + " is gone, and nobody says so";
  if (f.went_stale && !f.owner_died && !f.reported) return name + " went on without its state, and nobody says so";
  if (f.reported && !options().hand_over) return {};  // OpenNF: its state and its packets have parted
  int owners = 0;
  bool routed = false;
  // The switch has no room for its rule: it says so, and drops.
  const uint8_t kept_for = forwarding().Unplaced(Flow(flow)) ? forwarding().RuleOf(Flow(flow)) : msg::kNoNf;
  for (uint8_t x = 0; x < options().nfs; ++x) {
    if (down(MachineIndex(NfNode(x))) || !nf(x).function().Knows(Flow(flow))) continue;
    ++owners;
    routed |= RouteOf(flow) == x || (RouteOf(flow) == msg::kNoNf && kept_for == x);
  }
  if (f.owner_died) return {};
  if (kept_for != msg::kNoNf && !controller().Unplaced(Flow(flow))) return "nobody knows that " + name + " has no room";
  const bool has_state = static_cast<uint64_t>(std::popcount(f.processed)) > f.ended_at;
  if (owners > 1) return name + " has state in two places";
  if (owners == 0 && has_state && !f.reported) return name + " has no state anywhere";
  if (owners == 1 && !routed) return "the switch sends " + name + " where its state is not";
  return {};
}

bool World::IsMarker(size_t link) const {
  return !queues_[link].empty() && std::holds_alternative<Marker>(queues_[link].front().payload->what);
}

bool World::AwaitsJournal() const {
  for (OperationId id = 1; id <= moves_begun_; ++id) {
    const HandOver* operation = controller().FindHandOver(id);
    if (operation != nullptr && operation->phase() == HandOver::Phase::kJournaling) return true;
  }
  return false;
}

uint64_t World::Hash(bool journal) const {
  StateHash hash;
  hash.Add(controller_.Hash(now_));
  hash.Add(switch_.Hash(now_));
  for (const Shared<NfAgent>& nf : nfs_) hash.Add(nf.Hash(now_));
  for (const Queue& queue : queues_) {
    hash.Add(queue.size());
    for (const Item& item : queue) hash.Add(item.payload->hash);
  }
  truth_.Hash(hash);
  hash.Add((uint64_t{declared_} << 16) | (uint64_t{down_} << 8) | moves_begun_);
  for (const uint8_t incarnation : incarnations_) hash.Add(incarnation);
  hash.Add(journal ? journal_->hash : 0);
  hash.Add(journal ? (durable_ << 32) | journal_base_ : journal_pending());
  hash.Add(violations_);
  return hash.value();
}

}  // namespace uhaul::faults
