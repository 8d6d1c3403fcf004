#include "runtime/datapath.h"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/runtime/mbuf_pool.h"
#include "tests/sim/small_points.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

class Bench {
 public:
  Bench()
      : point_(small::Point("none")),
        scenario_(LoadScenario(point_).value()),
        run_(point_, scenario_),
        facts_(&run_, nullptr),
        path_({TestPool(), &store_}, run_.hasher(), &facts_) {}

  Datapath& path() { return path_; }
  const FiveTuple& TupleOf(uint32_t flow) const { return scenario_.trace.flows[flow].tuple; }
  FlowKey KeyOf(uint32_t flow) const { return run_.hasher().Key(TupleOf(flow)); }

  rte_mbuf* Frame(const FrameContents& contents) {
    rte_mbuf* mbuf = path_.Allocate();
    REQUIRE(mbuf != nullptr);
    MakeFrame(contents, mbuf);
    return mbuf;
  }
  rte_mbuf* NoFrame() {
    rte_mbuf* mbuf = Frame({TupleOf(0), 1500});
    rte_pktmbuf_mtod(mbuf, uint8_t*)[12] = 0x12;  // no EtherType of ours
    return mbuf;
  }

 private:
  const PointSpec point_;
  const Scenario scenario_;
  RunControl run_;
  PacketStore store_;
  Facts facts_;
  Datapath path_;
};

FrameReading& Of(rte_mbuf* mbuf) { return FrameField::ReadingOf(mbuf); }

}  // namespace

TEST_CASE("Datapath: a burst's headers are read once, and say what was built") {
  Bench bench;
  const std::vector<rte_mbuf*> burst = {bench.Frame({bench.TupleOf(1), 1500, 7, true, false, 1}),
                                        bench.Frame({bench.TupleOf(0), 900, 8, false, true, 0})};
  for (int role = 0; role < 3; ++role) {
    const Outgoing read = bench.path().ReadBurst(burst);
    REQUIRE(read.count == 2);
    std::array<Packet, kBurst> packets;
    Datapath::Describe(read, packets);
    CHECK(packets[0].flow == bench.KeyOf(1));
    CHECK(packets[0].digest == 7);
    CHECK(packets[0].bytes == 1500);
    CHECK((packets[0].tcp_flags & tcp_flag::kSyn) != 0);
    CHECK(packets[1].flow == bench.KeyOf(0));
    CHECK(packets[1].digest == 8);
    CHECK((packets[1].tcp_flags & tcp_flag::kFin) != 0);
  }
  CHECK(bench.path().parsed().total() == 2);
  for (rte_mbuf* mbuf : burst) rte_pktmbuf_free(mbuf);
}

TEST_CASE("Datapath: what cannot be parsed is counted and freed, and the rest of its burst stays in order") {
  Bench bench;
  const unsigned before = rte_mempool_in_use_count(TestPool());
  const Outgoing read =
      bench.path().ReadBurst(std::vector<rte_mbuf*>{bench.NoFrame(), bench.Frame({bench.TupleOf(0), 1500, 1}),
                                                    bench.NoFrame(), bench.Frame({bench.TupleOf(1), 1500, 2})});
  REQUIRE(read.count == 2);
  CHECK(Of(read.mbufs[0]).sequence == 1);
  CHECK(Of(read.mbufs[1]).sequence == 2);
  CHECK(bench.path().parsed().rejected() == 2);
  CHECK(rte_mempool_in_use_count(TestPool()) == before + 2);
  for (rte_mbuf* mbuf : read.span()) rte_pktmbuf_free(mbuf);
}

TEST_CASE("Datapath: freed bursts are back in their pool, with what hangs on them") {
  Bench bench;
  const unsigned before = rte_mempool_in_use_count(TestPool());
  std::vector<rte_mbuf*> burst;
  for (uint32_t i = 0; i < kBurst; ++i) burst.push_back(bench.Frame({bench.TupleOf(0), 1500, i}));
  REQUIRE(rte_pktmbuf_chain(burst[3], bench.Frame({bench.TupleOf(0), 1500})) == 0);
  rte_mbuf_refcnt_update(burst[5], 1);  // somebody else has it, too
  bench.path().Free(burst);
  CHECK(rte_mempool_in_use_count(TestPool()) == before + 1);
  rte_pktmbuf_free(burst[5]);
  CHECK(rte_mempool_in_use_count(TestPool()) == before);
  bench.path().Free({});
}

TEST_CASE("Datapath: a frame's signature is believed only where the five-tuple agrees") {
  Bench bench;
  const FiveTuple stranger = FiveTuple::Parse("tcp:192.0.2.1:1>192.0.2.2:2").value();
  const Outgoing read = bench.path().ReadBurst(
      std::vector<rte_mbuf*>{bench.Frame({bench.TupleOf(1), 1500, 0, false, false, 1}),           // right
                             bench.Frame({bench.TupleOf(1), 1500, 0, false, false, 0}),           // another flow's
                             bench.Frame({bench.TupleOf(1), 1500, 0, false, false, 0x7fffffff}),  // no flow's
                             bench.Frame({bench.TupleOf(1), 1500}),                               // none
                             bench.Frame({stranger, 1500, 0, false, false, 1})});                 // not of this run
  REQUIRE(read.count == 5);
  bench.path().NumberBurst(read.span());
  for (size_t i = 0; i < 4; ++i) CHECK(Of(read.mbufs[i]).flow_number == 1);
  CHECK(Of(read.mbufs[4]).flow_number == FrameReading::kStrange);
  for (rte_mbuf* mbuf : read.span()) rte_pktmbuf_free(mbuf);
}
