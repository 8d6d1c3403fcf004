#include "core/nf/function_registry.h"

#include "core/nf/asset_monitor.h"
#include "core/nf/sequence_audit.h"

namespace uhaul {
namespace {

template <class Function, class Options>
std::unique_ptr<NetworkFunction> Make(const NfOptions& options) {
  return std::make_unique<Function>(Options{.timeout = options.timeout, .hash_key = options.hash_key});
}

struct Entry {
  std::string_view name;
  std::unique_ptr<NetworkFunction> (*make)(const NfOptions&);
};
constexpr Entry kFunctions[] = {
    {"asset-monitor", &Make<AssetMonitor, AssetMonitorOptions>},
    {"sequence-audit", &Make<SequenceAudit, SequenceAuditOptions>},
};

}  // namespace

Result<std::unique_ptr<NetworkFunction>> MakeNetworkFunction(std::string_view name, const NfOptions& options) {
  std::string names;
  for (const Entry& entry : kFunctions) {
    if (entry.name == name) return entry.make(options);
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  }
  return Error{"unknown network function '" + std::string(name.substr(0, 64)) + "'; there are: " + names};
}

std::vector<std::string> NetworkFunctionNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kFunctions) names.emplace_back(entry.name);
  return names;
}

}  // namespace uhaul
