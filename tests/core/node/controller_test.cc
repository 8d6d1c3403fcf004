// What a controller admits beside what is under way. Nobody answers it here: what it begins stays where it begins.
#include "core/node/controller.h"

#include <catch2/catch.hpp>

#include "tests/core/node/world.h"

namespace uhaul {
namespace {

using testing::kTestKey;
using testing::Request;

Controller Make() { return Controller({.profile = *FindProfile("ideal"), .hash_key = kTestKey, .nf_count = 2}); }

MoveRequest Of(const std::string& scheme, const std::string& filter) {
  MoveRequest request = Request(scheme);
  if (!filter.empty()) request.filter = *FlowFilter::Parse(filter);
  return request;
}

// "" if it is admitted.
std::string Refusal(Controller& controller, const MoveRequest& request) {
  Outbox outbox;
  const Result<OperationId> begun = controller.Move(TimePoint(), request, outbox);
  if (begun.ok()) return "";
  CHECK(outbox.empty());  // without any side effect
  return begun.error().message;
}

TEST_CASE("Controller: a wildcard is refused beside a move whose filter meets it, and by no other") {
  const std::string under_way = GENERATE("handover", "opennf-lf");
  const auto refusal = [&](const std::string& first, const std::string& second) {
    Controller controller = Make();
    REQUIRE(Refusal(controller, Of(under_way, first)).empty());
    return Refusal(controller, Of("opennf-lf", second));
  };
  using Catch::Contains;
  CHECK_THAT(refusal("", ""), Contains("operation 1"));
  CHECK_THAT(refusal("", "10.0.0.0/8"), Contains("operation 1"));
  CHECK_THAT(refusal("10.0.0.0/8", ""), Contains("operation 1"));
  CHECK_THAT(refusal("10.0.0.0/8", "10.1.0.0/16"), Contains("operation 1"));
  CHECK_THAT(refusal("10.1.0.0/16", "10.0.0.0/8"), Contains("operation 1"));
  CHECK(refusal("10.0.0.0/8", "11.0.0.0/8").empty());
  CHECK(refusal("10.1.0.0/16", "10.2.0.0/16").empty());
  CHECK(refusal("10.0.0.0/8", "2001:db8::/32").empty());
}

TEST_CASE("Controller: so many operations at once, and no more; one that is over makes room, and is forgotten") {
  Controller controller = Make();
  for (int i = 0; i < 64; ++i) REQUIRE(Refusal(controller, Request("handover")).empty());
  CHECK(Refusal(controller, Request("handover")) == "too many operations under way");
  Outbox outbox;
  REQUIRE(controller.Abort(TimePoint(), 7, outbox).ok());
  REQUIRE(controller.FindHandOver(7) != nullptr);
  CHECK(controller.FindHandOver(7)->closed());
  CHECK_FALSE(controller.Abort(TimePoint(), 7, outbox).ok());
  CHECK(Refusal(controller, Request("handover")).empty());
  CHECK(controller.FindHandOver(7) == nullptr);
  CHECK(controller.FindHandOver(65) != nullptr);
  CHECK_FALSE(controller.Abort(TimePoint(), 7, outbox).ok());
}

TEST_CASE("Controller: what makes no sense is refused") {
  Controller controller = Make();
  using Catch::Contains;
  CHECK_THAT(Refusal(controller, Request("none")), Contains("moves nothing"));
  CHECK_THAT(Refusal(controller, Request("uhaul")), Contains("moveElephant"));
  MoveRequest request = Request("handover");
  request.dst = 2;
  CHECK_THAT(Refusal(controller, request), Contains("no NF instance 2"));
  request.dst = 0;
  CHECK_THAT(Refusal(controller, request), Contains("same NF instance"));
}

// States are told apart by it.
TEST_CASE("Controller: its hash knows what waits for its CPU, and whether the connection by which that came is over") {
  Profile profile = *FindProfile("ideal");
  profile.message.per_item = Duration::Micros(5);
  const auto hash = [&](bool waits, bool over) {
    Controller controller({.profile = profile, .hash_key = kTestKey, .nf_count = 2});
    Outbox outbox;
    const uint64_t connection = controller.OnConnected(TimePoint(), NfNode(1), outbox);
    if (waits) {
      controller.OnMessage(TimePoint(), NfNode(1), {0, 1, msg::Hello{7}}, outbox, over ? connection - 1 : connection);
    }
    StateHash folded;
    controller.Hash(folded, TimePoint());
    return folded.value();
  };
  CHECK(hash(true, false) != hash(false, false));
  CHECK(hash(true, true) != hash(true, false));
  CHECK(hash(true, false) == hash(true, false));
}

}  // namespace
}  // namespace uhaul
