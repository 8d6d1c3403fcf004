// What the EAL is told: ours first, then the user's, which override them. Free of DPDK.
//
// Ours ask for no hugepages, root, PCI, telemetry, shared files or pinned threads. What could not be undone by a later
// argument is left out when the user asks for it:
//
//   --in-memory, --huge-dir, --socket-mem, --socket-limit, --huge-unlink, --single-file-segments, --legacy-mem
//                                          hugepages: without our --no-huge and -m
//   -m                                     the user's instead of ours; without hugepages still
//   -a, --allow                            PCI is looked at (a port pci:ADDRESS says -a)
//   --telemetry                            telemetry stays on
//   -l, -c, --lcores                       the user's processors
#pragma once

#include <string>
#include <vector>

namespace uhaul::runtime {

// With the program's name at the front.
std::vector<std::string> EalArguments(const std::vector<std::string>& users);

}  // namespace uhaul::runtime
