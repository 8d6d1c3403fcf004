#include "core/node/controller.h"

#include <algorithm>

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

Controller::Controller(ControllerOptions options) : options_(std::move(options)), hasher_(options_.hash_key) {}

void Controller::SetProfile(const Profile& profile) {
  UHAUL_CHECK(idle());
  options_.profile = profile;
}

bool Controller::idle() const {
  return cpu_.empty() &&
         std::all_of(migrations_.begin(), migrations_.end(), [](const auto& entry) { return entry.second.closed(); });
}

const Migration* Controller::Find(OperationId operation) const {
  const auto it = migrations_.find(operation);
  return it == migrations_.end() ? nullptr : &it->second;
}

template <class Call>
auto Controller::With(TimePoint now, Outbox& outbox, Call call) {
  MigrationContext context{now, options_.profile, hasher_, held_, release_, next_xid_, &Busy, this, outbox};
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
  for (const auto& [id, other] : migrations_) {
    if (other.closed()) continue;
    const std::string who = "operation " + std::to_string(id);
    if ((wildcard || other.wildcard()) && Overlap(request.filter, other.request().filter)) {
      return Error{who + " is moving flows of filter " + other.request().filter.ToString()};
    }
    if (request.scheme.relay_unknown && other.request().scheme.relay_unknown && other.request().src == request.src) {
      return Error{who + " already relays unknown flows at NF instance " + std::to_string(request.src)};
    }
  }
  return {};
}

Result<OperationId> Controller::Start(TimePoint now, const MoveRequest& request, std::optional<DetectorSpec> detector,
                                      Outbox& outbox) {
  Migration migration(next_operation_, request, detector);
  if (const Status admitted = Admit(request, migration.wildcard()); !admitted.ok()) return admitted.error();
  if (migrations_.size() >= kRemembered) {
    const auto closed =
        std::find_if(migrations_.begin(), migrations_.end(), [](const auto& entry) { return entry.second.closed(); });
    if (closed == migrations_.end()) return Error{"too many operations under way"};
    migrations_.erase(closed);
  }
  const OperationId id = next_operation_++;
  Migration& started = migrations_.emplace(id, std::move(migration)).first->second;
  With(now, outbox, [&](MigrationContext& context) { started.Start(context); });
  SendReleased(now, outbox);
  return id;
}

Status Controller::Abort(TimePoint now, OperationId operation, Outbox& outbox) {
  const auto it = migrations_.find(operation);
  if (it == migrations_.end()) return Error{"no operation " + std::to_string(operation)};
  const Status status = With(now, outbox, [&](MigrationContext& context) { return it->second.Abort(context); });
  SendReleased(now, outbox);
  return status;
}

bool Controller::Busy(const void* owner, OperationId self, const FlowKey& flow) {
  const auto* controller = static_cast<const Controller*>(owner);
  return std::any_of(controller->migrations_.begin(), controller->migrations_.end(),
                     [&](const auto& entry) { return entry.first != self && entry.second.Owns(flow); });
}

// ---- messages and time

Duration Controller::CostOf(const Message& message) const {
  return (CarriesPacket(message) ? options_.profile.event : options_.profile.message).Of(1, Bytes());
}

void Controller::OnMessage(TimePoint now, NodeId from, const Message& message, Outbox& outbox) {
  RunDue(now, outbox);
  cpu_.Submit(now, CostOf(message), {from, message});
  RunDue(now, outbox);
}

void Controller::OnTimer(TimePoint now, Outbox& outbox) {
  RunDue(now, outbox);
  for (auto& entry : migrations_) {
    Migration& migration = entry.second;
    if (migration.NextDeadline() <= now) {
      With(now, outbox, [&](MigrationContext& context) { migration.OnTimer(context); });
    }
  }
  SendReleased(now, outbox);
}

TimePoint Controller::NextDeadline() const {
  TimePoint next = std::min(cpu_.NextDeadline(), release_.NextDeadline());
  for (const auto& [id, migration] : migrations_) next = std::min(next, migration.NextDeadline());
  return next;
}

void Controller::RunDue(TimePoint now, Outbox& outbox) {
  for (int i = 0; i < kSliceMessages; ++i) {
    const auto task = cpu_.PopDue(now);
    if (!task) break;
    Dispatch(now, *task, outbox);
  }
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
  const auto it = migrations_.find(task.message.operation);
  if (it == migrations_.end()) {
    ++strays_;
    if (const auto* lost = std::get_if<msg::PacketEvent>(&task.message.body)) {
      outbox.packets.push_back({OutPacket::Fate::kDropped, task.from.instance, lost->packet});
    }
    return;
  }
  With(now, outbox, [&](MigrationContext& context) { it->second.OnMessage(context, task.from, task.message.body); });
}

void Controller::Hash(StateHash& hash, TimePoint now) const {
  for (const auto& [id, migration] : migrations_) migration.Hash(hash, now);
  cpu_.ForEach([&](TimePoint due, const Task& task) {
    hash.Add(static_cast<uint64_t>((due - now).nanos()));
    hash.Add(task.message.operation);
    hash.Add(task.message.body.index());
  });
  release_.ForEach([&](TimePoint due, const ReleasedPacket& packet) {
    hash.Add(static_cast<uint64_t>((due - now).nanos()));
    hash.Add(packet.out.packet.digest);
  });
  hash.Add(held_.count());
}

}  // namespace uhaul
