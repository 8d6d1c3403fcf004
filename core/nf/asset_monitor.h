// AssetMonitor: a passive monitor in the spirit of PRADS, the network function of the paper's experiments. For each
// connection it keeps who talks to whom, since when and until when, how much in which sizes, the TCP flags seen, and
// the service behind the port. It never changes a packet.
//
// A chunk is 200 octets, little-endian: u16 schema, u8 version, u8 service, five-tuple of the first packet (38), i64
// first and last packet's time, then for each direction (initiator, responder) four u64 counts of packets by size (up
// to 128, 512, 1024 octets, larger), u64 bytes, i64 last packet's time, i64 largest gap, u32 sizes of the first, the
// smallest and the largest packet, u8 flags seen, u8 first packet's flags, u8 number of SYNs (saturating). Whether a
// connection was watched here or there makes no difference to its record: times are the run's, and importing leaves no
// trace.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "core/nf/connection_map.h"
#include "core/node/network_function.h"

namespace uhaul {

// Whose time a packet counts at: when it is processed, or when it was seen first (Packet::stamp), as a monitor that
// reads captures takes it. By the stamp a packet that a migration held for a while leaves the same record as one that
// it did not, as long as packets keep their order.
enum class AssetClock : uint8_t { kNow, kStamp };

struct AssetMonitorOptions {
  Duration timeout = Duration::Seconds(60);  // idle connections are forgotten after this
  HashKey hash_key;                          // that of the flow IDs in packets
  uint32_t capacity = 1U << 20;              // connections; further ones pass unwatched
  AssetClock clock = AssetClock::kNow;
};

// One direction of a connection.
struct AssetDirection {
  std::array<uint64_t, 4> packets_by_size{};
  uint64_t bytes = 0;
  TimePoint last;
  Duration largest_gap;
  uint32_t first_bytes = 0;
  uint32_t least_bytes = 0;
  uint32_t most_bytes = 0;
  uint8_t flags_seen = 0;
  uint8_t first_flags = 0;
  uint8_t syns = 0;

  uint64_t packets() const;
  bool operator==(const AssetDirection&) const = default;
};

struct AssetRecord {
  FiveTuple tuple;  // from the initiator to the responder
  uint8_t service = 0;
  TimePoint first;
  TimePoint last;
  AssetDirection initiator;
  AssetDirection responder;
  bool operator==(const AssetRecord&) const = default;
};

// The name of a record's service: "http", "https", ..., "unknown".
std::string_view AssetServiceName(uint8_t service);

class AssetMonitor final : public NetworkFunction {
 public:
  static constexpr SchemaId kSchema = 1;
  static constexpr uint8_t kSchemaVersion = 1;
  static constexpr size_t kChunkOctets = 200;

  explicit AssetMonitor(AssetMonitorOptions options);

  std::unique_ptr<NetworkFunction> Clone() const override { return std::make_unique<AssetMonitor>(*this); }
  SchemaId schema() const override { return kSchema; }
  void Process(TimePoint now, std::span<const Packet> burst) override;
  void Prefetch(std::span<const Packet> burst) const override { connections_.PrefetchIndex(burst); }
  bool TakesStreak(const FlowKey& flow) const override { return Knows(flow); }
  void ProcessStreak(TimePoint now, const Streak& streak) override;
  bool Knows(const FlowKey& flow) const override { return connections_.Find(flow).state != nullptr; }
  std::vector<FlowKey> Flows() const override { return connections_.Flows(); }
  size_t flow_count() const override { return connections_.size(); }
  Result<std::vector<uint8_t>> Export(const FlowKey& flow) const override;
  Status Import(TimePoint now, const FlowKey& flow, std::span<const uint8_t> chunk) override;
  bool Delete(const FlowKey& flow) override { return connections_.Erase(flow); }
  void Expire(TimePoint now) override;
  void Hash(StateHash& hash) const override;

  // Null if there is none. Valid until the next change.
  const AssetRecord* Find(const FlowKey& flow) const { return connections_.Find(flow).state; }
  uint64_t unwatched() const { return unwatched_; }  // packets that found no room for their connection

 private:
  void ProcessOne(TimePoint now, const Packet& packet);

  AssetClock clock_;
  nf::ConnectionMap<AssetRecord> connections_;
  uint64_t unwatched_ = 0;
};

}  // namespace uhaul
