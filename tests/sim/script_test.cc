// uhaul-ns3, run as a script of ns-3 users would.
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "tests/places.h"
#include "tests/workloads/temporary_directory.h"

using Catch::Contains;

namespace {

struct Answer {
  int code = -1;
  std::string out;
};

Answer Ask(const uhaul::test::TemporaryDirectory& folder, const std::string& arguments) {
  const std::string command =
      "cd " + folder.path() + " && " UHAUL_BIN_DIR "/uhaul-ns3 " + arguments + " >" + folder.File("out") + " 2>&1";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, folder.Read("out")};
}

constexpr const char* kShort =
    " --workload.duration=60ms --migration.after=20ms --migration.within=5ms --migration.phase=random "
    "--fit.window=10ms "
    "--edm.threshold=100KB";

}  // namespace

TEST_CASE("uhaul-ns3: --PrintHelp lists every parameter, RngRun chooses the trace, an unknown value is a usage error") {
  const uhaul::test::TemporaryDirectory folder;
  const Answer help = Ask(folder, "--PrintHelp");
  CHECK(help.code == 0);
  CHECK_THAT(help.out, Contains("--edm.threshold") && Contains("--pcap") && Contains("3MB"));
  const Answer one = Ask(folder, "--RngRun=1" + std::string(kShort));
  const Answer again = Ask(folder, "--workload.trace=1" + std::string(kShort));
  const Answer two = Ask(folder, "--RngRun=2" + std::string(kShort));
  REQUIRE(one.code == 0);
  CHECK_THAT(one.out, Contains("downtime_ms "));
  CHECK(one.out == again.out);
  CHECK(one.out != two.out);
  const Answer bad = Ask(folder, "--edm.threshold=3");
  CHECK(bad.code == 64);
  CHECK_THAT(bad.out, Contains("edm.threshold"));
}

TEST_CASE("uhaul-ns3: captures and an animation are written, and change nothing") {
  const uhaul::test::TemporaryDirectory folder;
  const Answer plain = Ask(folder, kShort);
  const Answer watched = Ask(folder, "--pcap=run --anim=run.xml" + std::string(kShort));
  REQUIRE(plain.code == 0);
  REQUIRE(watched.code == 0);
  CHECK_THAT(watched.out, Contains(plain.out));
  size_t pcaps = 0;
  uintmax_t octets = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (entry.path().extension() != ".pcap") continue;
    ++pcaps;
    octets = std::max(octets, entry.file_size());
  }
  CHECK(pcaps >= 8);
  CHECK(octets > 1'000'000);
  CHECK_THAT(folder.Read("run.xml"), Contains("<anim") && Contains("nf1"));
}
