// Node: one role of a testbed of several processes: generator (which is the sink, too), switch or NF. It joins the
// controller, waits for runs (transport/coordinator.h) and makes its part of each on its ports, until it is told to
// end. When the controller goes away it drops the run and joins again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace uhaul::runtime {

struct NodeOptions {
  std::string role;                  // one of kTestbedRoles
  std::string config;                // file with a section `testbed`
  double patience_s = 0;             // for the controller; 0: for ever
  std::vector<std::string> eal;      // the user's arguments for the EAL
  std::vector<std::string> capture;  // PORT=FILE.pcap
};

// Until SIGINT or SIGTERM. An error says what is wrong with the set-up: file, port, EAL.
Status RunNode(const NodeOptions& options);

}  // namespace uhaul::runtime
