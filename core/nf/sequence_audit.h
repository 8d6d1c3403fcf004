// SequenceAudit: a network function that checks the system instead of the traffic. It is as order-sensitive as a
// function can be: it expects each flow's packets in the order of their digests (0, 1, 2, ...), folds every packet into
// a running hash, and counts what a correct move never shows. Its counts travel with the state, so that the sum over
// all instances is the truth whatever was moved where.
//
// Per direction of a connection: a packet ahead of its turn is a gap, one that had been skipped a reorder, any other
// old one a repeat. A packet other than a flow's first that finds no state is a missing state; state that an import
// replaces although it had counted packets is an overwritten one. Skipped digests are remembered as at most 64 ranges;
// of more, the oldest is forgotten and its packets would count as repeats.
#pragma once

#include <memory>
#include <vector>

#include "core/nf/connection_map.h"
#include "core/node/network_function.h"

namespace uhaul {

struct SequenceAuditOptions {
  Duration timeout = Duration::Seconds(60);
  HashKey hash_key;
  uint32_t capacity = 1U << 20;  // connections; further ones pass unaudited
};

struct AuditCounts {
  uint64_t packets = 0;  // processed: the state's version
  uint64_t gaps = 0;
  uint64_t repeats = 0;
  uint64_t reorders = 0;
  uint64_t state_missing = 0;
  uint64_t lost = 0;         // digests skipped and not seen since
  uint64_t overwritten = 0;  // of the instance, not of a flow

  uint64_t violations() const { return gaps + repeats + reorders + state_missing + overwritten; }
  AuditCounts& operator+=(const AuditCounts& o);
  bool operator==(const AuditCounts&) const = default;
};

class SequenceAudit final : public NetworkFunction {
 public:
  static constexpr SchemaId kSchema = 2;
  static constexpr uint8_t kSchemaVersion = 1;
  static constexpr size_t kMaxSkipped = 64;

  explicit SequenceAudit(SequenceAuditOptions options);

  std::unique_ptr<NetworkFunction> Clone() const override { return std::make_unique<SequenceAudit>(*this); }
  SchemaId schema() const override { return kSchema; }
  void Process(TimePoint now, std::span<const Packet> burst) override;
  bool TakesStreak(const FlowKey& flow) const override { return Knows(flow); }
  bool Knows(const FlowKey& flow) const override { return connections_.Find(flow).state != nullptr; }
  std::vector<FlowKey> Flows() const override { return connections_.Flows(); }
  size_t flow_count() const override { return connections_.size(); }
  Result<std::vector<uint8_t>> Export(const FlowKey& flow) const override;
  Status Import(TimePoint now, const FlowKey& flow, std::span<const uint8_t> chunk) override;
  bool Delete(const FlowKey& flow) override { return connections_.Erase(flow); }
  void Expire(TimePoint now) override;
  // Without the times of last packets: only Expire reads them.
  void Hash(StateHash& hash) const override;

  // Over the flows that are here, those that timed out here, and what imports replaced here. Deleted flows took their
  // counts with them.
  AuditCounts Totals() const;
  uint64_t violations() const { return Totals().violations(); }
  // Of one direction of one flow; zeros if there is no state.
  AuditCounts CountsOf(const FlowKey& flow) const;
  // The running hash over that direction's packets, in the order in which they were processed; 0 if there is no state.
  uint64_t ChainOf(const FlowKey& flow) const;
  uint64_t unaudited() const { return unaudited_; }

 private:
  struct Range {  // [begin, end)
    uint64_t begin = 0;
    uint64_t end = 0;
  };
  struct Lane {  // one direction
    uint64_t next = 0;
    uint64_t chain = 0;
    AuditCounts counts;
    std::vector<Range> skipped;  // disjoint, ascending, below next
  };
  struct State {
    FiveTuple tuple;
    Lane initiator;
    Lane responder;
    TimePoint last;
  };

  void ProcessOne(TimePoint now, const Packet& packet);
  static void Count(uint64_t digest, Lane* lane);
  static bool Unskip(uint64_t digest, Lane* lane);
  static void Skip(uint64_t begin, uint64_t end, Lane* lane);
  static std::vector<uint8_t> Serialise(const State& state);
  static void PutLane(const Lane& lane, std::vector<uint8_t>* out);
  static Result<State> Parse(std::span<const uint8_t> chunk);
  const Lane* LaneOf(const FlowKey& flow) const;

  nf::ConnectionMap<State> connections_;
  AuditCounts retired_;  // of flows that timed out, and of replaced state
  uint64_t unaudited_ = 0;
};

}  // namespace uhaul
