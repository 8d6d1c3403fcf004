#include "tests/faults/oracle_nf.h"

namespace uhaul::faults {

void OracleNf::Process(TimePoint now, std::span<const Packet> burst) {
  for (Packet packet : burst) {
    const bool fin = (packet.tcp_flags & tcp_flag::kFin) != 0;
    processed_.push_back({packet.flow, packet.handle, audit_.Knows(packet.flow), VersionOf(packet.flow), fin});
    packet.digest = packet.handle;
    audit_.Process(now, {&packet, 1});
    if (fin) audit_.Delete(packet.flow);
  }
}

Status OracleNf::Import(TimePoint now, const FlowKey& flow, std::span<const uint8_t> chunk) {
  if (refuse_ > 0) {
    --refuse_;
    return Error{"told to refuse"};
  }
  return audit_.Import(now, flow, chunk);
}

void OracleNf::Hash(StateHash& hash) const {
  audit_.Hash(hash);
  hash.Add(refuse_);
}

}  // namespace uhaul::faults
