#include "tests/faults/world.h"

#include <algorithm>
#include <bit>
#include <cstdio>

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
constexpr const char* kOutcomes[] = {"pending", "moved",         "refused",  "no state", "returned",  "rule failed",
                                     "busy",    "not installed", "reverted", "in doubt", "state lost"};

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
  return Controller({options().profile, kWorldKey, options().nfs, options().hand_over});
}
SwitchAgent World::NewSwitch() const {
  const uint8_t incarnation = incarnations_[MachineIndex(kSwitchNode)];
  return SwitchAgent(
      {options().profile, kWorldKey, options().table_capacity, 0, incarnation, options().hand_over && incarnation > 1});
}
NfAgent World::NewNf(uint8_t x) const {
  return NfAgent({x,
                  {.capacity = options().fit_capacity, .window = options().window},
                  options().profile,
                  kWorldKey,
                  incarnations_[MachineIndex(NfNode(x))],
                  {},
                  options().hand_over && incarnations_[MachineIndex(NfNode(x))] > 1},
                 std::make_unique<OracleNf>(kWorldKey));
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
      return Inject(choice.a);
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
      return Call(controller_, kControllerNode, Given::kForgotten, 0, [&](Controller& controller, Outbox& out) {
        controller.DeclareDead(now_, NfNode(static_cast<uint8_t>(choice.a)), out);
      });
    case Act::kRestart:
      return Restart(choice.a);
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

void World::Inject(uint32_t flow) {
  FlowTruth& f = truth_.flow(flow);
  UHAUL_CHECK(f.sent < kMostPackets);
  Packet packet;
  packet.flow = Flow(flow);
  packet.bytes = 100;
  packet.tcp_flags = f.sent == options().fin_at ? tcp_flag::kFin : tcp_flag::kAck;
  packet.handle = f.sent++;
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
  Push(LinkOf(Link::Kind::kData, kSwitchNode, NfNode(nf), FlowNumber(packet.flow.tuple) % Lanes(options())),
       Make(packet));
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
      return Call(controller_, link.to, Given::kMessage, what,
                  [&](Controller& machine, Outbox& out) { machine.OnMessage(now_, link.from, message, out); });
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
  if (link.to == kSwitchNode) return ToNf(nf(link.from.instance).relay_target(), packet);
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

// ---- what machines say

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
  for (const auto& [x, marker] : said.markers) {
    if (down(MachineIndex(NfNode(x)))) continue;
    const uint32_t lane = FlowNumber(std::get<Marker>(marker->what).flow.tuple) % Lanes(options());
    Push(LinkOf(Link::Kind::kData, kSwitchNode, NfNode(x), lane), marker);
  }
  for (const JournalRecord& record : said.journal) Write(record);
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

size_t World::LinkOf(Link::Kind kind, NodeId from, NodeId to, uint32_t lane) const {
  return setting_->link_of[static_cast<size_t>(kind)][MachineIndex(from)][MachineIndex(to)] + lane;
}

// ---- what is there

bool World::in_flight() const {
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
  for (uint8_t x = 0; x < options().nfs; ++x) {
    if (down(MachineIndex(NfNode(x))) || !nf(x).function().Knows(Flow(flow))) continue;
    ++owners;
    routed |= RouteOf(flow) == x;
  }
  if (f.owner_died) return {};
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
  if (const auto* marker = std::get_if<Marker>(&what)) return count(marker->flow.tuple, Input::kMarker);
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
    return NodeText(link.to) + " takes the marker of " + FlowText(marker->flow.tuple) + ", epoch " +
           std::to_string(marker->epoch);
  }
  const std::string stream = NodeText(link.to) + ": the stream from " + NodeText(link.from);
  if (std::holds_alternative<StreamClosed>(payload.what)) return stream + " ends";
  if (std::holds_alternative<StreamOpened>(payload.what)) return stream + " begins";
  return NodeText(link.to) + " receives from " + NodeText(link.from) + ": " +
         MessageText(std::get<Message>(payload.what));
}

std::string World::Describe(const Choice& choice) const {
  const auto head = [&] { return ItemText(setting_->links[choice.a], *queues_[choice.a].front().payload); };
  switch (choice.act) {
    case Act::kInject:
      return "packet f" + std::to_string(choice.a) + " #" + std::to_string(truth_.flow(choice.a).sent) +
             " reaches the switch, which sends it to NF " + std::to_string(RouteOf(choice.a));
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
