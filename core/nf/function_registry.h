// The network functions by name, as experiment files and command lines name them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/node/network_function.h"

namespace uhaul {

struct NfOptions {
  Duration timeout = Duration::Seconds(60);  // idle state is forgotten after this
  HashKey hash_key;                          // that of the flow IDs in packets
  bool by_stamp = false;                     // time is that of packets' stamps (AssetClock::kStamp)
};

// "asset-monitor", "sequence-audit". An unknown name is an error that lists them.
Result<std::unique_ptr<NetworkFunction>> MakeNetworkFunction(std::string_view name, const NfOptions& options);
std::vector<std::string> NetworkFunctionNames();

}  // namespace uhaul
