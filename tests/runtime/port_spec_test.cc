#include "runtime/port_spec.h"

#include <catch2/catch.hpp>

#include "tests/runtime/engines.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

std::string ErrorOf(const std::string& text) {
  const Result<PortSpec> spec = ParsePortSpec(text);
  return spec.ok() ? "" : spec.error().message;
}

}  // namespace

TEST_CASE("PortSpec: what is parsed prints as text that parses to the same") {
  for (const char* text : {"ring", "memif:/run/u,role=client,id=3", "memif:link", "af_packet:veth0", "af_xdp:eth1",
                           "pci:0000:03:00.0", "device:net_ring0"}) {
    CAPTURE(text);
    const PortSpec spec = ParsePortSpec(text).value();
    CHECK(ParsePortSpec(ToString(spec)).value() == spec);
  }
  const PortSpec memif = ParsePortSpec("memif:/run/u").value();
  CHECK(memif.server);
  CHECK(memif.id == 0);
  CHECK(memif.where == "/run/u");
}

TEST_CASE("PortSpec: what cannot be a port is refused with the reason") {
  for (const auto& [text, reason] :
       std::map<std::string, std::string>{{"", "a port is ring"},
                                          {"memory:/x", "a port is ring"},
                                          {"ring:1", "has no address"},
                                          {"memif", "path is missing"},
                                          {"memif:,role=server", "path is missing"},
                                          {"memif:/a,role=master", "\"role=master\""},
                                          {"memif:/a,id=70000", "\"id=70000\""},
                                          {"memif:/a,id=", "\"id=\""},
                                          {"memif:/a,,id=1", "\"\""},
                                          {"memif:/" + std::string(107, 'x'), "107 is the most"},
                                          {"af_packet:", "interface is missing"},
                                          {"af_packet:a,b", "no interface's name"},
                                          {"af_xdp:averyveryverylongname", "no interface's name"},
                                          {"pci:03:00.0", "0000:03:00.0"},
                                          {"pci:0000:03:00.9", "0000:03:00.0"},
                                          {"pci:0000:03:gg.0", "0000:03:00.0"},
                                          {"device:", "name of the port is missing"}}) {
    CAPTURE(text, ErrorOf(text));
    CHECK(ErrorOf(text).find(reason) != std::string::npos);
  }
}

TEST_CASE("PortSpec: the EAL is told of every port but rings, by position") {
  std::vector<PortSpec> specs;
  for (const char* text : {"ring", "memif:/tmp/u,id=2", "memif:/tmp/u,role=client,id=2", "af_packet:veth0",
                           "af_xdp:veth1", "pci:0000:03:00.0", "device:net_ring0"}) {
    specs.push_back(ParsePortSpec(text).value());
  }
  const PortPlan plan = PlanPorts(specs).value();
  CHECK(plan.arguments ==
        std::vector<std::string>{"--vdev=net_memif1,role=server,id=2,socket=/tmp/u,socket-abstract=no,rsize=11",
                                 "--vdev=net_memif2,role=client,id=2,socket=/tmp/u,socket-abstract=no,rsize=11",
                                 "--vdev=net_af_packet3,iface=veth0,framecnt=4096", "--vdev=net_af_xdp4,iface=veth1",
                                 "-a", "0000:03:00.0"});
  std::vector<std::string> devices;
  for (const PlannedPort& port : plan.ports) devices.push_back(port.device);
  CHECK(devices == std::vector<std::string>{"", "net_memif1", "net_memif2", "net_af_packet3", "net_af_xdp4",
                                            "0000:03:00.0", "net_ring0"});
  CHECK(plan.ports[2].connects);
  CHECK_FALSE(plan.ports[1].connects);

  specs.push_back(ParsePortSpec("af_xdp:veth0").value());
  const Result<PortPlan> twice = PlanPorts(specs);
  REQUIRE_FALSE(twice.ok());
  CHECK(twice.error().message == "port af_xdp:veth0: is given twice");
}

TEST_CASE("PortSpec: a socket needs a directory, and no file is taken for a socket") {
  const Place place;
  PortSpec spec = ParsePortSpec("memif:" + place / "link").value();
  CHECK(PrepareSockets({&spec, 1}).ok());
  std::ofstream(place / "link") << "mine";
  const Status file = PrepareSockets({&spec, 1});
  REQUIRE_FALSE(file.ok());
  CHECK(file.error().message.find("is no socket") != std::string::npos);
  CHECK(place.Read("link") == "mine");
  spec.where = place / "nowhere/link";
  const Status nowhere = PrepareSockets({&spec, 1});
  REQUIRE_FALSE(nowhere.ok());
  CHECK(nowhere.error().message.find("mkdir -p") != std::string::npos);
}

TEST_CASE("CaptureSpec: a port and a file") {
  const CaptureSpec capture = ParseCaptureSpec("nf1=/tmp/a=b.pcap").value();
  CHECK(capture.port == "nf1");
  CHECK(capture.file == "/tmp/a=b.pcap");
  for (const char* text : {"", "nf1", "=x", "nf1="}) CHECK_FALSE(ParseCaptureSpec(text).ok());
}
