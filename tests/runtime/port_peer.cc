// A process at the other end of a port, for tests (port_test.cc): port_peer PORT send|receive|echo COUNT [CAPTURE]
// or, for telemetry_test.cc, port_peer telemetry
//
// `send` sends COUNT frames whose every field follows from their number and a stranger's, and stays until its
// standard input ends; `receive` checks COUNT of them; `echo` sends back what comes until its standard input ends.
// Lines on standard output: "say ..." what the port says, "linked", "sent", "all", "result ..." at the end.
#include <poll.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "runtime/eal.h"
#include "runtime/port.h"
#include "runtime/port_spec.h"
#include "runtime/telemetry.h"
#include "runtime/tsc_clock.h"
#include "runtime/wire_frame.h"
#include "tests/runtime/numbered_frame.h"
#include "workloads/packet_parser.h"

namespace uhaul::runtime {
namespace {

[[noreturn]] void Fail(const std::string& why) {
  std::printf("failed %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T Must(Result<T> result) {
  if (!result.ok()) Fail(result.error().message);
  return std::move(result).value();
}
void Must(const Status& status) {
  if (!status.ok()) Fail(status.error().message);
}

void Say(const std::string& line) { std::printf("%s\n", line.c_str()); }

bool InputEnded() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  char c = 0;
  return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &c, 1) <= 0;
}

struct Peer {
  rte_mempool* pool = nullptr;
  PacketStore store;
  TscClock clock{static_cast<double>(rte_get_tsc_hz())};
  std::string device;
  std::unique_ptr<EthPort> port;
  uint64_t rounds = 0;
  uint64_t wrong = 0;

  // True when it is time to end.
  bool Round() {
    if (++rounds % 4096 != 0) return false;
    port->Watch();
    return InputEnded();
  }
  // False if the port has no room.
  bool SendStranger() {
    uint16_t id = 0;
    if (rte_eth_dev_get_port_by_name(device.c_str(), &id) != 0) Fail("no port " + device);
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
    std::memset(rte_pktmbuf_append(mbuf, 60), 0xff, 60);
    if (rte_eth_tx_burst(id, 0, &mbuf, 1) == 1) return true;
    rte_pktmbuf_free(mbuf);
    return false;
  }
  void Send(uint32_t count) {
    for (uint32_t i = 0; i < count && !Round();) {
      rte_mbuf* mbuf = NumberedFrame(pool, i);
      if (mbuf == nullptr) Fail("the pool is empty");
      if (port->Send(clock.Now(), {&mbuf, 1}) == 1) {
        ++i;
      } else {
        rte_pktmbuf_free(mbuf);
      }
    }
    rte_mbuf* none = nullptr;
    while (port->in_flight() > 0 && !Round()) port->Receive({&none, 1});
    while (!Round() && !SendStranger()) usleep(10);
    Say("sent");
    while (!Round()) usleep(10);
  }
  void Receive(uint32_t count) {
    std::array<rte_mbuf*, 32> burst;
    for (uint32_t next = 0; next < count;) {
      const size_t came = port->Receive(burst);
      for (size_t i = 0; i < came; ++i) {
        wrong += IsNumberedFrame(burst[i], next++) ? 0 : 1;
        rte_pktmbuf_free(burst[i]);
      }
      if (came == 0 && Round()) return;
    }
    Say("all");
    while (port->counters().foreign == 0 && !Round()) port->Receive(burst);
  }
  void Echo() {
    std::array<rte_mbuf*, 32> burst;
    while (true) {
      const size_t came = port->Receive(burst);
      const size_t sent = port->Send(clock.Now(), {burst.data(), came});
      for (size_t i = sent; i < came; ++i) rte_pktmbuf_free(burst[i]);
      if (came == 0 && Round()) return;
    }
  }
};

// Publishes figures until standard input ends.
int Telemetry() {
  Must(StartEal({.extra = {"--telemetry"}}));
  Must(RegisterTelemetry());
  TelemetrySnapshot snapshot;
  snapshot.fit_count = 2;
  snapshot.fits[0] = {.nf = 0, .entries = 10, .capacity = 4096, .full = 1, .evictions = 3};
  snapshot.fits[1] = {.nf = 1, .entries = 20, .capacity = 4096, .full = 2, .evictions = 6};
  snapshot.operation_count = 1;
  snapshot.operations[0] = {.id = 7, .phase = {"transferring"}, .flows = 5, .held_bytes = 1'500};
  snapshot.switch_figures = {.rules = 3, .forwarded = 1, .packet_ins = 4, .packet_outs = 5};
  PublishTelemetry(snapshot);
  Say("socket " + std::string(rte_eal_get_runtime_dir()) + "/dpdk_telemetry.v2");
  while (!InputEnded()) {
    ++snapshot.switch_figures.forwarded;
    ++snapshot.at_ns;  // equal in every snapshot that is whole
    PublishTelemetry(snapshot);
  }
  Say("result");
  return 0;
}

int Main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argc == 2 && std::string(argv[1]) == "telemetry") return Telemetry();
  if (argc < 4) Fail("usage: port_peer PORT send|receive|echo COUNT");
  const PortSpec spec = Must(ParsePortSpec(argv[1]));
  const PortPlan plan = Must(PlanPorts({&spec, 1}));
  Must(PrepareSockets({&spec, 1}));
  Must(StartEal({.extra = plan.arguments}));
  Must(FrameField::Register());
  Peer peer;
  peer.pool = Must(MakePool({.mbufs = 8191, .data_octets = kPortDataOctets}));
  peer.device = plan.ports[0].device;
  peer.clock.Start();
  std::unique_ptr<Capture> capture;
  if (argc > 4) capture = Must(Capture::Open(argv[4]));
  peer.port = Must(EthPort::Open({.name = "test",
                                  .device = peer.device,
                                  .connects = plan.ports[0].connects,
                                  .queue = Bytes(20'000'000),
                                  .memory = {peer.pool, &peer.store},
                                  .clock = [&peer] { return peer.clock.Now(); },
                                  .say = [](const std::string& line) { Say("say " + line); },
                                  .capture = capture.get()}));
  Must(peer.port->AwaitLink(Duration::Seconds(30)));
  Say("linked");
  const std::string mode = argv[2];
  const auto count = static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 10));
  if (mode == "send") {
    peer.Send(count);
  } else if (mode == "receive") {
    peer.Receive(count);
  } else {
    peer.Echo();
  }
  const PortCounters c = peer.port->counters();
  std::printf("result received=%lu foreign=%lu cut=%lu sent=%lu losses=%lu missed=%lu faults=%lu wrong=%lu\n",
              c.received, c.foreign, c.cut, c.sent, c.link_losses, c.missed, c.faults, peer.wrong);
  peer.port.reset();
  if (capture != nullptr) {
    if (capture->lost() > 0) Fail("capture lost " + std::to_string(capture->lost()));
    Must(capture->Close());
  }
  return 0;
}

}  // namespace
}  // namespace uhaul::runtime

int main(int argc, char** argv) { return uhaul::runtime::Main(argc, argv); }
