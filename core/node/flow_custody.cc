#include "core/node/flow_custody.h"

#include <algorithm>
#include <utility>

namespace uhaul {
namespace {

// Another instance's function has none like it: a state too large to travel is refused there, and its flow returns.
constexpr SchemaId kNoSchema = 0xffff;

bool Settled(Custody state) { return state == Custody::kOwn || state == Custody::kNone; }

}  // namespace

// ---- entries

FlowCustody::Entry& FlowCustody::Enter(CustodyContext& context, const FlowKey& flow) {
  bool inserted = false;
  Entry& entry = flows_.Get(flow, &inserted);
  if (inserted || (entry.state == Custody::kNone && !entry.gone)) {
    Settle(context, flow, entry, context.function.Knows(flow) ? Custody::kOwn : Custody::kNone);
  }
  return entry;
}

// A new epoch: what was said in the one before is history.
void FlowCustody::Begin(Entry& entry, const msg::CustodyCommand& command, OperationId operation) {
  entry.cancelled = entry.in_doubt = entry.state_lost = entry.told = false;
  entry.peer = command.peer;
  entry.operation = operation;
  entry.epoch = command.epoch;
  entry.nonce = command.nonce;
  entry.dropped = 0;
}

bool FlowCustody::Intercepts(const Entry& entry) {
  return entry.state == Custody::kNone ? entry.gone : entry.state != Custody::kOwn && entry.state != Custody::kArmed;
}

void FlowCustody::SetState(Entry& entry, Custody state, bool gone) {
  if (Intercepts(entry)) --intercepting_;
  if (!Settled(entry.state)) --unsettled_;
  entry.state = state;
  entry.gone = gone;
  entry.watched = false;
  entry.marked = 0;
  if (Intercepts(entry)) ++intercepting_;
  if (!Settled(entry.state)) ++unsettled_;
}

void FlowCustody::Settle(CustodyContext& context, const FlowKey& flow, Entry& entry, Custody state, bool gone) {
  SetState(entry, state, gone);
  entry.settled = context.now;
  settled_.push_back({flow, context.now});
}

void FlowCustody::Forget(const FlowKey& flow) {
  Entry* entry = flows_.Find(flow);
  if (entry == nullptr || !Settled(entry->state)) return;
  if (Intercepts(*entry)) --intercepting_;
  flows_.Erase(flow);
}

void FlowCustody::Expire(TimePoint now) {
  while (!settled_.empty()) {
    const SettledFlow& oldest = settled_.front();
    const Entry* entry = flows_.Find(oldest.flow);
    const bool current = entry != nullptr && Settled(entry->state) && entry->settled == oldest.at;
    const bool room = flows_.size() - unsettled_ <= options_.remembered;
    if (current && room && now - oldest.at <= options_.memory) return;
    if (current) Forget(oldest.flow);
    settled_.pop_front();
  }
}

Custody FlowCustody::StateOf(const FlowKey& flow) const {
  const Entry* entry = flows_.Find(flow);
  return entry == nullptr ? Custody::kNone : entry->state;
}

// ---- packets

void FlowCustody::Prefetch(std::span<const Packet> packets) const {
  if (!intercepting()) return;
  for (const Packet& packet : packets) flows_.PrefetchIndex(packet.flow.id);
  for (const Packet& packet : packets) flows_.PrefetchEntry(packet.flow.id);
}

bool FlowCustody::OnPacket(CustodyContext& context, const Packet& packet) {
  Entry* entry = flows_.Find(packet.flow);
  if (entry == nullptr || !Intercepts(*entry)) return false;
  switch (entry->state) {
    case Custody::kWait:
    case Custody::kImporting:
    case Custody::kRefused:
    case Custody::kReturnArmed:
    case Custody::kHold:
      Keep(context, packet, *entry, &entry->held);
      if (entry->watched) Tell(packet.flow, *entry, msg::CustodyStatus::kArrived);
      entry->watched = false;
      return true;
    case Custody::kNone:
    case Custody::kOwn:
    case Custody::kArmed:
    case Custody::kExporting:
    case Custody::kSent:
    case Custody::kReturnSent:
      break;
  }
  // Behind the marker none comes. Whatever sent it here, no second state is made of it.
  ++misdirected_;
  context.outbox.packets.push_back({OutPacket::Fate::kDropped, context.instance, packet});
  if (!entry->told) Tell(packet.flow, *entry, msg::CustodyStatus::kMisdirected);
  entry->told = true;
  return true;
}

bool FlowCustody::Keep(CustodyContext& context, const Packet& packet, Entry& entry, std::vector<Packet>* where) {
  const Bytes size(packet.bytes);
  if (context.held + size > context.buffer) {
    ++entry.dropped;
    context.outbox.packets.push_back({OutPacket::Fate::kDropped, context.instance, packet});
    context.outbox.events.push_back(event::BufferOverflow{BufferPlace::kDestination, size});
    return false;
  }
  where->push_back(packet);
  context.held += size;
  context.outbox.events.push_back(event::Buffered{BufferPlace::kDestination, context.held, size});
  return true;
}

void FlowCustody::Process(CustodyContext& context, std::vector<Packet>* packets) {
  if (packets->empty()) return;
  for (const Packet& packet : *packets) {
    context.held -= Bytes(packet.bytes);
    context.fit.Record(context.now, packet);
    context.function.Process(context.now, {&packet, 1});
    context.outbox.packets.push_back({OutPacket::Fate::kToSink, context.instance, packet});
  }
  *packets = {};
  context.outbox.events.push_back(event::Buffered{BufferPlace::kDestination, context.held, Bytes()});
}

// What a peer had buffered came before what is buffered here.
void FlowCustody::Drain(CustodyContext& context, Entry& entry) {
  Process(context, &entry.returned);
  Process(context, &entry.held);
  entry.returned_count = 0;
}

// Lets what is held go, unprocessed.
void FlowCustody::Release(CustodyContext& context, Entry& entry, OutPacket::Fate fate) {
  if (entry.held.empty()) return;
  for (const Packet& packet : entry.held) {
    context.held -= Bytes(packet.bytes);
    if (fate == OutPacket::Fate::kDropped) ++entry.dropped;
    context.outbox.packets.push_back({fate, context.instance, packet});
  }
  entry.held = {};
  context.outbox.events.push_back(event::Buffered{BufferPlace::kDestination, context.held, Bytes()});
}

// ---- marker, state, return

void FlowCustody::OnMarker(CustodyContext& context, const Marker& marker) {
  Entry* entry = flows_.Find(marker.flow);
  if (entry == nullptr || marker.epoch != entry->epoch || marker.nonce != entry->nonce ||
      marker.port >= options_.ports) {
    ++strays_;
    return;
  }
  if (entry->state != Custody::kArmed && entry->state != Custody::kReturnArmed) return;
  entry->marked |= static_cast<uint8_t>(1U << marker.port);
  if (entry->marked != (1U << options_.ports) - 1) return;  // packets may come by the other ports still
  if (entry->state == Custody::kArmed) {
    SetState(*entry, Custody::kExporting);
    CustodyTask task{CustodyTask::Kind::kExport, entry->operation, entry->epoch, {}, {}};
    task.chunk.tuple = marker.flow.tuple;
    context.work.push_back(std::move(task));
  } else {
    SendBack(context, marker.flow, *entry);
    SetState(*entry, Custody::kReturnSent);
  }
}

void FlowCustody::SendState(CustodyContext& context, const FlowKey& flow, const Entry& entry) {
  msg::State out{entry.epoch, true, {}};
  out.chunk.tuple = flow.tuple;
  out.chunk.schema = context.function.schema();
  if (auto state = context.function.Export(flow); !state.ok()) {
    out.present = false;
  } else if (state->size() > kMaxChunkBytes) {
    out.chunk.schema = kNoSchema;
  } else {
    out.chunk.state = std::move(*state);
  }
  if (const auto record = context.fit.Find(context.now, flow)) {
    out.chunk.fit_bytes = record->bytes;
    out.chunk.fit_fin = record->fin;
  }
  context.outbox.Send(NfNode(entry.peer), entry.operation, std::move(out));
}

// Copies go.
void FlowCustody::SendBack(CustodyContext& context, const FlowKey& flow, const Entry& entry) {
  uint32_t index = 0;
  for (const Packet& packet : entry.held) {
    context.outbox.Send(NfNode(entry.peer), entry.operation, msg::ReturnedPacket{entry.epoch, index++, packet});
  }
  context.outbox.Send(NfNode(entry.peer), entry.operation, msg::Returned{entry.epoch, flow.tuple, index});
}

void FlowCustody::OnState(CustodyContext& context, OperationId operation, const msg::State& state) {
  Entry* entry = flows_.Find(context.hasher.Key(state.chunk.tuple));
  if (entry == nullptr || entry->state != Custody::kWait || entry->epoch != state.epoch) {
    ++strays_;  // again, or too late
    return;
  }
  SetState(*entry, Custody::kImporting);
  context.work.push_back({CustodyTask::Kind::kImport, operation, state.epoch, state.chunk, {}});
  context.work.back().present = state.present;
}

void FlowCustody::OnReturnedPacket(CustodyContext& context, const msg::ReturnedPacket& m) {
  Packet packet = m.packet;
  if (packet.flow.id == 0) packet.flow = context.hasher.Key(packet.flow.tuple);
  Entry* entry = flows_.Find(packet.flow);
  if (entry == nullptr || entry->state != Custody::kHold || entry->epoch != m.epoch ||
      entry->returned_count != m.index) {
    ++strays_;  // again, or too late
    context.outbox.packets.push_back({OutPacket::Fate::kForgotten, context.instance, packet});
    return;
  }
  ++entry->returned_count;
  Keep(context, packet, *entry, &entry->returned);
}

void FlowCustody::OnReturned(CustodyContext& context, OperationId, const msg::Returned& m) {
  const FlowKey flow = context.hasher.Key(m.tuple);
  Entry* entry = flows_.Find(flow);
  if (entry == nullptr || entry->state != Custody::kHold || entry->epoch != m.epoch ||
      entry->returned_count != m.packets) {
    ++strays_;
    return;
  }
  Own(context, flow, *entry);
  Tell(flow, *entry, msg::CustodyStatus::kActive);
}

// This instance owns the flow from here on, packets that waited first.
void FlowCustody::Own(CustodyContext& context, const FlowKey& flow, Entry& entry) {
  context.fit.Pin(flow, false);
  Drain(context, entry);
  Settle(context, flow, entry, Custody::kOwn);
}

// ---- work

void FlowCustody::Run(CustodyContext& context, const CustodyTask& task) {
  const FlowKey flow = context.hasher.Key(task.chunk.tuple);
  Entry* entry = flows_.Find(flow);
  switch (task.kind) {
    case CustodyTask::Kind::kExport:
      if (entry == nullptr || entry->state != Custody::kExporting || entry->epoch != task.epoch) return;
      SendState(context, flow, *entry);
      SetState(*entry, Custody::kSent);
      return;
    case CustodyTask::Kind::kImport:
      if (entry == nullptr || entry->state != Custody::kImporting || entry->epoch != task.epoch) return;
      Import(context, flow, *entry, task);
      RetryDeferred(context);
      return;
    case CustodyTask::Kind::kCommitted:
      for (const FiveTuple& tuple : task.flows) {
        reports_.push_back({task.operation, task.epoch, {tuple, msg::CustodyStatus::kCommitted, 0}});
      }
      return;
  }
}

void FlowCustody::Import(CustodyContext& context, const FlowKey& flow, Entry& entry, const CustodyTask& task) {
  const msg::Chunk& chunk = task.chunk;
  if (task.present &&
      (chunk.schema != context.function.schema() || !context.function.Import(context.now, flow, chunk.state).ok())) {
    SetState(entry, Custody::kRefused);
    return Tell(flow, entry, msg::CustodyStatus::kRefused);
  }
  if (chunk.fit_bytes.count() > 0) context.fit.Import(context.now, flow, chunk.fit_bytes, chunk.fit_fin);
  Own(context, flow, entry);
  Tell(flow, entry, msg::CustodyStatus::kActive);
}

// ---- peers

void FlowCustody::OnPeerOpened(CustodyContext& context, uint8_t peer, uint64_t incarnation) {
  streams_[peer] = incarnation;
  for (const FlowKey& flow : flows_.SortedKeys()) {
    const Entry& entry = *flows_.Find(flow);
    if (entry.peer != peer) continue;
    if (entry.state == Custody::kSent) SendState(context, flow, entry);
    if (entry.state == Custody::kReturnSent) SendBack(context, flow, entry);
  }
  RetryDeferred(context);
}

void FlowCustody::OnPeerClosed(CustodyContext& context, uint8_t peer) {
  streams_.erase(peer);
  RetryDeferred(context);
}

// ---- reports

void FlowCustody::Tell(const FlowKey& flow, const Entry& entry, msg::CustodyStatus status) {
  reports_.push_back({entry.operation, entry.epoch, {flow.tuple, status, entry.dropped}});
}

void FlowCustody::Flush(Outbox& outbox) {
  for (size_t i = 0; i < reports_.size();) {
    msg::CustodyReport out{reports_[i].epoch, {}};
    const OperationId operation = reports_[i].operation;
    for (; i < reports_.size() && reports_[i].operation == operation && reports_[i].epoch == out.epoch &&
           out.flows.size() < kMaxFlowsPerMessage;
         ++i) {
      out.flows.push_back(reports_[i].status);
    }
    outbox.Send(kControllerNode, operation, std::move(out));
  }
  reports_.clear();
}

// ---- identity

void FlowCustody::Hash(StateHash& hash, TimePoint now) const {
  for (const FlowKey& flow : flows_.SortedKeys()) {
    const Entry& entry = *flows_.Find(flow);
    hash.Add(flow.id);
    hash.Add(entry.epoch);
    hash.Add(static_cast<uint64_t>(entry.state) | (entry.cancelled ? 0x100U : 0U) | (entry.in_doubt ? 0x200U : 0U) |
             (entry.gone ? 0x1000U : 0U) | (entry.state_lost ? 0x400U : 0U) | (entry.told ? 0x800U : 0U) |
             (entry.watched ? 0x2000U : 0U) | (uint64_t{entry.peer} << 16) | (uint64_t{entry.dropped} << 32));
    hash.Add((uint64_t{entry.marked} << 32) | entry.returned_count);
    if (Fenced(entry)) hash.Add(static_cast<uint64_t>(std::min(now - entry.settled, options_.quiet).nanos()));
    for (const Packet& packet : entry.held) hash.Add(packet.digest);
    hash.Add(~uint64_t{0});
    for (const Packet& packet : entry.returned) hash.Add(packet.digest);
  }
  for (const auto& [peer, incarnation] : streams_) {
    hash.Add(peer);
    hash.Add(incarnation);
  }
  for (const Deferred& deferred : deferred_) {
    hash.Add(static_cast<uint64_t>(deferred.command.verb));
    hash.Add(deferred.command.epoch);
    hash.Add(deferred.flow.id);
  }
}

}  // namespace uhaul
