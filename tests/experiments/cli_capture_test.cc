// `uhaul trace from-pcap` and `uhaul replay`, run as a person would.
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/places.h"
#include "tests/workloads/capture_maker.h"
#include "tests/workloads/temporary_directory.h"
#include "workloads/trace.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT

namespace {

class Place {
 public:
  Place() {
    CaptureMaker maker;
    AddConnections(80, 9, &maker);
    AddOddities(&maker);
    maker.Write(directory.File("a.pcap"));
  }
  int Uhaul(const std::string& arguments) {
    const std::string command = "cd " + directory.path() + " && " UHAUL_BIN_DIR "/uhaul " + arguments;
    const int status =
        std::system(("(" + command + ") >" + directory.File("out") + " 2>" + directory.File("err")).c_str());
    out = directory.Read("out");
    err = directory.Read("err");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  TemporaryDirectory directory;
  std::string out;
  std::string err;
};

}  // namespace

TEST_CASE("uhaul trace from-pcap: a capture's flows become a trace that detect reads, with a summary") {
  Place place;
  REQUIRE(place.Uhaul("trace from-pcap a.pcap --out t.csv") == 0);
  CHECK_THAT(place.out, Catch::Contains(" IP packets of ") && Catch::Contains("1 left out: truncated") &&
                            Catch::Contains("1 left out: not IP") && Catch::Contains("4 fragments"));
  const Result<Trace> trace = ReadTrace(place.directory.File("t.csv"));
  REQUIRE(trace.ok());
  CHECK_THAT(place.out, Catch::Contains(std::to_string(trace->flows.size()) + " flows in t.csv"));
  CHECK(place.Uhaul("detect --trace t.csv --at 100ms --threshold 2KB --rho trace") == 0);
  CHECK(place.Uhaul("trace from-pcap a.pcap") == 64);
  CHECK(place.Uhaul("trace from-pcap no.pcap --out t.csv") == 65);
  CHECK(place.Uhaul("trace from-pcap t.csv --out u.csv") == 65);
  CHECK_THAT(place.err, Catch::Contains("t.csv: not a capture"));
}

TEST_CASE("uhaul replay: an order-preserving move leaves the file of records that no move leaves") {
  Place place;
  REQUIRE(place.Uhaul("replay a.pcap --records still.csv") == 0);
  CHECK_THAT(place.out, Catch::Contains(" 0 at NF 2"));
  REQUIRE(place.Uhaul("replay a.pcap --scheme opennf-op --set scheme.flows=table --records moved.csv") == 0);
  CHECK_THAT(place.out, Catch::Contains("scheme opennf-op") && Catch::Contains(", done in ") &&
                            Catch::Contains(" 0 dropped, 0 out of order"));
  CHECK(place.directory.Read("still.csv").size() > 5000);
  CHECK(place.directory.Read("moved.csv") == place.directory.Read("still.csv"));
  REQUIRE(place.Uhaul("replay a.pcap --move-at 120ms --scheme uhaul-op --set edm.threshold=2KB --records u.csv") == 0);
  CHECK(place.directory.Read("u.csv") == place.directory.Read("still.csv"));
}

TEST_CASE("uhaul replay: what it cannot do is refused, and it says why") {
  Place place;
  CHECK(place.Uhaul("replay") == 64);
  CHECK(place.Uhaul("replay a.pcap --move-at 101%") == 64);
  CHECK(place.Uhaul("replay a.pcap --scheme opennff") == 64);
  CHECK_THAT(place.err, Catch::Contains("opennf"));
  CHECK(place.Uhaul("replay a.pcap --set workload.load=1") == 64);
  CHECK_THAT(place.err, Catch::Contains("means nothing in a replay"));
  CHECK(place.Uhaul("replay a.pcap --set fit.window=100ms,200ms") == 64);
  CHECK(place.Uhaul("replay a.pcap --records no/such/place.csv") == 65);
  CHECK(place.Uhaul("replay no.pcap") == 65);
  CHECK_THAT(place.err, Catch::Contains("no.pcap: cannot be read"));
}

TEST_CASE("uhaul import: captures of a testbed become a point, its trace, and the tables that it was made of") {
  Place place;
  const std::string t0 = std::to_string(CaptureMaker::kStart + 20'000'000);
  REQUIRE(std::system(("printf 'step,time_ns\naccepted," + t0 + "\n' > " + place.directory.File("s.csv")).c_str()) ==
          0);
  REQUIRE(place.Uhaul(
              "import --capture generator=a.pcap --capture nf1=a.pcap --capture sink=a.pcap --steps s.csv --out d") ==
          0);
  CHECK_THAT(place.out, Catch::Contains("to simulate its flows: uhaul run base") && Catch::Contains("d/trace.csv"));
  CHECK_THAT(place.directory.Read("d/counters.csv"), Catch::Contains("packets_lost,0\n"));
  CHECK(place.Uhaul("import --capture genorator=a.pcap --steps s.csv --out d") == 64);
  CHECK_THAT(place.err, Catch::Contains("POINT one of generator, nf1, nf2, sink"));
  CHECK(place.Uhaul("import --steps s.csv --out d") == 64);
  CHECK(place.Uhaul("import --capture generator=a.pcap --capture nf1=no.pcap --steps s.csv --out d") == 65);
}
