#include "core/nf/function_registry.h"

#include "core/nf/asset_monitor.h"
#include "core/nf/sequence_audit.h"

namespace uhaul {
namespace {

std::unique_ptr<NetworkFunction> MakeAssetMonitor(const NfOptions& options) {
  return std::make_unique<AssetMonitor>(
      AssetMonitorOptions{.timeout = options.timeout,
                          .hash_key = options.hash_key,
                          .clock = options.by_stamp ? AssetClock::kStamp : AssetClock::kNow});
}
// Keeps no times but the last packet's, for its time-out.
std::unique_ptr<NetworkFunction> MakeSequenceAudit(const NfOptions& options) {
  return std::make_unique<SequenceAudit>(
      SequenceAuditOptions{.timeout = options.timeout, .hash_key = options.hash_key});
}

struct Entry {
  std::string_view name;
  std::unique_ptr<NetworkFunction> (*make)(const NfOptions&);
};
constexpr Entry kFunctions[] = {
    {"asset-monitor", &MakeAssetMonitor},
    {"sequence-audit", &MakeSequenceAudit},
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
