// A network function of one's own: it meters packets and bytes per connection. A flow is moved in the middle of its
// traffic, loss-free, and its counts go on at the other instance.
#include <cstdio>

#include "core/base/little_endian.h"
#include "core/nf/connection_map.h"
#include "tests/examples/small_testbed.h"

using namespace uhaul::literals;

class Meter final : public uhaul::NetworkFunction {
 public:
  struct Counts {
    uint64_t packets = 0;
    uint64_t bytes = 0;
  };

  explicit Meter(uhaul::HashKey key) : connections_(60_s, key, 1 << 20) {}

  std::unique_ptr<uhaul::NetworkFunction> Clone() const override { return std::make_unique<Meter>(*this); }
  uhaul::SchemaId schema() const override { return 1000; }  // both instances must mean the same by a chunk

  void Process(uhaul::TimePoint now, std::span<const uhaul::Packet> burst) override {
    for (const uhaul::Packet& packet : burst) {
      Counts* counts = connections_.Find(packet.flow).state;
      if (counts == nullptr) counts = connections_.Insert(packet.flow);
      if (counts == nullptr) continue;  // no room: the packet passes unmetered
      connections_.Touched(now);
      ++counts->packets;
      counts->bytes += packet.bytes;
    }
  }

  uhaul::Result<std::vector<uint8_t>> Export(const uhaul::FlowKey& flow) const override {
    const Counts* counts = connections_.Find(flow).state;
    if (counts == nullptr) return uhaul::Error{"no such flow"};
    std::vector<uint8_t> chunk;
    uhaul::AppendLittle(counts->packets, &chunk);
    uhaul::AppendLittle(counts->bytes, &chunk);
    return chunk;
  }
  uhaul::Status Import(uhaul::TimePoint now, const uhaul::FlowKey& flow, std::span<const uint8_t> chunk) override {
    if (chunk.size() != 16) return uhaul::Error{"a chunk of a meter has 16 octets"};
    Counts* counts = connections_.Find(flow).state;
    if (counts == nullptr) counts = connections_.Insert(flow);
    if (counts == nullptr) return uhaul::Error{"no room for another flow"};
    *counts = {uhaul::LoadLittle<uint64_t>(chunk.data()), uhaul::LoadLittle<uint64_t>(chunk.data() + 8)};
    connections_.Touched(now);
    return {};
  }
  bool Delete(const uhaul::FlowKey& flow) override { return connections_.Erase(flow); }

  bool Knows(const uhaul::FlowKey& flow) const override { return connections_.Find(flow).state != nullptr; }
  std::vector<uhaul::FlowKey> Flows() const override { return connections_.Flows(); }
  size_t flow_count() const override { return connections_.size(); }
  void Expire(uhaul::TimePoint) override {}  // a meter forgets nothing by itself
  void Hash(uhaul::StateHash& hash) const override {
    for (const uhaul::FlowKey& flow : connections_.Flows()) {
      hash.Add(flow.id);
      hash.Add(connections_.Find(flow).state->bytes);
    }
  }

  Counts CountsOf(const uhaul::FlowKey& flow) const {
    const Counts* counts = connections_.Find(flow).state;
    return counts == nullptr ? Counts{} : *counts;
  }

 private:
  uhaul::nf::ConnectionMap<Counts> connections_;
};

int main() {
  const uhaul::HashKey key{1, 2};
  SmallTestbed testbed(*uhaul::FindProfile("emulab-2016"), key, [&] { return std::make_unique<Meter>(key); });
  const uhaul::FlowKey flow = testbed.Flow(7);
  uhaul::MoveRequest request;  // from instance 0 to 1
  request.scheme = *uhaul::FindScheme("opennf");
  for (uint64_t i = 0; i < 1000; ++i) {
    testbed.Send(uhaul::TimePoint::FromNanos(static_cast<int64_t>(i) * 10'000), SmallTestbed::PacketOf(flow, i));
    if (i != 500) continue;
    const auto moved = testbed.Move(request);
    if (!moved.ok()) return std::printf("%s\n", moved.error().message.c_str()), 1;
  }
  testbed.RunUntil(uhaul::TimePoint::FromNanos(1'000'000'000));
  const auto& source = static_cast<const Meter&>(testbed.function(0));
  const auto& destination = static_cast<const Meter&>(testbed.function(1));
  const Meter::Counts counts = destination.CountsOf(flow);
  std::printf("source knows %zu flows; destination counted %llu packets, %llu bytes\n", source.flow_count(),
              static_cast<unsigned long long>(counts.packets), static_cast<unsigned long long>(counts.bytes));
  return source.flow_count() == 0 && counts.packets == 1000 && counts.bytes == 1'500'000 ? 0 : 1;
}
