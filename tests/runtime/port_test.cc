#include "runtime/port.h"

#include <algorithm>
#include <filesystem>

#include "runtime/eal.h"
#include "tests/runtime/engines.h"
#include "tests/runtime/peer_process.h"
#include "workloads/capture_file.h"
#include "workloads/packet_parser.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT

namespace {

constexpr const char* kFrames = "20000";

void CheckArrived(PeerProcess& sender, PeerProcess& receiver, int64_t frames) {
  CHECK(sender.Await("sent"));
  CHECK(receiver.Await("all"));
  CHECK(receiver.Finish() == 0);
  CAPTURE(receiver.log());
  CHECK(receiver.Figure("received") == frames);
  CHECK(receiver.Figure("wrong") == 0);
  CHECK(receiver.Figure("cut") == 0);
  CHECK(receiver.Figure("missed") == 0);
  CHECK(receiver.Figure("foreign") >= 1);  // the kernel sends some of its own
  CHECK(sender.Finish() == 0);
  CAPTURE(sender.log());
  CHECK(sender.Figure("sent") == frames);
}

}  // namespace

TEST_CASE("EthPort: between two processes over memif every frame arrives, in order, whole, with what it carries") {
  const Place place;
  const std::string socket = "memif:" + place / "link";
  for (const char* sends : {"server", "client"}) {
    CAPTURE(sends);
    const bool server = std::string(sends) == "server";
    PeerProcess sender({socket + ",role=" + sends, "send", kFrames});
    PeerProcess receiver({socket + (server ? ",role=client" : ",role=server"), "receive", kFrames});
    CheckArrived(sender, receiver, 20'000);
  }
  CHECK_FALSE(std::filesystem::exists(place / "link"));
}

TEST_CASE("EthPort: a peer that is not there yet is waited for, and said to be missing") {
  const Place place;
  const std::string socket = "memif:" + place / "link";
  PeerProcess sender({socket + ",role=client", "send", "1000"});
  REQUIRE(sender.Await("say port test: no link yet; is the cable in / the peer process up?"));
  PeerProcess receiver({socket, "receive", "1000"});
  CheckArrived(sender, receiver, 1'000);
}

TEST_CASE("EthPort: a peer that is killed under load is counted and said; a new one is found again") {
  const Place place;
  const std::string socket = "memif:" + place / "link";
  for (const char* sends : {"server", "client"}) {
    CAPTURE(sends);
    const std::string other = socket + (std::string(sends) == "server" ? ",role=client" : ",role=server");
    PeerProcess sender({socket + ",role=" + sends, "send", "1000000000"});
    {
      PeerProcess receiver({other, "receive", "1000000000"});
      REQUIRE(receiver.Await("linked"));
      REQUIRE(sender.Await("linked"));
      receiver.Kill();
    }
    CHECK(sender.Await("say port test: the link is gone; has the peer process ended?"));
    PeerProcess receiver({other, "receive", "1000"});  // also where a killed server left its socket
    CHECK(receiver.Await("linked"));
    CHECK(sender.Await("say port test: the link is there"));
    CHECK(receiver.Await("all"));
    CHECK(sender.Finish() == 0);
    CHECK(sender.Figure("losses") >= 1);
  }
}

TEST_CASE("EthPort: two servers on one socket: the second is refused, the first goes on") {
  const Place place;
  const std::string socket = "memif:" + place / "link";
  PeerProcess sender({socket + ",role=server", "send", "1000"});
  PeerProcess receiver({socket + ",role=client", "receive", "1000"});
  REQUIRE(sender.Await("linked"));
  PeerProcess second({socket + ",role=server", "receive", "1"});
  CHECK(second.Await("failed port memif:" + place / "link" + ",role=server,id=0: another process listens there"));
  CheckArrived(sender, receiver, 1'000);
}

TEST_CASE("EthPort: over a real wire of the kernel's every frame arrives, in order, whole, with what it carries") {
  const NetworkNamespace network(
      "ip link add uhaul-a type veth peer name uhaul-b && ip link set uhaul-a up && ip link set uhaul-b up");
  if (!network.made()) {
    WARN("not tested: af_packet needs root and the ip command, to make a network namespace");
    return;
  }
  // As many as the receiver's ring holds: nothing slows the sender down when the receiver does not get the processor.
  PeerProcess receiver({"af_packet:uhaul-b", "receive", "3000"}, network.fd());
  REQUIRE(receiver.Await("linked"));
  PeerProcess sender({"af_packet:uhaul-a", "send", "3000"}, network.fd());
  CheckArrived(sender, receiver, 3'000);
}

TEST_CASE("EthPort: a capture holds what was on the wire, at both ends the same frames") {
  const Place place;
  const std::string socket = "memif:" + place / "link";
  PeerProcess sender({socket, "send", "2000", place / "sent.pcap"});
  PeerProcess receiver({socket + ",role=client", "receive", "2000", place / "received.pcap"});
  CheckArrived(sender, receiver, 2'000);
  CaptureReader sent = CaptureReader::Open(place / "sent.pcap").value();
  CaptureReader received = CaptureReader::Open(place / "received.pcap").value();
  CapturePacket a, b;
  uint64_t frames = 0;
  for (; sent.Next(&a).value(); ++frames) {
    REQUIRE(received.Next(&b).value());
    REQUIRE(a.octets.size() == a.wire_octets);
    REQUIRE(std::equal(a.octets.begin(), a.octets.end(), b.octets.begin(), b.octets.end()));
    ParsedFrame frame;
    REQUIRE(ParseFrame(a.octets, a.wire_octets, &frame) == ParseOutcome::kOk);
    REQUIRE(frame.sequence == frames);
  }
  CHECK(frames == 2'000);
  CHECK(received.Next(&b).value());  // the stranger's, which did not leave through the port
  CHECK_FALSE(received.Next(&b).value());
}

TEST_CASE("EthPort: a port that is not there is named, with those that are") {
  REQUIRE(StartEal({}).ok());
  const auto port = EthPort::Open({.name = "nf1", .device = "net_memif9", .clock = [] { return TimePoint(); }});
  REQUIRE_FALSE(port.ok());
  CHECK(port.error().message == "port nf1: DPDK has no port net_memif9; it has none");
}
