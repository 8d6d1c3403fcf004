#include "core/nf/asset_monitor.h"

#include <algorithm>
#include <limits>
#include <string>

#include "core/nf/octets.h"

namespace uhaul {
namespace {

struct Service {
  uint8_t protocol;
  uint16_t port;
  std::string_view name;
};
// The index + 1 is the service's number in a record; append only, or raise the schema's version.
constexpr Service kServices[] = {
    {kProtocolTcp, 80, "http"},       {kProtocolTcp, 443, "https"},  {kProtocolTcp, 22, "ssh"},
    {kProtocolUdp, 53, "dns"},        {kProtocolTcp, 53, "dns"},     {kProtocolTcp, 25, "smtp"},
    {kProtocolTcp, 587, "smtp"},      {kProtocolTcp, 143, "imap"},   {kProtocolTcp, 993, "imaps"},
    {kProtocolTcp, 110, "pop3"},      {kProtocolTcp, 995, "pop3s"},  {kProtocolTcp, 21, "ftp"},
    {kProtocolTcp, 23, "telnet"},     {kProtocolUdp, 123, "ntp"},    {kProtocolUdp, 161, "snmp"},
    {kProtocolTcp, 389, "ldap"},      {kProtocolTcp, 445, "smb"},    {kProtocolTcp, 3306, "mysql"},
    {kProtocolTcp, 5432, "postgres"}, {kProtocolTcp, 6379, "redis"}, {kProtocolTcp, 11211, "memcached"},
    {kProtocolTcp, 8080, "http"},     {kProtocolUdp, 443, "quic"},   {kProtocolTcp, 3389, "rdp"},
};

// By the responder's port; by the initiator's if that says nothing (the first packet may have been a reply).
uint8_t GuessService(const FiveTuple& tuple) {
  for (const uint16_t port : {tuple.destination_port, tuple.source_port}) {
    for (size_t i = 0; i < std::size(kServices); ++i) {
      if (kServices[i].protocol == tuple.protocol && kServices[i].port == port) return static_cast<uint8_t>(i + 1);
    }
  }
  return 0;
}

size_t SizeClass(uint32_t bytes) { return bytes <= 128 ? 0 : bytes <= 512 ? 1 : bytes <= 1024 ? 2 : 3; }

void Update(TimePoint now, const Packet& packet, AssetDirection* direction) {
  if (direction->packets() == 0) {
    direction->first_bytes = packet.bytes;
    direction->first_flags = packet.tcp_flags;
    direction->least_bytes = packet.bytes;
  } else {
    direction->largest_gap = std::max(direction->largest_gap, now - direction->last);
    direction->least_bytes = std::min(direction->least_bytes, packet.bytes);
  }
  direction->most_bytes = std::max(direction->most_bytes, packet.bytes);
  ++direction->packets_by_size[SizeClass(packet.bytes)];
  direction->bytes += packet.bytes;
  direction->last = now;
  direction->flags_seen |= packet.tcp_flags;
  if ((packet.tcp_flags & tcp_flag::kSyn) != 0 && direction->syns < std::numeric_limits<uint8_t>::max()) {
    ++direction->syns;
  }
}

void PutDirection(const AssetDirection& direction, nf::OctetWriter* out) {
  for (const uint64_t count : direction.packets_by_size) out->Put(count);
  out->Put(direction.bytes);
  out->Put(direction.last.nanos());
  out->Put(direction.largest_gap.nanos());
  out->Put(direction.first_bytes);
  out->Put(direction.least_bytes);
  out->Put(direction.most_bytes);
  out->Put(direction.flags_seen);
  out->Put(direction.first_flags);
  out->Put(direction.syns);
}

AssetDirection GetDirection(nf::OctetReader* in) {
  AssetDirection direction;
  for (uint64_t& count : direction.packets_by_size) count = in->Get<uint64_t>();
  direction.bytes = in->Get<uint64_t>();
  direction.last = TimePoint::FromNanos(in->Get<int64_t>());
  direction.largest_gap = Duration::Nanos(in->Get<int64_t>());
  direction.first_bytes = in->Get<uint32_t>();
  direction.least_bytes = in->Get<uint32_t>();
  direction.most_bytes = in->Get<uint32_t>();
  direction.flags_seen = in->Get<uint8_t>();
  direction.first_flags = in->Get<uint8_t>();
  direction.syns = in->Get<uint8_t>();
  return direction;
}

std::vector<uint8_t> Serialise(const AssetRecord& record) {
  std::vector<uint8_t> chunk(AssetMonitor::kChunkOctets);
  nf::OctetWriter out(chunk);
  out.Put(AssetMonitor::kSchema);
  out.Put(AssetMonitor::kSchemaVersion);
  out.Put(record.service);
  out.Put(record.tuple);
  out.Put(record.first.nanos());
  out.Put(record.last.nanos());
  PutDirection(record.initiator, &out);
  PutDirection(record.responder, &out);
  UHAUL_CHECK(out.Complete());
  return chunk;
}

// Null, or what no sequence of packets leads to.
const char* FaultOf(const AssetRecord& record, const AssetDirection& direction) {
  const uint64_t packets = direction.packets();
  if (packets == 0) return direction == AssetDirection{} ? nullptr : "a direction without packets has data";
  for (const uint64_t count : direction.packets_by_size) {
    if (count > packets) return "its packet counts overflow";
  }
  if (direction.last < record.first || direction.last > record.last) return "a direction ends outside the connection";
  if (direction.largest_gap < Duration() || direction.largest_gap > direction.last - record.first) {
    return "a gap is longer than the connection";
  }
  if (direction.least_bytes > direction.most_bytes) return "its least size exceeds its most";
  if (direction.first_bytes < direction.least_bytes || direction.first_bytes > direction.most_bytes) {
    return "its first size is out of range";
  }
  if ((direction.first_flags & ~direction.flags_seen) != 0) return "its first flags were never seen";
  if (((direction.flags_seen & tcp_flag::kSyn) != 0) != (direction.syns > 0)) return "its SYNs contradict its flags";
  if (direction.bytes / packets < direction.least_bytes) return "its bytes are too few for its packets";
  return nullptr;
}

const char* FaultOf(const AssetRecord& record) {
  if (record.service != GuessService(record.tuple)) return "its service does not fit its ports";
  if (record.first < TimePoint() || record.last < record.first) return "it ends before it begins";
  if (record.initiator.packets() == 0 && record.responder.packets() == 0) return "it has no packet";
  if (const char* fault = FaultOf(record, record.initiator)) return fault;
  if (const char* fault = FaultOf(record, record.responder)) return fault;
  if (record.last != std::max(record.initiator.last, record.responder.last)) return "its end is no packet's";
  return nullptr;
}

}  // namespace

uint64_t AssetDirection::packets() const {
  return packets_by_size[0] + packets_by_size[1] + packets_by_size[2] + packets_by_size[3];  // asked for every packet
}

std::string_view AssetServiceName(uint8_t service) {
  return service >= 1 && service <= std::size(kServices) ? kServices[service - 1].name : "unknown";
}

AssetMonitor::AssetMonitor(AssetMonitorOptions options)
    : clock_(options.clock), connections_(options.timeout, options.hash_key, options.capacity) {}

inline void AssetMonitor::ProcessOne(TimePoint now, const Packet& packet) {
  const auto view = connections_.Find(packet.flow);
  AssetRecord* record = view.state;
  if (record == nullptr) {
    record = connections_.Insert(packet.flow);
    if (record == nullptr) {
      ++unwatched_;
      return;
    }
    record->tuple = packet.flow.tuple;
    record->service = GuessService(record->tuple);
    record->first = now;
    connections_.Touched(now);
  }
  // A record that came from a host whose clock is ahead may end in the future: it never goes back.
  record->last = std::max(record->last, now);
  // A packet names its connection by its own direction's five-tuple, or by the initiator's and says so (`reverse`).
  const bool from_responder = view.reversed != packet.reverse;
  Update(record->last, packet, from_responder ? &record->responder : &record->initiator);
}

// After its first packet a streak changes sums and last times alone.
void AssetMonitor::ProcessStreak(TimePoint now, const Streak& streak) {
  const Packet& packet = streak.first;
  const TimePoint from = clock_ == AssetClock::kStamp ? packet.stamp : now;
  const auto view = connections_.Find(packet.flow);
  if (view.state == nullptr || view.state->last > from || (packet.tcp_flags & tcp_flag::kSyn) != 0) {
    return NetworkFunction::ProcessStreak(now, streak);
  }
  ProcessOne(from, packet);
  if (streak.count == 1) return;
  AssetRecord& record = *view.state;
  AssetDirection& direction = view.reversed != packet.reverse ? record.responder : record.initiator;
  const uint64_t more = streak.count - 1;
  direction.packets_by_size[SizeClass(packet.bytes)] += more;
  direction.bytes += more * packet.bytes;
  direction.largest_gap = std::max(direction.largest_gap, streak.every);
  direction.last = record.last = from + streak.length();
}

void AssetMonitor::Process(TimePoint now, std::span<const Packet> burst) {
  if (burst.size() > 1) connections_.PrefetchEntries(burst);
  for (const Packet& packet : burst) ProcessOne(clock_ == AssetClock::kStamp ? packet.stamp : now, packet);
}

Result<std::vector<uint8_t>> AssetMonitor::Export(const FlowKey& flow) const {
  const AssetRecord* record = Find(flow);
  if (record == nullptr) return Error{"asset-monitor: no state for " + flow.tuple.ToString()};
  return Serialise(*record);
}

Status AssetMonitor::Import(TimePoint /*now*/, const FlowKey& flow, std::span<const uint8_t> chunk) {
  const auto refused = [&](const char* what) {
    return Error{"asset-monitor: chunk for " + flow.tuple.ToString() + " refused: " + what};
  };
  if (chunk.size() != kChunkOctets) return refused("it is not 200 octets long");
  nf::OctetReader in(chunk);
  if (in.Get<SchemaId>() != kSchema) return refused("another schema");
  if (in.Get<uint8_t>() != kSchemaVersion) return refused("another version of the schema");
  AssetRecord record;
  record.service = in.Get<uint8_t>();
  record.tuple = in.GetTuple();
  record.first = TimePoint::FromNanos(in.Get<int64_t>());
  record.last = TimePoint::FromNanos(in.Get<int64_t>());
  record.initiator = GetDirection(&in);
  record.responder = GetDirection(&in);
  UHAUL_CHECK(in.Complete());
  if (record.tuple != flow.tuple && record.tuple != flow.tuple.Reversed()) return refused("another flow's state");
  if (const char* fault = FaultOf(record)) return refused(fault);

  const auto there = connections_.Find(flow);
  if (there.state != nullptr && there.flow->tuple == record.tuple) {
    *there.state = record;
  } else {
    if (there.state == nullptr && connections_.size() >= connections_.capacity()) return refused("no room");
    if (there.state != nullptr) connections_.Erase(flow);
    *connections_.Insert(record.tuple == flow.tuple ? flow : connections_.KeyOf(record.tuple)) = record;
  }
  connections_.Touched(record.last);
  return {};
}

void AssetMonitor::Expire(TimePoint now) {
  connections_.Expire(
      now, [](const AssetRecord& record) { return record.last; }, [](const AssetRecord&) {});
}

void AssetMonitor::Hash(StateHash& hash) const {
  hash.Add(connections_.size());
  for (const FlowKey& flow : connections_.Flows()) hash.Add(Serialise(*connections_.At(flow)));
  hash.Add(unwatched_);
}

}  // namespace uhaul
