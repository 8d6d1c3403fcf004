// The EAL: DPDK's own start-up, without root, hugepages, NIC, shared files or worker threads unless asked. One per
// process.
#pragma once

#include <rte_mempool.h>

#include <string>
#include <vector>

#include "core/base/result.h"

namespace uhaul::runtime {

struct EalOptions {
  // Of ports (port_spec.h) and of the user; eal_arguments.h says what becomes of ours.
  std::vector<std::string> extra;
  // Let a forked child have its own copy of all packets: without hugepages the EAL keeps its memory in a mapping that
  // parent and child would share.
  bool private_memory = false;
};

// The second call in a process does nothing.
Status StartEal(const EalOptions& options);

// Of a process that ends without its exit handlers (_exit): nobody can ask any more, and no file stays.
void RemoveTelemetrySocket();

// mbufs that hold headers only.
struct PoolOptions {
  unsigned mbufs = 4095;
  uint16_t data_octets = 160;
};
Result<rte_mempool*> MakePool(const PoolOptions& options);

}  // namespace uhaul::runtime
