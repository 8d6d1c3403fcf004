#include "runtime/eal_arguments.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace uhaul::runtime {
namespace {

using Words = std::vector<std::string>;

bool Has(const Words& arguments, const std::string& word) {
  return std::find(arguments.begin(), arguments.end(), word) != arguments.end();
}
bool HasLike(const Words& arguments, const std::string& beginning) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const auto& a) { return a.starts_with(beginning); });
}

TEST_CASE("EAL arguments: by default neither hugepages nor PCI nor telemetry, and nothing is pinned") {
  const Words arguments = EalArguments({});
  for (const char* word : {"--no-huge", "-m", "128", "--no-pci", "--no-telemetry", "--no-shconf", "--file-prefix"}) {
    CAPTURE(word);
    CHECK(Has(arguments, word));
  }
  CHECK(HasLike(arguments, "--lcores=0@("));
}

TEST_CASE("EAL arguments: the user's come last; each that asks for hugepages leaves out what forbids them") {
  for (const Words& users : {Words{"--in-memory"}, Words{"--huge-dir", "/dev/hugepages"}, Words{"--huge-dir=/mnt"},
                             Words{"--socket-mem", "1024,0"}, Words{"--legacy-mem", "-m", "512"}}) {
    CAPTURE(users.front());
    const Words arguments = EalArguments(users);
    CHECK_FALSE(Has(arguments, "--no-huge"));
    CHECK_FALSE(Has(arguments, "128"));
    CHECK(std::equal(users.rbegin(), users.rend(), arguments.rbegin()));
  }
  // More memory is no hugepages.
  const Words more = EalArguments({"-m", "512"});
  CHECK(Has(more, "--no-huge"));
  CHECK(std::count(more.begin(), more.end(), "-m") == 1);
}

TEST_CASE("EAL arguments: a PCI port, telemetry and processors are the user's") {
  const Words arguments = EalArguments({"-a", "0000:03:00.0", "-l", "2", "--telemetry"});
  CHECK_FALSE(Has(arguments, "--no-pci"));
  CHECK_FALSE(Has(arguments, "--no-telemetry"));
  CHECK_FALSE(HasLike(arguments, "--lcores"));
  CHECK(Has(arguments, "--no-huge"));
}

}  // namespace
}  // namespace uhaul::runtime
