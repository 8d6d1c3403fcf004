// OracleNf: the network function of these worlds. State and its chunks are SequenceAudit's (core/nf/sequence_audit.h),
// which minds order and versions; around it this one refuses imports when it is told to, and reports every packet that
// it processes together with the version of the state it met. An additive counter would hide what this shows.
//
// A FIN ends its flow at once: the next packet of that five-tuple begins a new state.
//
// It knows a packet by its number in its flow (Packet::handle), not by its digest: packets may look alike.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/nf/sequence_audit.h"

namespace uhaul::faults {

struct Processed {
  FlowKey flow;
  uint64_t number = 0;   // of the packet in its flow
  bool known = false;    // there was state
  uint64_t version = 0;  // packets that this state had seen
  bool fin = false;      // the flow ends, and its state with it
};

class OracleNf final : public NetworkFunction {
 public:
  // `both_ways`: a connection's packets go in both directions.
  explicit OracleNf(HashKey key, bool both_ways = false)
      : audit_({.timeout = Duration::Seconds(1'000'000), .hash_key = key}), hasher_(key), both_ways_(both_ways) {}

  std::unique_ptr<NetworkFunction> Clone() const override { return std::make_unique<OracleNf>(*this); }
  SchemaId schema() const override { return SequenceAudit::kSchema; }
  void Process(TimePoint now, std::span<const Packet> burst) override;
  bool Knows(const FlowKey& flow) const override { return audit_.Knows(flow); }
  std::vector<FlowKey> Flows() const override { return audit_.Flows(); }
  size_t flow_count() const override { return audit_.flow_count(); }
  Result<std::vector<uint8_t>> Export(const FlowKey& flow) const override { return audit_.Export(flow); }
  Status Import(TimePoint now, const FlowKey& flow, std::span<const uint8_t> chunk) override;
  bool Delete(const FlowKey& flow) override { return audit_.Delete(flow); }
  void Expire(TimePoint now) override { audit_.Expire(now); }
  void Hash(StateHash& hash) const override;

  void RefuseImports(uint32_t most) const { refuse_ = most; }
  bool refuses() const { return refuse_ > 0; }
  uint64_t VersionOf(const FlowKey& flow) const {
    const uint64_t packets = audit_.CountsOf(flow).packets;
    return both_ways_ ? packets + audit_.CountsOf(hasher_.Key(flow.tuple.Reversed())).packets : packets;
  }
  const SequenceAudit& audit() const { return audit_; }
  // Since the last call.
  std::vector<Processed> TakeProcessed() const { return std::exchange(processed_, {}); }

 private:
  SequenceAudit audit_;
  FlowHasher hasher_;
  bool both_ways_ = false;
  mutable uint32_t refuse_ = 0;  // an agent shows its function const
  mutable std::vector<Processed> processed_;
};

}  // namespace uhaul::faults
