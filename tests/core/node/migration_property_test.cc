// Random worlds, lossless: whatever the delays, costs, flows, scheme and aftermath, a guarantee holds. A failing seed
// prints the command that replays it; UHAUL_TEST_SEEDS asks for more of them.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "core/base/random.h"
#include "tests/core/node/world.h"

using namespace uhaul;
using uhaul::testing::World;
using uhaul::testing::WorldOptions;

namespace {

uint64_t SeedsOr(uint64_t fallback) {
  const char* text = std::getenv("UHAUL_TEST_SEEDS");
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}
uint64_t FirstSeed() {
  const char* text = std::getenv("UHAUL_TEST_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

Duration Draw(Random& r, uint64_t most_us) {
  return Duration::Nanos(static_cast<int64_t>(1 + r.Below(most_us * 1000)));
}

struct Drawn {
  WorldOptions options;
  MoveRequest request;
  DetectorSpec detector;
  uint32_t flows = 0;
  bool abort = false;
  TimePoint abort_at;
};

Drawn DrawWorld(Random& r, const std::vector<std::string>& schemes) {
  Drawn d;
  d.options.profile = *FindProfile("ideal");
  Profile& p = d.options.profile;
  p.control_delay = Draw(r, 200);
  p.get.per_item = Draw(r, 150);
  p.put.per_item = Draw(r, 150);
  p.del.per_item = Draw(r, 20);
  p.event.per_item = Draw(r, 2);
  p.message.per_item = Draw(r, 5);
  p.packet_out.per_item = Draw(r, 2);
  p.rule.per_item = Draw(r, 10);
  d.options.data_delay = Draw(r, r.Below(2) ? 5 : 300);
  d.options.dst_data_delay = Draw(r, r.Below(2) ? 5 : 300);
  d.request.scheme = *FindScheme(schemes[r.Below(schemes.size())]);
  d.request.scheme.idle_timeout_us = 0;
  if (d.request.scheme.flows == MoveFlows::kActive && r.Below(3) == 0) {
    d.request.limit = static_cast<uint32_t>(1 + r.Below(8));
  }
  if (r.Below(4) == 0)
    d.request.scheme.flows = d.request.scheme.flows == MoveFlows::kActive ? MoveFlows::kTable : d.request.scheme.flows;
  d.request.scheme.after = static_cast<AfterMove>(r.Below(3));
  if (d.request.scheme.transfer == Transfer::kPeer) d.request.scheme.after = AfterMove::kKeep;
  d.detector = {DetectorSpec::Kind::kProportion, r.Uniform() * 1.1, Bytes()};
  d.flows = static_cast<uint32_t>(1 + r.Below(r.Below(4) ? 4 : 30));
  return d;
}

// Every flow sends from before the move until long after it; packets are 50-450 us apart.
struct Sent {
  std::vector<uint32_t> packets;
};
Sent Load(World& w, Random& r, uint32_t flows) {
  Sent sent;
  for (uint32_t f = 0; f < flows; ++f) {
    const Duration gap = Duration::Micros(static_cast<int64_t>(50 + r.Below(400)));
    const auto packets = static_cast<uint32_t>(40'000'000 / gap.nanos());
    w.Send(f, TimePoint::FromNanos(static_cast<int64_t>(r.Below(900'000))), gap, packets);
    sent.packets.push_back(packets);
  }
  return sent;
}

OperationId StartMove(World& w, const Drawn& d) {
  const auto id =
      d.request.scheme.flows == MoveFlows::kElephants ? w.MoveElephant(d.request, d.detector) : w.Move(d.request);
  REQUIRE(id.ok());
  return *id;
}

void RequireEachPacketProcessedOnce(World& w, const Sent& sent) {
  REQUIRE(w.controller().idle());
  CHECK(w.delivered() == w.sent());
  CHECK(w.controller().held_bytes() == Bytes());
  CHECK(w.nf(0).held_bytes() + w.nf(1).held_bytes() == Bytes());
  for (uint32_t f = 0; f < sent.packets.size(); ++f) {
    INFO("flow " << f);
    CHECK(w.oracle(0).Count(w.Flow(f)) + w.oracle(1).Count(w.Flow(f)) == sent.packets[f]);
  }
}

}  // namespace

TEST_CASE("Loss-free: in any lossless world every packet is processed exactly once") {
  const uint64_t first = FirstSeed(), count = SeedsOr(150);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    INFO("replay: UHAUL_TEST_SEED=" << seed << " UHAUL_TEST_SEEDS=1 test_core 'Loss-free*'");
    Random r(seed, 1);
    Drawn d = DrawWorld(r, {"opennf-lf", "opennf-lf-pl", "opennf-lf-pl-er", "opennf-lf-ll", "uhaul"});
    World w(d.options);
    const Sent sent = Load(w, r, d.flows);
    // Flows that begin in the middle of the move.
    OperationId id = 0;
    w.At(TimePoint::FromNanos(1'000'000), [&] { id = StartMove(w, d); });
    if (r.Below(4) == 0) {
      w.At(TimePoint::FromNanos(1'000'000 + static_cast<int64_t>(r.Below(2'000'000))), [&] { (void)w.Abort(id).ok(); });
    }
    w.Run();
    RequireEachPacketProcessedOnce(w, sent);
  }
}

TEST_CASE("Order-preserving: in any lossless world every packet meets the latest state, in order") {
  const uint64_t first = FirstSeed(), count = SeedsOr(150);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    INFO("replay: UHAUL_TEST_SEED=" << seed << " UHAUL_TEST_SEEDS=1 test_core 'Order-preserving*'");
    Random r(seed, 2);
    Drawn d = DrawWorld(r, {"opennf-op", "opennf-op-pl", "opennf-op-pl-er", "handover", "uhaul-handover"});
    if (d.request.scheme.transfer == Transfer::kController) d.request.limit = 0;
    World w(d.options);
    const Sent sent = Load(w, r, d.flows);
    w.At(TimePoint::FromNanos(1'000'000), [&] { StartMove(w, d); });
    w.Run();
    RequireEachPacketProcessedOnce(w, sent);
    CHECK(w.violations() == 0);
    CHECK(w.reordered() == 0);
  }
}

TEST_CASE("U-HAUL: flows that neither move nor begin during the move keep their order and their place") {
  const uint64_t first = FirstSeed(), count = SeedsOr(100);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    INFO("replay: UHAUL_TEST_SEED=" << seed << " UHAUL_TEST_SEEDS=1 test_core 'U-HAUL: flows that neither*'");
    Random r(seed, 3);
    Drawn d = DrawWorld(r, {"uhaul"});
    d.detector.rho = 0.3;
    World w(d.options);
    const Sent sent = Load(w, r, d.flows + 4);
    OperationId id = 0;
    w.At(TimePoint::FromNanos(2'000'000), [&] { id = StartMove(w, d); });
    w.Run();
    RequireEachPacketProcessedOnce(w, sent);
    for (uint32_t f = 0; f < sent.packets.size(); ++f) {
      if (w.controller().Find(id)->OutcomeOf(w.Flow(f)) == FlowOutcome::kMoved) continue;
      CHECK(w.oracle(0).Count(w.Flow(f)) == sent.packets[f]);
    }
  }
}
