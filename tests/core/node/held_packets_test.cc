#include "core/node/held_packets.h"

#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "core/base/random.h"

namespace uhaul {
namespace {

Packet Numbered(uint64_t digest) {
  Packet packet;
  packet.digest = digest;
  return packet;
}

TEST_CASE("held packets leave as a plain list of (flow, packet) says, whatever the order of additions and releases") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Random random(seed, 1);
    HeldPackets held;
    std::vector<HeldPackets::Chain> chains(5);
    std::vector<std::pair<uint64_t, uint64_t>> model;  // flow, digest
    std::map<uint64_t, uint64_t> arrival;              // digest: how many had come with it
    uint64_t arrivals = 0;
    for (uint64_t step = 0; step < 60; ++step) {
      const uint64_t flow = random.Below(chains.size());
      const uint64_t what = random.Below(12);
      if (what < 8) {
        held.Add(chains[flow], Numbered(step));
        model.push_back({flow, step});
        arrival[step] = ++arrivals;
      } else if (what < 11) {
        std::vector<uint64_t> taken;
        held.Take(chains[flow], [&](const Packet& packet) { taken.push_back(packet.digest); });
        std::vector<uint64_t> expected;
        std::erase_if(model, [&](const auto& entry) {
          if (entry.first == flow) expected.push_back(entry.second);
          return entry.first == flow;
        });
        REQUIRE(taken == expected);
      } else {
        std::vector<uint64_t> taken;
        held.TakeAll([&](const Packet& packet) { taken.push_back(packet.digest); });
        std::vector<uint64_t> expected;
        for (const auto& entry : model) expected.push_back(entry.second);
        REQUIRE(taken == expected);
        model.clear();
      }
      for (uint64_t f = 0; f < chains.size(); ++f) {
        std::vector<std::pair<uint64_t, uint64_t>> seen;
        held.ForEach(chains[f], [&](const Packet& packet, uint64_t place) { seen.push_back({packet.digest, place}); });
        std::vector<std::pair<uint64_t, uint64_t>> expected;
        for (const auto& [owner, digest] : model) {
          if (owner == f) expected.push_back({digest, arrivals + 1 - arrival[digest]});
        }
        REQUIRE(seen == expected);
      }
    }
  }
}

}  // namespace
}  // namespace uhaul
