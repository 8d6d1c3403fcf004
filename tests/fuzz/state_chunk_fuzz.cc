// libFuzzer on every network function's import of state; the first octet chooses the function. A chunk that is refused
// changes nothing; one that is taken can be exported, and imported again to the same state.
#include "core/base/check.h"
#include "core/nf/function_registry.h"

namespace {

uint64_t HashOf(const uhaul::NetworkFunction& function) {
  uhaul::StateHash hash;
  function.Hash(hash);
  return hash.value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::vector<std::string> names = uhaul::NetworkFunctionNames();
  const uhaul::HashKey key{1, 2};
  const auto make = [&] {
    return std::move(*uhaul::MakeNetworkFunction(names[data[0] % names.size()], {.hash_key = key}));
  };
  auto function = make();
  uhaul::FiveTuple tuple;
  tuple.source_port = 1;
  const uhaul::FlowKey flow = uhaul::FlowHasher(key).Key(tuple);
  const uint64_t before = HashOf(*function);
  const std::span<const uint8_t> chunk(data + 1, size - 1);
  if (!function->Import(uhaul::TimePoint(), flow, chunk).ok()) {
    UHAUL_CHECK(HashOf(*function) == before);
    UHAUL_CHECK(function->flow_count() == 0);
    return 0;
  }
  UHAUL_CHECK(function->flow_count() == 1);
  for (const uhaul::FlowKey& known : function->Flows()) {
    const auto exported = function->Export(known);
    UHAUL_CHECK(exported.ok());
    auto second = make();
    UHAUL_CHECK(second->Import(uhaul::TimePoint(), known, *exported).ok());
    const auto again = second->Export(known);
    UHAUL_CHECK(again.ok());
    UHAUL_CHECK(*again == *exported);
  }
  return 0;
}
