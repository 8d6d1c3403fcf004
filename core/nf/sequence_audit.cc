#include "core/nf/sequence_audit.h"

#include <algorithm>
#include <string>

#include "core/base/random.h"
#include "core/nf/octets.h"

namespace uhaul {

AuditCounts& AuditCounts::operator+=(const AuditCounts& o) {
  packets += o.packets;
  gaps += o.gaps;
  repeats += o.repeats;
  reorders += o.reorders;
  state_missing += o.state_missing;
  lost += o.lost;
  overwritten += o.overwritten;
  return *this;
}

SequenceAudit::SequenceAudit(SequenceAuditOptions options)
    : connections_(options.timeout, options.hash_key, options.capacity) {}

void SequenceAudit::Process(TimePoint now, std::span<const Packet> burst) {
  for (const Packet& packet : burst) ProcessOne(now, packet);
}

void SequenceAudit::ProcessOne(TimePoint now, const Packet& packet) {
  auto [state, flow, reversed] = connections_.Find(packet.flow);
  const bool from_responder = reversed != packet.reverse;
  if (state == nullptr) {
    state = connections_.Insert(packet.flow);
    if (state == nullptr) {
      ++unaudited_;
      return;
    }
    state->tuple = packet.flow.tuple;
    connections_.Touched(now);
    if (packet.digest != 0) {
      Lane& lane = from_responder ? state->responder : state->initiator;
      ++lane.counts.state_missing;
      lane.next = packet.digest;  // what came before is unknown, not lost
    }
  }
  state->last = std::max(state->last, now);
  Count(packet.digest, from_responder ? &state->responder : &state->initiator);
}

void SequenceAudit::Count(uint64_t digest, Lane* lane) {
  ++lane->counts.packets;
  lane->chain = Mix64((lane->chain ^ digest) + 0x9e3779b97f4a7c15ULL);
  if (digest == lane->next) {
    ++lane->next;
  } else if (digest > lane->next) {
    ++lane->counts.gaps;
    Skip(lane->next, digest, lane);
    lane->next = digest + 1;
  } else if (Unskip(digest, lane)) {
    ++lane->counts.reorders;
  } else {
    ++lane->counts.repeats;
  }
}

void SequenceAudit::Skip(uint64_t begin, uint64_t end, Lane* lane) {
  if (lane->skipped.size() == kMaxSkipped) lane->skipped.erase(lane->skipped.begin());  // stays counted as lost
  lane->skipped.push_back({begin, end});
  lane->counts.lost += end - begin;
}

bool SequenceAudit::Unskip(uint64_t digest, Lane* lane) {
  auto& skipped = lane->skipped;
  const auto it =
      std::find_if(skipped.begin(), skipped.end(), [&](const Range& r) { return r.begin <= digest && digest < r.end; });
  if (it == skipped.end()) return false;
  --lane->counts.lost;
  const Range rest{digest + 1, it->end};
  it->end = digest;
  const bool head_left = it->begin < it->end;
  if (rest.begin < rest.end) {
    if (!head_left) {
      *it = rest;
    } else {
      const auto at = skipped.insert(it + 1, rest);
      if (skipped.size() > kMaxSkipped) skipped.erase(at == skipped.begin() ? at : skipped.begin());
    }
  } else if (!head_left) {
    skipped.erase(it);
  }
  return true;
}

void SequenceAudit::PutLane(const Lane& lane, std::vector<uint8_t>* out) {
  const AuditCounts& c = lane.counts;
  for (const uint64_t value :
       {lane.next, lane.chain, c.packets, c.gaps, c.repeats, c.reorders, c.state_missing, c.lost}) {
    nf::Put(value, out);
  }
  nf::Put(static_cast<uint16_t>(lane.skipped.size()), out);
  for (const Range& range : lane.skipped) {
    nf::Put(range.begin, out);
    nf::Put(range.end, out);
  }
}

std::vector<uint8_t> SequenceAudit::Serialise(const State& state) {
  std::vector<uint8_t> out;
  nf::Put(kSchema, &out);
  nf::Put(kSchemaVersion, &out);
  nf::PutTuple(state.tuple, &out);
  PutLane(state.initiator, &out);
  PutLane(state.responder, &out);
  return out;
}

Result<SequenceAudit::State> SequenceAudit::Parse(std::span<const uint8_t> chunk) {
  nf::OctetReader in(chunk);
  if (in.Get<SchemaId>() != kSchema) return Error{"another schema"};
  if (in.Get<uint8_t>() != kSchemaVersion) return Error{"another version of the schema"};
  State state;
  state.tuple = in.GetTuple();
  for (Lane* lane : {&state.initiator, &state.responder}) {
    AuditCounts& c = lane->counts;
    for (uint64_t* value :
         {&lane->next, &lane->chain, &c.packets, &c.gaps, &c.repeats, &c.reorders, &c.state_missing, &c.lost}) {
      *value = in.Get<uint64_t>();
    }
    const uint16_t ranges = in.Get<uint16_t>();
    if (ranges > kMaxSkipped) return Error{"too many skipped ranges"};
    uint64_t below = 0;
    uint64_t skipped = 0;
    for (uint16_t i = 0; i < ranges; ++i) {
      Range range;
      range.begin = in.Get<uint64_t>();
      range.end = in.Get<uint64_t>();
      if (range.begin < below || range.end <= range.begin || range.end > lane->next) {
        return Error{"its skipped ranges are out of order"};
      }
      below = range.end;
      skipped += range.end - range.begin;
      lane->skipped.push_back(range);
    }
    if (skipped > c.lost) return Error{"it skipped more than it lost"};
  }
  if (!in.Complete()) return Error{"its length is wrong"};
  return state;
}

Result<std::vector<uint8_t>> SequenceAudit::Export(const FlowKey& flow) const {
  const State* state = connections_.Find(flow).state;
  if (state == nullptr) return Error{"sequence-audit: no state for " + flow.tuple.ToString()};
  return Serialise(*state);
}

Status SequenceAudit::Import(TimePoint now, const FlowKey& flow, std::span<const uint8_t> chunk) {
  const auto refused = [&](const std::string& what) {
    return Error{"sequence-audit: chunk for " + flow.tuple.ToString() + " refused: " + what};
  };
  Result<State> parsed = Parse(chunk);
  if (!parsed.ok()) return refused(parsed.error().message);
  if (parsed->tuple != flow.tuple && parsed->tuple != flow.tuple.Reversed()) return refused("another flow's state");
  if (const State* old = connections_.Find(flow).state) {
    retired_ += old->initiator.counts;
    retired_ += old->responder.counts;
    ++retired_.overwritten;
    connections_.Erase(flow);
  } else if (connections_.size() >= connections_.capacity()) {
    return refused("no room");
  }
  parsed->last = now;
  const FlowKey key = parsed->tuple == flow.tuple ? flow : connections_.KeyOf(parsed->tuple);
  *connections_.Insert(key) = *std::move(parsed);
  connections_.Touched(now);
  return {};
}

void SequenceAudit::Expire(TimePoint now) {
  connections_.Expire(
      now, [](const State& state) { return state.last; },
      [this](const State& state) {
        retired_ += state.initiator.counts;
        retired_ += state.responder.counts;
      });
}

void SequenceAudit::Hash(StateHash& hash) const {
  hash.Add(connections_.size());
  for (const FlowKey& flow : connections_.Flows()) hash.Add(Serialise(*connections_.At(flow)));
  const AuditCounts& c = retired_;
  for (const uint64_t value :
       {c.packets, c.gaps, c.repeats, c.reorders, c.state_missing, c.lost, c.overwritten, unaudited_}) {
    hash.Add(value);
  }
}

AuditCounts SequenceAudit::Totals() const {
  AuditCounts totals = retired_;
  connections_.ForEach([&](const FlowKey&, const State& state) {
    totals += state.initiator.counts;
    totals += state.responder.counts;
  });
  return totals;
}

const SequenceAudit::Lane* SequenceAudit::LaneOf(const FlowKey& flow) const {
  const auto [state, first, reversed] = connections_.Find(flow);
  if (state == nullptr) return nullptr;
  return reversed ? &state->responder : &state->initiator;
}

AuditCounts SequenceAudit::CountsOf(const FlowKey& flow) const {
  const Lane* lane = LaneOf(flow);
  return lane == nullptr ? AuditCounts{} : lane->counts;
}

uint64_t SequenceAudit::ChainOf(const FlowKey& flow) const {
  const Lane* lane = LaneOf(flow);
  return lane == nullptr ? 0 : lane->chain;
}

}  // namespace uhaul
