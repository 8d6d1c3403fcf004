#include "core/flow/flow_map.h"

#include <catch2/catch.hpp>
#include <map>

#include "core/base/random.h"

namespace uhaul {
namespace {

FlowKey Key(uint64_t n, uint64_t id) {
  FiveTuple tuple;
  tuple.source_port = static_cast<uint16_t>(n);
  return {tuple, id};
}

}  // namespace

TEST_CASE("FlowMap: random operations agree with std::map, with colliding and equal flow IDs") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    Random random(seed, 1);
    FlowMap<uint64_t> map;
    std::map<FiveTuple, uint64_t> model;
    const auto random_key = [&] {
      const uint64_t n = random.Below(60);
      return Key(n, seed % 3 == 0 ? 5 : seed % 3 == 1 ? n % 4 * 16 + 15 : Mix64(n));
    };
    for (int step = 0; step < 600; ++step) {
      const FlowKey key = random_key();
      const uint64_t choice = random.Below(10);
      if (choice < 4) {
        bool inserted = false;
        uint64_t& value = map.Get(key, &inserted);
        REQUIRE(inserted == (model.count(key.tuple) == 0));
        if (inserted) REQUIRE(value == 0);
        value = model[key.tuple] = random.Next();
      } else if (choice < 7) {
        REQUIRE(map.Erase(key) == (model.erase(key.tuple) == 1));
      } else if (choice < 9) {
        const auto it = model.find(key.tuple);
        const uint64_t* found = map.Find(key);
        REQUIRE((found != nullptr) == (it != model.end()));
        if (found != nullptr) REQUIRE(*found == it->second);
        REQUIRE(map.Contains(key) == (it != model.end()));
      } else if (random.Below(8) == 0) {
        const size_t gone = map.EraseIf([](const FlowKey&, uint64_t value) { return value % 2 == 0; });
        REQUIRE(gone == std::erase_if(model, [](const auto& entry) { return entry.second % 2 == 0; }));
      }
      REQUIRE(map.size() == model.size());
    }
    const std::vector<FlowKey> keys = map.SortedKeys();
    REQUIRE(keys.size() == model.size());
    size_t i = 0;
    for (const auto& [tuple, value] : model) {
      REQUIRE(keys[i].tuple == tuple);
      REQUIRE(*map.Find(keys[i]) == value);
      ++i;
    }
  }
}

TEST_CASE("FlowMap: two flows with one flow ID are two entries") {
  FlowMap<int> map;
  map.Get(Key(1, 7)) = 1;
  map.Get(Key(2, 7)) = 2;
  CHECK(map.size() == 2);
  CHECK(map.Erase(Key(1, 7)));
  CHECK_FALSE(map.Contains(Key(1, 7)));
  CHECK(*map.Find(Key(2, 7)) == 2);
}

TEST_CASE("FlowMap: empty and cleared maps answer") {
  FlowMap<int> map;
  CHECK(map.empty());
  CHECK(map.Find(Key(1, 1)) == nullptr);
  CHECK_FALSE(map.Erase(Key(1, 1)));
  map.Get(Key(1, 1)) = 1;
  map.Clear();
  CHECK(map.empty());
  CHECK_FALSE(map.Contains(Key(1, 1)));
}

}  // namespace uhaul
