// NodeRun: a node's part of one run, from "setup" to "reported" (transport/coordinator.h).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runtime/machine_noise.h"
#include "runtime/port.h"
#include "runtime/real_node.h"

namespace uhaul::runtime {

// What a node has for all its runs.
struct NodeGear {
  std::map<std::string, std::unique_ptr<EthPort>> ports;  // by name
  PacketMemory memory;
  MachineNoise noise;
  int64_t offset_ns = 0;  // the controller's raw clock less ours
  int64_t offset_error_ns = 0;
  const TscClock* clock = nullptr;  // of the run that is under way
};

// What arrives between runs, an earlier one's or a stranger's. Also lets go what still waits behind our own ports.
// Whether there was any.
bool DropWhatArrives(NodeGear* gear);

// One attempt to join the controller again.
using Rejoin = std::function<Result<Channel>()>;

// Ends when the run is reported or was stopped. An error: the channel's. A fault of the run itself is said to the
// controller. With `rejoin` the run goes on without its controller until that is there again.
Status MakeNodeRun(const nlohmann::json& setup, const std::string& role, double rate_scale, NodeGear* gear,
                   Channel& channel, const Rejoin& rejoin, const std::atomic<bool>& stop);

}  // namespace uhaul::runtime
