// Ports as text, and what the EAL must be told so that it has them. Free of DPDK.
//
//   ring                                  a ring within the process
//   memif:PATH[,role=server|client][,id=N]  shared memory between two processes, also without root; PATH is a socket
//                                         that the server (the default role) makes and the client looks for
//   af_packet:IFNAME                      a network interface of the kernel (needs CAP_NET_RAW)
//   af_xdp:IFNAME                         the same, through AF_XDP
//   pci:0000:03:00.0                      a network card that is bound to a DPDK driver
//   device:NAME                           a port that the user's own EAL arguments make
//
// Both ends of a memif give the same PATH and id, and different roles.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace uhaul::runtime {

enum class PortKind : uint8_t { kRing, kMemif, kAfPacket, kAfXdp, kPci, kDevice };

struct PortSpec {
  PortKind kind = PortKind::kRing;
  std::string where;  // path, interface, address or name
  bool server = true;
  uint32_t id = 0;
  bool operator==(const PortSpec&) const = default;
};

Result<PortSpec> ParsePortSpec(std::string_view text);
// As ParsePortSpec reads it.
std::string ToString(const PortSpec& spec);

struct PlannedPort {
  std::string device;     // the EAL's name of it; empty for a ring
  bool connects = false;  // the other end must be there first (EthPortOptions)
};
struct PortPlan {
  std::vector<PlannedPort> ports;      // by position
  std::vector<std::string> arguments;  // for the EAL, before the user's own
};

// Refuses two ports that are the same thing.
Result<PortPlan> PlanPorts(std::span<const PortSpec> specs);

// Before the EAL starts: looks whether there is a directory for each socket, and removes sockets that a process which
// was killed has left. A socket that somebody listens on is refused.
Status PrepareSockets(std::span<const PortSpec> specs);

// "PORT=FILE.pcap": what the port sees is written to the file.
struct CaptureSpec {
  std::string port;
  std::string file;
};
Result<CaptureSpec> ParseCaptureSpec(std::string_view text);

}  // namespace uhaul::runtime
