// What is known without a cluster. tests/slurm/run.sh (the long suite) has one.
#include "experiments/slurm_run.h"

#include <catch2/catch.hpp>

using namespace uhaul;

namespace {

Plan PlanOf(const std::vector<size_t>& sizes) {
  Plan plan;
  plan.out = "r";
  size_t number = 0;
  for (const size_t size : sizes) {
    plan.groups.emplace_back();
    for (size_t i = 0; i < size; ++i) plan.groups.back().push_back({std::to_string(number++), {}});
  }
  return plan;
}

// The sizes of the chunks; every point must be in one of them, in order, with its group.
std::vector<size_t> SizesOf(const Plan& plan, const std::vector<Plan>& chunks) {
  std::vector<size_t> sizes;
  size_t group = 0;
  for (const Plan& chunk : chunks) {
    CHECK(chunk.out == plan.out);
    CHECK_FALSE(chunk.groups.empty());
    sizes.push_back(0);
    for (const auto& points : chunk.groups) {
      REQUIRE(group < plan.groups.size());
      REQUIRE(points.size() == plan.groups[group].size());
      CHECK(points.front().id == plan.groups[group].front().id);
      sizes.back() += points.size();
      ++group;
    }
  }
  CHECK(group == plan.groups.size());
  return sizes;
}

using Sizes = std::vector<size_t>;

}  // namespace

TEST_CASE("Slurm: chunks hold whole trace groups, about ten points each unless said, never more than the array takes") {
  const Plan even = PlanOf(Sizes(12, 3));
  CHECK(SizesOf(even, Chunks(even, 0, 1001)) == Sizes{9, 9, 9, 9});
  CHECK(SizesOf(even, Chunks(even, 100, 1001)) == Sizes(12, 3));
  CHECK(SizesOf(even, Chunks(even, 100, 6)) == Sizes(6, 6));
  CHECK(SizesOf(even, Chunks(even, 1, 1001)) == Sizes{36});
  const Plan odd = PlanOf({1, 40, 1, 1, 1});
  CHECK(SizesOf(odd, Chunks(odd, 2, 1001)) == Sizes{41, 3});
  const Plan one = PlanOf({17});
  CHECK(SizesOf(one, Chunks(one, 5, 1001)) == Sizes{17});
}

TEST_CASE("Slurm: the array's largest size is read from the cluster's settings") {
  CHECK(MaxArraySizeIn("MaxArraySize            = 4001\nMaxDBDMsgs = 20\n") == 4001);
  CHECK(MaxArraySizeIn("SlurmctldPort = 6817\n") == 1001);
  CHECK(MaxArraySizeIn("MaxArraySize = (null)") == 1001);
}

TEST_CASE("Slurm: a task runs the engine on the plan of its number, whatever the folders are called") {
  SlurmRun run;
  run.engine = "/opt/it's/uhaul-sim";
  run.jobs = 4;
  run.extra = {"--clock", "virtual"};
  CHECK(TaskScript(run, "/a b/plan-0-") ==
        "#!/bin/sh\nexec '/opt/it'\\''s/uhaul-sim' --plan '/a b/plan-0-'\"$SLURM_ARRAY_TASK_ID\".json --jobs 4 "
        "'--clock' 'virtual'\n");
}
