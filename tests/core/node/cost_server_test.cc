#include "core/node/cost_server.h"

#include <catch2/catch.hpp>

#include "core/node/profile.h"
#include "core/node/scheme.h"

using namespace uhaul;
using namespace uhaul::literals;

namespace {
TimePoint Us(int64_t us) { return TimePoint::FromNanos(us * 1000); }
}  // namespace

TEST_CASE("CostServer: work is served one at a time, in order") {
  CostServer<int> server;
  CHECK(server.NextDeadline() == TimePoint::Never());
  CHECK(server.Submit(Us(10), 5_us, 1) == Us(15));
  CHECK(server.Submit(Us(11), 5_us, 2) == Us(20));
  CHECK_FALSE(server.PopDue(TimePoint::FromNanos(14'999)));
  CHECK(*server.PopDue(Us(15)) == 1);
  CHECK_FALSE(server.PopDue(Us(15)));
  CHECK(*server.PopDue(Us(30)) == 2);
  CHECK(server.Submit(Us(40), 5_us, 3) == Us(45));  // idle in between
}

TEST_CASE("CostServer: work that costs nothing is due at once, behind what is queued") {
  CostServer<int> server;
  CHECK(server.Submit(Us(1), Duration(), 1) == Us(1));
  CHECK(*server.PopDue(Us(1)) == 1);
  server.Submit(Us(1), 3_us, 2);
  CHECK(server.Submit(Us(2), Duration(), 3) == Us(4));
}

TEST_CASE("CostServer: a charge delays what comes later, not what is queued") {
  CostServer<int> server;
  server.Submit(Us(0), 5_us, 1);
  server.Charge(Us(1), 10_us);
  CHECK(server.NextDeadline() == Us(5));
  CHECK(server.Submit(Us(2), 1_us, 2) == Us(16));
  CHECK(server.busy_until() == Us(16));
}

TEST_CASE("CostServer: removed work keeps its charge") {
  CostServer<int> server;
  server.Submit(Us(0), 5_us, 1);
  server.Submit(Us(0), 5_us, 2);
  server.RemoveIf([](int task) { return task == 1; });
  CHECK(server.size() == 1);
  CHECK_FALSE(server.PopDue(Us(9)));
  CHECK(*server.PopDue(Us(10)) == 2);
}

TEST_CASE("Profile: a cost is a fixed part, a part per item and a part per octet") {
  const Cost cost{10_us, 2_us, 1024_ns};
  CHECK(cost.Of(3, Bytes(2048)).nanos() == 10'000 + 6'000 + 2'048);
  CHECK(cost.Of(0, Bytes()).nanos() == 10'000);
}

TEST_CASE("Profile: the paper's testbed charges 0.2625 ms per flow, all at get") {
  const Profile p = *FindProfile("emulab-2016");
  CHECK(p.get.Of(1000, Bytes(200'000)) == Duration::Nanos(262'500'000));
  CHECK(p.put == Cost{});
  CHECK(p.del == Cost{});
  CHECK(FindProfile("ideal")->get == Cost{});
  const auto unknown = FindProfile("emulab");
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().message.find("emulab-2016") != std::string::npos);
  for (const std::string& name : ProfileNames()) CHECK(FindProfile(name)->name == name);
}

TEST_CASE("Scheme: the paper's settings are loss-free with parallelizing and early release, for both schemes") {
  for (const char* name : {"opennf", "uhaul"}) {
    const SchemeOptions s = *FindScheme(name);
    CHECK(s.guarantee == Guarantee::kLossFree);
    CHECK(s.parallelize);
    CHECK(s.early_release);
    CHECK_FALSE(s.late_lock);
  }
  CHECK(FindScheme("opennf")->flows == MoveFlows::kActive);
  CHECK(FindScheme("uhaul")->flows == MoveFlows::kElephants);
  CHECK(FindScheme("uhaul")->relay_unknown);
  CHECK_FALSE(FindScheme("opennf")->relay_unknown);
  CHECK_FALSE(FindScheme("u-haul").ok());
  for (const std::string& name : SchemeNames()) CHECK(FindScheme(name)->name == name);
}
