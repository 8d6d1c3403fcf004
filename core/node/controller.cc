#include "core/node/controller.h"

#include <algorithm>
#include <utility>

namespace uhaul {
namespace {

constexpr size_t kRemembered = 64;  // operations, the closed ones included

// What one call does at most of what is due. The rest is due still: an engine in real time looks after its sockets in
// between, one by a schedule calls again at once.
constexpr int kSliceMessages = 64;
constexpr int kSlicePackets = 256;

bool CarriesPacket(const Message& message) {
  return std::holds_alternative<msg::PacketEvent>(message.body) || std::holds_alternative<msg::PacketIn>(message.body);
}

uint64_t MachineNumber(NodeId node) { return (static_cast<uint64_t>(node.role) << 8) | node.instance; }

// In a hand-over; the rest is from NF to NF, where they cannot reach each other.
bool AnswersController(const MessageBody& body) {
  return std::holds_alternative<msg::CustodyReport>(body) || std::holds_alternative<msg::FlowListing>(body) ||
         std::holds_alternative<msg::SetFilter>(body);
}

bool Overlap(const FlowFilter& a, const FlowFilter& b) {
  if (a.version == 0 || b.version == 0) return true;
  if (a.version != b.version) return false;
  const FlowFilter& wide = a.source_prefix <= b.source_prefix ? a : b;
  FiveTuple narrow;
  narrow.version = a.version;
  narrow.source = (&wide == &a ? b : a).source;
  return wide.Matches(narrow);
}

}  // namespace

Controller::Controller(ControllerOptions options)
    : options_(std::move(options)),
      hasher_(options_.hash_key),
      generation_(options_.first_generation),
      next_operation_(options_.first_operation) {}

void Controller::SetProfile(const Profile& profile) {
  UHAUL_CHECK(idle());
  options_.profile = profile;
}

bool Controller::idle() const {
  const auto closed = [](const auto& entry) { return entry.second.closed(); };
  return cpu_.empty() && std::all_of(migrations_.begin(), migrations_.end(), closed) &&
         std::all_of(hand_overs_.begin(), hand_overs_.end(), closed);
}

const Migration* Controller::Find(OperationId operation) const {
  const auto it = migrations_.find(operation);
  return it == migrations_.end() ? nullptr : &it->second;
}

const HandOver* Controller::FindHandOver(OperationId operation) const {
  const auto it = hand_overs_.find(operation);
  return it == hand_overs_.end() ? nullptr : &it->second;
}

template <class Call>
auto Controller::WithHandOver(TimePoint now, Outbox& outbox, Call call) {
  HandOverContext context{.now = now,
                          .hasher = hasher_,
                          .secret = options_.secret.value_or(options_.hash_key),
                          .limits = options_.limits,
                          .buffer = options_.profile.nf_buffer,
                          .moved = moved_,
                          .sessions = sessions_,
                          .journal = options_.journal,
                          .journaled = journaled_,
                          .rules = rules_,
                          .busy = &Busy,
                          .owner = this,
                          .outbox = outbox};
  return call(context);
}

// The end of each call: every message says which controller it is from.
void Controller::Close(Outbox& outbox, size_t first) const {
  for (size_t i = first; i < outbox.messages.size(); ++i) outbox.messages[i].message.generation = generation_;
}

template <class Call>
auto Controller::With(TimePoint now, Outbox& outbox, Call call) {
  const HashKey secret = options_.secret.value_or(options_.hash_key);
  MigrationContext context{now, options_.profile, hasher_, secret, held_, release_, next_xid_, &Busy, this, outbox};
  return call(context);
}

// ---- northbound

Result<OperationId> Controller::Move(TimePoint now, const MoveRequest& request, Outbox& outbox) {
  if (request.scheme.flows == MoveFlows::kElephants) {
    return Error{"scheme '" + request.scheme.name + "' moves elephants: call moveElephant"};
  }
  if (request.scheme.flows == MoveFlows::kNone) {
    return Error{"scheme '" + request.scheme.name + "' moves nothing"};
  }
  return Start(now, request, std::nullopt, outbox);
}

Result<OperationId> Controller::MoveElephant(TimePoint now, const MoveRequest& request, const DetectorSpec& detector,
                                             Outbox& outbox) {
  if (request.scheme.flows != MoveFlows::kElephants) {
    return Error{"scheme '" + request.scheme.name + "' does not choose elephants: call move"};
  }
  return Start(now, request, detector, outbox);
}

// Refusals come before any side effect.
Status Controller::Admit(const MoveRequest& request, bool wildcard) const {
  for (const uint8_t nf : {request.src, request.dst}) {
    if (nf >= options_.nf_count) return Error{"no NF instance " + std::to_string(nf)};
  }
  if (request.src == request.dst) return Error{"source and destination are the same NF instance"};
  const SchemeOptions& scheme = request.scheme;
  const bool peer = scheme.transfer == Transfer::kPeer;
  if (peer != (scheme.hold == HoldAt::kDestination)) {
    return Error{"scheme '" + scheme.name + "': transfer peer goes with hold destination, and the other way about"};
  }
  if (peer && (scheme.relay_unknown || scheme.after != AfterMove::kKeep)) {
    return Error{"scheme '" + scheme.name + "': a hand-over leaves the other flows where they are (after: keep, " +
                 "relay_unknown: false)"};
  }
  if (scheme.relay_end == RelayEnd::kMarked && (!scheme.relay_unknown || wildcard)) {
    return Error{"scheme '" + scheme.name + "': relay_end marked is for flows that are named one by one, and needs " +
                 "relay_unknown: true"};
  }
  for (const uint8_t nf : {request.src, request.dst}) {
    if (peer && sessions_.dead(NfNode(nf))) return Error{"NF instance " + std::to_string(nf) + " was declared dead"};
  }
  return AdmitBeside(request, wildcard);
}

Status Controller::AdmitBeside(const MoveRequest& request, bool wildcard) const {
  for (const auto& [id, other] : migrations_) {
    if (other.closed()) continue;
    const std::string who = "operation " + std::to_string(id);
    if ((wildcard || other.wildcard()) && Overlap(request.filter, other.request().filter)) {
      return Error{who + " is moving flows of filter " + other.request().filter.ToString()};
    }
    if (request.scheme.relay_unknown && other.request().scheme.relay_unknown && other.request().src == request.src) {
      return Error{who + " already relays unknown flows at NF instance " + std::to_string(request.src)};
    }
    const bool both_marked =
        request.scheme.relay_end == RelayEnd::kMarked && other.request().scheme.relay_end == RelayEnd::kMarked;
    if (both_marked && other.request().dst == request.dst) {
      return Error{who + " already awaits relayed flows at NF instance " + std::to_string(request.dst)};
    }
  }
  for (const auto& [id, other] : hand_overs_) {
    if (!other.closed() && wildcard && Overlap(request.filter, other.request().filter)) {
      return Error{"operation " + std::to_string(id) + " is moving flows of filter " +
                   other.request().filter.ToString()};
    }
  }
  return {};
}

// Room for one more operation, at the cost of the memory of an old one.
template <class Operation>
Status Controller::MakeRoom(std::map<OperationId, Operation>* operations) const {
  if (operations->size() < kRemembered) return {};
  const auto closed =
      std::find_if(operations->begin(), operations->end(), [](const auto& entry) { return entry.second.closed(); });
  if (closed == operations->end()) return Error{"too many operations under way"};
  operations->erase(closed);
  return {};
}

Result<OperationId> Controller::Start(TimePoint now, const MoveRequest& request, std::optional<DetectorSpec> detector,
                                      Outbox& outbox) {
  const size_t first = outbox.messages.size();
  const bool peer = request.scheme.transfer == Transfer::kPeer;
  const bool wildcard = !peer && !detector && request.limit == 0;
  if (const Status admitted = Admit(request, wildcard); !admitted.ok()) return admitted.error();
  if (const Status room = peer ? MakeRoom(&hand_overs_) : MakeRoom(&migrations_); !room.ok()) return room.error();
  const OperationId id = next_operation_++;
  if (peer) {
    moved_.EraseIf([&](const FlowKey&, TimePoint at) { return now - at >= options_.limits.cool_down; });
    HandOver& started = hand_overs_.emplace(id, HandOver(id, request, detector)).first->second;
    WithHandOver(now, outbox, [&](HandOverContext& context) { started.Start(context); });
  } else {
    Migration& started = migrations_.emplace(id, Migration(id, request, detector)).first->second;
    With(now, outbox, [&](MigrationContext& context) { started.Start(context); });
    SendReleased(now, outbox);
  }
  Close(outbox, first);
  return id;
}

Status Controller::Abort(TimePoint now, OperationId operation, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  Status status = Error{"no operation " + std::to_string(operation)};
  if (const auto it = migrations_.find(operation); it != migrations_.end()) {
    status = With(now, outbox, [&](MigrationContext& context) { return it->second.Abort(context); });
  } else if (const auto other = hand_overs_.find(operation); other != hand_overs_.end()) {
    status = WithHandOver(now, outbox, [&](HandOverContext& context) { return other->second.Abort(context); });
  }
  SendReleased(now, outbox);
  Close(outbox, first);
  return status;
}

bool Controller::Busy(const void* owner, OperationId self, const FlowKey& flow) {
  const auto* controller = static_cast<const Controller*>(owner);
  const auto owns = [&](const auto& entry) { return entry.first != self && entry.second.Owns(flow); };
  return std::any_of(controller->migrations_.begin(), controller->migrations_.end(), owns) ||
         std::any_of(controller->hand_overs_.begin(), controller->hand_overs_.end(), owns);
}

// ---- messages and time

Duration Controller::CostOf(const Message& message) const {
  return (CarriesPacket(message) ? options_.profile.event : options_.profile.message).Of(1, Bytes());
}

void Controller::OnMessage(TimePoint now, NodeId from, const Message& message, Outbox& outbox,
                           std::optional<uint64_t> connection) {
  const size_t first = outbox.messages.size();
  RunDue(now, outbox);
  cpu_.Submit(now, CostOf(message), {from, message, connection.value_or(sessions_.connection(from))});
  RunDue(now, outbox);
  Close(outbox, first);
}

void Controller::OnTimer(TimePoint now, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  RunDue(now, outbox);
  for (auto& entry : hand_overs_) {
    HandOver& hand_over = entry.second;
    if (hand_over.NextDeadline() <= now) {
      WithHandOver(now, outbox, [&](HandOverContext& context) { hand_over.OnTimer(context); });
    }
  }
  for (auto& entry : migrations_) {
    Migration& migration = entry.second;
    if (migration.NextDeadline() <= now) {
      With(now, outbox, [&](MigrationContext& context) { migration.OnTimer(context); });
    }
  }
  SendReleased(now, outbox);
  Close(outbox, first);
}

TimePoint Controller::NextDeadline() const {
  TimePoint next = std::min(cpu_.NextDeadline(), release_.NextDeadline());
  for (const auto& [id, migration] : migrations_) next = std::min(next, migration.NextDeadline());
  for (const auto& [id, hand_over] : hand_overs_) next = std::min(next, hand_over.NextDeadline());
  return next;
}

void Controller::RunDue(TimePoint now, Outbox& outbox) {
  for (int i = 0; i < kSliceMessages; ++i) {
    const auto task = cpu_.PopDue(now);
    if (!task) break;
    Dispatch(now, *task, outbox);
  }
  if (!dropping_.empty()) ResumeNodes(now, outbox);
  SendReleased(now, outbox);
}

void Controller::SendReleased(TimePoint now, Outbox& outbox) {
  for (int i = 0; i < kSlicePackets; ++i) {
    auto released = release_.PopDue(now);
    if (!released) return;
    if (released->held) {
      held_ -= Bytes(released->out.packet.bytes);
      outbox.events.push_back(event::Buffered{BufferPlace::kController, held_, Bytes()});
    }
    outbox.Send(kSwitchNode, released->operation, std::move(released->out));
    const auto it = migrations_.find(released->operation);
    if (it == migrations_.end()) continue;
    With(now, outbox, [&](MigrationContext& context) { it->second.OnReleased(context); });
  }
}

void Controller::Dispatch(TimePoint now, const Task& task, Outbox& outbox) {
  if (const auto* in = std::get_if<msg::PacketIn>(&task.message.body)) {
    for (auto& entry : migrations_) {
      Migration& migration = entry.second;
      bool taken = false;
      With(now, outbox, [&](MigrationContext& context) { taken = migration.OnPacketIn(context, in->packet); });
      if (taken) return;
    }
    ++strays_;
    return;
  }
  const bool over = task.connection != sessions_.connection(task.from);
  if (const auto* hello = std::get_if<msg::Hello>(&task.message.body)) {
    if (!over) return OnHello(now, task.from, *hello, outbox);
    ++strays_;  // of one that has gone since
    return;
  }
  const auto* report = std::get_if<msg::CustodyReport>(&task.message.body);
  if (report != nullptr && task.from == kSwitchNode && task.message.generation == generation_) NoteRoom(*report);
  if (const auto found = hand_overs_.find(task.message.operation); found != hand_overs_.end()) {
    // What a node answered to a controller before this one says nothing here: more of that one's commands may be on
    // their way to it still. It is asked again at Hello.
    if (task.message.generation < generation_ && AnswersController(task.message.body)) {
      ++strays_;
      return;
    }
    return WithHandOver(
        now, outbox, [&](HandOverContext& context) { found->second.OnMessage(context, task.from, task.message.body); });
  }
  const auto it = migrations_.find(task.message.operation);
  if (it == migrations_.end()) {
    ++strays_;
    if (const auto* lost = std::get_if<msg::PacketEvent>(&task.message.body)) {
      outbox.packets.push_back({OutPacket::Fate::kDropped, task.from.instance, lost->packet});
    } else if (const auto* returned = std::get_if<msg::ReturnedPacket>(&task.message.body)) {
      outbox.packets.push_back({OutPacket::Fate::kForgotten, task.from.instance, returned->packet});
    }
    return;
  }
  With(now, outbox, [&](MigrationContext& context) { it->second.OnMessage(context, task.from, task.message.body); });
}

// ---- nodes, journal

void Controller::Recover(TimePoint, std::span<const JournalRecord> records, Outbox& outbox) {
  UHAUL_CHECK(options_.journal);
  UHAUL_CHECK(hand_overs_.empty());
  UHAUL_CHECK(migrations_.empty());
  uint32_t last = records.empty() ? 0 : 1;
  for (const JournalRecord& record : records) {
    if (const auto* generation = std::get_if<journal::Generation>(&record)) {
      last = std::max(last, generation->generation);
      next_operation_ = std::max(next_operation_, generation->next_operation);
    } else if (const auto* begin = std::get_if<journal::Begin>(&record)) {
      next_operation_ = std::max(next_operation_, begin->operation + 1);
      const auto [it, inserted] = hand_overs_.try_emplace(begin->operation, *begin, hasher_);
      if (!inserted) it->second.Add(*begin, hasher_);
    } else if (const auto* end = std::get_if<journal::End>(&record)) {
      next_operation_ = std::max(next_operation_, end->operation + 1);
      for (const journal::EndedFlow& ended : end->flows) {
        if (ended.epoch != 0) rules_.Get(hasher_.Key(ended.tuple)) = ended;
      }
      const auto it = hand_overs_.find(end->operation);
      if (it != hand_overs_.end()) it->second.Ended(*end, hasher_);
    }
  }
  std::erase_if(hand_overs_, [](const auto& entry) { return entry.second.closed(); });
  generation_ = std::max(last + 1, options_.first_generation);
  outbox.journal.push_back(journal::Generation{generation_, next_operation_});
  ++journaled_;
}

void Controller::OnDurable(TimePoint now, uint64_t records, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  for (auto& entry : hand_overs_) {
    WithHandOver(now, outbox, [&](HandOverContext& context) { entry.second.OnDurable(context, records); });
  }
  Close(outbox, first);
}

uint64_t Controller::OnConnected(TimePoint, NodeId node, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  sessions_.Greet(node);
  outbox.Send(node, 0, msg::Hello{});
  Close(outbox, first);
  return sessions_.connection(node);
}

void Controller::OnHello(TimePoint now, NodeId from, const msg::Hello& hello, Outbox& outbox) {
  // Of a switch that is there for the first time nobody knows what it was before; an NF is believed to have begun with
  // the first controller.
  const bool may_drop = from == kSwitchNode || sessions_.incarnation(from) != 0 || generation_ > 1;
  const bool other = sessions_.Answered(from, hello);
  // What it was told on the connection before may have been lost.
  const bool again = !other && resumed_.count(from) > 0;
  if (from == kSwitchNode && other) unplaced_.Clear();
  if (from == kSwitchNode && (other || again)) ReinstallRules(outbox);
  if ((other && may_drop) || again) dropping_.insert(from);
  for (auto& entry : hand_overs_) {
    WithHandOver(now, outbox, [&](HandOverContext& context) { entry.second.OnSession(context, from); });
  }
  ResumeNodes(now, outbox);
}

// A switch goes on when every rule is there again; an NF instance when it is decided who has the flows that the one
// before it was giving or getting, and it knows that it has not.
void Controller::ResumeNodes(TimePoint now, Outbox& outbox) {
  for (auto node = dropping_.begin(); node != dropping_.end();) {
    const bool is_switch = *node == kSwitchNode;
    const bool waits = std::any_of(hand_overs_.begin(), hand_overs_.end(), [&](const auto& entry) {
      return is_switch ? !entry.second.RulesKnown() : entry.second.MissesDead(*node);
    });
    if (waits || !sessions_.up(*node)) {
      ++node;
      continue;
    }
    for (const auto& entry : hand_overs_) {
      if (is_switch) break;
      WithHandOver(now, outbox, [&](HandOverContext& context) { entry.second.FenceSuccessor(context, *node); });
    }
    outbox.Send(*node, 0, msg::ResumeForwarding{});
    resumed_.insert(*node);
    node = dropping_.erase(node);
  }
}

// A switch that restarted, or that this controller sees for the first time, gets every rule that hand-overs have left.
void Controller::ReinstallRules(Outbox& outbox) const {
  std::map<std::pair<Epoch, uint8_t>, std::vector<FiveTuple>> rules;
  for (const FlowKey& flow : rules_.SortedKeys()) {
    const journal::EndedFlow& rule = *rules_.Find(flow);
    rules[{rule.epoch, rule.nf}].push_back(flow.tuple);
  }
  for (const auto& [rule, flows] : rules) {
    InBatches(flows, [&, rule = rule](std::vector<FiveTuple> batch, bool) {
      // Its marker finds nobody waiting.
      outbox.Send(kSwitchNode, 0, msg::Install{rule.first, rule.second, rule.second, 0, std::move(batch)});
    });
  }
}

// Which rules the switch has no room for, and which have got it.
void Controller::NoteRoom(const msg::CustodyReport& report) {
  for (const msg::FlowStatus& flow : report.flows) {
    if (flow.status == msg::CustodyStatus::kNoRoom) {
      unplaced_.Get(hasher_.Key(flow.tuple)) = true;
    } else if (flow.status == msg::CustodyStatus::kInstalled && !unplaced_.empty()) {
      unplaced_.Erase(hasher_.Key(flow.tuple));
      dropped_unplaced_ += flow.dropped;
    }
  }
}

void Controller::DeclareDead(TimePoint now, NodeId nf, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  sessions_.Declare(nf);
  for (auto& entry : hand_overs_) {
    WithHandOver(now, outbox, [&](HandOverContext& context) { entry.second.OnDead(context, nf); });
  }
  for (auto& entry : migrations_) {
    With(now, outbox, [&](MigrationContext& context) { entry.second.OnDead(context, nf); });
  }
  ResumeNodes(now, outbox);
  Close(outbox, first);
}

void Controller::Hash(StateHash& hash, TimePoint now) const {
  for (const auto& [id, migration] : migrations_) migration.Hash(hash, now);
  for (const auto& [id, hand_over] : hand_overs_) hand_over.Hash(hash, now);
  sessions_.Hash(hash);
  hash.Add(generation_);
  for (const NodeId node : dropping_) hash.Add(MachineNumber(node));
  for (const NodeId node : resumed_) hash.Add(0x10000 | MachineNumber(node));
  hash.Add(journaled_);
  hash.Add(next_operation_);
  for (const FlowKey& flow : rules_.SortedKeys()) {
    hash.Add(flow.id);
    hash.Add((rules_.Find(flow)->epoch << 8) | rules_.Find(flow)->nf);
  }
  for (const FlowKey& flow : unplaced_.SortedKeys()) hash.Add(~flow.id);
  cpu_.ForEach([&](TimePoint due, const Task& task) {
    hash.Add(static_cast<uint64_t>((due - now).nanos()));
    hash.Add(task.message.operation);
    hash.Add(task.message.body.index());
    hash.Add(task.connection == sessions_.connection(task.from) ? 0 : 1);
  });
  release_.ForEach([&](TimePoint due, const ReleasedPacket& packet) {
    hash.Add(static_cast<uint64_t>((due - now).nanos()));
    hash.Add(packet.out.packet.digest);
  });
  hash.Add(held_.count());
}

}  // namespace uhaul
