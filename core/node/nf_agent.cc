#include "core/node/nf_agent.h"

#include <algorithm>
#include <type_traits>

namespace uhaul {
namespace {

// Exports, imports and the like that one call does at most, where they cost nothing or are late: packets come in
// between (they are due still, and the engine calls again).
constexpr int kSlice = 16;

}  // namespace

NfAgent::NfAgent(NfAgentOptions options, std::unique_ptr<NetworkFunction> function)
    : options_(std::move(options)),
      hasher_(options_.hash_key),
      function_(std::move(function)),
      fit_(options_.fit),
      busy_(options_.restarted),
      dropping_(options_.restarted),
      custody_(options_.custody) {
  UHAUL_CHECK(function_ != nullptr);
}

NfAgent::NfAgent(const NfAgent& other)
    : options_(other.options_),
      hasher_(other.hasher_),
      function_(other.function_->Clone()),
      fit_(other.fit_),
      cpu_(other.cpu_),
      busy_(other.busy_),
      dropping_(other.dropping_),
      wildcards_(other.wildcards_),
      locks_(other.locks_),
      relay_(other.relay_),
      relay_to_(other.relay_to_),
      watch_(other.watch_),
      relayed_(other.relayed_),
      exports_(other.exports_),
      held_(other.held_),
      held_bytes_(other.held_bytes_),
      custody_(other.custody_),
      generation_(other.generation_),
      strays_(other.strays_) {}

NfAgent& NfAgent::operator=(const NfAgent& other) { return *this = NfAgent(other); }

void NfAgent::SetProfile(const Profile& profile) {
  // Flows of hand-overs that are over do not count, though packets of theirs that come here are looked at.
  UHAUL_CHECK(!relay_ && !watch_ && wildcards_.empty() && locks_.empty() && custody_.idle() && cpu_.empty() &&
              exports_.empty() && held_.empty());
  options_.profile = profile;
}

// ---- data path

void NfAgent::OnBurst(TimePoint now, std::span<const Packet> packets, std::span<NfVerdict> verdicts, Outbox& outbox) {
  UHAUL_CHECK(packets.size() == verdicts.size());
  if (now >= fit_.NextPass()) Advance(now, outbox);
  if (packets.size() > 1) {
    for (const Packet& packet : packets) fit_.Prefetch(packet.flow.id);
    if (busy_) custody_.Prefetch(packets);
    function_->Prefetch(packets);
  }
  if (!busy_) [[likely]] {
    std::fill(verdicts.begin(), verdicts.end(), NfVerdict::kForward);
    return Process(now, packets);
  }
  const size_t first = outbox.messages.size();
  if (dropping_ || relay_ || watch_ || !wildcards_.empty() || !locks_.empty()) {
    for (size_t i = 0; i < packets.size(); ++i) verdicts[i] = Decide(now, packets[i], outbox);
  } else {
    DecideCustody(now, packets, verdicts, outbox);
  }
  Close(outbox, first);
}

// Where only hand-overs are under way: whose packets are taken says nothing about the state of others, so that what
// comes between two of them is processed together.
void NfAgent::DecideCustody(TimePoint now, std::span<const Packet> packets, std::span<NfVerdict> verdicts,
                            Outbox& outbox) {
  size_t done = 0;
  for (size_t i = 0; i < packets.size(); ++i) {
    const bool taken = CustodyTakes(now, packets[i], outbox);
    verdicts[i] = taken ? NfVerdict::kConsumed : NfVerdict::kForward;
    if (!taken) continue;
    Process(now, packets.subspan(done, i - done));
    done = i + 1;
  }
  Process(now, packets.subspan(done));
}

void NfAgent::Process(TimePoint now, std::span<const Packet> packets) {
  if (packets.empty()) return;
  for (const Packet& packet : packets) fit_.Record(now, packet);
  function_->Process(now, packets);
}

std::optional<NfAgent::FlowLock> NfAgent::LockOf(const Packet& packet) const {
  if (const FlowLock* lock = locks_.Find(packet.flow)) return *lock;
  for (const Wildcard& w : wildcards_) {
    if (!w.filter.Matches(packet.flow.tuple)) continue;
    if (w.only_unknown && function_->Knows(packet.flow)) continue;
    return FlowLock{w.operation, w.lock};
  }
  return std::nullopt;
}

NfVerdict NfAgent::Decide(TimePoint now, const Packet& packet, Outbox& outbox) {
  if (dropping_) {
    outbox.packets.push_back({OutPacket::Fate::kDropped, options_.instance, packet});
    return NfVerdict::kConsumed;
  }
  if (custody_.intercepting() && CustodyTakes(now, packet, outbox)) return NfVerdict::kConsumed;
  if (const auto lock = LockOf(packet)) return Intercept(now, *lock, packet, outbox);
  if (watch_ && WatchTakes(packet, outbox)) return NfVerdict::kConsumed;
  if (relay_ && Relays(packet, outbox)) return NfVerdict::kRelay;
  Process(now, {&packet, 1});
  return NfVerdict::kForward;
}

// OpenNF: "drop" hands the packet to the controller; "buffer" holds it here. A packet-out carries do-not-buffer: the
// controller has decided that this instance processes it now.
NfVerdict NfAgent::Intercept(TimePoint now, const FlowLock& lock, const Packet& packet, Outbox& outbox) {
  if (packet.do_not_buffer) {
    Process(now, {&packet, 1});
    if (lock.lock == Lock::kBuffer) {
      outbox.Send(kControllerNode, lock.operation, msg::ProcessedEvent{packet.flow.tuple, packet.digest});
    }
    return NfVerdict::kForward;
  }
  if (lock.lock == Lock::kEvents) {
    cpu_.Charge(now, options_.profile.nf_event.Of(1, Bytes(packet.bytes)));
    outbox.Send(kControllerNode, lock.operation, msg::PacketEvent{packet});
    return NfVerdict::kConsumed;
  }
  Hold(lock.operation, packet, outbox);
  return NfVerdict::kConsumed;
}

// False: there is no room for it.
bool NfAgent::Hold(OperationId op, const Packet& packet, Outbox& outbox) {
  const Bytes size(packet.bytes);
  if (held_bytes_ + size > options_.profile.nf_buffer) {
    outbox.packets.push_back({OutPacket::Fate::kDropped, options_.instance, packet});
    outbox.events.push_back(event::BufferOverflow{BufferPlace::kDestination, size});
    return false;
  }
  held_.push_back({op, packet});
  held_bytes_ += size;
  outbox.events.push_back(event::Buffered{BufferPlace::kDestination, held_bytes_, size});
  return true;
}

void NfAgent::ReleaseHeld(TimePoint now, OperationId op, Outbox& outbox) {
  std::deque<Held> rest;
  for (Held& held : held_) {
    if (held.operation != op) {
      rest.push_back(std::move(held));
      continue;
    }
    held_bytes_ -= Bytes(held.packet.bytes);
    Process(now, {&held.packet, 1});
    outbox.packets.push_back({OutPacket::Fate::kToSink, options_.instance, held.packet});
  }
  if (rest.size() != held_.size()) {
    outbox.events.push_back(event::Buffered{BufferPlace::kDestination, held_bytes_, Bytes()});
  }
  held_ = std::move(rest);
}

// ---- time

TimePoint NfAgent::NextDeadline() const { return std::min(cpu_.NextDeadline(), fit_.NextPass()); }

void NfAgent::OnTimer(TimePoint now, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  if (now >= fit_.NextPass()) Advance(now, outbox);
  RunDue(now, outbox);
  Close(outbox, first);
}

void NfAgent::Advance(TimePoint now, Outbox& outbox) {
  passes_.clear();
  fit_.Advance(now, &passes_);
  for (const EvictionPass& pass : passes_) outbox.events.push_back(event::Eviction{options_.instance, pass});
  function_->Expire(now);
  custody_.Expire(now);
  UpdateBusy();
}

void NfAgent::RunDue(TimePoint now, Outbox& outbox) {
  for (int i = 0; i < kSlice; ++i) {
    const auto task = cpu_.PopDue(now);
    if (!task) return;
    std::visit([&](const auto& work) { Run(now, task->operation, work, outbox); }, task->work);
  }
}

// ---- identity

void NfAgent::Hash(StateHash& hash, TimePoint now) const {
  function_->Hash(hash);
  fit_.Hash(hash, now);
  hash.Add(static_cast<uint64_t>((cpu_.busy_until() > now ? cpu_.busy_until() - now : Duration()).nanos()));
  cpu_.ForEach([&](TimePoint due, const Task& task) {
    hash.Add(static_cast<uint64_t>((due - now).nanos()));
    hash.Add(task.operation);
    hash.Add(task.work.index());
    if (const auto* e = std::get_if<ExportTask>(&task.work)) hash.Add(e->flow.id);
    if (const auto* i = std::get_if<ImportTask>(&task.work)) hash.Add(std::span<const uint8_t>(i->chunk.state));
    if (const auto* c = std::get_if<CustodyTask>(&task.work)) {
      hash.Add(hasher_.Id(c->chunk.tuple));
      hash.Add(c->epoch);
      hash.Add(std::span<const uint8_t>(c->chunk.state));
      for (const FiveTuple& tuple : c->flows) hash.Add(hasher_.Id(tuple));
    }
  });
  custody_.Hash(hash, now);
  hash.Add((uint64_t{generation_} << 1) | (dropping_ ? 1U : 0U));
  for (const Wildcard& w : wildcards_) hash.Add((uint64_t{w.operation} << 8) | static_cast<uint64_t>(w.lock));
  for (const FlowKey& key : locks_.SortedKeys()) {
    hash.Add(key.id);
    hash.Add((uint64_t{locks_.Find(key)->operation} << 8) | static_cast<uint64_t>(locks_.Find(key)->lock));
  }
  hash.Add(relay_ ? 1 + relay_->operation + (relay_->new_flows ? uint64_t{1} << 32 : 0) : 0);
  if (relay_) {
    hash.Add(relay_->nonce);
    for (const FlowKey& key : relay_->stay.SortedKeys()) hash.Add(~key.id);
  }
  for (const FlowKey& key : relayed_.SortedKeys()) hash.Add(key.id);
  if (watch_) watch_->Hash(hash);
  for (const auto& [op, e] : exports_) {
    hash.Add(op);
    hash.Add(e.sent);
    hash.Add(e.missing);
    for (const FlowKey& key : e.gathering) hash.Add(key.id);
    for (const FlowKey& key : e.queue) hash.Add(key.id);
  }
  for (const Held& h : held_) {
    hash.Add(h.packet.flow.id);
    hash.Add(h.packet.digest);
  }
}

}  // namespace uhaul
