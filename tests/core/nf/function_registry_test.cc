#include "core/nf/function_registry.h"

#include <catch2/catch.hpp>
#include <set>

namespace uhaul {

TEST_CASE("FunctionRegistry: every name makes a function of its own schema, with the options given") {
  std::set<SchemaId> schemas;
  for (const std::string& name : NetworkFunctionNames()) {
    CAPTURE(name);
    const NfOptions options{.timeout = Duration::Seconds(1), .hash_key = {1, 2}};
    Result<std::unique_ptr<NetworkFunction>> function = MakeNetworkFunction(name, options);
    REQUIRE(function.ok());
    NetworkFunction& nf = **function;
    schemas.insert(nf.schema());
    Packet packet;
    packet.flow = FlowHasher(options.hash_key).Key(*FiveTuple::Parse("tcp:10.0.0.1:1>10.0.0.2:2"));
    nf.Process(TimePoint(), {&packet, 1});
    CHECK(nf.Knows(FlowHasher(options.hash_key).Key(packet.flow.tuple.Reversed())));
    const std::unique_ptr<NetworkFunction> copy = nf.Clone();
    nf.Expire(TimePoint() + Duration::Millis(1001));
    CHECK(nf.flow_count() == 0);
    CHECK(copy->flow_count() == 1);
    CHECK_FALSE(nf.Export(packet.flow).ok());
    CHECK(nf.Import(TimePoint() + Duration::Seconds(2), packet.flow, *copy->Export(packet.flow)).ok());
    CHECK(nf.Knows(packet.flow));
  }
  CHECK(schemas.size() == NetworkFunctionNames().size());
}

TEST_CASE("FunctionRegistry: an unknown name is answered with the names there are") {
  const auto function = MakeNetworkFunction("firewal", {});
  REQUIRE_FALSE(function.ok());
  for (const std::string& name : NetworkFunctionNames()) {
    CHECK(function.error().message.find(name) != std::string::npos);
  }
}

}  // namespace uhaul
